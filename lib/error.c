// SPDX-License-Identifier: LGPL-2.1-only
/* From an errno to a line that names the thing and the remedy. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

/* What @op was to do: with the shadow's name, the probe's, or the pid, as "%s" stands for. */
static const struct {
	enum { NOTHING, SHADOW, PROBE, PID } names;
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
};

static void what_print(char *buf, size_t len, enum shadowk_op op, const struct shadowk_subject *s)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)s->pid);
	/* The formats are the table's own, with at most one %s each. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(buf, len, ops[op].text,
		 ops[op].names == SHADOW  ? s->shadow
		 : ops[op].names == PROBE ? s->probe
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

static bool is_locked_down(void)
{
	FILE *file
		__attribute__((cleanup(close_file))) = fopen("/sys/kernel/security/lockdown", "re");
	char line[128];

	return file && fgets(line, sizeof(line), file) && !strstr(line, "[none]");
}

static void explain_permission(char *buf, size_t len, enum shadowk_op op, const char *what)
{
	const char *capability = ops[op].capability;
	bool edits = op == SHADOWK_OP_SHADOW_CREATE || op == SHADOWK_OP_PROBE_ADD;

	if (!capability)
		snprintf(buf, len, "cannot %s: permission denied; run as root", what);
	else if (geteuid())
		snprintf(buf, len, "cannot %s: needs %s; run as root", what, capability);
	else if (edits && is_locked_down())
		snprintf(buf, len,
			 "cannot %s: the kernel is locked down and takes no changes of its "
			 "text; boot with lockdown=none",
			 what);
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
			 "processes are inside shadow '%s'; end or detach them first "
			 "('shadowctl show %s' lists them)",
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
	else if (op == SHADOWK_OP_PROCESS_DETACH_FROM && err == ENOENT)
		snprintf(buf, len, "pid %d is not in shadow '%s'", pid, s->shadow);
	else if (err == ESRCH && is_zombie(pid))
		snprintf(buf, len, "pid %d is a zombie; only its parent can do something about it",
			 pid);
	else if (err == ESRCH)
		snprintf(buf, len, "no process has pid %d; see 'ps -e'", pid);
	else if (err == EOPNOTSUPP)
		snprintf(buf, len, "pid %d is a kernel thread; shadows hold user processes", pid);
	else if (err == ENOENT)
		snprintf(buf, len, "pid %d is in no shadow; it runs the base already", pid);
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
				 "is missing; mount devtmpfs on /dev");
		return true;
	case SHADOWK_OP_PROCESS_ATTACH:
	case SHADOWK_OP_PROCESS_DETACH:
	case SHADOWK_OP_PROCESS_DETACH_FROM:
	case SHADOWK_OP_PROCESS_INFO:
		return explain_process(buf, len, op, err, s) ||
		       explain_shadow(buf, len, op, err, s);
	case SHADOWK_OP_PROBE_PARSE:
	case SHADOWK_OP_PROBE_ADD:
	case SHADOWK_OP_PROBE_REMOVE:
		return explain_probe(buf, len, op, err, s) || explain_shadow(buf, len, op, err, s);
	default:
		return explain_shadow(buf, len, op, err, s);
	}
}

const char *shadowk_explain(char *buf, size_t len, enum shadowk_op op, int err,
			    const struct shadowk_subject *subject)
{
	struct shadowk_subject s = { .size = sizeof(s) };
	char what[SHADOWK_NAME_LEN + 64];

	if (!len)
		return buf;
	if (subject && shk_size_ok(subject, pid))
		memcpy(&s, subject, subject->size < sizeof(s) ? subject->size : sizeof(s));
	s.shadow = s.shadow ? s.shadow : "?";
	s.probe = s.probe ? s.probe : "?";
	err = abs(err);

	if ((size_t)op >= sizeof(ops) / sizeof(ops[0])) {
		snprintf(buf, len, "%s", strerror(err));
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
