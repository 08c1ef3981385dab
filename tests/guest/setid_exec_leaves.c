// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * A process that attached itself by a derived handle leaves the shadow when it executes a set-id
 * program, before the program's first instruction. A process stays if CAP_SYS_ADMIN attached it, or
 * if the program gains no privileges.
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "delegate.h"
#include "tiny.h"

static const struct program {
	const char *path;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool gains;
} programs[] = {
	{ "/tmp/plain", 0, 0, 0755, false },
	{ "/tmp/set-user", 0, 0, 04755, true },
	{ "/tmp/set-group", 0, 5, 02755, true },
	{ "/tmp/set-own", USER_ID, USER_ID, 06755, false },
};

static struct shadowk_shadow *shadow, *handle;
static struct delegate user;

/* Executes a program, which makes one call. */
static void executes(job_fn job, const struct program *p, bool stays, const char *who)
{
	uint64_t before = hits(shadow, GETPPID);

	expect_eq(actor_do(&user.actor, job, (long)p->path), 0, "exit status of %s by %s", p->path,
		  who);
	expect_eq(hits(shadow, GETPPID) - before, stays, "hits of %s by %s", p->path, who);
	expect(eventually(shadow_info(shadow).nr_grafts == 1),
	       "the number of processes inside is not 1 after %s by %s", p->path, who);
}

static void each(const char *who, bool privileged)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		executes(job_execute, &programs[i], privileged || !programs[i].gains, who);
}

/* Executes the program in a child with no_new_privs, which gains nothing by exec. */
static long job_execute_nnp(long path)
{
	char *argv[] = { (char *)path, NULL };
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		execv(argv[0], argv);
		_exit(111);
	}
	return wait_for(pid);
}

/* Root without capabilities attaches itself, and gets its capabilities back by exec. */
static long job_bare_root(long path)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};
	char *argv[] = { (char *)path, NULL };
	pid_t pid = fork();

	if (!pid) {
		if (syscall(SYS_capset, &head, none) || shadowk_process_attach(handle, 0))
			_exit(111);
		execv(argv[0], argv);
		_exit(112);
	}
	return wait_for(pid);
}

static void bare_root(void)
{
	uint64_t before = hits(shadow, GETPPID);

	handle = shadow_derive(shadow, SHADOWK_RIGHT_ATTACH, NULL);
	expect_eq(job_bare_root((long)programs[0].path), 0,
		  "exit status of root without capabilities");
	expect_eq(hits(shadow, GETPPID) - before, 0, "hits of root without capabilities");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		tiny_write(programs[i].path);
		need(!chown(programs[i].path, programs[i].uid, programs[i].gid));
		need(!chmod(programs[i].path, programs[i].mode));
	}
	shadow = shadow_new(NULL);
	count(shadow, GETPPID);
	delegate_start(&user);
	delegate_share(&user, 0, shadow, BOTH_RIGHTS);

	need_ok(actor_do(&user.actor, job_attach_itself, 0));
	each("a process that attached itself", false);
	executes(job_execute_nnp, &programs[1], true, "a process with no_new_privs");
	attach(shadow, user.actor.pid);
	each("a process that root attached", true);
	bare_root();

	delegate_end(&user);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		unlink(programs[i].path);
	return finish();
}
