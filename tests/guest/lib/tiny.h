/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The smallest program: it calls getppid() and exits. It is executed in a
 * fraction of the time of one that has a C library.
 */
#ifndef SHADOWK_TEST_TINY_H
#define SHADOWK_TEST_TINY_H

/* Write it to @path. */
void tiny_write(const char *path);

#endif /* SHADOWK_TEST_TINY_H */
