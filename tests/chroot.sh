# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by tests that need a Debian 12 in a folder, in which packages are installed as on a machine.
# The folder's packages cannot change the machine's devices. Only root can make one.

# Is it possible to make one here?
chroot_possible() {
	[ "$(id -u)" = 0 ] && unshare --mount --pid --fork true
}

# Finds the mirrors of Debian 12 that the machine uses.
chroot_sources() {
	apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		grep -E ' bookworm(-updates|-security)? ' | sort -u
}

# chroot_make ROOT PACKAGE,...	makes a minimal Debian 12 with these packages, too
chroot_make() {
	local root=$1 packages=$2
	chroot_sources >"$root.list" || { scripts/apt-update || true && chroot_sources >"$root.list"; } || {
		echo "apt's sources have no mirror of Debian 12 (bookworm)" >&2
		return 1
	}
	apt-config dump | grep -E '^Acquire::(http|https)::' >"$root.proxy" || true
	mmdebstrap --quiet --mode=root --variant=minbase --dpkgopt=force-unsafe-io --include="$packages" \
		--aptopt="$root.proxy" bookworm "$root" "$root.list" >&2 || return
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
	if [ -e /etc/apt/mirrors ]; then
		cp -r /etc/apt/mirrors "$root/etc/apt/" # for mirror+file:
	fi
}

# Runs a command in $root, in the namespaces of chroot_run. It has device nodes of its own, so that
# the command cannot change the machine's.
chroot_enter() {
	mount --bind "$root" "$root" # unshare needs a root that is a mount point
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t tmpfs -o mode=755 tmpfs "$root/dev"
	local name major minor
	while read -r name major minor; do
		mknod -m 666 "$root/dev/$name" c "$major" "$minor"
	done <<-'EOF'
		null 1 3
		zero 1 5
		full 1 7
		random 1 8
		urandom 1 9
		tty 5 0
	EOF
	mkdir "$root"/dev/{pts,shm}
	mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"
	mount -t tmpfs tmpfs "$root/dev/shm"
	local proxy=()
	for name in http_proxy https_proxy no_proxy; do
		[ -z "${!name:-}" ] || proxy+=("$name=${!name}")
	done
	exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
		TERM="${TERM:-dumb}" "${proxy[@]}" "$@"
}
export -f chroot_enter

# chroot_run ROOT COMMAND...	runs a command in the folder, and ends all that it started
chroot_run() {
	root=$1 unshare --mount --pid --fork --kill-child bash -euc 'chroot_enter "$@"' - "${@:2}"
}
