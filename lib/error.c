// SPDX-License-Identifier: LGPL-2.1-only
/* From an errno to a line that names the thing and the remedy. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

/* What @op was to do: with the shadow's name, the probe's, the pid, as "%s" stands for. */
static const struct {
	enum { NOTHING, SHADOW, PROBE, PATCH, PID, CGROUP, OWNED } names;
	const char *text;
	const char *capability;
} ops[] = {
	[SHADOWK_OP_OPEN] = { NOTHING, "open /dev/shadowk", NULL },
	[SHADOWK_OP_INFO] = { NOTHING, "ask the module", NULL },
	[SHADOWK_OP_SHADOW_CREATE] = { SHADOW, "create shadow '%s'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_SHADOW_OPEN] = { SHADOW, "open shadow '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_SHADOW_FROM_FD] = { NOTHING, "use the descriptor as a shadow", NULL },
	[SHADOWK_OP_SHADOW_INFO] = { SHADOW, "read shadow '%s'", NULL },
	[SHADOWK_OP_SHADOW_NEXT] = { NOTHING, "list the shadows", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_SHADOW_DESTROY] = { SHADOW, "destroy shadow '%s'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PROCESS_ATTACH] = { PID, "attach pid %s", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_DETACH] = { PID, "detach pid %s", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_INFO] = { PID, "look up pid %s", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_NEXT] = { SHADOW, "list the processes of shadow '%s'",
				      "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROBE_PARSE] = { PROBE, "read '%s'", NULL },
	[SHADOWK_OP_PROBE_ADD] = { SHADOW, "add a probe to shadow '%s'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PROBE_REMOVE] = { PROBE, "remove probe '%s'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PROBE_NEXT] = { SHADOW, "list the probes of shadow '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_DETACH_FROM] = { PID, "detach pid %s", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PATCH_ADD] = { SHADOW, "add a patch to shadow '%s'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PATCH_REMOVE] = { PATCH, "remove patch '%s'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_EDIT_NEXT] = { SHADOW, "read the text of shadow '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_TEXT_READ] = { SHADOW, "read the text of shadow '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PATCH_PROMOTE] = { PATCH, "promote patch '%s'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PATCH_NEXT] = { SHADOW, "list the patches of shadow '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_ENTER] = { SHADOW, "enter shadow '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_LEAVE] = { SHADOW, "leave shadow '%s'", NULL },
	[SHADOWK_OP_CGROUP_ATTACH] = { CGROUP, "attach cgroup '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_CGROUP_SPLIT] = { CGROUP, "split cgroup '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_CGROUP_DETACH] = { CGROUP, "detach cgroup '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_CGROUP_NEXT] = { SHADOW, "list the cgroups of shadow '%s'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_OWN] = { OWNED, "own %s", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_DISOWN] = { OWNED, "disown %s", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_OWN_NEXT] = { SHADOW, "list what shadow '%s' owns", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROPERTY_NEXT] = { NOTHING, "ask the module what this machine is", NULL },
	[SHADOWK_OP_SYSCALL_NUMBER] = { NOTHING, "look up the system call", NULL },
	[SHADOWK_OP_SYSCALLS_CREATE] = { SHADOW, "select system calls for shadow '%s'",
					 "CAP_SYS_MODULE" },
	[SHADOWK_OP_RAW_PARSE] = { PROBE, "read '%s'", NULL },
	[SHADOWK_OP_RAW_ADD] = { SHADOW, "edit the text of shadow '%s'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_RAW_REMOVE] = { PROBE, "remove raw edit %s", "CAP_SYS_MODULE" },
	[SHADOWK_OP_RAW_NEXT] = { SHADOW, "list the raw edits of shadow '%s'", "CAP_SYS_ADMIN" },
};

static void what_print(char *buf, size_t len, enum shadowk_op op, const struct shadowk_subject *s)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)s->pid);
	/* The formats are the table's own, with at most one %s each. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(buf, len, ops[op].text,
		 ops[op].names == SHADOW   ? s->shadow
		 : ops[op].names == PROBE  ? s->probe
		 : ops[op].names == PATCH  ? s->patch
		 : ops[op].names == CGROUP ? s->cgroup
		 : ops[op].names == OWNED  ? s->owned
					   : pid);
#pragma GCC diagnostic pop
}

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static bool is_zombie(pid_t pid)
{
	FILE *file __attribute__((cleanup(close_file))) = NULL;
	char line[512], *state;

	snprintf(line, sizeof(line), "/proc/%d/stat", (int)pid);
	file = fopen(line, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	state = strrchr(line, ')'); /* the command name before it may hold anything */
	return state && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

static bool begins_with(const char *path, char c)
{
	FILE *file __attribute__((cleanup(close_file))) = fopen(path, "re");

	return file && fgetc(file) == c;
}

static bool is_locked_down(void)
{
	FILE *file
		__attribute__((cleanup(close_file))) = fopen("/sys/kernel/security/lockdown", "re");
	char line[128];

	return file && fgets(line, sizeof(line), file) && !strstr(line, "[none]");
}

/* Why this kernel takes no other text, and what undoes that; NULL: it does. */
static const char *why_no_text(void)
{
	if (begins_with("/proc/sys/kernel/modules_disabled", '1'))
		return "kernel.modules_disabled is 1, after which the kernel takes no new code; do "
		       "it before that is set, or boot without it";
	if (begins_with("/sys/module/module/parameters/sig_enforce", 'Y'))
		return "the kernel takes signed code only (module.sig_enforce), and nobody signs "
		       "edits; boot without it";
	if (is_locked_down())
		return "the kernel is locked down and takes no changes of its text; boot with "
		       "lockdown=none";
	return NULL;
}

/* After a fault of its own, whoever caused it: the file can be opened, but not read. */
static bool ftrace_is_dead(void)
{
	FILE *file __attribute__((cleanup(close_file))) =
		fopen("/proc/sys/kernel/ftrace_enabled", "re");

	return file && fgetc(file) == EOF && ferror(file) && errno == ENODEV;
}

static bool ftrace_is_off(void)
{
	return begins_with("/proc/sys/kernel/ftrace_enabled", '0');
}

static void explain_permission(char *buf, size_t len, enum shadowk_op op, const char *what)
{
	const char *capability = ops[op].capability;
	bool edits = op == SHADOWK_OP_SHADOW_CREATE || op == SHADOWK_OP_PROBE_ADD ||
		     op == SHADOWK_OP_PATCH_ADD || op == SHADOWK_OP_PATCH_PROMOTE ||
		     op == SHADOWK_OP_RAW_ADD || op == SHADOWK_OP_SYSCALLS_CREATE;
	const char *why = edits ? why_no_text() : NULL;

	if (op == SHADOWK_OP_OPEN && !geteuid())
		snprintf(
			buf, len,
			"cannot %s: this service or container may not use that device; add "
			"'DeviceAllow=/dev/shadowk rw' to a unit with PrivateDevices=, DevicePolicy= "
			"or DeviceAllow=",
			what);
	else if (!capability)
		snprintf(buf, len, "cannot %s: permission denied; run as root", what);
	else if (geteuid())
		snprintf(buf, len, "cannot %s: needs %s; run as root", what, capability);
	else if (op == SHADOWK_OP_TEXT_READ)
		snprintf(buf, len,
			 "cannot %s: the kernel hides its addresses even from this root; run "
			 "'sysctl kernel.kptr_restrict=1', with CAP_SYSLOG",
			 what);
	else if (why)
		snprintf(buf, len, "cannot %s: %s", what, why);
	else
		snprintf(buf, len,
			 "cannot %s: needs %s, which this root does not have; run it outside "
			 "of the container or service that dropped it",
			 what, capability);
}

static bool explain_shadow(char *buf, size_t len, enum shadowk_op op, int err,
			   const struct shadowk_subject *s)
{
	if (err == ESTALE) {
		snprintf(buf, len,
			 "shadow '%s' was destroyed meanwhile; create it again: "
			 "shadowctl create %s",
			 s->shadow, s->shadow);
		return true;
	}
	if (op == SHADOWK_OP_SHADOW_DESTROY && err == EBUSY) {
		snprintf(buf, len,
			 "processes are inside shadow '%s', or cgroups are attached; end or "
			 "detach them first ('shadowctl show %s' lists them)",
			 s->shadow, s->shadow);
		return true;
	}
	if (op == SHADOWK_OP_SHADOW_FROM_FD && (err == ENOTTY || err == EINVAL)) {
		snprintf(buf, len,
			 "the descriptor is not a shadow's; pass one that "
			 "shadowk_shadow_fd() gave");
		return true;
	}
	if (op == SHADOWK_OP_SHADOW_CREATE && err == EEXIST) {
		snprintf(buf, len,
			 "shadow '%s' exists already; choose another name or destroy it: "
			 "shadowctl destroy %s",
			 s->shadow, s->shadow);
		return true;
	}
	if (op != SHADOWK_OP_SHADOW_CREATE && op != SHADOWK_OP_SHADOW_OPEN)
		return false;
	if (err == EINVAL || err == ENAMETOOLONG)
		return shk_explain_name(buf, len, "shadow", s->shadow);
	if (err != ENOENT)
		return false;
	snprintf(buf, len, "no shadow named '%s'; create it: shadowctl create %s", s->shadow,
		 s->shadow);
	return true;
}

/* Who is in the way: in a body that is in place, or in fork or exec, or with its memory map locked. */
bool shk_explain_busy(char *buf, size_t len)
{
	FILE *file __attribute__((cleanup(close_file))) = NULL;
	char path[32], comm[32] = "?";
	pid_t pid = shadowk_busy();

	if (!pid)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = pid > 0 ? fopen(path, "re") : NULL;
	if (file && fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = '\0';
	if (pid > 0)
		snprintf(buf, len,
			 "thread %d (%s) is in a function that was to change, in fork or "
			 "exec, or holds its memory map, and was waited for (see /proc/%d/stack); "
			 "try again, or stop it",
			 pid, comm, pid);
	else
		snprintf(buf, len,
			 "a thread of another pid namespace is in a function that was to change, "
			 "in fork or exec, or holds its memory map, and was waited for; try "
			 "again");
	return true;
}

static bool explain_process(char *buf, size_t len, enum shadowk_op op, int err,
			    const struct shadowk_subject *s)
{
	pid_t pid = s->pid;

	if (op == SHADOWK_OP_PROCESS_ATTACH && err == EPERM && geteuid() &&
	    (!pid || pid == getpid()))
		snprintf(buf, len,
			 "shadow '%s' may be entered by root only; have it made by "
			 "'shadowctl create %s --delegable'",
			 s->shadow, s->shadow);
	else if (err == EBUSY && op != SHADOWK_OP_PROCESS_INFO && shk_explain_busy(buf, len))
		return true;
	else if (op == SHADOWK_OP_PROCESS_DETACH_FROM && err == ENOENT)
		snprintf(buf, len, "pid %d is not in shadow '%s'", pid, s->shadow);
	else if (err == ESRCH && is_zombie(pid))
		snprintf(buf, len, "pid %d is a zombie; only its parent can do something about it",
			 pid);
	else if (err == ESRCH)
		snprintf(buf, len, "no process has pid %d; see 'ps -e'", pid);
	else if (err == EOPNOTSUPP)
		snprintf(buf, len, "pid %d is a kernel thread; shadows hold user processes", pid);
	else if (err == EBUSY && op != SHADOWK_OP_PROCESS_INFO)
		snprintf(buf, len,
			 "pid %d is in a shadow by its cgroup; move it to another cgroup, or "
			 "'shadowctl detach --cgroup PATH' (see /proc/%d/cgroup)",
			 pid, pid);
	else if (err == ENOENT)
		snprintf(buf, len, "pid %d is in no shadow; it runs the base already", pid);
	else
		return false;
	return true;
}

static bool explain_enter(char *buf, size_t len, enum shadowk_op op, int err,
			  const struct shadowk_subject *s)
{
	if (op == SHADOWK_OP_ENTER && err == EPERM && geteuid())
		return explain_process(buf, len, SHADOWK_OP_PROCESS_ATTACH, err,
				       &(struct shadowk_subject){ .shadow = s->shadow });
	if (err == EBUSY && shk_explain_busy(buf, len))
		return true;
	if (op == SHADOWK_OP_ENTER && err == ENOSPC)
		snprintf(buf, len,
			 "cannot enter shadow '%s': this process has entered shadows 64 times; "
			 "is each shadowk_enter() followed by shadowk_leave()?",
			 s->shadow);
	else if (op == SHADOWK_OP_ENTER && err == EXDEV)
		snprintf(
			buf, len,
			"cannot enter shadow '%s' for one thread: it has raw edits, calls that are "
			"left out, bodies in place, or other thunks, which concern all threads; "
			"enter it for the process",
			s->shadow);
	else if (op == SHADOWK_OP_ENTER && err == EMEDIUMTYPE)
		snprintf(buf, len,
			 "cannot enter shadow '%s' for one thread: it is '--async owner' or "
			 "'--async causal'; enter it for the process",
			 s->shadow);
	else if (op == SHADOWK_OP_ENTER && err == EBUSY)
		snprintf(
			buf, len,
			"cannot enter shadow '%s': threads of this process have entered a shadow for "
			"themselves; all must do so, and the same one",
			s->shadow);
	else if (op == SHADOWK_OP_LEAVE && err == ENOENT)
		snprintf(buf, len,
			 "cannot leave shadow '%s': this process has not entered it, has entered "
			 "another since, or was attached or detached meanwhile",
			 s->shadow);
	else
		return false;
	return true;
}

static bool explain_syscalls(char *buf, size_t len, int err, const struct shadowk_subject *s)
{
	if (err == ENOENT)
		snprintf(buf, len,
			 "no system call '%s'; give names of syscalls(2), without 'sys_', or "
			 "numbers",
			 s->syscall);
	else if (err == ENXIO)
		snprintf(
			buf, len,
			"this kernel has no x64_sys_call(), where system calls would be chosen; run "
			"a newer one of its series, or leave --syscalls out");
	else if (err == ENOSYS)
		snprintf(buf, len, "this kernel has no system call '%s'; leave it out", s->syscall);
	else if (err == EOPNOTSUPP)
		snprintf(buf, len,
			 "system call '%s' does not return to where it was called, so nobody can "
			 "be inside during it; leave it out",
			 s->syscall);
	else if (err == EMEDIUMTYPE)
		snprintf(buf, len,
			 "shadow '%s' is '--async owner' or '--async causal', which cannot be for "
			 "some system calls only; leave --syscalls out",
			 s->shadow);
	else if (err == ETXTBSY)
		snprintf(buf, len,
			 "shadow '%s' has patches in place, which cannot be for some system calls "
			 "only; add them without --in-place",
			 s->shadow);
	else if (err == EADDRINUSE)
		snprintf(buf, len,
			 "shadow '%s' has an edit at the entry of x64_sys_call(), where it would "
			 "learn of system calls; remove that first",
			 s->shadow);
	else
		return false;
	return true;
}

static bool explain_cgroup(char *buf, size_t len, enum shadowk_op op, int err,
			   const struct shadowk_subject *s)
{
	bool attaches = op == SHADOWK_OP_CGROUP_ATTACH || op == SHADOWK_OP_CGROUP_SPLIT;

	if (err == ENOENT || err == ENOTDIR)
		snprintf(buf, len,
			 "no cgroup '%s'; give its folder, below /sys/fs/cgroup, or its path as in "
			 "/proc/PID/cgroup",
			 s->cgroup);
	else if (err == EBADF)
		snprintf(buf, len,
			 "'%s' is no cgroup of the unified hierarchy; give a folder of a file "
			 "system of type cgroup2",
			 s->cgroup);
	else if (err == EBUSY && shk_explain_busy(buf, len))
		return true;
	else if (attaches && err == EBUSY)
		snprintf(buf, len,
			 "cgroup '%s' is attached to another shadow, or split otherwise; first "
			 "'shadowctl detach --cgroup %s'",
			 s->cgroup, s->cgroup);
	else if (op == SHADOWK_OP_CGROUP_DETACH && err == ENODATA)
		snprintf(buf, len,
			 "cgroup '%s' is not attached to a shadow; 'shadowctl show NAME' lists "
			 "those that are",
			 s->cgroup);
	else if (attaches && err == ENODATA)
		snprintf(buf, len, "cgroup '%s' was just removed", s->cgroup);
	else
		return false;
	return true;
}

static bool explain_own(char *buf, size_t len, enum shadowk_op op, int err,
			const struct shadowk_subject *s)
{
	if (err == EMEDIUMTYPE)
		snprintf(buf, len,
			 "shadow '%s' owns nothing; have it made by 'shadowctl create %s --async "
			 "owner'",
			 s->shadow, s->shadow);
	else if (op == SHADOWK_OP_DISOWN && err == ENOENT)
		snprintf(buf, len,
			 "shadow '%s' does not own %s; 'shadowctl show %s' lists what it owns",
			 s->shadow, s->owned, s->shadow);
	else if (err == ENOENT)
		snprintf(buf, len, "there is no %s; see /proc/interrupts", s->owned);
	else if (err == EBUSY)
		snprintf(buf, len,
			 "another shadow owns %s; 'shadowctl show' says which, 'shadowctl disown' "
			 "ends it",
			 s->owned);
	else if (err == EOPNOTSUPP)
		snprintf(buf, len,
			 "cannot own %s: in a Xen PV guest processes only execute a shadow, and "
			 "kernel threads only in a kernel with CONFIG_PREEMPT_NOTIFIERS",
			 s->owned);
	else if (err == ENAMETOOLONG)
		snprintf(buf, len, "the pattern of %s is longer than %d characters", s->owned,
			 SHADOWK_PATTERN_LEN - 1);
	else
		return false;
	return true;
}

static bool explain_probe(char *buf, size_t len, enum shadowk_op op, int err,
			  const struct shadowk_subject *s)
{
	if (op == SHADOWK_OP_PROBE_ADD && s->spec)
		return shk_explain_probe_add(buf, len, err, s);
	if (op == SHADOWK_OP_PROBE_PARSE && err == EINVAL)
		snprintf(buf, len, "'%s' is not SYMBOL, SYMBOL+OFFSET or 0xADDRESS", s->probe);
	else if (op == SHADOWK_OP_PROBE_PARSE && err == ERANGE)
		snprintf(buf, len, "'%s' has a number of more than 64 bits", s->probe);
	else if (op == SHADOWK_OP_PROBE_PARSE && err == ENAMETOOLONG)
		snprintf(buf, len, "'%.32s...' is longer than any symbol; see /proc/kallsyms",
			 s->probe);
	else if (op == SHADOWK_OP_PROBE_REMOVE && err == ENOENT)
		snprintf(buf, len,
			 "shadow '%s' has no probe named '%s'; see 'shadowctl probe list %s'",
			 s->shadow, s->probe, s->shadow);
	else if (op == SHADOWK_OP_PROBE_REMOVE && (err == EINVAL || err == ENAMETOOLONG))
		return shk_explain_name(buf, len, "probe", s->probe);
	else
		return false;
	return true;
}

static bool explain_patch(char *buf, size_t len, enum shadowk_op op, int err,
			  const struct shadowk_subject *s)
{
	if (op == SHADOWK_OP_PATCH_ADD)
		return s->patch_spec && shk_explain_patch_add(buf, len, err, s);
	if (err == EINVAL || err == ENAMETOOLONG)
		return shk_explain_name(buf, len, "patch", s->patch);
	if (op == SHADOWK_OP_PATCH_PROMOTE && err == EMEDIUMTYPE)
		snprintf(buf, len,
			 "patch '%s' is not a livepatch module's; only those can be promoted "
			 "(shadowctl patch add %s --livepatch FILE.ko)",
			 s->patch, s->shadow);
	else if (op == SHADOWK_OP_PATCH_PROMOTE && err == EALREADY)
		snprintf(buf, len,
			 "patch '%s' was promoted before; see /sys/kernel/livepatch, or unload its "
			 "module and add it again",
			 s->patch);
	if (err == EMEDIUMTYPE || err == EALREADY)
		return op == SHADOWK_OP_PATCH_PROMOTE;
	if (op == SHADOWK_OP_PATCH_REMOVE && err == EBUSY && shk_explain_busy(buf, len))
		return true;
	if (op == SHADOWK_OP_PATCH_REMOVE && err == EBUSY)
		snprintf(buf, len,
			 "processes inside shadow '%s' execute what patch '%s' changed; end or "
			 "detach them first ('shadowctl show %s' lists them)",
			 s->shadow, s->patch, s->shadow);
	if (err != ENOENT)
		return op == SHADOWK_OP_PATCH_REMOVE && err == EBUSY;
	snprintf(buf, len, "shadow '%s' has no patch named '%s'; see 'shadowctl patch list %s'",
		 s->shadow, s->patch, s->shadow);
	return true;
}

static bool explain_op(char *buf, size_t len, enum shadowk_op op, int err,
		       const struct shadowk_subject *s)
{
	switch (op) {
	case SHADOWK_OP_OPEN:
		if (err != ENODEV)
			return false;
		if (access("/sys/module/shadowk", F_OK))
			snprintf(buf, len,
				 "cannot open /dev/shadowk: the module is not loaded; "
				 "modprobe shadowk");
		else
			snprintf(buf, len,
				 "cannot open /dev/shadowk: the module is loaded but the file "
				 "is missing; mount devtmpfs on /dev (a unit with PrivateDevices= "
				 "has a /dev of its own)");
		return true;
	case SHADOWK_OP_PROCESS_ATTACH:
	case SHADOWK_OP_PROCESS_DETACH:
	case SHADOWK_OP_PROCESS_DETACH_FROM:
	case SHADOWK_OP_PROCESS_INFO:
		return explain_process(buf, len, op, err, s) ||
		       explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_ENTER:
	case SHADOWK_OP_LEAVE:
		return explain_enter(buf, len, op, err, s) || explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_CGROUP_ATTACH:
	case SHADOWK_OP_CGROUP_SPLIT:
	case SHADOWK_OP_CGROUP_DETACH:
		return explain_cgroup(buf, len, op, err, s) || explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_OWN:
	case SHADOWK_OP_DISOWN:
		return explain_own(buf, len, op, err, s) || explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_SYSCALL_NUMBER:
	case SHADOWK_OP_SYSCALLS_CREATE:
		return explain_syscalls(buf, len, err, s) || explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_RAW_PARSE:
		return explain_probe(buf, len, SHADOWK_OP_PROBE_PARSE, err, s);
	case SHADOWK_OP_RAW_ADD:
	case SHADOWK_OP_RAW_REMOVE:
		return shk_explain_raw(buf, len, op, err, s) ||
		       explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_PROBE_PARSE:
	case SHADOWK_OP_PROBE_ADD:
	case SHADOWK_OP_PROBE_REMOVE:
		return explain_probe(buf, len, op, err, s) || explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_PATCH_ADD:
	case SHADOWK_OP_PATCH_REMOVE:
	case SHADOWK_OP_PATCH_PROMOTE:
		return explain_patch(buf, len, op, err, s) || explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_TEXT_READ:
		if (!s->spec || (err != ENOENT && err != ENOTUNIQ))
			return explain_shadow(buf, len, op, err, s);
		shk_explain_function(buf, len, err, s->spec->symbol, s->spec->addr);
		return true;
	default:
		return explain_shadow(buf, len, op, err, s);
	}
}

const char *shadowk_explain(char *buf, size_t len, enum shadowk_op op, int err,
			    const struct shadowk_subject *subject)
{
	struct shadowk_subject s = { .size = sizeof(s) };
	char what[256];

	if (!len)
		return buf;
	if (subject && shk_size_ok(subject, pid))
		memcpy(&s, subject, subject->size < sizeof(s) ? subject->size : sizeof(s));
	s.shadow = s.shadow ? s.shadow : "?";
	s.probe = s.probe ? s.probe : "?";
	s.patch = s.patch ? s.patch : "?";
	s.cgroup = s.cgroup ? s.cgroup : "?";
	s.owned = s.owned ? s.owned : "?";
	s.syscall = s.syscall ? s.syscall : "?";
	err = abs(err);

	if ((size_t)op >= sizeof(ops) / sizeof(ops[0])) {
		snprintf(buf, len, "%s", strerror(err));
	} else if (err == EBUSY && !shadowk_busy() && ftrace_is_off()) {
		what_print(what, sizeof(what), op, &s);
		snprintf(buf, len,
			 "cannot %s: kernel.ftrace_enabled is 0, and private text follows the "
			 "kernel's own patching by ftrace; run 'sysctl kernel.ftrace_enabled=1'",
			 what);
	} else if (err == ENODEV && ftrace_is_dead()) {
		what_print(what, sizeof(what), op, &s);
		snprintf(buf, len,
			 "cannot %s: the kernel's ftrace has stopped after a fault (dmesg says "
			 "which), and private text needs it; reboot",
			 what);
	} else if (!explain_op(buf, len, op, err, &s)) {
		what_print(what, sizeof(what), op, &s);
		if (err == EPERM || err == EACCES)
			explain_permission(buf, len, op, what);
		else if (err == ENOTTY || err == E2BIG)
			snprintf(buf, len,
				 "cannot %s: the module does not know how; load the one that "
				 "belongs to version " SHADOWK_VERSION,
				 what);
		else
			snprintf(buf, len, "cannot %s: %s", what, strerror(err));
	}
	for (char *c = buf; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	return buf;
}
