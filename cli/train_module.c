// SPDX-License-Identifier: GPL-2.0-only
/* The training of a target with an instrumented module, see instrument.h. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "instrument.h"
#include "rebuild.h"
#include "target.h"

struct training_run {
	struct target *target;
	struct training *training;
	const char *file;
	char module[64]; /* name of the module, and of its patch */
	int lock;	 /* of the file, or -1 */
};

static void run_free(struct training_run *run)
{
	training_close(&run->training);
	if (run->lock >= 0)
		close(run->lock);
}

/* Reads and locks the file. Its module must not be loaded. Returns a status. */
static int module_check(struct training_run *run)
{
	int status = module_name(run->file, run->module, sizeof(run->module));

	if (!status)
		status = training_open(&run->training, run->file);
	if (!status) {
		run->lock = module_lock(run->file);
		status = run->lock < 0 ? STATUS_REFUSED : STATUS_DONE;
	}
	if (status || module_users(run->module) < 0)
		return status;
	report("module %s is loaded already; end its training, or unload it: rmmod %s", run->module,
	       run->module);
	return STATUS_REFUSED;
}

/* Loads the module, and adds it to the shadow, before a process is inside. Returns a status. */
static int patch_add(const struct training_run *run)
{
	bool loaded = false;
	char name[64];
	int status = module_load(run->file, NULL, name, sizeof(name), &loaded);

	return status ? status
		      : module_patch_add(run->target->session.shadow, run->target->name, name);
}

/* Writes the counts, after the target has ended. Returns a status. */
static int profile_write(struct training_run *run, const char *folder)
{
	int status = training_read(run->training, run->module);

	return status ? status : training_write(run->training, folder);
}

int train_module(struct target *target, const char *file, const char *folder, struct build *build,
		 bool *interrupted)
{
	enum target_event event = TARGET_TIMEOUT;
	struct training_run run __cleanup(
		run_free) = { .target = target, .file = file, .lock = -1 };
	int status = module_check(&run);

	if (status)
		return status;
	if (!folders_make(folder)) {
		report("cannot create the folder '%s': %s", folder, strerror(errno));
		return STATUS_REFUSED;
	}
	target->module = run.module;
	status = target_open(target);
	if (!status)
		status = patch_add(&run);
	/* The module is in memory. */
	if (build)
		build_clean(build);
	if (!status)
		status = target_begin(target);
	if (!status)
		event = target_wait(target, INFINITY, -1);
	*interrupted = event == TARGET_SIGNALED;
	if (!status)
		status = profile_write(&run, folder);
	status = target_end(target, status);
	target->module = NULL;
	return status;
}
