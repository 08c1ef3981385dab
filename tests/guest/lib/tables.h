/* SPDX-License-Identifier: GPL-2.0-only */
/* Compares the permissions in page tables with the base's. Uses shk_observer.ko. */
#ifndef SHADOWK_TEST_TABLES_H
#define SHADOWK_TEST_TABLES_H

#include "check.h"

/* The GB that maps the kernel image, and the GB that maps modules. */
#define IMAGE_AREA   0xffffffff80000000ULL
#define MODULES_AREA 0xffffffffc0000000ULL

#define MAPPED	   1
#define WRITABLE   2
#define EXECUTABLE 4
#define CACHED	   8

/* Address of the first large page in the GB at @area that the base may write to, or 0. */
uint64_t base_large_page(uint64_t area);
/* The permissions of the base at @addr: the bits above. */
unsigned int base_permits(uint64_t addr);
/*
 * A job: counts pages of the GB at @area that the caller may write to, execute or cache and the
 * base may not. Prints the first one to stderr.
 */
long job_wrongly_permitted(long area);
/* A job: counts pages of the GB at @area that the base may execute and the caller does not map. */
long job_missing(long area);

#endif /* SHADOWK_TEST_TABLES_H */
