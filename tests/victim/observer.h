/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shk_observer.ko shows, to whoever asks, the kernel's text and page tables as
 * that process has them.
 *
 * pread() on the device copies what the kernel reads at an address, in the
 * caller's context; the file offset is the address without its top bit.
 */
#ifndef SHK_TEST_OBSERVER_H
#define SHK_TEST_OBSERVER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define OBSERVER_DEVICE "/dev/shk_observer"

/* One entry of a page table. */
struct observer_entry {
	__u64 addr; /* first address that it maps */
	__u64 value;
	__u32 level; /* 5 to 1: PGD, P4D, PUD, PMD, PTE; 4 is missing without LA57 */
	__u32 reserved;
};

/* OBSERVER_TABLES: all entries that stand between @root and [@from, @to). */
struct observer_tables {
	__u64 root; /* kernel address of a PGD; 0: the one in use, 1: its user half (PTI) */
	__u64 from, to;
	__u64 entries; /* struct observer_entry[@room] */
	__u64 room;
	__u64 count; /* out: how many there are */
};
#define OBSERVER_TABLES _IO('O', 0)

/*
 * OBSERVER_TOPS: the top-level entry for address @from of every process, kernel
 * half and, with PTI, user half: @addr is the pid, @level is 5, @reserved is 1
 * for a user half. @root and @to are ignored.
 */
#define OBSERVER_TOPS _IO('O', 1)

#endif /* SHK_TEST_OBSERVER_H */
