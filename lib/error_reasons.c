// SPDX-License-Identifier: LGPL-2.1-only
/* Explains the reason of an error in one line, which names the object and the remedy. */
#include <linux/shadowk.h>

#include "internal.h"

#define REASON(name, err, text) \
	_Static_assert((int)SHADOWK_REASON_##name == (int)SHK_REASON_##name, "uapi");
#define REASON_BY(name, err, function) REASON(name, err, "")
#include "error_reasons.h"
#undef REASON
#undef REASON_BY
_Static_assert((int)SHADOWK_REASON_NONE == (int)SHK_REASON_NONE, "uapi");

static void explain_name_taken(const struct shk_explanation *e)
{
	switch (e->op) {
	case SHADOWK_OP_PROBE_ADD:
		shk_say(e, "shadow '{shadow}' has a probe named '{probe}' already; choose another "
			   "--name, or run 'shadowctl probe remove {shadow} {probe}'");
		return;
	case SHADOWK_OP_PATCH_ADD:
		shk_say(e, "shadow '{shadow}' has a patch named '{patch}' already; choose another "
			   "--name, or run 'shadowctl patch remove {shadow} {patch}'");
		return;
	default:
		shk_say(e, "shadow '{shadow}' exists already; choose another name or destroy it: "
			   "shadowctl destroy {shadow}");
	}
}

static void explain_shadow_unknown(const struct shk_explanation *e)
{
	if (e->subject.shadow[0] == '#')
		shk_say(e, "no shadow has the id {shadow}; 'shadowctl list' shows the ids");
	else
		shk_say(e, "no shadow named '{shadow}'; create it: shadowctl create {shadow}");
}

static void explain_policy(const struct shk_explanation *e)
{
	switch (e->op) {
	case SHADOWK_OP_OWN:
		shk_say(e, "shadow '{shadow}' cannot own anything; create it by 'shadowctl create "
			   "{shadow} --async owner'");
		return;
	case SHADOWK_OP_SYSCALLS_CREATE:
		shk_say(e, "shadow '{shadow}' has the policy 'owner' or 'causal', with which "
			   "processes cannot be inside for some system calls only; leave "
			   "--syscalls out");
		return;
	case SHADOWK_OP_CGROUP_ATTACH:
	case SHADOWK_OP_CGROUP_SPLIT:
		shk_say(e, "cannot {do}: the shadow is a helper of 'shadowctl capture'; attach "
			   "single processes to it");
		return;
	case SHADOWK_OP_PATCH_ADD:
		shk_say(e, "cannot {do}: threads cannot be waited for in a shadow of the policy "
			   "'owner' or 'causal'; {instead}");
		return;
	default:
		shk_say(e, "cannot {do} for one thread: the shadow has the policy 'owner' or "
			   "'causal'; enter it for the process");
	}
}

static void explain_syscalls_only(const struct shk_explanation *e)
{
	switch (e->op) {
	case SHADOWK_OP_SYSCALLS_CREATE:
		shk_say(e, "shadow '{shadow}' was itself made for some system calls only; give "
			   "the shadow that it was made of");
		return;
	case SHADOWK_OP_PATCH_ADD:
		shk_say(e, "cannot {do}: threads cannot be waited for in a shadow that was made "
			   "for some system calls only; {instead}");
		return;
	default:
		shk_say(e, "cannot {do} for one thread: the shadow was made for some system calls "
			   "only; enter it for the process");
	}
}

static void explain_not_inside(const struct shk_explanation *e)
{
	if (e->op == SHADOWK_OP_PROCESS_DETACH_FROM)
		shk_say(e, "pid {pid} is not in shadow '{shadow}'");
	else
		shk_say(e, "pid {pid} is in no shadow; it executes the base already");
}

static void explain_not_instruction(const struct shk_explanation *e)
{
	if (e->op == SHADOWK_OP_RAW_ADD)
		shk_say(e, "at {place} one instruction must replace one of the same length; see "
			   "'objdump -d' of the kernel, and pad with prefixes or a longer form");
	else
		shk_say(e, "{place} is in the middle of an instruction; give the offset of its "
			   "first byte");
}

static void explain_forbidden(const struct shk_explanation *e)
{
	switch (e->op) {
	case SHADOWK_OP_PATCH_ADD:
		shk_say(e, "cannot patch {function}: the kernel forbids it (noinstr, entry or "
			   "scheduler text, kprobe blacklist), or shadowk relies on it; choose "
			   "another function");
		return;
	case SHADOWK_OP_RAW_ADD:
		shk_say(e, "cannot edit {place}: the kernel replaces or guards that text itself "
			   "(tracing, static keys, kprobe blacklist, noinstr), or shadowk relies "
			   "on it; choose another place");
		return;
	default:
		shk_say(e, "cannot probe {place}: the kernel forbids it (kprobe blacklist, noinstr "
			   "or text that patches itself), or shadowk relies on it; choose another "
			   "place");
	}
}

static void explain_patch_there(const struct shk_explanation *e)
{
	const struct shadowk_patch_spec *spec = e->subject.patch_spec;

	if (spec && spec->kind == SHADOWK_PATCH_SKIP_CALL)
		shk_say(e, "shadow '{shadow}' has a probe or a patch on that call of '{object}' "
			   "already; remove it first");
	else if (spec && spec->kind >= SHADOWK_PATCH_RETPOLINES)
		shk_say(e, "shadow '{shadow}' has such a patch already; see 'shadowctl patch list "
			   "{shadow}'");
	else if (spec && spec->flags & SHADOWK_PATCH_IN_PLACE)
		shk_say(e, "shadow '{shadow}' has another patch of {function}, or an edit in its "
			   "body; remove it first, or {instead}");
	else
		shk_say(e, "shadow '{shadow}' has a patch of {function} in place, which allows no "
			   "other; remove that first");
}

static void explain_edit_there(const struct shk_explanation *e)
{
	switch (e->op) {
	case SHADOWK_OP_SYSCALLS_CREATE:
		shk_say(e, "shadow '{shadow}' has an edit at the entry of x64_sys_call(), which "
			   "--syscalls needs; remove it first");
		return;
	case SHADOWK_OP_PATCH_ADD:
		explain_patch_there(e);
		return;
	default:
		shk_say(e, "shadow '{shadow}' has another edit at {place}; remove it first");
	}
}

static void explain_kprobe_there(const struct shk_explanation *e)
{
	if (e->op == SHADOWK_OP_PROBE_ADD)
		shk_say(e, "an optimised kprobe of another user covers {place}; remove it, or run "
			   "'sysctl debug.kprobes-optimization=0'");
	else
		shk_say(e, "a kprobe of another user is at {place}; remove it (see "
			   "/sys/kernel/debug/kprobes/list)");
}

static void explain_id_unknown(const struct shk_explanation *e)
{
	switch (e->op) {
	case SHADOWK_OP_PROBE_REMOVE:
		shk_say(e, "shadow '{shadow}' has no probe named '{probe}'; see 'shadowctl probe "
			   "list {shadow}'");
		return;
	case SHADOWK_OP_RAW_REMOVE:
		shk_say(e, "shadow '{shadow}' has no raw edit {raw}; see 'shadowctl raw list "
			   "{shadow}'");
		return;
	case SHADOWK_OP_HANDLE_REVOKE:
		shk_say(e, "no open handle that was derived from shadow '{shadow}' has that id");
		return;
	default:
		shk_say(e, "shadow '{shadow}' has no patch named '{patch}'; see 'shadowctl patch "
			   "list {shadow}'");
	}
}

static void explain_no_call(const struct shk_explanation *e)
{
	if (e->offset)
		shk_say(e, "{place} is no direct call of '{object}'; leave the offset out to have "
			   "it found");
	else
		shk_say(e, "{function} has no direct call of '{object}'; the compiler may have "
			   "inlined it, or made the call a jump; patch '{object}' itself instead");
}

static void explain_no_patch_module(const struct shk_explanation *e)
{
	const struct shadowk_patch_spec *spec = e->subject.patch_spec;

	if (spec && spec->kind == SHADOWK_PATCH_LIVEPATCH)
		shk_say(e, "module '{object}' has given shadowk no livepatch: it is none, or was "
			   "loaded without shadowk; unload it and try again");
	else
		shk_say(e, "no patch module '{object}' is loaded; define its table by "
			   "SHADOWK_PATCH() of shadowk_patch.h");
}

static void explain_livepatch(const struct shk_explanation *e)
{
	if (e->op == SHADOWK_OP_PATCH_PROMOTE && e->err == EBUSY)
		shk_say(e, "cannot {do}: another livepatch is in transition; see "
			   "/sys/kernel/livepatch, and try again when it is done");
	else if (e->op == SHADOWK_OP_PATCH_PROMOTE)
		shk_say(e, "cannot {do}: the kernel refuses the livepatch: {error}; see its log "
			   "(dmesg)");
	else
		shk_say(e, "cannot {do}: a callback of the livepatch has failed: {error}; see the "
			   "kernel's log (dmesg)");
}

static const struct {
	int err;
	const char *text;
	void (*explain)(const struct shk_explanation *e);
} reasons[] = {
#define REASON(name, err, text)	       [SHADOWK_REASON_##name] = { err, text, NULL },
#define REASON_BY(name, err, function) [SHADOWK_REASON_##name] = { err, NULL, function },
#include "error_reasons.h"
#undef REASON
#undef REASON_BY
};

/*
 * These switch statements have a case for each reason of error_reasons.h. So the compiler fails if
 * a reason of the uapi header or of shadowk.h is not in that file.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
#define REASON_BY(name, err, function) REASON(name, err, "")
static bool is_known(enum shadowk_reason reason)
{
#define REASON(name, err, text) case SHADOWK_REASON_##name:
	switch (reason) {
#include "error_reasons.h"
		return true;
	case SHADOWK_REASON_NONE:
		return false;
	}
#undef REASON
	return false;
}

static inline bool is_known_to_the_kernel(enum shk_reason reason)
{
#define REASON(name, err, text) case SHK_REASON_##name:
	switch (reason) {
#include "error_reasons.h"
		return true;
	case SHK_REASON_NONE:
		return false;
	}
#undef REASON
	return false;
}
#undef REASON_BY
#pragma GCC diagnostic pop

uint32_t shk_reason_check(uint32_t reason, int err)
{
	bool known = is_known((enum shadowk_reason)reason) &&
		     is_known_to_the_kernel((enum shk_reason)reason);

	return known && (!reasons[reason].err || reasons[reason].err == err) ? reason : 0;
}

bool shk_explain_reason(const struct shk_explanation *e)
{
	if (!e->reason)
		return false;
	if (reasons[e->reason].text)
		shk_say(e, reasons[e->reason].text);
	else
		reasons[e->reason].explain(e);
	return true;
}
