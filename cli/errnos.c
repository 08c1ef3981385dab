// SPDX-License-Identifier: GPL-2.0-only
/* Names of errnos: those of the C library, and those that only the kernel's functions return. */
#include <errno.h>
#include <string.h>

#include "cli.h"

static const struct {
	int number;
	const char *name;
} others[] = {
	/* <linux/errno.h> */
	{ 512, "ERESTARTSYS" },
	{ 513, "ERESTARTNOINTR" },
	{ 514, "ERESTARTNOHAND" },
	{ 515, "ENOIOCTLCMD" },
	{ 516, "ERESTART_RESTARTBLOCK" },
	{ 517, "EPROBE_DEFER" },
	{ 518, "EOPENSTALE" },
	{ 519, "ENOPARAM" },
	{ 521, "EBADHANDLE" },
	{ 522, "ENOTSYNC" },
	{ 523, "EBADCOOKIE" },
	{ 524, "ENOTSUPP" },
	{ 525, "ETOOSMALL" },
	{ 526, "ESERVERFAULT" },
	{ 527, "EBADTYPE" },
	{ 528, "EJUKEBOX" },
	{ 529, "EIOCBQUEUED" },
	{ 530, "ERECALLCONFLICT" },
	{ 531, "ENOGRACE" },
	/* second names */
	{ EWOULDBLOCK, "EWOULDBLOCK" },
	{ EDEADLOCK, "EDEADLOCK" },
	{ ENOTSUP, "ENOTSUP" },
};

const char *errno_name(int number)
{
	const char *name = number > 0 ? strerrorname_np(number) : NULL;

	for (size_t i = 0; number > 0 && !name && i < ARRAY_SIZE(others); i++)
		if (others[i].number == number)
			name = others[i].name;
	return name;
}

int errno_number(const char *name)
{
	for (int i = 1; i <= ERRNO_MAX; i++)
		if (strerrorname_np(i) && !strcmp(strerrorname_np(i), name))
			return i;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(others[i].name, name))
			return others[i].number;
	return 0;
}
