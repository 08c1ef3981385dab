// SPDX-License-Identifier: LGPL-2.1-only
/* Loads livepatch modules without enabling their livepatch. */
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/*
 * Loads the module of @fd while the calling thread is in @loader, a shadow with a CAPTURE patch. So
 * the module's init enables no livepatch. Returns 0 or -errno. Notes a reason if the module
 * shadowk has refused the stretch, else 0.
 */
static int load_in(struct shadowk_shadow *loader, int fd)
{
	int load_err, err = shadowk_enter_flags(loader, SHADOWK_THREAD);

	if (err)
		return err;
	load_err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	err = shadowk_leave(loader);
	return load_err ? shk_return(load_err, 0) : err;
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
