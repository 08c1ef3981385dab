/* SPDX-License-Identifier: GPL-2.0-only */
/* Layouts of memory that shadows are not made for. */
#ifndef SHK_MACHINE_H
#define SHK_MACHINE_H

/*
 * Does memory of @size bytes at @start share a top-level entry, which maps 1 << @shift bytes,
 * with @text, or lie behind it? The kernel compares that entry in all mms when it maps
 * more there.
 */
static inline bool shk_shares_top_entry(unsigned long start, unsigned long size, unsigned long text,
					unsigned int shift)
{
	unsigned long entry = text >> shift << shift;

	/* Its end may be beyond that of all addresses. */
	return start >= entry || size > entry - start;
}

#endif /* SHK_MACHINE_H */
