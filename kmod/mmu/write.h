/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes private pages, which are read-only, also where nothing may sleep. There text_poke() cannot
 * be called on kernels with CONFIG_ARCH_HAS_EXECMEM_ROX: outside of the kernel's own text it may
 * wait for the mmap_lock of init_mm.
 */
#ifndef SHK_WRITE_H
#define SHK_WRITE_H

#include <linux/types.h>

/*
 * Prepares shk_write() on kernels on which text_poke() cannot be used. Called at load, before hooks
 * exist. May sleep. Returns 0; -ENOMEM, after which nothing is left.
 */
int shk_write_init(void);
/* Frees what shk_write_init() has allocated. May sleep. */
void shk_write_exit(void);
/*
 * Writes @len bytes of @from to @to, in memory of vmalloc() that may be read-only. The bytes are
 * within one page. text_mutex is held. Does not sleep. On return this CPU has serialised. Other
 * CPUs may execute the old bytes until they serialise, as after text_poke().
 */
void shk_write(void *to, const void *from, size_t len);

#endif /* SHK_WRITE_H */
