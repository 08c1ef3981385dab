// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verb specialise: functions of the kernel, compiled for what processes execute of them. Each
 * step has a shadow of its own: counting the calls, counting the blocks, and the comparison. Only
 * the last one has a name, and stays if the new functions are better.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "counters.h"
#include "hot_files.h"
#include "instrument.h"
#include "meter.h"
#include "output.h"
#include "rebuild.h"
#include "target.h"

/* Pairs of slices that are compared. */
#define PAIRS 10
/* Seconds of training without --duration */
#define TRAINING_SECONDS 60

struct specialise {
	struct target target; /* as the command line has it */
	const char *name;     /* of the shadow */
	const char *source;   /* folder of the kernel's source, or NULL */
	const char *vmlinux;  /* or NULL */
	const char *profile;  /* folder of a profile, or NULL */
	char *own_profile;    /* the folder of the training */
	const char *flags;    /* of the compiler, or NULL */
	bool lean;
	size_t nr_files;
	char **files;
	struct source_files hot; /* if the command line has no files */
	char file[PATH_MAX];	 /* of the module */
	bool is_cached;		 /* the module is one of build_cached() */
};

static void specialise_free(struct specialise *all)
{
	target_close(&all->target);
	source_files_free(&all->hot);
	free(all->own_profile);
}

/* ---- comparison ---- */

struct trial {
	struct target target;
	struct counters counters; /* of system calls */
	struct meter *meter;
	char module[64]; /* name of the module, and of its patch */
	bool patched;	 /* the shadow has the patch */
	int lock;	 /* of the module's file, or -1 */
};

static void trial_free(struct trial *trial)
{
	target_close(&trial->target);
	if (trial->lock >= 0)
		close(trial->lock);
	counters_free(&trial->counters);
	meter_close(&trial->meter);
}

/* Adds or removes the patch. Returns a status. */
static int patch_set(struct trial *trial, bool patched)
{
	struct shadowk_shadow *shadow = trial->target.session.shadow;
	struct shadowk_subject subject = { .size = sizeof(subject),
					   .shadow = trial->target.name,
					   .patch = trial->module };
	int err, status = STATUS_DONE;

	if (trial->patched == patched)
		return STATUS_DONE;
	if (patched) {
		status = module_patch_add(shadow, trial->target.name, trial->module);
	} else {
		err = shadowk_patch_remove(shadow, trial->module);
		if (err)
			status = refuse(SHADOWK_OP_PATCH_REMOVE, err, &subject);
	}
	if (!status)
		trial->patched = patched;
	return status;
}

static int calls_read(struct trial *trial, double *calls)
{
	int status = counters_read(&trial->counters, trial->target.session.shadow);

	*calls = 0;
	for (size_t i = 0; !status && i < trial->counters.places.count; i++)
		*calls += (double)trial->counters.last[i].hits;
	return status;
}

/* Measures the cost of a system call in a slice of time. Returns a status. */
static int slice_measure(struct trial *trial, bool patched, double seconds, double *cost)
{
	double calls, cost_before, calls_before;
	int status = patch_set(trial, patched);
	enum target_event event;

	if (!status)
		status = calls_read(trial, &calls_before);
	if (status)
		return status;
	cost_before = meter_read(trial->meter);
	event = target_wait(&trial->target, target_now() + seconds, -1);
	if (event != TARGET_TIMEOUT) {
		report(event == TARGET_SIGNALED
			       ? "interrupted"
			       : "the processes have ended before they were compared");
		return STATUS_REFUSED;
	}
	*cost = meter_read(trial->meter) - cost_before;
	status = calls_read(trial, &calls);
	/* Some virtual machines have a counter that stays 0. */
	*cost = calls > calls_before && *cost > 0 ? *cost / (calls - calls_before) : NAN;
	return status;
}

