// SPDX-License-Identifier: GPL-2.0-only
#include <grp.h>
#include <sys/socket.h>

#include "delegate.h"
#include "lists.h"
#include "passing.h"

#define SLOTS 4

/* The actor's handles by slot, and its end of the socket. */
static struct shadowk_shadow *slots[SLOTS];
static int theirs = -1;

static long job_drop(long unused)
{
	need(!setgroups(0, NULL) && !setgid(USER_ID) && !setuid(USER_ID));
	return access("/dev/shadowk", R_OK | W_OK) ? 0 : -EISDIR;
}

static long job_receive(long slot)
{
	return shadowk_shadow_from_fd(descriptor_receive(theirs), &slots[slot]);
}

void delegate_start(struct delegate *delegate)
{
	int ends[2];

	need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	theirs = ends[1];
	actor_start(&delegate->actor, -1);
	close(ends[1]);
	delegate->socket = ends[0];
	expect_ret(actor_do(&delegate->actor, job_drop, 0), 0,
		   "user 1000 has access to /dev/shadowk");
}

void delegate_end(struct delegate *delegate)
{
	actor_end(&delegate->actor);
	close(delegate->socket);
}

void delegate_give(struct delegate *delegate, int slot, struct shadowk_shadow *shadow)
{
	descriptor_send(delegate->socket, shadowk_shadow_fd(shadow));
	need_ok(actor_do(&delegate->actor, job_receive, slot));
}

uint64_t delegate_share(struct delegate *delegate, int slot, struct shadowk_shadow *shadow,
			uint32_t rights)
{
	struct shadowk_shadow *derived;
	uint64_t id;

	need_ok(shadowk_handle_derive(shadow, rights, &derived, &id));
	delegate_give(delegate, slot, derived);
	shadowk_shadow_close(derived);
	return id;
}

long job_attach_itself(long slot)
{
	return shadowk_process_attach(slots[slot], 0);
}

long job_detach_itself(long slot)
{
	return shadowk_process_detach_from(slots[slot], 0);
}

long job_enter_itself(long slot)
{
	return shadowk_enter(slots[slot]);
}

long job_leave_itself(long slot)
{
	return shadowk_leave(slots[slot]);
}

long job_derive(long slot)
{
	struct shadowk_shadow *derived;

	return shadowk_handle_derive(slots[slot], SHADOWK_RIGHT_READ, &derived, NULL);
}

long job_revoke(long slot)
{
	return shadowk_handle_revoke(slots[slot], 0);
}

long job_getppid_hits(long slot)
{
	struct shadowk_probe_info info;
	long ret = list_first(shadowk_probe_list, slots[slot], &info);

	return ret < 0 ? ret : (long)info.hits;
}

long job_attach_other(long order)
{
	return shadowk_process_attach(slots[order >> 32], order & 0xffffffff);
}

long job_execute(long path)
{
	char *argv[] = { (char *)path, NULL };
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(111);
	}
	return wait_for(pid);
}
