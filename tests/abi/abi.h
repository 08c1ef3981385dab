/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that were built against a release work with the module and the library of the tree.
 *
 * tests/abi/RELEASE has the two headers as they were released. Nothing else of the tree is used, so
 * that no change of it reaches these programs. The headers of the coming release are copied there
 * anew with each change, and never again after it:
 *
 *	cp include/uapi/linux/shadowk.h tests/abi/0.1/linux/; cp lib/shadowk.h tests/abi/0.1/
 */
#ifndef SHADOWK_ABI_H
#define SHADOWK_ABI_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failures;

static inline long expect_at(int line, const char *what, long got, long wanted)
{
	if (got != wanted) {
		printf("line %d: %s: %ld, expected %ld\n", line, what, got, wanted);
		failures++;
	}
	return got;
}

#define expect(what, wanted) expect_at(__LINE__, #what, what, wanted)

#endif /* SHADOWK_ABI_H */
