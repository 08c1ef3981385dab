/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shk_observer.ko shows the kernel's text and page tables as the calling process has them.
 *
 * pread() on its device copies the bytes that the kernel reads at an address, in the caller's
 * context. The file offset is the address without its top bit.
 */
#ifndef SHK_TEST_OBSERVER_H
#define SHK_TEST_OBSERVER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define OBSERVER_DEVICE "/dev/shk_observer"

/* An entry of a page table. */
struct observer_entry {
	__u64 addr; /* first address that the entry maps */
	__u64 value;
	__u32 level; /* 5 to 1: PGD, P4D, PUD, PMD, PTE; without LA57 there is no 4 */
	__u32 reserved;
};

/* OBSERVER_TABLES lists the entries of all levels through which @root maps [@from, @to). */
struct observer_tables {
	__u64 root; /* kernel address of a PGD; 0: the loaded one, 1: its user half (PTI) */
	__u64 from, to;
	__u64 entries; /* struct observer_entry[@room] */
	__u64 room;
	__u64 count; /* out: how many entries there are; may exceed @room */
};
#define OBSERVER_TABLES _IO('O', 0)

/*
 * OBSERVER_TOPS lists the top-level entry for address @from of every process, in the kernel half
 * and, with PTI, in the user half. In each element, @addr is the pid, @level is 5, and @reserved is
 * 1 for a user half. @root and @to are ignored.
 */
#define OBSERVER_TOPS _IO('O', 1)

#endif /* SHK_TEST_OBSERVER_H */
