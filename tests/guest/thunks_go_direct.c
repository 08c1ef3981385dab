// SPDX-License-Identifier: GPL-2.0-only
/* test: thunks timeout=120 */
/*
 * Processes of a shadow with a patch of thunks execute jumps and returns, where other processes
 * execute the thunks that this CPU's mitigations need. The patch cannot be added or removed while a
 * process is inside.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "lists.h"
#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define CALL 0xe8
#define RET  0xc3

static struct actor inside, outside;

static long job_bytes(long addr)
{
	unsigned char bytes[2];

	observe_text((uint64_t)addr, bytes, sizeof(bytes));
	return bytes[0] | bytes[1] << 8;
}

/* Makes system calls that call many functions through pointers. */
static long job_live(long n)
{
	char buf[64];

	while (n--) {
		int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC), pipes[2], status;
		pid_t pid;

		if (fd < 0 || read(fd, buf, sizeof(buf)) < 1 || close(fd) || pipe(pipes))
			return -errno;
		pid = fork();
		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		if (write(pipes[1], buf, 8) != 8 || read(pipes[0], buf, 8) != 8 ||
		    close(pipes[0]) || close(pipes[1]) || waitpid(pid, &status, 0) != pid)
			return -errno;
		if (status)
			return status;
	}
	return 0;
}

static struct shadowk_patch_spec spec_of(enum shadowk_patch_kind kind)
{
	return (struct shadowk_patch_spec){ .size = sizeof(struct shadowk_patch_spec),
					    .kind = kind,
					    .name = "thunks" };
}

static uint64_t first_function(struct shadowk_shadow *shadow)
{
	struct shadowk_patch_info info = { 0 };

	expect_ret(list_first(shadowk_patch_list, shadow, &info), 1, "patches in the list");
	return info.addr;
}

static bool try_kind(enum shadowk_patch_kind kind, long expected, long mask)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct shadowk_patch_spec spec = spec_of(kind), again = spec_of(kind);
	const char *what = shadowk_patch_kind_name(kind);
	long ret = shadowk_patch_add(shadow, &spec), addr;

	if (ret == -EOPNOTSUPP)
		return false;
	need_ok(ret);
	addr = (long)first_function(shadow);
	attach(shadow, inside.pid);
	expect_eq(actor_do(&inside, job_bytes, addr) & mask, expected, "%s: text inside", what);
	expect_eq(actor_do(&outside, job_bytes, addr) & 0xff, CALL, "%s: text outside", what);
	expect_eq(actor_do(&inside, job_live, 20), 0, "%s: result of system calls inside", what);

	strcpy(again.name, "again");
	expect_ret(shadowk_patch_add(shadow, &again), -EBUSY, "%s: added with a process inside",
		   what);
	expect_ret(shadowk_patch_remove(shadow, "thunks"), -EBUSY,
		   "%s: removed with a process inside", what);
	detach(inside.pid);
	expect_refused(shadowk_patch_add(shadow, &again), -EBUSY, SHADOWK_REASON_EDIT_THERE,
		       "%s: added twice", what);
	need_ok(shadowk_patch_remove(shadow, "thunks"));
	attach(shadow, inside.pid);
	expect_eq(actor_do(&inside, job_bytes, addr) & 0xff, CALL, "%s: text after removal", what);
	detach(inside.pid);
	shadow_close(shadow);
	return true;
}

int main(void)
{
	bool any;

	observer_load();
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	any = try_kind(SHADOWK_PATCH_RETPOLINES, 0xe0ff, 0xffff);
	any |= try_kind(SHADOWK_PATCH_RETURNS, RET, 0xff);
	actor_end(&inside);
	actor_end(&outside);
	victims_done();
	if (!any && !finish()) {
		puts("this CPU needs no thunks");
		return 77;
	}
	return finish();
}
