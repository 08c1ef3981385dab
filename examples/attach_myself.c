// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts how often this program makes the kernel open a file. The probe is in a shadow
 * that only this process executes, so no other process is counted.
 *
 *	attach_myself FILE...
 */
#include <fcntl.h>
#include <inttypes.h>
#include <shadowk.h>
#include <stdio.h>
#include <unistd.h>

static int refuse(enum shadowk_op op, int err)
{
	char line[256];

	fprintf(stderr, "%s\n", shadowk_explain(line, sizeof(line), op, err, NULL));
	return 1;
}

int main(int argc, char **argv)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };
	struct shadowk_probe_info info = { .size = sizeof(info) };
	struct shadowk_shadow *shadow;
	struct shadowk *dev;
	int err;

	err = shadowk_open(&dev);
	if (err)
		return refuse(SHADOWK_OP_OPEN, err);
	/* Without a name it is gone when this program ends. */
	err = shadowk_shadow_create(dev, NULL, &shadow);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err);
	err = shadowk_probe_parse("do_sys_openat2", &spec);
	if (!err)
		err = shadowk_probe_add(shadow, &spec);
	if (err)
		return refuse(SHADOWK_OP_PROBE_ADD, err);

	err = shadowk_process_attach(shadow, 0);
	if (err)
		return refuse(SHADOWK_OP_PROCESS_ATTACH, err);
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			close(fd);
	}
	shadowk_process_detach(dev, 0);

	err = shadowk_probe_next(shadow, &info);
	if (err < 0)
		return refuse(SHADOWK_OP_PROBE_NEXT, err);
	printf("%" PRIu64 "\n", info.hits);
	shadowk_shadow_close(shadow);
	shadowk_close(dev);
	return 0;
}
