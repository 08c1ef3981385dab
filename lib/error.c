// SPDX-License-Identifier: LGPL-2.1-only
/* Explains an error in one line, which names the object and the remedy. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

/* For each call, the action as it follows "cannot", and the capability that it needs, or NULL. */
static const struct {
	const char *text;
	const char *capability;
} ops[] = {
	[SHADOWK_OP_OPEN] = { "open /dev/shadowk", NULL },
	[SHADOWK_OP_INFO] = { "ask the module", NULL },
	[SHADOWK_OP_PROPERTY_LIST] = { "ask the module about this machine", NULL },
	[SHADOWK_OP_SHADOW_CREATE] = { "create shadow '{shadow}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_SHADOW_OPEN] = { "open shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_SHADOW_FROM_FD] = { "use the descriptor as a shadow", NULL },
	[SHADOWK_OP_SHADOW_LIST] = { "list the shadows", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_SHADOW_INFO] = { "read shadow '{shadow}'", NULL },
	[SHADOWK_OP_SHADOW_DESTROY] = { "destroy shadow '{shadow}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_HANDLE_DERIVE] = { "share shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_HANDLE_REVOKE] = { "revoke handles of shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_ATTACH] = { "attach pid {pid}", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_DETACH] = { "detach pid {pid}", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_DETACH_FROM] = { "detach pid {pid}", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_INFO] = { "look up pid {pid}", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROCESS_LIST] = { "list the processes of shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_ENTER] = { "enter shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_LEAVE] = { "leave shadow '{shadow}'", NULL },
	[SHADOWK_OP_SYSCALL_NUMBER] = { "look up the system call", NULL },
	[SHADOWK_OP_SYSCALLS_CREATE] = { "select system calls for shadow '{shadow}'",
					 "CAP_SYS_MODULE" },
	[SHADOWK_OP_CGROUP_ATTACH] = { "attach cgroup '{cgroup}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_CGROUP_DETACH] = { "detach cgroup '{cgroup}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_CGROUP_SPLIT] = { "split cgroup '{cgroup}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_CGROUP_LIST] = { "list the cgroups of shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_OWN] = { "own {owned}", "CAP_SYS_ADMIN, and for NAPI CAP_NET_ADMIN" },
	[SHADOWK_OP_DISOWN] = { "disown {owned}", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_OWN_LIST] = { "list what shadow '{shadow}' owns", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PROBE_PARSE] = { "read '{place}'", NULL },
	[SHADOWK_OP_PROBE_ADD] = { "add a probe to shadow '{shadow}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PROBE_REMOVE] = { "remove probe '{probe}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PROBE_LIST] = { "list the probes of shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_PATCH_ADD] = { "add a patch to shadow '{shadow}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PATCH_REMOVE] = { "remove patch '{patch}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PATCH_PROMOTE] = { "promote patch '{patch}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_PATCH_LIST] = { "list the patches of shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_CAPTURE] = { "capture for shadow '{shadow}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_LIVEPATCH_LOAD] = { "load the livepatch", "CAP_SYS_MODULE" },
	[SHADOWK_OP_RAW_PARSE] = { "read '{place}'", NULL },
	[SHADOWK_OP_RAW_ADD] = { "edit the text of shadow '{shadow}'", "CAP_SYS_MODULE" },
	[SHADOWK_OP_RAW_REMOVE] = { "remove raw edit {raw}", "CAP_SYS_MODULE" },
	[SHADOWK_OP_RAW_LIST] = { "list the raw edits of shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_EDIT_LIST] = { "read the text of shadow '{shadow}'", "CAP_SYS_ADMIN" },
	[SHADOWK_OP_TEXT_READ] = { "read the text of shadow '{shadow}'", "CAP_SYS_ADMIN" },
};

const char *shk_capability(enum shadowk_op op)
{
	return ops[op].capability;
}

/* ---- words of templates: each function writes what its "{word}" stands for ---- */

static void word_do(const struct shk_explanation *e, char *buf, size_t len)
{
	struct shk_explanation what = *e;

	what.buf = buf;
	what.len = len;
	shk_say(&what, ops[e->op].text);
}

static void word_shadow(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", e->subject.shadow);
}

static void word_pid(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%d", (int)e->subject.pid);
}

static void word_cgroup(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", e->subject.cgroup);
}

static void word_owned(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", e->subject.owned);
}

static void word_syscall(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", e->subject.syscall);
}

static void word_probe(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", e->subject.probe);
}

static void word_patch(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", e->subject.patch);
}

static void word_raw(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%" PRIu64, e->subject.raw);
}

static void word_function(const struct shk_explanation *e, char *buf, size_t len)
{
	if (e->symbol[0])
		snprintf(buf, len, "%s", e->symbol);
	else if (e->addr)
		snprintf(buf, len, "0x%" PRIx64, e->addr);
	else
		snprintf(buf, len, "?");
}

static void word_place(const struct shk_explanation *e, char *buf, size_t len)
{
	size_t used;

	if (e->subject.place[0]) {
		snprintf(buf, len, "%s", e->subject.place);
		return;
	}
	word_function(e, buf, len);
	used = strlen(buf);
	if (e->offset)
		snprintf(buf + used, len - used, "+0x%" PRIx64, e->offset);
}

/* Writes the function that a patch calls, or its module. */
static void word_object(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", e->subject.patch_spec ? e->subject.patch_spec->object : "?");
}

static void word_subject(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", shk_error.subject[0] ? shk_error.subject : "?");
}

static void word_thunks(const struct shk_explanation *e, char *buf, size_t len)
{
	const struct shadowk_patch_spec *spec = e->subject.patch_spec;

	snprintf(buf, len, "%s",
		 spec && spec->kind == SHADOWK_PATCH_RETURNS ? "return thunks" : "retpolines");
}

/* Writes the remedy if a patch cannot wait for threads, or cannot be in place. */
static void word_instead(const struct shk_explanation *e, char *buf, size_t len)
{
	const struct shadowk_patch_spec *spec = e->subject.patch_spec;

	snprintf(buf, len, "%s",
		 spec && spec->kind == SHADOWK_PATCH_LIVEPATCH
			 ? "--unsafe-now does not wait, but a call in progress may then execute "
			   "old and new functions"
			 : "leave --in-place out, so that the function jumps to the new body");
}

static void word_capability(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", ops[e->op].capability ? ops[e->op].capability : "?");
}

static void word_error(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", strerror(e->err));
}

static void word_busy_pid(const struct shk_explanation *e, char *buf, size_t len)
{
	snprintf(buf, len, "%d", (int)shk_error.busy);
}

/* Writes the thread that made the call fail, with its command name: "123 (comm)". */
static void word_busy(const struct shk_explanation *e, char *buf, size_t len)
{
	char path[32], comm[32] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)shk_error.busy);
	file = fopen(path, "re");
	if (file && fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = '\0';
	if (file)
		fclose(file);
	snprintf(buf, len, "%d (%s)", (int)shk_error.busy, comm);
}

static const struct {
	const char *name;
	void (*print)(const struct shk_explanation *e, char *buf, size_t len);
} words[] = {
	{ "busy", word_busy },
	{ "busy-pid", word_busy_pid },
	{ "capability", word_capability },
	{ "cgroup", word_cgroup },
	{ "do", word_do },
	{ "error", word_error },
	{ "function", word_function },
	{ "instead", word_instead },
	{ "object", word_object },
	{ "owned", word_owned },
	{ "patch", word_patch },
	{ "pid", word_pid },
	{ "place", word_place },
	{ "probe", word_probe },
	{ "raw", word_raw },
	{ "shadow", word_shadow },
	{ "subject", word_subject },
	{ "syscall", word_syscall },
	{ "thunks", word_thunks },
};

static void word_print(const struct shk_explanation *e, const char *name, size_t name_len,
		       char *buf, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].name) != name_len || memcmp(words[i].name, name, name_len))
			continue;
		words[i].print(e, buf, len);
		return;
	}
	snprintf(buf, len, "{%.*s}", (int)name_len, name);
}

