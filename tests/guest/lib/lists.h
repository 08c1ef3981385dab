/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads lists of the library. @list is one of shadowk_..._list(), @handle its first argument. */
#ifndef SHADOWK_TEST_LISTS_H
#define SHADOWK_TEST_LISTS_H

#include "check.h"

/* Reads the first element. Evaluates to 1, to 0 if there is none, or to -errno. */
#define list_first(list, handle, element)                               \
	({                                                              \
		uint64_t cursor_ = 0;                                   \
		list(handle, &cursor_, element, sizeof(*(element)), 1); \
	})

/*
 * Reads all elements into a new array *@elements, which the caller frees. Evaluates to their
 * number, or to -errno.
 */
#define list_read(list, handle, elements)                                                        \
	({                                                                                       \
		enum { STEP_ = 16 };                                                             \
		uint64_t cursor_ = 0;                                                            \
		long count_ = 0, nr_;                                                            \
                                                                                                 \
		*(elements) = NULL;                                                              \
		do {                                                                             \
			*(elements) = reallocarray(*(elements), (size_t)count_ + STEP_,          \
						   sizeof(**(elements)));                        \
			need(*(elements));                                                       \
			nr_ = list(handle, &cursor_, *(elements) + count_, sizeof(**(elements)), \
				   STEP_);                                                       \
			count_ += nr_ > 0 ? nr_ : 0;                                             \
		} while (nr_ >= 0 && cursor_);                                                   \
		nr_ < 0 ? nr_ : count_;                                                          \
	})

#endif /* SHADOWK_TEST_LISTS_H */
