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

#include "compat/have.h"

/*
 * Takes @mm's mmap_lock for writing, if it is free. Does not sleep. Returns true if it has the
 * lock, which mmap_write_unlock() releases; false: no lock is held.
 *
 * On kernels with "mm: introduce mm_lock_seqcount_{begin|end}" (6.12.y, too) mm->mm_lock_seq is a
 * seqcount. There this function also begins a write section of it, which mmap_write_unlock() ends.
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

#ifdef CONFIG_PER_VMA_LOCK
/* Returns true if a page fault holds the lock of @vma. The mmap_lock is held for writing. */
static inline bool shk_vma_is_read_locked(struct vm_area_struct *vma)
{
#if SHK_HAVE_VMA_REFCOUNT
	/* One reference is the mm's; each reader of the lock has another. */
	return refcount_read(&vma->vm_refcnt) > 1;
#else
	return rwsem_is_locked(&vma->vm_lock->lock);
#endif
}
#endif

/*
 * Marks all VMAs of @mm as locked, so that no page fault begins with only the lock of its VMA.
 * Then waits, some milliseconds at most, until such faults that began before have ended. The caller
 * holds the mmap_lock for writing, and calls mmap_write_unlock() also after a failure: that unlocks
 * the VMAs.
 *
 * May sleep. Returns true if no fault holds a VMA's lock, so that vma_start_write() does not wait.
 * Returns false if a fault has not ended in that time.
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
		while (shk_vma_is_read_locked(vma)) {
			if (!polls--)
				return false;
			usleep_range(50, 100);
		}
	}
#endif
	return true;
}

#endif /* SHK_MM_LOCK_H */
