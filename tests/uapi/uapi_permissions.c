// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* Tries every cell of the table of docs/permissions.md but those under lockdown. */
#include "permissions.h"

int main(int argc, char **argv)
{
	int dev;

	if (argc == 2 && !strcmp(argv[1], "--table"))
		return table_print();
	dev = device_open();
	try_all_callers(dev, grounds_make(dev), false);
	return finish();
}
