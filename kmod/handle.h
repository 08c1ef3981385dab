/* SPDX-License-Identifier: GPL-2.0-only */
/* Handles: descriptors of a shadow, with all rights or with some. */
#ifndef SHK_HANDLE_H
#define SHK_HANDLE_H

#include <linux/fs.h>

#include "shadow/shadow.h"

struct shk_handle {
	struct shk_shadow *shadow; /* a reference */
	bool derived;		   /* made by SHK_HANDLE_DERIVE: has @rights only */
	bool revoked;		   /* permits nothing; set once */
	u32 rights;		   /* SHK_RIGHT_*, of a derived handle */
	u64 id;			   /* of a derived handle, unique in the shadow */
	struct list_head node;	   /* shk_shadow.handles, if derived and not revoked */
};

/*
 * A file for a new owner's handle of a shadow that is set later, by shk_handle_set_shadow(). May
 * sleep. -ENOMEM, -ENFILE.
 */
struct file *shk_handle_file(const struct file_operations *fops);
/* Gives @file the shadow, and the caller's reference to it. */
void shk_handle_set_shadow(struct file *file, struct shk_shadow *shadow);
/*
 * Makes an owner's handle. Takes over the caller's reference to @shadow, also on failure. May
 * sleep. Returns a descriptor (close-on-exec), -ENOMEM, -EMFILE.
 */
int shk_handle_create(struct shk_shadow *shadow, const struct file_operations *fops);
/* SHK_HANDLE_DERIVE, from an owner's handle. May sleep. Returns a descriptor or an error. */
int shk_handle_derive(struct shk_shadow *shadow, struct shk_handle_derive *arg,
		      const struct file_operations *fops);
/* SHK_HANDLE_REVOKE. */
int shk_handle_revoke(struct shk_shadow *shadow, const struct shk_handle_revoke *arg);
/* The last descriptor of @handle was closed: drops the reference to the shadow. May sleep. */
void shk_handle_free(struct shk_handle *handle);
/* 0 if @handle permits a call that needs @right; RIGHTS, REVOKED. @right 0: the owner's alone. */
int shk_handle_permits(const struct shk_handle *handle, u32 right);

#endif /* SHK_HANDLE_H */
