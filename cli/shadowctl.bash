# SPDX-License-Identifier: GPL-2.0-only
# Completion of shadowctl for bash.

_shadowctl_names() {
	local names
	names=$(shadowctl list 2>/dev/null | awk 'NR > 1 && $1 != "(none)" { print $1 }')
	mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
}

_shadowctl_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_shadowctl_functions() {
	[[ ${#cur} -ge 3 ]] || return
	_shadowctl_words "$(awk -v p="$cur" '$2 ~ /[tTwW]/ && NF == 3 && index($3, p) == 1 { print $3 }' \
		/proc/kallsyms)"
}

_shadowctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} place=2 target="--pid --cgroup --unit --container --duration"
	[[ $verb == probe || $verb == raw || $verb == patch ]] && verb="$verb ${COMP_WORDS[2]}" place=3

	COMPREPLY=()
	case $prev in
	--pid) _shadowctl_words "$(ps -e -o pid=)"; return ;;
	--cgroup) mapfile -t COMPREPLY < <(compgen -d -- "${cur:-/sys/fs/cgroup/}"); return ;;
	--children) _shadowctl_words "target helper"; return ;;
	--async) _shadowctl_words "base inherit owner causal union"; return ;;
	--irq) _shadowctl_words "$(ls /proc/irq 2>/dev/null)"; return ;;
	--kthread) return ;;
	--device) _shadowctl_words "$(ls /sys/class/net /sys/class/block 2>/dev/null)"; return ;;
	--level) _shadowctl_words "2 3"; return ;;
	--thunk) _shadowctl_words "retpoline=jmp return=ret"; return ;;
	--from) _shadowctl_names; return ;;
	--profile) [[ $verb != "patch build" && $verb != specialise ]] || return # a folder
		_shadowctl_words "$(ls "$(dirname "$(command -v shadowctl)")/../share/shadowk/profiles" 2>/dev/null)"
		return ;;
	--latency) _shadowctl_functions; return ;;
	--without) return ;;
	--format) _shadowctl_words "openmetrics prometheus"; return ;;
	--kind) _shadowctl_words "count latency event call"; return ;;
	--unit)
		_shadowctl_words "$(systemctl list-units --plain --no-legend 2>/dev/null | awk '{ print $1 }')"
		return ;;
	--container) _shadowctl_words "$(podman ps -q 2>/dev/null; docker ps -q 2>/dev/null)"; return ;;
	--interval|--count|--name|--return|--length|--syscalls|--split|--duration|--calls|--slower-than|--buffer|--depth|--min-percent) return ;;
	--only) _shadowctl_functions; return ;;
	esac
	if [[ ($verb == apply || $verb == diff-config) && $COMP_CWORD -gt 1 && $cur != -* ]]; then
		[[ $prev == --units ]] || mapfile -t COMPREPLY < <(compgen -f -X '!*.shadow' -- "${cur:-/etc/shadowk/}")
		return # files of other folders, and --units
	fi
	if ((COMP_CWORD == 1)); then
		_shadowctl_words "create list show destroy apply diff-config run share attach detach ab count latency trace graph top capture probe raw stat patch train specialise verify diff oci-hook own disown metrics doctor help --help --version"
	elif ((COMP_CWORD < place)); then
		case $verb in
		raw*) _shadowctl_words "add privatise list remove --help" ;;
		patch*) _shadowctl_words "add list remove build promote --help" ;;
		*) _shadowctl_words "add list remove --help" ;;
		esac
	elif [[ $cur == -* ]]; then
		case $verb in
		create) _shadowctl_words "--async --from --profile --without --json --help" ;;
		apply) _shadowctl_words "--dry-run --boot --survived --units --json --help" ;;
		share) _shadowctl_words "--attach --read --revoke --help --" ;;
		run) _shadowctl_words "--create --syscalls --help --" ;;
		attach) _shadowctl_words "--pid --cgroup --unit --container --syscalls --json --help" ;;
		detach) _shadowctl_words "--pid --cgroup --unit --container --json --help" ;;
		ab) _shadowctl_words "--cgroup --split --json --help" ;;
		own) _shadowctl_words "--irq --kthread --device --napi --json --help" ;;
		disown) _shadowctl_words "--irq --kthread --device --json --help" ;;
		count) _shadowctl_words "$target --interval --variants --json --help --" ;;
		latency) _shadowctl_words "$target --calls --slower-than --stack --buffer --variants --json --help --" ;;
		trace) _shadowctl_words "$target --stack --buffer --calls --variants --json --help --" ;;
		graph) _shadowctl_words "$target --only --depth --min-percent --folded --buffer --calls --variants --json --help --" ;;
		top) _shadowctl_words "$target --interval --latency --once --json --help --" ;;
		capture) _shadowctl_words "--pid --cgroup --unit --container --children --list --json --help --" ;;
		specialise) _shadowctl_words "--pid --duration --level --lean --profile --source --vmlinux --json --help" ;;
		train) _shadowctl_words "$target --source --only --vmlinux --auto --dry-run --help --" ;;
		oci-hook) _shadowctl_words "--help" ;;
		stat) _shadowctl_words "--interval --count --json --help" ;;
		doctor) _shadowctl_words "--bundle --addresses --json --help" ;;
		metrics) _shadowctl_words "--output --format --help" ;;
		"patch add") _shadowctl_words "--return --nop --skip-call --livepatch --callbacks --unsafe-now --thunk --in-place --name --json --help" ;;
		"patch build")
			_shadowctl_words "--source --only --cflags --diff --profile --instrument --lean --check --vmlinux --kernel --help"
			;;
		"patch remove") _shadowctl_words "--unsafe-now --json --help" ;;
		"patch promote") _shadowctl_words "--cancel --json --help" ;;
		"raw privatise") _shadowctl_words "--all --length --json --help" ;;
		"probe add") _shadowctl_words "--kind --return --int3 --below --name --tracepoint --variants --dry-run --json --help" ;;
		*) _shadowctl_words "--json --help" ;;
		esac
	elif ((COMP_CWORD == place)); then
		case $verb in
		create) _shadowctl_words "--async --from --profile --without" ;;
		list|detach|top|metrics|doctor|train|specialise) ;;
		count|latency|trace|graph) _shadowctl_functions ;;
		help) _shadowctl_words "create list show destroy apply diff-config run share attach detach ab count latency trace graph top capture probe raw stat patch train specialise verify diff oci-hook own disown metrics doctor" ;;
		*) _shadowctl_names ;;
		esac
	elif [[ $verb == "probe remove" ]]; then
		_shadowctl_words "$(shadowctl probe list "${COMP_WORDS[3]}" 2>/dev/null |
			awk '/^$/ { exit } NR > 1 { print $1 }')"
	elif [[ $verb == "patch remove" || $verb == "patch promote" ]]; then
		_shadowctl_words "$(shadowctl patch list "${COMP_WORDS[3]}" 2>/dev/null |
			awk 'NR > 1 { print $1 }' | sort -u)"
	elif [[ $verb == "raw remove" ]]; then
		_shadowctl_words "$(shadowctl raw list "${COMP_WORDS[3]}" 2>/dev/null |
			awk 'NR > 1 { print $1 }')"
	elif [[ " ${COMP_WORDS[*]:0:COMP_CWORD} " == *" -- "* ]]; then
		return # the words of a command
	elif [[ $verb == count || $verb == latency || $verb == trace || $verb == graph ]] ||
		{ [[ $verb =~ ^(probe|patch|raw)\ (add|privatise)$ ]] && ((COMP_CWORD == 4)); }; then
		_shadowctl_functions
	fi
}

complete -o bashdefault -o default -F _shadowctl shadowctl

# The completions for zsh and fish run this file with the words up to the cursor.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_shadowctl
	[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
fi
