// SPDX-License-Identifier: GPL-2.0-only
/* test: debug timeout=300 */
/* A call about a shadow, a process or a cgroup changes nothing if one of its allocations fails. */
#include "cgroups.h"
#include "failures.h"

static struct shadowk_shadow *made;

static long run_create(unsigned int n)
{
	return DISTURBED(n, shadowk_shadow_create(device(), NULL, &made));
}

static long run_create_named(unsigned int n)
{
	return DISTURBED(n, shadowk_shadow_create(device(), "made", &made));
}

static long run_open(unsigned int n)
{
	return DISTURBED(n, shadowk_shadow_open(device(), "shadow", &made));
}

static void undo_made(void)
{
	shadowk_shadow_close(made);
}

static void undo_made_named(void)
{
	need_ok(shadowk_shadow_destroy(made));
	shadowk_shadow_close(made);
}

static long run_destroy(unsigned int n)
{
	return DISTURBED(n, shadowk_shadow_destroy(fresh));
}

static void probe_fresh(void)
{
	renew_fresh();
	count(fresh, GETPID);
}

static long run_attach_first(unsigned int n)
{
	return DISTURBED(n, shadowk_process_attach(fresh, outside.pid));
}

static void undo_attach_first(void)
{
	detach(outside.pid);
	need_ok(shadowk_shadow_destroy(fresh));
	renew_fresh();
}

static long run_attach(unsigned int n)
{
	return DISTURBED(n, shadowk_process_attach(shadow, outside.pid));
}

static void undo_attach(void)
{
	detach(outside.pid);
}

static long run_enter(unsigned int n)
{
	return DISTURBED(n, shadowk_enter(shadow));
}

static void undo_enter(void)
{
	need_ok(shadowk_leave(shadow));
}

static long run_move(unsigned int n)
{
	return DISTURBED(n, shadowk_process_attach(other, mover.pid));
}

static void undo_move(void)
{
	attach(shadow, mover.pid);
}

static long run_detach(unsigned int n)
{
	return DISTURBED(n, shadowk_process_detach(device(), mover.pid));
}

static struct cgroup members;
static struct actor member;

static long expect_member(long ret, struct shadowk_shadow *in, const char *what)
{
	expect_eq(shadow_of(member.pid), in ? shadow_info(in).id : 0,
		  "shadow of the member, %s: %s", what, strerrorname_np(-ret));
	return ret;
}

static long run_cgroup_attach(unsigned int n)
{
	long ret = DISTURBED(n, shadowk_cgroup_attach(shadow, members.path));

	return expect_member(ret, ret ? NULL : shadow, "attach");
}

static void undo_cgroup_attach(void)
{
	cgroup_detach(&members);
}

static long run_cgroup_attach_first(unsigned int n)
{
	long ret = DISTURBED(n, shadowk_cgroup_attach(fresh, members.path));

	/*
	 * The tables that were made before the first member came in stay, until the shadow is
	 * destroyed.
	 */
	if (ret) {
		need_ok(shadowk_shadow_destroy(fresh));
		renew_fresh();
	}
	return expect_member(ret, ret ? NULL : fresh, "first attach");
}

static void undo_cgroup_attach_first(void)
{
	cgroup_detach(&members);
	need_ok(shadowk_shadow_destroy(fresh));
	renew_fresh();
}

static long run_cgroup_detach(unsigned int n)
{
	long ret = DISTURBED(n, shadowk_cgroup_detach(device(), members.path));

	return expect_member(ret, ret ? shadow : NULL, "detach");
}

static void undo_cgroup_detach(void)
{
	cgroup_attach(shadow, &members);
}

static void walk_cgroups(void)
{
	static const struct operation first = { "the first attach of a cgroup",
						run_cgroup_attach_first, undo_cgroup_attach_first };
	static const struct operation attach = { "attach of a cgroup", run_cgroup_attach,
						 undo_cgroup_attach };
	static const struct operation detach = { "detach of a cgroup", run_cgroup_detach,
						 undo_cgroup_detach };

	cgroup_make(&members, NULL, "members");
	actor_start(&member, -1);
	cgroup_move(&members, member.pid);
	walk(&first);
	walk(&attach);
	cgroup_attach(shadow, &members);
	walk(&detach);
	cgroup_detach(&members);
	actor_end(&member);
	cgroup_remove(&members);
}

int main(void)
{
	static const struct operation operations[] = {
		{ "create", run_create, undo_made },
		{ "create with a name", run_create_named, undo_made_named },
		{ "open", run_open, undo_made },
		{ "the first attach", run_attach_first, undo_attach_first },
		{ "attach", run_attach, undo_attach },
		{ "enter", run_enter, undo_enter },
		{ "move", run_move, undo_move },
		{ "detach", run_detach, undo_move },
	};
	static const struct operation destroy = { "destroy", run_destroy, probe_fresh };

	failures_setup();
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		walk(&operations[i]);
	walk_cgroups();
	count(fresh, GETPID);
	walk(&destroy);
	failures_done();
	return finish();
}
