// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * A process that attached itself by a derived handle leaves the shadow when it executes a program
 * with file capabilities. A process that CAP_SYS_ADMIN attached stays.
 */
#include <linux/capability.h>
#include <sys/xattr.h>

#include "delegate.h"
#include "tiny.h"

static const struct program {
	const char *path;
	uint32_t flags;
	uint32_t permitted;
} programs[] = {
	{ "/tmp/effective", VFS_CAP_FLAGS_EFFECTIVE, 1U << CAP_NET_RAW },
	{ "/tmp/permitted", 0, 1U << CAP_NET_RAW },
};

static struct shadowk_shadow *shadow;
static struct delegate user;

static void program_write(const struct program *p)
{
	struct vfs_cap_data data = {
		.magic_etc = VFS_CAP_REVISION_2 | p->flags,
		.data[0].permitted = p->permitted,
	};

	tiny_write(p->path);
	if (setxattr(p->path, "security.capability", &data, sizeof(data), 0))
		skip("/tmp cannot store file capabilities: %s", strerror(errno));
}

/* Executes a program, which makes one call. */
static void executes(const struct program *p, bool stays, const char *who)
{
	uint64_t before = hits(shadow, GETPPID);

	expect_eq(actor_do(&user.actor, job_execute, (long)p->path), 0, "exit status of %s by %s",
		  p->path, who);
	expect_eq(hits(shadow, GETPPID) - before, stays, "hits of %s by %s", p->path, who);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		program_write(&programs[i]);
	shadow = shadow_new(NULL);
	count(shadow, GETPPID);
	delegate_start(&user);
	delegate_share(&user, 0, shadow, BOTH_RIGHTS);

	need_ok(actor_do(&user.actor, job_attach_itself, 0));
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		executes(&programs[i], false, "a process that attached itself");
	attach(shadow, user.actor.pid);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		executes(&programs[i], true, "a process that root attached");

	delegate_end(&user);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		unlink(programs[i].path);
	return finish();
}
