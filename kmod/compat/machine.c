// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/mm.h>
#include <linux/pgtable.h>

#include "compat/machine.h"
#include "compat/symbols.h"

/* What vmemmap may grow to when memory is added. */
#define VMEMMAP_SIZE (sizeof(struct page) << (MAX_PHYSMEM_BITS - PAGE_SHIFT))

int __init shk_machine_check(void)
{
	/* Its spinlocks sleep, in our tracepoints, fault path and stop_machine() too. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("kernels with CONFIG_PREEMPT_RT are not supported; boot one without\n");
		return -EOPNOTSUPP;
	}
	if (shk_shares_top_entry(VMEMMAP_START, VMEMMAP_SIZE, shk_symbols.text, PGDIR_SHIFT)) {
		pr_err("vmemmap shares a top-level entry with the kernel's text in this boot, so adding memory would meet changed entries; boot again, or with nokaslr or no5lvl\n");
		return -EOPNOTSUPP;
	}
	return 0;
}
