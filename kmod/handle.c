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

int shk_new_handle(struct shk_new_handle *new, const struct file_operations *fops)
{
	struct shk_handle *handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!handle)
		return -ENOMEM;
	INIT_LIST_HEAD(&handle->node);
	/* O_CLOEXEC: a handle reaches another program only on purpose. */
	new->fd = get_unused_fd_flags(O_CLOEXEC);
	ret = new->fd;
	if (ret < 0)
		goto free;
	new->file = anon_inode_getfile("[shadowk]", fops, handle, O_RDWR);
	ret = PTR_ERR_OR_ZERO(new->file);
	if (ret)
		goto put_fd;
	return 0;
put_fd:
	put_unused_fd(new->fd);
free:
	kfree(handle);
	return ret;
}

int shk_new_handle_install(struct shk_new_handle *new, struct shk_shadow *shadow)
{
	struct shk_handle *handle = new->file->private_data;

	handle->shadow = shadow;
	fd_install(new->fd, new->file);
	return new->fd;
}

void shk_new_handle_cancel(struct shk_new_handle *new)
{
	fput(new->file);
	put_unused_fd(new->fd);
}

/*
 * Gives @handle, a derived handle, its id, and adds it to shk_shadow.handles of @shadow. Takes
 * handles_lock.
 */
static void handle_list(struct shk_handle *handle, struct shk_shadow *shadow)
{
	spin_lock(&handles_lock);
	handle->id = ++shadow->last_handle;
	list_add_tail(&handle->node, &shadow->handles);
	WRITE_ONCE(shadow->nr_handles, shadow->nr_handles + 1);
	spin_unlock(&handles_lock);
}

/*
 * Removes @handle, a derived handle, from shk_shadow.handles of its shadow. The handle keeps its
 * reference to the shadow. handles_lock is held.
 */
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
	struct shk_new_handle new;
	struct shk_handle *handle;
	int ret;

	if (arg->flags || arg->reserved || !arg->rights ||
	    arg->rights & ~(SHK_RIGHT_ATTACH | SHK_RIGHT_READ))
		return -EINVAL;
	if (shk_shadow_is_gone(shadow))
		return SHK_E(SHADOW_DESTROYED);
	ret = shk_new_handle(&new, fops);
	if (ret)
		return ret;
	ret = arg->rights & SHK_RIGHT_ATTACH ? shk_shadow_share(shadow) : 0;
	if (ret) {
		shk_new_handle_cancel(&new);
		return ret;
	}
	handle = new.file->private_data;
	handle->derived = true;
	handle->rights = arg->rights;
	handle_list(handle, shadow);
	arg->id = handle->id;
	return shk_new_handle_install(&new, shk_shadow_get(shadow));
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