/* Measures pairs of slices, in turn with and without the patch first. Returns a status. */
static int pairs_measure(struct trial *trial, double seconds, struct comparison *comparison)
{
	double cost[2][PAIRS];
	int status = STATUS_DONE;

	for (size_t i = 0; !status && i < 2 * PAIRS; i++) {
		bool patched = (i + 1) / 2 % 2;

		status = slice_measure(trial, patched, seconds, &cost[patched][i / 2]);
	}
	if (status || comparison_make(comparison, cost[false], cost[true], PAIRS))
		return status;
	report("the processes make too few system calls to be compared; let them work, or give a "
	       "longer --duration");
	return STATUS_REFUSED;
}

/*
 * Locks the file of the module. Unloads a module of that name that no shadow uses: it may have been
 * built otherwise. @is_cached: the name is a checksum of all that is in the module, so one that
 * shadows use is the same, and stays loaded. Returns a status.
 */
static int module_prepare(struct trial *trial, const char *file, bool is_cached)
{
	long users;

	trial->lock = module_lock(file);
	if (trial->lock < 0)
		return STATUS_REFUSED;
	users = module_users(trial->module);
	if (users < 0 || (!users && module_unload(trial->module))) {
		trial->target.module = trial->module;
		return STATUS_DONE;
	}
	if (is_cached)
		return STATUS_DONE;
	report("module %s is loaded already, and may be another one; remove its patch, or unload it: "
	       "rmmod %s",
	       trial->module, trial->module);
	return STATUS_REFUSED;
}

/*
 * Makes the shadow, with the counters and the module, and attaches the processes. @is_cached: see
 * module_prepare(). Returns a status.
 */
static int trial_begin(struct trial *trial, const char *file, bool is_cached)
{
	char *syscalls[] = { "vmlinux:__x64_sys_*" };
	char name[64];
	bool loaded;
	int status = module_name(file, trial->module, sizeof(trial->module));

	if (!status)
		status = module_prepare(trial, file, is_cached);
	if (!status)
		status = counters_init(&trial->counters, syscalls, 1, false);
	if (!status)
		status = meter_open(&trial->meter, &trial->target.pids);
	if (!status)
		status = target_open(&trial->target);
	if (!status)
		status = counters_begin(&trial->counters, trial->target.session.shadow);
	if (!status)
		status = module_load(file, NULL, name, sizeof(name), &loaded);
	return status ? status : target_begin(&trial->target);
}

static void comparison_print(const struct cli *cli, const struct specialise *all,
			     const struct trial *trial, const struct comparison *comparison)
{
	struct json_object *object __cleanup(json_free) = NULL;

	if (!cli->json) {
		printf("%s per system call: %.1f before, %.1f after (%+.1f %%), lower in %zu of %zu "
		       "comparisons\n",
		       meter_unit(trial->meter), comparison->before, comparison->after,
		       (comparison->after / comparison->before - 1) * 100, comparison->better,
		       comparison->pairs);
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, "shadow", json_text(all->name));
	json_object_object_add(object, "module", json_text(all->file));
	json_object_object_add(object, "unit", json_text(meter_unit(trial->meter)));
	json_object_object_add(object, "before", json_object_new_double(comparison->before));
	json_object_object_add(object, "after", json_object_new_double(comparison->after));
	json_object_object_add(object, "lower", json_object_new_uint64(comparison->better));
	json_object_object_add(object, "comparisons", json_object_new_uint64(comparison->pairs));
	json_object_object_add(object, "kept", json_object_new_boolean(comparison->is_better));
	json_print(&object, false);
}

/* Keeps the shadow, without its counters. Returns a status. */
static int trial_keep(struct trial *trial)
{
	struct shadowk_subject subject = { .size = sizeof(subject) };
	int status = patch_set(trial, true), err;

	if (status)
		return status;
	subject.shadow = trial->target.name;
	err = shadowk_probe_remove_many(trial->target.session.shadow, NULL, 0);
	if (err < 0)
		return refuse(SHADOWK_OP_PROBE_REMOVE, err, &subject);
	return target_keep(&trial->target);
}

