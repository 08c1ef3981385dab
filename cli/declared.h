/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_DECLARED_H
#define SHADOWCTL_DECLARED_H

/* Shadows that files declare, and what makes the machine have them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "profile.h"

/* One word of Cgroup= or Unit= in a section [Scope]. */
struct scope {
	unsigned int line;
	bool is_unit;
	char *name; /* the unit with its type, or the path of the cgroup as in /proc/PID/cgroup */
};

enum ownership_of {
	OWN_DEVICE,
	OWN_IRQ,
	OWN_KTHREAD,
};

/* One word of Device=, Irq= or Kthread= in a section [Own]. */
struct ownership {
	unsigned int line;
	enum ownership_of of;
	bool napi; /* DEVICE: with Napi=yes */
	uint32_t irq;
	char *name;
};

/* One file. shadowk.shadow(5) has the format. */
struct declared {
	char *path;
	char name[SHADOWK_NAME_LEN];
	unsigned int line;	/* of Async=, or of the section [Shadow], or 1 */
	uint32_t flags;		/* SHADOWK_ASYNC_* */
	struct profile profile; /* of Profile=, or without items */
	struct profile own;	/* the sections [Probe] and [Patch] */
	bool has_scopes;	/* there is a section [Scope], even if it is empty */
	size_t nr_scopes;
	struct scope *scope;
	bool has_ownerships; /* there is a section [Own], even if it is empty */
	size_t nr_ownerships;
	struct ownership *ownership;
	bool blocked; /* by a mark: it is not applied */
};

struct declarations {
	size_t count;
	struct declared *shadow;
};

/* declared_read.c */

#define DECLARED_FOLDER "/etc/shadowk"

/*
 * Reads the files, or all files DECLARED_FOLDER/NAME.shadow if @nr is 0. Reports the first mistake
 * in each of them. Returns a status. The caller frees @all in any case.
 */
int declared_read(struct declarations *all, char **files, size_t nr);
void declared_free(struct declarations *all);

/* declared_plan.c: what differs between the files and the machine */

enum action_verb {
	ACTION_DETACH,
	ACTION_DISOWN,
	ACTION_REMOVE_PROBE,
	ACTION_REMOVE_PATCH,
	ACTION_DESTROY,
	ACTION_CREATE,
	ACTION_LOAD_MODULE,
	ACTION_ADD_PROBE,
	ACTION_ADD_PATCH,
	ACTION_MAKE_CGROUP,
	ACTION_ATTACH,
	ACTION_OWN,
};

struct action {
	enum action_verb verb;
	size_t shadow;			 /* its index in the plan */
	uint32_t flags;			 /* CREATE, DESTROY: the policy */
	const struct profile *profile;	 /* ADD_*: the item is in it */
	const struct profile_item *item; /* ADD_*, LOAD_MODULE */
	struct shadowk_probe_info probe; /* *_PROBE: the probe that is, or that will be */
	struct shadowk_patch_info patch; /* *_PATCH: the patch that is, or that will be */
	char *cgroup;			 /* a folder below /sys/fs/cgroup */
	struct wish wish;		 /* OWN, DISOWN */
	bool loaded;			 /* LOAD_MODULE: it was not loaded before */
};

/* A declared shadow, and its handle while it exists. */
struct planned {
	struct declared *declared;
	struct shadowk_shadow *shadow; /* NULL: there is none of that name */
	uint32_t flags;		       /* its policy */
};

struct plan {
	struct shadowk *dev;
	size_t nr_shadows;
	struct planned *planned;
	size_t count;
	struct action *action;
	size_t nr_notes;
	char **note; /* lines about what is not an action, such as units that do not run */
};

/*
 * Compares all shadows that are not blocked with the machine. The kernel checks all edits, in
 * shadows without a name, which end with this function. Reports errors. Returns a status. The
 * caller frees @plan in any case.
 */
int plan_make(struct plan *plan, struct shadowk *dev, struct declarations *all);
void plan_free(struct plan *plan);
/* Writes what the action is, such as "add probe reads: vfs_read, count". */
void action_text(char *buf, size_t len, const struct action *action);

/* declared_apply.c */

/*
 * Does all actions. If one fails, reports that, and undoes those before it in reverse order.
 * Returns a status.
 */
int plan_apply(struct plan *plan);

/*
 * declared_lock.c: makes this process the only 'apply'. Waits some seconds for another one, whose
 * process it names if that does not end. Reports errors. Returns a status. The caller calls
 * declared_unlock() in any case, with a descriptor that is -1 at first.
 */
int declared_lock(int *lock);
void declared_unlock(int *lock);

/* declared_units.c */

/*
 * Writes drop-ins for the units of all sections [Scope] into the folder, as a generator of systemd
 * does. With them, a service attaches itself when it starts. Reports errors. Returns a status.
 */
int units_write(const struct declarations *all, const char *folder);
/* Returns true if systemd manages this machine. */
bool units_exist(void);
/* Returns true if systemd has the drop-in with which this unit attaches itself. */
bool unit_has_drop_in(const char *unit);

/*
 * marks.c: a mark on the disk says that a shadow was applied at boot, a short time ago. If one of
 * an earlier boot is there, the machine did not survive that time.
 */

#define MARKS_FOLDER "/var/lib/shadowk"

/* Writes the mark of a shadow, through to the disk. Reports an error. Returns a status. */
int mark_set(const char *shadow);
/* Returns true if there is a mark of an earlier boot. */
bool mark_is_old(const char *shadow);
/* Removes the mark of a shadow, if there is one. */
void mark_clear(const char *shadow);
/* Removes all marks that this boot has written. Reports errors. Returns a status. */
int marks_clear_new(void);

#endif /* SHADOWCTL_DECLARED_H */
