/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_CHANGES_H
#define SHADOWCTL_CHANGES_H

#include "object.h"
#include "source_diff.h"

/*
 * changes.c: the effect of a source diff on one file. @old and @new are objects of both sources,
 * compiled with the same flags, in which each symbol is global, and their types are BTF.
 */
struct changes {
	const struct source_diff *diff;
	const char *file;
	const char *old_root, *new_root; /* folders of both sources */
	const struct object *old, *new;
	/* Static objects of functions, such as count.3, may have another number. */
	size_t nr_renamed;
	struct renamed {
		const char *old, *new;
	} * renamed;
	bool *changed; /* for each symbol of @new: a function whose code differs, or is new */
};

/*
 * Refuses changes of data and types, with the line of the diff. @old_path and @new_path are the
 * files of the objects. Then sets changes->changed. Reports errors. Returns a status.
 */
int changes_find(struct changes *changes, const char *old_path, const char *new_path);
void changes_free(struct changes *changes);
/* Returns the name in the old source of the object @name of the new one. */
const char *changes_old_name(const struct changes *changes, const char *name);
/* Returns true if the new source has another body of the function, or calls such a clone. */
bool changes_has(const struct changes *changes, const char *name);

#endif /* SHADOWCTL_CHANGES_H */
