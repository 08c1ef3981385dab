// SPDX-License-Identifier: LGPL-2.1-only
/* Why a patch could not be added. */
#include <inttypes.h>
#include <stdbool.h>

#include "internal.h"

static void function_print(char *buf, size_t len, const struct shadowk_patch_spec *spec)
{
	if (spec->symbol[0])
		snprintf(buf, len, "%s", spec->symbol);
	else
		snprintf(buf, len, "0x%" PRIx64, spec->addr);
}

static bool explain_call(char *buf, size_t len, int err, const char *function,
			 const struct shadowk_patch_spec *spec)
{
	switch (err) {
	case ENXIO:
		if (spec->offset)
			snprintf(buf, len,
				 "%s has no direct call of '%s' at offset 0x%" PRIx64
				 "; leave the offset out to have it found",
				 function, spec->object, spec->offset);
		else
			snprintf(buf, len,
				 "%s has no direct call of '%s'; the compiler may have inlined "
				 "it or ends with a jump to it; patch '%s' itself instead",
				 function, spec->object, spec->object);
		return true;
	case EMLINK:
		snprintf(buf, len,
			 "%s calls '%s' at several places; say which: %s+OFFSET "
			 "(see its disassembly)",
			 function, spec->object, function);
		return true;
	case EILSEQ:
		if (!spec->offset)
			return false;
		snprintf(buf, len,
			 "%s+0x%" PRIx64 " is in the middle of an instruction; give the offset "
			 "of the call's first byte",
			 function, spec->offset);
		return true;
	case EADDRINUSE:
		snprintf(buf, len,
			 "this shadow has a probe or a patch on that call of '%s' already; remove "
			 "it first",
			 spec->object);
		return true;
	}
	return false;
}

static bool explain_thunk(char *buf, size_t len, int err, const struct shadowk_subject *subject)
{
	const char *what = subject->patch_spec->kind == SHADOWK_PATCH_RETURNS ? "return thunks"
									      : "retpolines";

	if (err == EBUSY)
		snprintf(
			buf, len,
			"processes inside shadow '%s' execute the %s now; end or detach them first "
			"('shadowctl show %s' lists them)",
			subject->shadow, what, subject->shadow);
	else if (err == EOPNOTSUPP)
		snprintf(buf, len,
			 "this kernel uses no %s on this CPU, so there are none to drop; see "
			 "/sys/devices/system/cpu/vulnerabilities",
			 what);
	return err == EBUSY || err == EOPNOTSUPP;
}

static bool explain_in_place(char *buf, size_t len, int err, const char *function)
{
	static const char instead[] = "leave --in-place out to have it jumped to";

	switch (err) {
	case EBUSY:
		return shk_explain_busy(buf, len);
	case EFBIG:
		snprintf(buf, len, "the new body is longer than that of %s; %s", function, instead);
		return true;
	case EOVERFLOW:
		snprintf(
			buf, len,
			"a branch or a datum of the new body is out of reach from the place of %s; "
			"%s",
			function, instead);
		return true;
	case EPROTO:
		snprintf(buf, len,
			 "the bodies of %s cannot change places: one of them has a static key or "
			 "call, WARN(), access to user memory, or the old one is to stay callable "
			 "(use SHADOWK_BODY() for the new one); %s",
			 function, instead);
		return true;
	case EPROTOTYPE:
		snprintf(buf, len,
			 "the new body of %s uses the stack at other places than the old one, and "
			 "the kernel's stack traces would be wrong; %s",
			 function, instead);
		return true;
	case EADDRINUSE:
		snprintf(buf, len,
			 "this shadow has another patch of %s, or an edit in its body; remove it "
			 "first, or %s",
			 function, instead);
		return true;
	case EOPNOTSUPP:
		snprintf(
			buf, len,
			"nothing can be changed in place: the shadow is delegable, its --async is "
			"owner or causal, or processes are in it during some system calls only, %s "
			"has no __fentry__ site at its start or is a module's, or this kernel has "
			"no ORC unwinder; %s",
			function, instead);
		return true;
	}
	return false;
}

