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

/* Exit statuses. A function that "returns a status" returns one of these. */
enum {
	STATUS_DONE = 0,
	STATUS_REFUSED = 1, /* refused or failed, and reported */
	STATUS_USAGE = 2,
};

struct cli;

/* Headings of 'shadowctl help'. A nested verb, such as "probe add", has none of its own. */
enum verb_group {
	GROUP_NONE = 0,
	GROUP_SHADOWS,
	GROUP_INSIDE,
	GROUP_EDITS,
	GROUP_CHECKS,
};

/* A word of the command line that selects an action, and its text in --help. */
struct verb {
	const char *name;
	enum verb_group group;
	const char *args;		 /* usage behind the name: a line for each form */
	const char *summary;		 /* a sentence without its full stop */
	const char *options;		 /* lines that describe arguments and options, or NULL */
	const char *help;		 /* lines behind the options, or NULL */
	const struct verb *const *verbs; /* nested verbs, ended by NULL; or NULL */
	/*
	 * Does the action. argv[0] is the name. Returns a status. NULL if there are nested verbs.
	 */
	int (*run)(struct cli *cli, int argc, char **argv);
	bool silent; /* prints no result, so it does not accept --json */
};

/* The command line, as far as it was read. */
struct cli {
	const struct verb *verb; /* NULL before the first verb */
	char path[32];		 /* names of the verbs, such as "probe add" */
	bool json;
};

extern const struct verb verb_create, verb_list, verb_show, verb_destroy, verb_run, verb_attach,
	verb_detach, verb_share, verb_probe, verb_raw, verb_stat, verb_patch, verb_patch_build,
	verb_verify, verb_diff, verb_oci_hook, verb_own, verb_disown, verb_ab, verb_doctor,
	verb_count, verb_latency, verb_trace, verb_top, verb_graph, verb_apply, verb_diff_config,
	verb_metrics, verb_capture, verb_train, verb_specialise;

/* cleanup.c */

/* Returns @memory. If it is NULL, reports that there is none, and exits. */
void *need_memory(void *memory);
bool text_ends_with(const char *text, const char *end);
/* Functions for __cleanup(). */
void text_free(char **text);
void file_close(FILE **file);

/* report.c: messages on standard error, one line each. Control characters appear as '?'. */

/* Prints the message behind "shadowctl: ". */
void report(const char *format, ...) __printf(1, 2);
/*
 * Explains the error @err of the library's call @op. @subject may be NULL. Call it before the next
 * call of the library, which overwrites the reason. Returns STATUS_REFUSED.
 */
int refuse(enum shadowk_op op, int err, const struct shadowk_subject *subject);
/* Prints the message with a hint to --help, and exits with STATUS_USAGE. */
void __noreturn usage(const struct cli *cli, const char *format, ...) __printf(2, 3);

/*
 * options.c: the command line. All but value_read() and thunk_read() exit by usage() if the user
 * has made a mistake.
 */

/*
 * Returns the next option of @own, or 0 behind the last. @own may be NULL. Handles --json, and
 * --help, after which it exits.
 */
int option_next(struct cli *cli, int argc, char **argv, const struct option *own);
/*
 * Returns the arguments behind the options, which must be @count. @names has their names, for the
 * message. Call it after option_next() has returned 0.
 */
char **arguments(const struct cli *cli, int argc, char **argv, size_t count,
		 const char *const *names);
/* These return the number that @text is: decimal, above 0, without blanks or a sign. */
pid_t pid_parse(const struct cli *cli, const char *text);
uint64_t count_parse(const struct cli *cli, const char *text);
double seconds_parse(const struct cli *cli, const char *text);
/*
 * Returns the arguments behind the options, at least one, and sets @nr to their number. @name is
 * the name of one, for the message. Call it after option_next() has returned 0.
 */
char **arguments_some(const struct cli *cli, int argc, char **argv, const char *name, size_t *nr);
/*
 * Reads a number of 64 bits in the notation of C, or a negative errno such as "-ENOENT". Returns
 * false if @text is neither.
 */
