// SPDX-License-Identifier: LGPL-2.1-only
/* Why a raw edit could not be made. */
#include <stdbool.h>

#include "internal.h"

/* The place is read as a probe's, and what is wrong with it is the same. */
static bool explain_place(char *buf, size_t len, int err, const struct shadowk_subject *subject)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };
	struct shadowk_subject as_probe = *subject;

	if (shadowk_probe_parse(subject->probe, &spec))
		return false;
	as_probe.spec = &spec;
	return shk_explain_probe_add(buf, len, err, &as_probe);
}

static bool explain_add(char *buf, size_t len, int err, const struct shadowk_subject *subject)
{
	const char *place = subject->probe;

	switch (err) {
	case ENOENT:
	case ENOTUNIQ:
		return explain_place(buf, len, err, subject);
	case ERANGE:
		snprintf(buf, len, "%s, or the end of the range, is not in the kernel's own text",
			 place);
		return true;
	case EILSEQ:
		snprintf(buf, len,
			 "at %s one instruction is to stand in the place of one of the same "
			 "length; see 'objdump -d' of the kernel, and pad with prefixes or a "
			 "longer form",
			 place);
		return true;
	case EADDRNOTAVAIL:
		snprintf(buf, len,
			 "cannot edit %s: the kernel replaces or guards that text itself "
			 "(tracing, static keys, kprobe blacklist, noinstr); choose another place",
			 place);
		return true;
	case EADDRINUSE:
		snprintf(buf, len,
			 "an edit of shadow '%s', or somebody's kprobe, is at %s; remove it first",
			 subject->shadow, place);
		return true;
	case EOPNOTSUPP:
		snprintf(buf, len,
			 "the instruction at %s lies within 4 bytes of the edge of a page, or "
			 "kprobes cannot step it; choose another one",
			 place);
		return true;
	}
	return false;
}

bool shk_explain_raw(char *buf, size_t len, enum shadowk_op op, int err,
		     const struct shadowk_subject *subject)
{
	if (op == SHADOWK_OP_RAW_ADD)
		return explain_add(buf, len, err, subject);
	if (op == SHADOWK_OP_RAW_REMOVE && err == ENOENT) {
		snprintf(buf, len, "shadow '%s' has no raw edit %s; see 'shadowctl raw list %s'",
			 subject->shadow, subject->probe, subject->shadow);
		return true;
	}
	return false;
}