/* Waiting for threads to leave the bodies: errors of that alone. */
static bool explain_wait(char *buf, size_t len, int err, const struct shadowk_patch_spec *spec)
{
	size_t used;

	if (err == EBUSY && shk_explain_busy(buf, len)) {
		used = strlen(buf);
		snprintf(buf + used, len - used, "; --unsafe-now does not wait");
		return true;
	}
	if (err == EPROTO)
		snprintf(buf, len,
			 "%s is in too many parts to see who is in it; --unsafe-now does not look",
			 spec->symbol);
	else if (err == EOPNOTSUPP && !spec->symbol[0])
		snprintf(
			buf, len,
			"threads cannot be waited for to leave the functions of '%s': the shadow is "
			"delegable, its --async is owner or causal, or processes are in it during "
			"some system calls only, or this kernel has no ORC unwinder; with "
			"--unsafe-now a call in progress may execute old and new functions",
			spec->object);
	return err == EPROTO || (err == EOPNOTSUPP && !spec->symbol[0]);
}

bool shk_explain_patch_add(char *buf, size_t len, int err, const struct shadowk_subject *subject)
{
	const struct shadowk_patch_spec *spec = subject->patch_spec;
	char function[SHADOWK_SYMBOL_LEN];

	function_print(function, sizeof(function), spec);
	if (spec->kind == SHADOWK_PATCH_SKIP_CALL && explain_call(buf, len, err, function, spec))
		return true;
	if (spec->kind >= SHADOWK_PATCH_RETPOLINES && explain_thunk(buf, len, err, subject))
		return true;
	if (err == ETXTBSY) {
		snprintf(buf, len,
			 "threads have entered shadow '%s' for themselves, and this would concern "
			 "all threads; have them leave first",
			 subject->shadow);
		return true;
	}
	if (spec->flags & SHADOWK_PATCH_IN_PLACE && explain_in_place(buf, len, err, function))
		return true;
	if (spec->kind == SHADOWK_PATCH_LIVEPATCH && !(spec->flags & SHADOWK_PATCH_UNSAFE_NOW) &&
	    explain_wait(buf, len, err, spec))
		return true;
	switch (err) {
	case EADDRINUSE:
		snprintf(buf, len,
			 "this shadow has a patch of %s in place, which is alone then; remove that "
			 "first",
			 function);
		return true;
	case EXDEV:
		if (!strcmp(spec->symbol, "callbacks"))
			snprintf(buf, len,
				 "module '%s' has callbacks, and what they do is everybody's; with "
				 "--callbacks they are called all the same",
				 spec->object);
		else
			snprintf(
				buf, len,
				"module '%s' changes functions of '%s', which is not loaded or has "
				"not started yet, or has relocations for it that only livepatch "
				"makes; load it first, or use livepatch",
				spec->object, spec->symbol);
		return true;
	case ENODEV:
		if (spec->kind == SHADOWK_PATCH_LIVEPATCH) {
			snprintf(buf, len,
				 "module '%s' has given shadowk no livepatch: it was loaded "
				 "otherwise, or is none; unload it and try again",
				 spec->object);
			return true;
		}
		snprintf(buf, len,
			 "no patch module '%s' is loaded; is it made with SHADOWK_PATCH() of "
			 "shadowk_patch.h?",
			 spec->object);
		return true;
	case ENOEXEC:
		snprintf(buf, len,
			 "module '%s' does not belong to this version of shadowk; build it again "
			 "with its shadowk_patch.h",
			 spec->object);
		return true;
	case ENOENT:
	case ENOTUNIQ:
	case ERANGE:
		shk_explain_function(buf, len, err, spec->symbol, spec->addr);
		return true;
	case EILSEQ:
		snprintf(buf, len,
			 "%s is not the first byte of a function; see /proc/kallsyms for those",
			 function);
		return true;
	case EADDRNOTAVAIL:
		snprintf(
			buf, len,
			"cannot patch %s: the kernel forbids it (noinstr, entry or scheduler text, "
			"kprobe blacklist), shadows depend on it, or the branch would lie in two pages; "
			"choose another function",
			function);
		return true;
	case EOPNOTSUPP:
		snprintf(buf, len,
			 "cannot redirect %s: it has no __fentry__ site at its start (it is not "
			 "traced); patch a function that it calls, or its callers",
			 function);
		return true;
	case EEXIST:
		snprintf(buf, len,
			 "shadow '%s' has a patch named '%s' already; choose another --name, or "
			 "run 'shadowctl patch remove %s %s'",
			 subject->shadow, spec->name, subject->shadow, spec->name);
		return true;
	case ENOSPC:
		snprintf(buf, len, "there is no room for more patches; remove some first");
		return true;
	case EBUSY:
		snprintf(buf, len,
			 "somebody else's kprobe is in the way at %s; remove it (see "
			 "/sys/kernel/debug/kprobes/list)",
			 function);
		return true;
	case EINVAL:
		return spec->name[0] && shk_explain_name(buf, len, "patch", spec->name);
	}
	return false;
}
