// SPDX-License-Identifier: GPL-2.0-only
/* The functions of the tracepoints, which macros of the kernel generate from trace.h. */
#include "edit/probe.h"

/*
 * Copies a name and the 0 behind it from @src to @dst: @size bytes, a result of shk_name_size().
 * The name may be cleared meanwhile. Inline, and by words, since memcpy() takes more instructions.
 */
static __always_inline void trace_copy_name(char *dst, const char *src, size_t size)
{
	const char *end = src + size;
	u64 word;

	do {
		word = READ_ONCE(*(const u64 *)src);
		memcpy(dst, &word, sizeof(word));
		src += sizeof(word);
		dst += sizeof(word);
	} while (src != end);
}

#define CREATE_TRACE_POINTS
#include "edit/trace.h"
