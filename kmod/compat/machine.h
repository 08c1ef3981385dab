/* SPDX-License-Identifier: GPL-2.0-only */
/* Layouts of memory that shadows are not made for. */
#ifndef SHK_MACHINE_H
#define SHK_MACHINE_H

/*
 * Returns true if memory of @size bytes at @start shares a top-level entry with @text, or is behind
 * that entry. An entry maps 1 << @shift bytes. When the kernel maps more of such memory, it
 * compares the entry in all mms, which differs in a grafted mm. @size may reach beyond the end of
 * all addresses. Any context.
 */
static inline bool shk_shares_top_entry(unsigned long start, unsigned long size, unsigned long text,
					unsigned int shift)
{
	unsigned long entry = text >> shift << shift;

	/* No sum of @start and @size, which may overflow. */
	return start >= entry || size > entry - start;
}

#endif /* SHK_MACHINE_H */
