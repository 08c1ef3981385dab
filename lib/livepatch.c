// SPDX-License-Identifier: LGPL-2.1-only
/* Livepatch modules: loaded so that they patch nothing yet. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

/* In a process of its own, which is inside @loader. Only its errno comes back. */
static void __attribute__((noreturn)) load(struct shadowk_shadow *loader, int fd)
{
	int err = shadowk_process_attach(loader, 0);

	if (!err && syscall(SYS_finit_module, fd, "", 0))
		err = -errno;
	_exit(-err);
}

static int load_in(struct shadowk_shadow *loader, int fd)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		load(loader, fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int shadowk_livepatch_load(struct shadowk *dev, int fd)
{
	struct shadowk_patch_spec capture = {
		.size = sizeof(capture),
		.kind = SHADOWK_PATCH_CAPTURE,
	};
	struct shadowk_shadow *loader;
	int err = shadowk_shadow_create(dev, NULL, &loader);

	if (err)
		return err;
	err = shadowk_patch_add(loader, &capture);
	if (!err)
		err = load_in(loader, fd);
	shadowk_shadow_close(loader);
	return err;
}
