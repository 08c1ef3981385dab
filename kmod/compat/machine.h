/* SPDX-License-Identifier: GPL-2.0-only */
/* Layouts of memory that shadows are not made for. */
#ifndef SHK_MACHINE_H
#define SHK_MACHINE_H

/*
 * Returns false if the area of @size bytes at @start ends below the addresses that the top-level
 * entry of @text maps. Returns true otherwise: the area shares that entry, or is above it. A
 * top-level entry maps 1 << @shift bytes. @start + @size may overflow. Any context.
 *
 * The area is vmemmap. When the kernel adds memory, it compares the top-level entries of vmemmap in
 * all mms. In a grafted mm the entry of @text differs.
 */
static inline bool shk_shares_top_entry(unsigned long start, unsigned long size, unsigned long text,
					unsigned int shift)
{
	unsigned long entry = text >> shift << shift;

	/* No sum of @start and @size, which may overflow. */
	return start >= entry || size > entry - start;
}

#endif /* SHK_MACHINE_H */