bool value_read(const char *text, uint64_t *value);
/* Returns the kind of patch that @text names, or 0 if that is not a patch of thunks. */
uint32_t thunk_read(const char *text);

/* errnos.c: names such as "EAGAIN", also of errnos that only the kernel itself has. */

/* Highest errno that a function of the kernel can return; most numbers below have no name. */
#define ERRNO_MAX 4095

/* Returns the name of an errno, or NULL if it has none. */
const char *errno_name(int number);
/* Returns the errno that @name is, or 0. */
int errno_number(const char *name);

/* help.c */

/* Returns the verb @name of an array that NULL ends, or NULL. */
const struct verb *verb_find(const struct verb *const *verbs, const char *name);
/* Prints the --help of cli->verb. */
void help_print(const struct cli *cli);
/* Prints the --help of shadowctl itself. */
void help_print_all(const struct verb *const *verbs);
/* Closes standard output. Reports a write error, such as a full disk. Returns a status. */
int stdout_finish(void);

/*
 * file_replace.c: makes @path a file that contains @text. A reader sees the old file or the new one
 * as a whole. Reports errors, after which the old file is unchanged. Returns a status.
 */
int file_replace(const char *path, const char *text, size_t len, mode_t mode);

/* cmd_doctor.c: returns the kernel's log, "" if it cannot be read, for free(). */
char *kernel_log_read(void);

/* command.c: the command that a verb executes. */

/* Returns the index of "--" in @argv, or @argc if there is none. The command is behind it. */
int command_argc(int argc, char **argv);
/*
 * Executes the command in the place of this process. Returns after an error only: it reports that,
 * and returns the status that a shell would.
 */
int command_exec(char **command);

/* shadows.c: on the command line a shadow is its name, or "#" and its id. */

/* Returns 0 if @text can be a shadow, or an error of shadowk_name_check(). */
int shadow_name_check(const char *text);
/* Opens the shadow that @text is. Returns 0 or -errno. */
int shadow_open(struct shadowk *dev, const char *text, struct shadowk_shadow **shadow);

/*
 * Sets @flags to the SHADOWK_ASYNC_* policy that @name names. Returns false if there is no such
 * policy.
 */
bool async_read(const char *name, uint32_t *flags);

/* session.c: the device and the shadow of one command. The functions report errors. */
struct session {
	struct shadowk *dev;
	struct shadowk_shadow *shadow;
	/* Processes are attached by this handle: @shadow, or the shadow that --syscalls makes. */
	struct shadowk_shadow *inside;
};

/* Opens the device. Returns a status. */
int session_open(struct session *session);
/* Opens the device and the shadow @name, a name or "#ID". Returns a status. */
int session_open_shadow(struct session *session, const char *name);
/* Closes what is open. */
void session_close(struct session *session);

/*
 * syscalls.c: sets session->inside. If @list is NULL, it is session->shadow. Otherwise it is a new
 * shadow whose processes execute session->shadow only during the system calls of @list, which are
 * separated by commas. @shadow is the name of session->shadow, for messages. Reports errors.
 * Returns a status.
 */
int session_select_syscalls(struct session *session, const char *shadow, const char *list);

/*
 * clone.c: adds the probes, raw edits and patches of @from to @to. @name is the name of @to, for
 * messages. Reports an error, and leaves the edits that were added before it. Returns a status.
 */
int shadow_clone(struct shadowk_shadow *to, struct shadowk_shadow *from, const char *name);
/*
 * Add an edit like @info. subject->shadow is the name of @to, for messages. Report errors. Return a
 * status.
 */
int clone_probe(struct shadowk_shadow *to, struct shadowk_subject *subject,
		const struct shadowk_probe_info *info);
int clone_patch(struct shadowk_shadow *to, struct shadowk_subject *subject,
		const struct shadowk_patch_info *info);

/* module.c: patch modules and livepatch modules */

/*
 * A module with functions of the kernel's source refers to symbols of the kernel that are not
 * exported. They have this prefix, no section, and as value the address for which the kernel was
 * linked. This field of .modinfo has the linked address of _text and the kernel's build id.
 */
