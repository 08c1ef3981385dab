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

_shadowctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} place=2
	[[ $verb == probe ]] && verb="probe ${COMP_WORDS[2]}" place=3

	COMPREPLY=()
	case $prev in
	--pid) _shadowctl_words "$(ps -e -o pid=)"; return ;;
	--kind) _shadowctl_words "count latency event"; return ;;
	--interval|--count|--name) return ;;
	esac
	if ((COMP_CWORD == 1)); then
		_shadowctl_words "create list show destroy run attach detach probe stat help --help --version"
	elif ((COMP_CWORD < place)); then
		_shadowctl_words "add list remove --help"
	elif [[ $cur == -* ]]; then
		case $verb in
		run) _shadowctl_words "--create --help --" ;;
		attach|detach) _shadowctl_words "--pid --json --help" ;;
		stat) _shadowctl_words "--interval --count --json --help" ;;
		"probe add") _shadowctl_words "--kind --return --int3 --name --json --help" ;;
		*) _shadowctl_words "--json --help" ;;
		esac
	elif ((COMP_CWORD == place)); then
		case $verb in
		create) _shadowctl_words "--async --delegable" ;;
		list|detach) ;;
		help) _shadowctl_words "create list show destroy run attach detach probe stat" ;;
		*) _shadowctl_names ;;
		esac
	elif [[ $verb == "probe remove" ]]; then
		_shadowctl_words "$(shadowctl probe list "${COMP_WORDS[3]}" 2>/dev/null |
			awk '/^$/ { exit } NR > 1 { print $1 }')"
	elif [[ $verb == "probe add" ]] && ((COMP_CWORD == 4)) && [[ ${#cur} -ge 3 ]]; then
		_shadowctl_words "$(awk -v p="$cur" '$2 ~ /[tTwW]/ && NF == 3 && index($3, p) == 1 { print $3 }' \
			/proc/kallsyms)"
	fi
}

complete -o bashdefault -o default -F _shadowctl shadowctl
