/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The smallest program: it calls getppid() and exits. It has no C library, so executing it takes a
 * fraction of the time.
 */
#ifndef SHADOWK_TEST_TINY_H
#define SHADOWK_TEST_TINY_H

/* Writes the program to @path. */
void tiny_write(const char *path);

#endif /* SHADOWK_TEST_TINY_H */
