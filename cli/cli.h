/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_CLI_H
#define SHADOWCTL_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

struct verb {
	const char *name;
	const char *args;
	const char *summary;
	const char *help;		 /* options and remarks, or NULL */
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
	verb_detach, verb_probe, verb_stat;

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

/* help.c */
const struct verb *verb_find(const struct verb *const *verbs, const char *name);
void help_print(const struct cli *cli);
void help_print_all(const struct verb *const *verbs);
int stdout_finish(void);

/* session.c: the open device and the handle of the shadow that is spoken of. */
struct session {
	struct shadowk *dev;
	struct shadowk_shadow *shadow;
};

int session_open(struct session *session);
int session_open_shadow(struct session *session, const char *name);
void session_close(struct session *session);

/* A list of pids, all told on the command line. */
struct pids {
	size_t count;
	pid_t *pid;
};

void pids_add(struct pids *pids, pid_t pid);
void pids_free(struct pids *pids);

#endif /* SHADOWCTL_CLI_H */
