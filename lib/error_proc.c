// SPDX-License-Identifier: LGPL-2.1-only
/* Explanations that depend on a process, or on settings of the kernel. */
#include <unistd.h>

#include "internal.h"

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static bool is_zombie(pid_t pid)
{
	FILE *file __attribute__((cleanup(close_file))) = NULL;
	char line[512], *state;

	snprintf(line, sizeof(line), "/proc/%d/stat", (int)pid);
	file = fopen(line, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	state = strrchr(line, ')'); /* the command name in brackets may have brackets, too */
	return state && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

static bool begins_with(const char *path, char c)
{
	FILE *file __attribute__((cleanup(close_file))) = fopen(path, "re");

	return file && fgetc(file) == c;
}

static bool is_locked_down(void)
{
	FILE *file
		__attribute__((cleanup(close_file))) = fopen("/sys/kernel/security/lockdown", "re");
	char line[128];

	return file && fgets(line, sizeof(line), file) && !strstr(line, "[none]");
}

void shk_explain_lockdown(const struct shk_explanation *e)
{
	if (begins_with("/proc/sys/kernel/modules_disabled", '1'))
		shk_say(e, "cannot {do}: kernel.modules_disabled is 1, after which the kernel "
			   "accepts no new code; boot again, and do it before that is set");
	else if (begins_with("/sys/module/module/parameters/sig_enforce", 'Y'))
		shk_say(e, "cannot {do}: the kernel accepts signed code only (module.sig_enforce), "
			   "and edits have no signature; boot without it and without Secure Boot");
	else if (is_locked_down())
		shk_say(e, "cannot {do}: the kernel is locked down and accepts no changes of its "
			   "text; boot with lockdown=none");
	else
		shk_say(e, "cannot {do}: the kernel accepts signed code only");
}

void shk_explain_capability(const struct shk_explanation *e)
{
	bool itself = !e->subject.pid || e->subject.pid == getpid();

	if (geteuid() && itself &&
	    (e->op == SHADOWK_OP_PROCESS_ATTACH || e->op == SHADOWK_OP_ENTER))
		shk_say(e, "only root may put a process into shadow '{shadow}'; let root start it "
			   "by 'shadowctl share {shadow} -- COMMAND', or run as root");
	else if (!shk_capability(e->op))
		shk_say(e, "cannot {do}: permission denied; run as root");
	else if (geteuid())
		shk_say(e, "cannot {do}: needs {capability}; run as root");
	else
		shk_say(e, "cannot {do}: needs {capability}, which this root does not have; run it "
			   "outside of the container or service that dropped it");
}

void shk_explain_no_device(const struct shk_explanation *e)
{
	if (access("/sys/module/shadowk", F_OK))
		shk_say(e, "cannot {do}: the module is not loaded; modprobe shadowk");
	else
		shk_say(e, "cannot {do}: the module is loaded but the file is missing; mount "
			   "devtmpfs on /dev (a unit with PrivateDevices= has a /dev of its own)");
}

void shk_explain_process_exited(const struct shk_explanation *e)
{
	if (is_zombie(e->subject.pid))
		shk_say(e, "pid {pid} is a zombie, which executes nothing; its parent has to wait "
			   "for it");
	else
		shk_say(e, "no process has pid {pid}; see 'ps -e'");
}

/*
 * Explains why a thread made the call fail: it is in a function that changes, in fork or exec, or
 * the mmap_lock of its process is held.
 */
void shk_explain_busy(const struct shk_explanation *e)
{
	const struct shadowk_patch_spec *spec = e->subject.patch_spec;
	bool can_skip = e->op == SHADOWK_OP_PATCH_ADD && spec &&
			spec->kind == SHADOWK_PATCH_LIVEPATCH;

	if (shk_error.busy > 0)
		shk_say(e,
			can_skip
				? "thread {busy} is in a function that would change, and did not "
				  "leave it in time (see /proc/{busy-pid}/stack); try again, or stop "
				  "it; --unsafe-now does not wait"
				: "thread {busy} is in a function that would change, in fork or "
				  "exec, or holds its memory map, and did not leave in time (see "
				  "/proc/{busy-pid}/stack); try again, or stop it");
	else
		shk_say(e, "a thread of another pid namespace is in a function that would change, "
			   "in fork or exec, or holds its memory map, and did not leave in time; "
			   "try again");
}