/* Compares, and keeps the shadow if that is better. Returns a status. */
static int trial_run(const struct cli *cli, struct specialise *all)
{
	struct trial trial __cleanup(trial_free) = { .lock = -1 };
	struct comparison comparison;
	double seconds = all->target.duration / (4 * PAIRS);
	int status;

	target_copy(&trial.target, &all->target);
	trial.target.duration = 0;
	trial.target.name = all->name;
	report("comparing for %g seconds", seconds * 2 * PAIRS);
	status = trial_begin(&trial, all->file, all->is_cached);
	if (!status)
		status = pairs_measure(&trial, seconds, &comparison);
	if (!status && comparison.is_better)
		status = trial_keep(&trial);
	if (!status)
		comparison_print(cli, all, &trial, &comparison);
	status = target_end(&trial.target, status);
	if (status)
		return status;
	if (comparison.is_better) {
		report("kept: the processes are in shadow %s with %s", all->name, all->file);
		return STATUS_DONE;
	}
	report("removed: the new functions are not better");
	return STATUS_REFUSED;
}

/* ---- training and build ---- */

static void rebuild_set(struct rebuild *rebuild, const struct specialise *all)
{
	rebuild->vmlinux = all->vmlinux;
	rebuild->lenient = true;
	rebuild->nr_files = all->nr_files;
	rebuild->files = all->files;
}

/* Leaves out files without counts: those that training has left out. */
static void files_trained(struct specialise *all)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->nr_files; i++) {
		char *path __cleanup(text_free) = NULL;
		char stem[160];

		training_stem(all->files[i], stem, sizeof(stem));
		if (asprintf(&path, "%s/%s.gcda", all->profile, stem) < 0)
			path = NULL;
		if (!access(need_memory(path), R_OK))
			all->files[kept++] = all->files[i];
	}
	all->nr_files = kept;
}

/* Counts the blocks that the processes execute, in a folder of the cache. Returns a status. */
static int train(struct specialise *all)
{
	struct rebuild rebuild __cleanup(rebuild_free) = { .instrument = true };
	struct target target __cleanup(target_close) = { 0 };
	char file[PATH_MAX], cache[PATH_MAX - 100];
	bool interrupted;
	int status;

	cache_folder(cache, sizeof(cache));
	if (asprintf(&all->own_profile, "%s/profiles/%s", cache, all->name) < 0)
		all->own_profile = NULL;
	all->profile = need_memory(all->own_profile);
	rebuild_set(&rebuild, all);
	status = build_cached(&rebuild, all->source, file, sizeof(file));
	if (status)
		return status;
	run((char *[]){ "rm", "-rf", all->own_profile, NULL });
	target_copy(&target, &all->target);
	report("counting blocks for %g seconds; the profile is %s", target.duration, all->profile);
	status = train_module(&target, file, all->profile, NULL, &interrupted);
	if (status)
		return status;
	files_trained(all);
	if (!interrupted && all->nr_files)
		return STATUS_DONE;
	report(interrupted ? "interrupted" : "none of the files can be trained");
	return STATUS_REFUSED;
}

static int files_find(struct specialise *all)
{
	int status = hot_files_find(&all->hot, &all->target, all->source);

	all->nr_files = all->hot.count;
	all->files = all->hot.paths;
	return status;
}

/* Builds the module by the profile, which is recorded first if there is none. Returns a status. */
static int module_get(struct specialise *all)
{
	struct rebuild rebuild __cleanup(rebuild_free) = { .flags = all->flags, .lean = all->lean };
	int status = all->nr_files || all->profile ? STATUS_DONE : files_find(all);

	if (!status && !all->profile)
		status = train(all);
	if (status)
		return status;
	rebuild.profile = all->profile;
	rebuild_set(&rebuild, all);
	return build_cached(&rebuild, all->source, all->file, sizeof(all->file));
}

/* As module_get(). The steps print on standard error, so that only the result is on the other. */
static int module_get_aside(struct specialise *all)
{
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0), status;

	fflush(stdout);
	if (out >= 0)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	status = module_get(all);
	fflush(stdout);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		close(out);
	}
	return status;
}

