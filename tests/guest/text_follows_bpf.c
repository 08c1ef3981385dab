// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=300 */
/* Private pages follow BPF trampolines at the entries of functions (fentry, fexit). */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "coherence.h"

static pid_t tracer;

/* Starts bpftrace, and waits until it has attached its programs. */
static void make(void)
{
	int out[2], null;
	char line[256] = "";
	size_t len = 0;

	need(!pipe(out));
	tracer = fork_tied();
	if (!tracer) {
		null = open("/dev/null", O_WRONLY);
		dup2(out[1], 1);
		dup2(null, 2);
		execlp("bpftrace", "bpftrace", "-e",
		       "BEGIN { printf(\"ready\\n\"); } kfunc:vfs_statfs { @entries = count(); } "
		       "kretfunc:vfs_fsync_range { @returns = count(); }",
		       NULL);
		_exit(127);
	}
	close(out[1]);
	while (!strstr(line, "ready") && len < sizeof(line) - 1) {
		ssize_t n = read(out[0], line + len, sizeof(line) - 1 - len);

		if (n <= 0)
			break;
		line[len += n] = 0;
	}
	expect(strstr(line, "ready"), "bpftrace did not begin: %s", line);
	close(out[0]);
}

static void undo(void)
{
	kill(tracer, SIGKILL);
	wait_for(tracer);
}

int main(void)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		skip("this kernel has no BTF");
	expect_followed(&(struct change){ "BPF", make, undo, true });
	return finish();
}