#define MODULE_KERNEL_SYMBOL "vmlinux."
#define MODULE_KERNEL_INFO   "shadowk_kernel"

/*
 * Loads the module @file if it is not loaded. With @livepatch_by, shadowk_livepatch_load() loads
 * it, so that its livepatch is not enabled. Writes its name to @name, of @len bytes, and to @loaded
 * whether this call has loaded it. Reports errors. Returns a status.
 */
int module_load(const char *file, struct shadowk *livepatch_by, char *name, size_t len,
		bool *loaded);
/* Writes the name of the module in the file. Reports errors. Returns a status. */
int module_name(const char *file, char *name, size_t len);
/* Returns the number of users of the module @name, or -1 if it is not loaded. */
long module_users(const char *name);
/*
 * Locks the file of a module, so that no other shadowctl trains with it, or compares it. Children
 * by fork share the lock. Returns a descriptor, which unlocks the file when all its copies are
 * closed; or -1 after an error, which it reports.
 */
int module_lock(const char *file);
/*
 * Adds the patch of the loaded module @module to @shadow, with the name of the module. @name is
 * that of the shadow, for messages, or NULL. Reports errors. Returns a status.
 */
int module_patch_add(struct shadowk_shadow *shadow, const char *name, const char *module);
/* Returns true if the first byte of the file is @c, false also if it cannot be read. */
bool begins_with(const char *path, char c);
/*
 * Unloads the module. Waits up to 30 seconds while a task or a shadow uses it. Returns false if it
 * stays loaded.
 */
bool module_unload(const char *name);

/* device.c: one interrupt line, kernel threads, or a network interface, to own or to disown */
struct wish {
	uint32_t kind; /* enum shadowk_own_kind */
	uint32_t irq;
	bool optional; /* no error if this kernel cannot own it, or if it is not owned */
	bool done;     /* it was owned or disowned */
	char pattern[SHADOWK_PATTERN_LEN]; /* of names; NAPI: the interface */
};

/* The use of a device's lines and threads. */
enum device_use {
	DEVICE_OWN,
	DEVICE_OWN_NAPI, /* as OWN, and its network interfaces are made threaded */
	DEVICE_DISOWN,
};

enum device_found {
	DEVICE_FOUND,
	DEVICE_UNKNOWN,	     /* there is no such device, or it has neither lines nor threads */
	DEVICE_NO_INTERFACE, /* DEVICE_OWN_NAPI: it has no network interface */
};

struct wishes {
	size_t count;
	struct wish *wish;
};

/* These append an element. They return it, valid until the next is appended. */
struct wish *wishes_add_irq(struct wishes *wishes, uint32_t irq);
struct wish *wishes_add_kthreads(struct wishes *wishes, const char *pattern);
/* Appends the interrupt lines of a device, and the kernel threads that serve them. */
enum device_found wishes_add_device(struct wishes *wishes, const char *name, enum device_use use);
void wishes_free(struct wishes *wishes);

/* wishes.c */

/* Owns what @wish names, or disowns it. Returns 0 or -errno. */
int wish_do(struct shadowk_shadow *shadow, const struct wish *wish, bool own);
/* Returns true if both name the same. */
bool wish_is(const struct wish *wish, const struct shadowk_own *own);
bool wishes_equal(const struct wish *a, const struct wish *b);

#define WISH_NAME_LEN (SHADOWK_PATTERN_LEN + 20)

/* Writes the name, such as "irq 24", to @buf of WISH_NAME_LEN bytes. */
void wish_name(char *buf, const struct wish *wish);
/* Explains an error of wish_do(). @op is OWN or DISOWN. Returns STATUS_REFUSED. */
int wish_refuse(enum shadowk_op op, int err, const struct wish *wish, const char *shadow);

/* The pids of the command line. */
struct pids {
	size_t count;
	pid_t *pid;
};

void pids_add(struct pids *pids, pid_t pid);
void pids_free(struct pids *pids);

#endif /* SHADOWCTL_CLI_H */