void shk_say(const struct shk_explanation *e, const char *template)
{
	size_t used = 0;

	while (*template && used + 1 < e->len) {
		size_t name_len = *template == '{' ? strcspn(template, "}") - 1 : 0;

		if (!name_len) {
			e->buf[used++] = *template ++;
			continue;
		}
		word_print(e, template + 1, name_len, e->buf + used, e->len - used);
		used += strlen(e->buf + used);
		template += name_len + 2;
	}
	e->buf[used] = '\0';
}

/* ---- errors without a reason ---- */

static bool explain_open(const struct shk_explanation *e)
{
	if (e->err == ENODEV)
		shk_explain_no_device(e);
	else if ((e->err == EPERM || e->err == EACCES) && !geteuid())
		shk_say(e, "cannot {do}: this service or container may not use the device; add "
			   "'DeviceAllow=/dev/shadowk rw' to a unit with PrivateDevices=, "
			   "DevicePolicy= or DeviceAllow=");
	else
		return false;
	return true;
}

static bool explain_parse(const struct shk_explanation *e)
{
	if (e->err == EINVAL && !strncmp(e->subject.place, "tracepoint:", 11))
		shk_say(e, "'{place}' is not tracepoint:SYSTEM:EVENT, as the place of a probe; see "
			   "/sys/kernel/tracing/available_events");
	else if (e->err == EINVAL)
		shk_say(e, "'{place}' is not SYMBOL, SYMBOL+OFFSET or 0xADDRESS");
	else if (e->err == ERANGE)
		shk_say(e, "'{place}' has a number of more than 64 bits");
	else if (e->err == ENAMETOOLONG)
		snprintf(e->buf, e->len, "'%.32s...' is longer than any symbol; see /proc/kallsyms",
			 e->subject.place);
	else
		return false;
	return true;
}

