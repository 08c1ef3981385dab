// SPDX-License-Identifier: GPL-2.0
/* Sets the guest up, from the first user instruction to a root in which a command can run. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define NEW_ROOT       "/vm/root"
#define OVERLAY	       "/vm/overlay"
#define DEVICE_WAIT_MS 30000

void vm_mount_early(void)
{
	mkdir("/dev", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mkdir("/sys", 0755);
	mount("sys", "/sys", "sysfs", 0, NULL);
}

static char *read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st))
		vm_fail("%s: %s", path, strerror(errno));
	text = calloc(1, st.st_size + 1);
	if (!text || read(fd, text, st.st_size) != st.st_size)
		vm_fail("%s: cannot be read", path);
	close(fd);
	*len = st.st_size;
	return text;
}

/* Reads strings: KEY=VALUE, then an empty one, then the command's arguments. */
void vm_read_conf(struct vm_conf *conf)
{
	size_t len;
	char *p = read_file("/vm/conf", &len);
	char *end = p + len;
	int n = 0;

	for (; p < end && *p; p += strlen(p) + 1) {
		if (!strncmp(p, "root=", 5))
			conf->root = p + 5;
		else if (!strncmp(p, "module=", 7))
			conf->module = p + 7;
		else if (!strncmp(p, "host=", 5))
			conf->host = p + 5;
		else if (!strncmp(p, "relay=", 6))
			conf->relay = p + 6;
		else if (!strncmp(p, "params=", 7))
			conf->params = p + 7;
		else if (!strcmp(p, "log=1"))
			conf->log = 1;
		else if (!strcmp(p, "tty=1"))
			conf->tty = 1;
		else if (!strncmp(p, "env=", 4))
			putenv(p + 4);
	}
	conf->argv = calloc(len + 1, sizeof(char *));
	for (p++; p < end; p += strlen(p) + 1)
		conf->argv[n++] = p;
	if (!n)
		vm_fail("no command");
}

void vm_load_module(const char *path, const char *params)
{
	int flags = strstr(path, ".ko.") ? 4 /* MODULE_INIT_COMPRESSED_FILE */ : 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, params, flags))
		if (errno != EEXIST)
			vm_fail("%s did not load: %s", path, strerror(errno));
	close(fd);
}

/* Loads the modules that the disk needs. Their names begin with numbers in loading order. */
void vm_load_early_modules(void)
{
	struct dirent **names;
	char path[512];
	int n = scandir("/vm/modules", &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/vm/modules/%s", names[i]->d_name);
		vm_load_module(path, "");
	}
}

static void copy_data(const char *from, const char *to, const struct stat *st)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out;
	off_t at = 0;

	unlink(to);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st->st_mode & 07777);
	if (in < 0 || out < 0)
		vm_fail("%s: %s", to, strerror(errno));
	while (at < st->st_size)
		if (sendfile(out, in, &at, st->st_size - at) <= 0)
			vm_fail("%s: %s", to, strerror(errno));
	fchmod(out, st->st_mode & 07777);
	close(in);
	close(out);
}

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char to[4096], target[4096] = "";

	(void)ftw;
	snprintf(to, sizeof(to), NEW_ROOT "%s", path + strlen(OVERLAY));
	if (type == FTW_D) {
		mkdir(to, st->st_mode & 07777);
	} else if (type == FTW_SL) {
		if (readlink(path, target, sizeof(target) - 1) > 0) {
			unlink(to);
			symlink(target, to);
		}
	} else {
		copy_data(path, to, st);
	}
	return 0;
}

static void wait_for(const char *path)
{
	for (int ms = 0; access(path, F_OK); ms += 2) {
		if (ms > DEVICE_WAIT_MS)
			vm_fail("%s did not appear", path);
		usleep(2000);
	}
}

void vm_enter_root(const struct vm_conf *conf)
{
	if (!conf->root)
		return;
	wait_for(conf->root);
	mkdir(NEW_ROOT, 0755);
	if (mount(conf->root, NEW_ROOT, "ext4", MS_NOATIME, NULL))
		vm_fail("root %s: %s", conf->root, strerror(errno));
	if (nftw(OVERLAY, copy_one, 32, FTW_PHYS) && errno != ENOENT)
		vm_fail("copying files: %s", strerror(errno));
	if (mount("/dev", NEW_ROOT "/dev", NULL, MS_MOVE, NULL) ||
	    mount("/proc", NEW_ROOT "/proc", NULL, MS_MOVE, NULL) ||
	    mount("/sys", NEW_ROOT "/sys", NULL, MS_MOVE, NULL))
		vm_fail("moving mounts: %s", strerror(errno));
	if (chdir(NEW_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot("."))
		vm_fail("entering the root: %s", strerror(errno));
}

static const struct {
	const char *type, *path, *options;
} mounts[] = {
	{ "tmpfs", "/run", "mode=755" },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666" },
	{ "tmpfs", "/dev/shm", "mode=1777" },
	{ "debugfs", "/sys/kernel/debug", "" },
	{ "tracefs", "/sys/kernel/tracing", "" },
	{ "cgroup2", "/sys/fs/cgroup", "" },
	{ "bpf", "/sys/fs/bpf", "mode=700" },
	{ "securityfs", "/sys/kernel/security", "" },
};

/* Sets the interface up, with @address and a network of four addresses unless it is NULL. */
void vm_interface_up(const char *name, const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (address) {
		inet_pton(AF_INET, address, &in.sin_addr);
		memcpy(&ifr.ifr_addr, &in, sizeof(in));
		/* The device may appear some time after its driver was loaded. */
		for (int ms = 0; ioctl(fd, SIOCSIFADDR, &ifr); ms += 10) {
			if (ms > DEVICE_WAIT_MS)
				vm_fail("%s: %s", name, strerror(errno));
			usleep(10000);
		}
		inet_pton(AF_INET, "255.255.255.252", &in.sin_addr);
		memcpy(&ifr.ifr_netmask, &in, sizeof(in));
		ioctl(fd, SIOCSIFNETMASK, &ifr);
	}
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
}

void vm_mount_rest(void)
{
	const struct rlimit no_core = { 0, 0 };
	const struct rlimit files = { 1024, 524288 };

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].path, 0755);
		/* A kernel may lack some of them; a test that needs one says so. */
		mount(mounts[i].type, mounts[i].path, mounts[i].type, 0, mounts[i].options);
	}
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	setrlimit(RLIMIT_CORE, &no_core);
	setrlimit(RLIMIT_NOFILE, &files);
	sethostname("guest", 5);
	vm_interface_up("lo", NULL);
	umask(022);
}