/* Refuses a name that a shadow has, before the work begins. Returns a status. */
static int name_check(const char *name)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	int err = shadowk_name_check(name), status;

	if (err)
		return refuse(SHADOWK_OP_SHADOW_CREATE, err, &subject);
	status = session_open(&session);
	if (status)
		return status;
	if (shadow_open(session.dev, name, &session.shadow))
		return STATUS_DONE;
	report("there is a shadow %s already; detach its processes and destroy it, or choose another "
	       "name",
	       name);
	return STATUS_REFUSED;
}

static int cmd_specialise(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, TARGET_OPTION_PID },
		{ "duration", required_argument, NULL, TARGET_OPTION_DURATION },
		{ "level", required_argument, NULL, 'l' },
		{ "lean", no_argument, NULL, 'L' },
		{ "profile", required_argument, NULL, 'p' },
		{ "source", required_argument, NULL, 's' },
		{ "vmlinux", required_argument, NULL, 'v' },
		{ 0 },
	};
	struct specialise all __cleanup(specialise_free) = { 0 };
	bool is_module, built = false;
	int opt, status;

	while ((opt = option_next(cli, argc, argv, options))) {
		built |= opt != TARGET_OPTION_PID && opt != TARGET_OPTION_DURATION;
		if (opt == 'l' && strcmp(optarg, "2") && strcmp(optarg, "3"))
			usage(cli, "'%s' is not a level; give 2 or 3", optarg);
		else if (opt == 'l')
			all.flags = *optarg == '3' ? "-O3" : NULL;
		else if (opt == 'L')
			all.lean = true;
		else if (opt == 'p')
			all.profile = optarg;
		else if (opt == 's')
			all.source = optarg;
		else if (opt == 'v')
			all.vmlinux = optarg;
		else
			target_option(&all.target, cli, opt);
	}
	all.files = arguments_some(cli, argc, argv, "NAME", &all.nr_files);
	all.name = all.files[0];
	all.files++;
	all.nr_files--;
	is_module = all.nr_files && text_ends_with(all.files[0], ".ko");
	if (is_module && (all.nr_files > 1 || built))
		usage(cli, "a module is compared alone, without options of the build");
	if (all.profile && !all.nr_files)
		usage(cli, "--profile needs the files that it is of");
	target_check(&all.target, cli);
	if (!(all.target.duration > 0))
		all.target.duration = TRAINING_SECONDS;
	all.is_cached = !is_module;
	status = name_check(all.name);
	if (!status && is_module)
		snprintf(all.file, sizeof(all.file), "%s", all.files[0]);
	else if (!status)
		status = module_get_aside(&all);
	return status ? status : trial_run(cli, &all);
}

const struct verb verb_specialise = {
	.name = "specialise",
	.group = GROUP_EDITS,
	.args = "NAME --pid PID,... [--duration S] FILE.ko\n"
		"NAME --pid PID,... [--duration S] [--level 2|3] [--lean] [--profile DIR]\n"
		"[--source DIR] [--vmlinux FILE] [FILE.c...]",
	.summary = "Compile functions of the kernel for what processes execute",
	.options =
		"  NAME              name of the shadow that is made\n"
		"  --pid PID,...     the processes; can be repeated\n"
		"  --duration S      train for S seconds, and compare for half as long; 60 without it\n"
		"  FILE.c            rebuild functions of this file of the kernel's source; without it,\n"
		"                    the files whose functions the processes call most\n"
		"  FILE.ko           only compare this module of 'shadowctl patch build'\n"
		"  --level 2|3       compile with -O2, as the kernel, or with -O3\n"
		"  --lean            leave stack protectors and mitigations of Spectre out in these\n"
		"                    functions, for trusted processes\n"
		"  --profile DIR     use the profile in DIR, and do not train; needs FILE.c\n"
		"  --source DIR      folder of the kernel's source, see 'shadowctl patch build'\n"
		"  --vmlinux FILE    image of the kernel, see 'shadowctl patch build'\n",
	.help = "The command counts which blocks the processes execute, builds the functions by that\n"
		"profile, and compares the costs of system calls with and without them, in turn. If the\n"
		"new functions are better, the processes stay in the shadow NAME, which has them.\n"
		"Otherwise, and after Ctrl-C, they execute the kernel's functions, and the status is 1.\n",
	.run = cmd_specialise,
};