static bool explain_cgroup_path(const struct shk_explanation *e)
{
	if (e->err != ENOENT && e->err != ENOTDIR)
		return false;
	shk_say(e, "no cgroup '{cgroup}'; give its folder, below /sys/fs/cgroup, or its path as in "
		   "/proc/PID/cgroup");
	return true;
}

/*
 * Explains an error whose errno has a special meaning in the call @e->op. Returns false if it has
 * none.
 */
static bool explain_op(const struct shk_explanation *e)
{
	switch (e->op) {
	case SHADOWK_OP_OPEN:
		return explain_open(e);
	case SHADOWK_OP_PROBE_PARSE:
	case SHADOWK_OP_RAW_PARSE:
		return explain_parse(e);
	case SHADOWK_OP_CGROUP_ATTACH:
	case SHADOWK_OP_CGROUP_DETACH:
	case SHADOWK_OP_CGROUP_SPLIT:
		return explain_cgroup_path(e);
	case SHADOWK_OP_SHADOW_FROM_FD:
		if (e->err == ENOTTY)
			shk_say(e, "the descriptor is not a shadow's; pass one that "
				   "shadowk_shadow_fd() returned");
		return e->err == ENOTTY;
	case SHADOWK_OP_SYSCALL_NUMBER:
		if (e->err == ENOENT)
			shk_say(e, "no system call '{syscall}'; give names of syscalls(2), without "
				   "'sys_', or numbers");
		return e->err == ENOENT;
	case SHADOWK_OP_OWN:
	case SHADOWK_OP_DISOWN:
		if (e->err == ENAMETOOLONG)
			snprintf(e->buf, e->len, "the pattern of %s is longer than %d characters",
				 e->subject.owned, SHADOWK_PATTERN_LEN - 1);
		return e->err == ENAMETOOLONG;
	default:
		if (e->err == ENAMETOOLONG)
			shk_explain_name(e);
		return e->err == ENAMETOOLONG;
	}
}

