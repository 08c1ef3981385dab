/* SPDX-License-Identifier: GPL-2.0-only */
/* What page tables permit, compared with the base's. Uses shk_observer.ko. */
#ifndef SHADOWK_TEST_TABLES_H
#define SHADOWK_TEST_TABLES_H

#include "check.h"

/* Where the kernel image is mapped, and where modules are. */
#define IMAGE_AREA   0xffffffff80000000ULL
#define MODULES_AREA 0xffffffffc0000000ULL

#define MAPPED	   1
#define WRITABLE   2
#define EXECUTABLE 4
#define CACHED	   8

/* The first large page of that GB that the base may write to; 0: there is none. */
uint64_t base_large_page(uint64_t area);
/* What the base permits at @addr; these bits. */
unsigned int base_permits(uint64_t addr);
/*
 * A job: pages of the GB from @area on that the caller may write to, execute or cache and
 * the base may not. The first of them is named on stderr.
 */
long job_wrongly_permitted(long area);
/* A job: pages of that GB that the base may execute and the caller has not mapped. */
long job_missing(long area);

#endif /* SHADOWK_TEST_TABLES_H */
