// SPDX-License-Identifier: LGPL-2.1-only
/* System calls as a scope, and the numbers of their names. */
#include <stdlib.h>

#include <linux/shadowk.h>

#include "internal.h"

#define NR_CALLS (SHK_SYSCALLS_WORDS * 64)

static const struct {
	const char *name;
	int number;
} names[] = {
#include "syscall_names.h"
};

int shadowk_syscall_number(const char *name)
{
	unsigned long number;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, name))
			return shk_return(names[i].number, 0);
	if (!*name || strspn(name, "0123456789") != strlen(name))
		return shk_return(-ENOENT, 0);
	number = strtoul(name, NULL, 10);
	return shk_return(number < NR_CALLS ? (int)number : -ENOENT, 0);
}

int shadowk_syscalls_create(struct shadowk_shadow *shadow, const unsigned int *numbers,
			    size_t count, struct shadowk_shadow **during, size_t *refused)
{
	struct shk_syscalls arg = { .size = sizeof(arg) };
	int err;

	for (size_t i = 0; i < count; i++) {
		if (numbers[i] >= NR_CALLS) {
			if (refused)
				*refused = i;
			return shk_return(-EINVAL, SHADOWK_REASON_SYSCALL_UNKNOWN);
		}
		arg.calls[numbers[i] / 64] |= 1ULL << numbers[i] % 64;
	}
	err = shk_shadow_get(shadow->fd, SHK_SYSCALLS_CREATE, &arg, during);
	if (err && refused &&
	    (shk_error.reason == SHADOWK_REASON_SYSCALL_UNKNOWN ||
	     shk_error.reason == SHADOWK_REASON_SYSCALL_NO_RETURN))
		for (size_t i = 0; i < count; i++)
			if (numbers[i] == arg.nr)
				*refused = i;
	return err;
}