static void explain_errno(const struct shk_explanation *e)
{
	switch (e->err) {
	case EPERM:
	case EACCES:
		shk_explain_capability(e);
		return;
	case ENOTTY:
	case E2BIG:
		shk_say(e, "cannot {do}: the module does not know this call; load the module of "
			   "version " SHADOWK_VERSION);
		return;
	default:
		shk_say(e, "cannot {do}: {error}");
	}
}

/* ---- the subject ---- */

static void subject_fill(struct shadowk_subject *s, const struct shadowk_subject *subject)
{
	struct shk_error error = shk_error;

	if (!subject || SHK_COPY_IN(s, subject, place))
		*s = (struct shadowk_subject){ .size = sizeof(*s) };
	shk_error = error;
	if (!s->probe && s->probe_spec)
		s->probe = s->probe_spec->name;
	if (!s->patch && s->patch_spec)
		s->patch = s->patch_spec->name;
	s->pid = s->pid ? s->pid : getpid();
	s->shadow = s->shadow ? s->shadow : "?";
	s->cgroup = s->cgroup ? s->cgroup : "?";
	s->owned = s->owned ? s->owned : "it";
	s->syscall = s->syscall ? s->syscall : "?";
	s->probe = s->probe ? s->probe : "?";
	s->patch = s->patch ? s->patch : "?";
	s->place = s->place ? s->place : "";
}

static void place_set(struct shk_explanation *e, const char *symbol, uint64_t addr, uint64_t offset)
{
	e->symbol = symbol;
	e->addr = addr;
	e->offset = offset;
}

static void place_fill(struct shk_explanation *e)
{
	const struct shadowk_subject *s = &e->subject;

	e->symbol = "";
	if (e->op == SHADOWK_OP_PROBE_ADD && s->probe_spec)
		place_set(e, s->probe_spec->symbol, s->probe_spec->addr, s->probe_spec->offset);
	else if (e->op == SHADOWK_OP_PATCH_ADD && s->patch_spec)
		place_set(e, s->patch_spec->symbol, s->patch_spec->addr, s->patch_spec->offset);
	else if (e->op == SHADOWK_OP_RAW_ADD && s->raw_spec)
		place_set(e, s->raw_spec->symbol, s->raw_spec->addr, s->raw_spec->offset);
	else if (e->op == SHADOWK_OP_TEXT_READ && s->text)
		place_set(e, s->text->symbol, s->text->addr, s->text->offset);
	/* A patch may have several functions. The subject is the one that cannot be patched. */
	if (e->op == SHADOWK_OP_PATCH_ADD && shk_error.subject[0])
		e->symbol = shk_error.subject;
}

const char *shadowk_explain(char *buf, size_t len, enum shadowk_op op, int err,
			    const struct shadowk_subject *subject)
{
	struct shk_explanation e = { .buf = buf, .len = len, .op = op, .err = abs(err) };

	if (!len)
		return buf;
	if ((size_t)op >= ARRAY_SIZE(ops)) {
		snprintf(buf, len, "%s", strerror(e.err));
		return buf;
	}
	/*
	 * The thread may have noted the reason of a later call. ESTALE has one reason only, so it
	 * needs no note.
	 */
	e.reason = shk_reason_check(shk_error.reason, e.err);
	if (e.err == ESTALE)
		e.reason = SHADOWK_REASON_SHADOW_DESTROYED;
	subject_fill(&e.subject, subject);
	place_fill(&e);
	if (!shk_explain_reason(&e) && !explain_op(&e))
		explain_errno(&e);
	for (char *c = buf; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	return buf;
}
