// SPDX-License-Identifier: GPL-2.0-only
/* Handles: their files, their rights, and each shadow's list of derived ones. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/slab.h>

#include "handle.h"

/*
 * Protects shk_shadow.handles, .nr_handles and .last_handle, and shk_handle.revoked and .node.
 * Process context; nothing is taken inside.
 */
static DEFINE_SPINLOCK(handles_lock);

struct file *shk_handle_file(const struct file_operations *fops)
{
	struct shk_handle *handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!handle)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&handle->node);
	file = anon_inode_getfile("[shadowk]", fops, handle, O_RDWR);
	if (IS_ERR(file))
		kfree(handle);
	return file;
}

void shk_handle_set_shadow(struct file *file, struct shk_shadow *shadow)
{
	struct shk_handle *handle = file->private_data;

	handle->shadow = shadow;
}

int shk_handle_create(struct shk_shadow *shadow, const struct file_operations *fops)
{
	/* O_CLOEXEC: a handle reaches another program only on purpose. */
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		goto put;
	file = shk_handle_file(fops);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto put;
	}
	shk_handle_set_shadow(file, shadow);
	fd_install(fd, file);
	return fd;
put:
	shk_shadow_put(shadow);
	return fd;
}

/*
 * Checks whether handles with @rights may be derived from @shadow, and sets .shared for
 * SHK_RIGHT_ATTACH. From then on shk_inplace_allowed() refuses patches for which threads are
 * waited for: exec may take a process out that was attached by this right, and cannot wait for
 * threads. Takes the shadow's lock; sleeps. SHADOW_DESTROYED, EDITS_IN_PLACE, -ERESTARTSYS.
 */
static int handle_share(struct shk_shadow *shadow, u32 rights)
{
	int ret = shk_shadow_lock(shadow);

	if (ret)
		return ret;
	if (shk_shadow_is_gone(shadow))
		ret = SHK_E(SHADOW_DESTROYED);
	else if (rights & SHK_RIGHT_ATTACH && !list_empty(&shadow->bodies))
		ret = SHK_E(EDITS_IN_PLACE);
	else if (rights & SHK_RIGHT_ATTACH)
		WRITE_ONCE(shadow->shared, true);
	shk_shadow_unlock(shadow);
	return ret;
}

/* Gives the derived @handle its shadow, with a reference, and its id, and adds it to the list. */
static void handle_list(struct shk_handle *handle, struct shk_shadow *shadow)
{
	handle->shadow = shk_shadow_get(shadow);
	spin_lock(&handles_lock);
	handle->id = ++shadow->last_handle;
	list_add_tail(&handle->node, &shadow->handles);
	WRITE_ONCE(shadow->nr_handles, shadow->nr_handles + 1);
	spin_unlock(&handles_lock);
}

/* Removes @handle from the list; it keeps its shadow. */
static void handle_unlist(struct shk_handle *handle)
{
	struct shk_shadow *shadow = handle->shadow;

	lockdep_assert_held(&handles_lock);
	list_del_init(&handle->node);
	WRITE_ONCE(shadow->nr_handles, shadow->nr_handles - 1);
}

int shk_handle_derive(struct shk_shadow *shadow, struct shk_handle_derive *arg,
		      const struct file_operations *fops)
{
	struct shk_handle *handle;
	struct file *file;
	int fd, ret;

	if (arg->flags || arg->reserved || !arg->rights ||
	    arg->rights & ~(SHK_RIGHT_ATTACH | SHK_RIGHT_READ))
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = shk_handle_file(fops);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto put_fd;
	}
	ret = handle_share(shadow, arg->rights);
	if (ret)
		goto put_file;
	handle = file->private_data;
	handle->derived = true;
	handle->rights = arg->rights;
	handle_list(handle, shadow);
	arg->id = handle->id;
	fd_install(fd, file);
	return fd;
put_file:
	fput(file);
put_fd:
	put_unused_fd(fd);
	return ret;
}

int shk_handle_revoke(struct shk_shadow *shadow, const struct shk_handle_revoke *arg)
{
	struct shk_handle *handle, *next;
	bool found = !arg->id;

	if (arg->flags)
		return -EINVAL;
	spin_lock(&handles_lock);
	list_for_each_entry_safe (handle, next, &shadow->handles, node) {
		if (arg->id && handle->id != arg->id)
			continue;
		WRITE_ONCE(handle->revoked, true);
		handle_unlist(handle);
		found = true;
	}
	spin_unlock(&handles_lock);
	return found ? 0 : SHK_E(ID_UNKNOWN);
}

void shk_handle_free(struct shk_handle *handle)
{
	struct shk_shadow *shadow = handle->shadow;

	/* NULL: the call that creates the handle has failed before it has set it. */
	if (shadow) {
		spin_lock(&handles_lock);
		if (!list_empty(&handle->node))
			handle_unlist(handle);
		spin_unlock(&handles_lock);
		shk_shadow_put(shadow);
	}
	kfree(handle);
}

int shk_handle_permits(const struct shk_handle *handle, u32 right)
{
	if (READ_ONCE(handle->revoked))
		return SHK_E(REVOKED);
	return !handle->derived || handle->rights & right ? 0 : SHK_E(RIGHTS);
}
