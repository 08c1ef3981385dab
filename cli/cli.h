/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_CLI_H
#define SHADOWCTL_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <shadowk.h>

#define __cleanup(f)   __attribute__((cleanup(f)))
#define __noreturn     __attribute__((noreturn))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_SIZE(a)  (sizeof(a) / sizeof((a)[0]))

enum {
	STATUS_DONE = 0,
	STATUS_REFUSED = 1,
	STATUS_USAGE = 2,
};

struct cli;

/* The headings of 'shadowctl help'. */
enum verb_group {
	GROUP_NONE = 0,
	GROUP_SHADOWS,
	GROUP_INSIDE,
	GROUP_EDITS,
	GROUP_CHECKS,
};

struct verb {
	const char *name;
	enum verb_group group;
	const char *args; /* a line for each form of the command */
	const char *summary;
	const char *options;		 /* lines of --help, or NULL */
	const char *help;		 /* remarks, or NULL */
	const struct verb *const *verbs; /* its own verbs, or NULL */
	int (*run)(struct cli *cli, int argc, char **argv);
	bool silent; /* prints nothing, so has no --json */
};

struct cli {
	const struct verb *verb;
	char path[32]; /* "probe add" */
	bool json;
};

extern const struct verb verb_create, verb_list, verb_show, verb_destroy, verb_run, verb_attach,
	verb_detach, verb_share, verb_probe, verb_raw, verb_stat, verb_patch, verb_patch_build,
	verb_verify, verb_diff, verb_oci_hook, verb_own, verb_disown, verb_ab, verb_doctor;

/* cleanup.c: for __cleanup(). */
void text_free(char **text);
void file_close(FILE **file);

/* report.c: one line on standard error. */
void report(const char *format, ...) __printf(1, 2);
int refuse(enum shadowk_op op, int err, const struct shadowk_subject *subject);
void __noreturn usage(const struct cli *cli, const char *format, ...) __printf(2, 3);

/* options.c */
int option_next(struct cli *cli, int argc, char **argv, const struct option *own);
char **arguments(const struct cli *cli, int argc, char **argv, size_t count,
		 const char *const *names);
pid_t pid_parse(const struct cli *cli, const char *text);
uint64_t count_parse(const struct cli *cli, const char *text);
double seconds_parse(const struct cli *cli, const char *text);
/* A number as C has it, or -ENAME of an errno. */
bool value_read(const char *text, uint64_t *value);
/* A kind of patch; 0 if it is none of the thunks. */
uint32_t thunk_read(const char *text);

/* help.c */
const struct verb *verb_find(const struct verb *const *verbs, const char *name);
void help_print(const struct cli *cli);
void help_print_all(const struct verb *const *verbs);
int stdout_finish(void);

/* command.c: the command that a verb executes. */

/* Number of arguments before "--", behind which the command stands. */
int command_argc(int argc, char **argv);
/* Becomes the command. Returns a status, if it returns. */
int command_exec(char **command);

/* shadows.c: a shadow is named by its name, or by "#" and its id. */

/* Returns 0 or -errno. */
int shadow_name_check(const char *text);
int shadow_open(struct shadowk *dev, const char *text, struct shadowk_shadow **shadow);

/* session.c: the open device and the handle of the shadow that is spoken of. */
struct session {
	struct shadowk *dev;
	struct shadowk_shadow *shadow;
	struct shadowk_shadow
		*inside; /* processes are attached to this one: @shadow, or one of --syscalls */
};

int session_open(struct session *session);
int session_open_shadow(struct session *session, const char *name);
void session_close(struct session *session);

/*
 * syscalls.c: who is attached is in session->shadow, named @shadow, during the system
 * calls of @list only, which has commas between them; NULL: always. Returns a status.
 */
int session_select_syscalls(struct session *session, const char *shadow, const char *list);

/* clone.c: @to, named @name, gets the edits of @from. Returns a status. */
int shadow_clone(struct shadowk_shadow *to, struct shadowk_shadow *from, const char *name);

/* module.c: patch modules. Both report what goes wrong. */
/*
 * Load FILE.ko unless it is; its name is in @name. With @livepatch_by, by
 * shadowk_livepatch_load(). Returns a status.
 */
int module_load(const char *file, struct shadowk *livepatch_by, char *name, size_t len,
		bool *loaded);
/* Does that file begin so? False if it cannot be read. */
bool begins_with(const char *path, char c);
/* Unloads the module, once no task and no shadow uses it. Returns false if that takes long. */
bool module_unload(const char *name);

/* device.c: what is to be owned, line of interrupts or kernel threads. */
struct wish {
	uint32_t kind; /* enum shadowk_own_kind */
	uint32_t irq;
	bool optional; /* no failure if it cannot be owned here, or is not owned */
	bool done;
	char pattern[SHADOWK_PATTERN_LEN];
};

struct wishes {
	size_t count;
	struct wish *wish;
};

struct wish *wishes_add_irq(struct wishes *wishes, uint32_t irq);
struct wish *wishes_add_kthreads(struct wishes *wishes, const char *pattern);
/*
 * The lines of a device and the kernel threads that serve it, to own, or to disown; false:
 * there is no such device.
 */
bool wishes_add_device(struct wishes *wishes, const char *name, bool own);
void wishes_free(struct wishes *wishes);

/* A list of pids, all told on the command line. */
struct pids {
	size_t count;
	pid_t *pid;
};

void pids_add(struct pids *pids, pid_t pid);
void pids_free(struct pids *pids);

#endif /* SHADOWCTL_CLI_H */
