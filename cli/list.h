/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_LIST_H
#define SHADOWCTL_LIST_H

#include <stddef.h>
#include <stdint.h>

/* Number of elements that one call reads. */
#define LIST_STEP 64

/*
 * Reads a whole list into a new array *@elements, for list_free(). @list is one of the library's
 * shadowk_..._list(), @handle its first argument. Evaluates to the number of elements, or -errno.
 */
#define list_read(list, handle, elements)                                                        \
	({                                                                                       \
		uint64_t cursor_ = 0;                                                            \
		int count_ = 0, nr_;                                                             \
                                                                                                 \
		do {                                                                             \
			*(elements) = list_grow(*(elements), count_, sizeof(**(elements)));      \
			nr_ = list(handle, &cursor_, *(elements) + count_, sizeof(**(elements)), \
				   LIST_STEP);                                                   \
			count_ += nr_ > 0 ? nr_ : 0;                                             \
		} while (nr_ >= 0 && cursor_);                                                   \
		nr_ < 0 ? nr_ : count_;                                                          \
	})

/*
 * list.c: makes room for LIST_STEP elements behind the first @count. Returns the new array, which
 * replaces @elements. Exits if there is no memory.
 */
void *list_grow(void *elements, int count, size_t element_size);

/* Frees an array. For __cleanup(): @elements points to the pointer to the array. */
void list_free(void *elements);

#endif /* SHADOWCTL_LIST_H */
