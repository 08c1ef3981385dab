/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes all locks of an mm without waiting for a fault that may not end, for example on a frozen
 * file system.
 */
#ifndef SHK_MM_LOCK_H
#define SHK_MM_LOCK_H

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/seqlock.h>

/*
 * Takes @mm's mmap_lock for writing, if it is free. Does not sleep. Returns true if it has the
 * lock, which mmap_write_unlock() releases; false: no lock is held.
 *
 * "mm: introduce mm_lock_seqcount_{begin|end}" (6.12.y, too) also made mm_lock_seq count when the
 * lock is taken.
 */
static inline bool shk_mmap_write_trylock(struct mm_struct *mm)
{
	if (!down_write_trylock(&mm->mmap_lock))
		return false;
#ifdef CONFIG_PER_VMA_LOCK
	if (__same_type(mm->mm_lock_seq, seqcount_t))
		do_raw_write_seqcount_begin((seqcount_t *)&mm->mm_lock_seq);
#endif
	return true;
}

/*
 * Marks all VMAs of @mm as locked. Waits until faults that hold only the lock of their VMA have
 * ended, for some milliseconds at most. Called with the mmap_lock held for writing. No such fault
 * begins until mmap_write_unlock(), which the caller calls in either case. May sleep. Returns true
 * if vma_start_write() has nothing to wait for; false: a fault does not end.
 */
static inline bool shk_vmas_lock(struct mm_struct *mm)
{
#ifdef CONFIG_PER_VMA_LOCK
	unsigned int polls = 100;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	for_each_vma (vmi, vma) {
		WRITE_ONCE(vma->vm_lock_seq, *(unsigned int *)&mm->mm_lock_seq);
	}
	smp_mb(); /* pairs with vma_start_read(), which takes the lock and then reads vm_lock_seq */
	vma_iter_init(&vmi, mm, 0);
	for_each_vma (vmi, vma) {
		while (rwsem_is_locked(&vma->vm_lock->lock)) {
			if (!polls--)
				return false;
			usleep_range(50, 100);
		}
	}
#endif
	return true;
}

#endif /* SHK_MM_LOCK_H */
