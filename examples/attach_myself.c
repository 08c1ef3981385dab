// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts how often the kernel opens a file for this program. A probe counts for processes inside
 * the shadow only. The program needs no capability, since root shares the shadow with it.
 *
 * 	shadowctl create opens
 * 	shadowctl probe add opens do_sys_openat2
 * 	shadowctl share opens -- setpriv --reuid 1000 --clear-groups attach_myself FILE...
 */
#include <fcntl.h>
#include <inttypes.h>
#include <shadowk.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int refuse(enum shadowk_op op, int err)
{
	char line[256];

	fprintf(stderr, "%s\n", shadowk_explain(line, sizeof(line), op, err, NULL));
	return 1;
}

int main(int argc, char **argv)
{
	const char *fd = getenv("SHADOWK_FD");
	struct shadowk_probe_info before, after;
	struct shadowk_shadow *shadow;
	uint64_t cursor = 0;
	int ret;

	if (!fd) {
		fprintf(stderr, "usage: shadowctl share SHADOW -- attach_myself FILE...\n");
		return 2;
	}
	ret = shadowk_shadow_from_fd(atoi(fd), &shadow);
	if (ret)
		return refuse(SHADOWK_OP_SHADOW_FROM_FD, ret);
	/* Read the first probe. Its hits are those of all processes inside. */
	ret = shadowk_probe_list(shadow, &cursor, &before, sizeof(before), 1);
	if (ret < 0)
		return refuse(SHADOWK_OP_PROBE_LIST, ret);
	if (!ret) {
		fprintf(stderr, "the shadow has no probe\n");
		return 1;
	}

	ret = shadowk_process_attach(shadow, 0);
	if (ret)
		return refuse(SHADOWK_OP_PROCESS_ATTACH, ret);
	for (int i = 1; i < argc; i++) {
		int file = open(argv[i], O_RDONLY | O_CLOEXEC);

		if (file >= 0)
			close(file);
	}
	shadowk_process_detach_from(shadow, 0);

	cursor = 0;
	ret = shadowk_probe_list(shadow, &cursor, &after, sizeof(after), 1);
	if (ret < 0)
		return refuse(SHADOWK_OP_PROBE_LIST, ret);
	printf("%" PRIu64 "\n", after.hits - before.hits);
	shadowk_shadow_close(shadow);
	return 0;
}
