/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handles: file descriptors of a shadow. An owner's handle has all rights. A derived handle has
 * those that SHK_HANDLE_DERIVE has given it, until SHK_HANDLE_REVOKE takes them away.
 */
#ifndef SHK_HANDLE_H
#define SHK_HANDLE_H

#include <linux/fs.h>

#include "shadow/shadow.h"

/*
 * private_data of a handle's file. Members are written before the file is in the descriptor
 * table, unless it is said otherwise.
 */
struct shk_handle {
	struct shk_shadow
		*shadow; /* holds a reference; NULL: the call that makes the handle failed */
	bool derived;	 /* made by SHK_HANDLE_DERIVE: has @rights only */
	bool revoked;	 /* permits nothing; set once, under handle.c's handles_lock */
	u32 rights;	 /* SHK_RIGHT_*, of a derived handle */
	u64 id;		 /* of a derived handle, unique in the shadow */
	/*
	 * In shk_shadow.handles, under handles_lock. Empty: this is an owner's handle, or was
	 * revoked.
	 */
	struct list_head node;
};

/*
 * A descriptor and a file that no task can use yet. A call that returns a handle makes them before
 * all else.
 */
struct shk_new_handle {
	int fd;
	struct file *file;
};

/*
 * Makes a descriptor (close-on-exec) and a file with the operations @fops for an owner's handle.
 * The caller ends it by shk_new_handle_install() or shk_new_handle_cancel(). May sleep. Returns 0,
 * -ENOMEM, -EMFILE or -ENFILE.
 */
int shk_new_handle(struct shk_new_handle *new, const struct file_operations *fops);
/*
 * Makes the new handle a handle of @shadow, and its descriptor usable (fd_install()). The handle
 * takes over the caller's reference to @shadow. A caller does this as its last step, since user
 * space can use the handle from then on. Returns the descriptor. Cannot fail. Does not sleep.
 */
int shk_new_handle_install(struct shk_new_handle *new, struct shk_shadow *shadow);
/* Frees the descriptor and the file of shk_new_handle(). May sleep. */
void shk_new_handle_cancel(struct shk_new_handle *new);
/*
 * Creates a handle of @shadow that has the rights @arg->rights only, and writes its id to @arg->id
 * (SHK_HANDLE_DERIVE). If these include SHK_RIGHT_ATTACH, sets @shadow->shared. A shared shadow
 * accepts no IN_PLACE patch and no LIVEPATCH that has to wait for threads. Takes the shadow's lock;
 * sleeps. Returns a descriptor (close-on-exec) or
 *
 *   -EINVAL		@arg->flags, ->rights or ->reserved
 *   EDITS_IN_PLACE	SHK_RIGHT_ATTACH, and the shadow has a patch that has to wait for threads
 *   SHADOW_DESTROYED
 *   -ENOMEM, -EMFILE, -ENFILE
 *   -ERESTARTSYS		the caller was killed
 */
int shk_handle_derive(struct shk_shadow *shadow, struct shk_handle_derive *arg,
		      const struct file_operations *fops);
/*
 * Revokes the derived handle of @shadow with the id @arg->id, or all derived handles if @arg->id is
 * 0 (SHK_HANDLE_REVOKE). From the return on shk_handle_permits() refuses a revoked handle. A call
 * that shk_handle_permits() has permitted before is not stopped. Takes handles_lock; does not
 * sleep. Returns 0 or
 *
 *   -EINVAL		@arg->flags
 *   ID_UNKNOWN		no open handle has that id, or it was revoked
 */
int shk_handle_revoke(struct shk_shadow *shadow, const struct shk_handle_revoke *arg);
/*
 * Frees @handle, after its last descriptor was closed, and drops its reference to the shadow. If
 * that was the last reference, the shadow is destroyed. Sleeps; no shadow's lock is held.
 */
void shk_handle_free(struct shk_handle *handle);
/*
 * Returns 0 if @handle permits a call that needs one of the rights in @right. An owner's handle
 * permits every call; @right is 0 for a call that no derived handle permits. Otherwise returns
 * RIGHTS: a derived handle lacks the right; or REVOKED: the handle was revoked. Any context.
 */
int shk_handle_permits(const struct shk_handle *handle, u32 right);

#endif /* SHK_HANDLE_H */
