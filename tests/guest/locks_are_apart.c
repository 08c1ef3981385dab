// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * While a call holds one shadow's lock for long, calls about other shadows go on, and so do lists
 * and processes that leave the shadow. Calls that change the shadow wait, and their callers can be
 * killed.
 *
 * The call adds a livepatch module whose callback does not return.
 */
#include <fcntl.h>
#include <signal.h>
#include <errno.h>
#include <unistd.h>

#include "lists.h"
#include "actor.h"
#include "cgroups.h"
#include "patches.h"
#include "shadows.h"

#define NAME   "shk_livepatch_callbacks"
#define PARAMS "/sys/module/" NAME "/parameters/"

#define GOES_ON 5000 /* limit in ms, for a slow machine */
#define BLOCKED 500

static struct shadowk_shadow *held, *other, *owner, *all;
/*
 * @group is not attached. @wanted is to be attached to @held. @home and @gone are attached to
 * @held; a process is moved into @home, and @gone is empty.
 */
static struct cgroup group, wanted, home, gone;
static struct actor inside, outside, mover;

/* ---- calls that go on ---- */

static int list(void)
{
	struct shadowk_shadow_info *shadows;
	struct shadowk_process *processes;
	struct shadowk_process_info where = { .size = sizeof(where) };
	struct shadowk_info info = { .size = sizeof(info) };
	long ret = list_read(shadowk_shadow_list, device(), &shadows);

	free(shadows);
	if (ret < 0)
		return (int)ret;
	ret = list_read(shadowk_process_list, held, &processes);
	free(processes);
	return ret < 0 ? (int)ret : shadowk_info(device(), &info)
			      ?: shadowk_process_info(device(), inside.pid, &where);
}

static int make_and_destroy(void)
{
	struct shadowk_shadow *made, *opened;
	int ret = shadowk_shadow_create(device(), "made", &made);

	if (!ret)
		ret = shadowk_shadow_open(device(), "held", &opened);
	return ret ?: shadowk_shadow_destroy(made);
}

static int attach_elsewhere(void)
{
	return shadowk_process_attach(other, outside.pid)
		       ?: shadowk_process_detach(device(), outside.pid);
}

static int move_out(void)
{
	return shadowk_process_attach(other, inside.pid);
}

static int leave(void)
{
	return shadowk_process_detach(device(), inside.pid);
}

static int enter(void)
{
	return shadowk_enter(other) ?: shadowk_enter_flags(other, SHADOWK_THREAD)
				    ?: shadowk_leave(other)
				    ?: shadowk_leave(other);
}

static int probe_at(struct shadowk_shadow *shadow)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec),
					   .kind = SHADOWK_PROBE_COUNT,
					   .name = "p",
					   .symbol = "cmdline_proc_show" };

	return shadowk_probe_add(shadow, &spec) ?: shadowk_probe_remove(shadow, "p");
}

static int probe_at_the_same(void)
{
	return probe_at(other);
}

static int probe_union(void)
{
	return all ? probe_at(all) : 0;
}

static int own(void)
{
	return owner ? shadowk_own_kthreads(owner, "kthreadd")
			       ?: shadowk_disown_kthreads(owner, "kthreadd")
		     : 0;
}

static int bind_cgroup(void)
{
	return shadowk_cgroup_attach(other, group.path)
		       ?: shadowk_cgroup_detach(device(), group.path);
}

static int remove_cgroup(void)
{
	return rmdir(gone.path) ? -errno : 0;
}

static int move_into_cgroup(void)
{
	cgroup_move(&home, mover.pid);
	return 0;
}

static int choose_calls(void)
{
	static const unsigned int number = 39; /* getpid */
	struct shadowk_shadow *during;
	size_t refused;
	int ret = shadowk_syscalls_create(other, &number, 1, &during, &refused);

	return shadowk_reason() == SHADOWK_REASON_NO_SYSCALL_ENTRY ? 0 : ret;
}

static const struct {
	const char *what;
	int (*make)(void);
} calls[] = {
	{ "lists of shadows and processes", list },
	{ "creating and destroying another shadow", make_and_destroy },
	{ "attaching to another shadow", attach_elsewhere },
	{ "entering another shadow", enter },
	{ "a probe of another shadow at the same function", probe_at_the_same },
	{ "a probe of the union", probe_union },
	{ "owning kernel threads", own },
	{ "removing a cgroup that is attached to the held shadow", remove_cgroup },
	{ "moving a process into a cgroup of the held shadow", move_into_cgroup },
	{ "attaching a cgroup to another shadow", bind_cgroup },
	{ "selecting system calls for another shadow", choose_calls },
	{ "moving out of the held shadow", move_out },
	{ "detaching from the other shadow", leave },
};

static pid_t ask(int (*make)(void))
{
	pid_t pid = fork_tied();
	int ret;

	if (pid)
		return pid;
	ret = make();
	if (ret)
		fprintf(stderr, "%s\n", strerror(-ret));
	_exit(!!ret);
}

static void expect_goes_on(const char *what, int (*make)(void))
{
	pid_t pid = ask(make);
	int status = 0;

	if (ends_within(pid, GOES_ON, &status)) {
		expect_eq(status, 0, "wait status of %s", what);
		return;
	}
	expect(false, "%s waits for the held shadow", what);
	kill(pid, SIGKILL);
	wait_for(pid);
}

/* ---- calls that wait ---- */

static int probe_it(void)
{
	return probe_at(held);
}

static int attach_to_it(void)
{
	return shadowk_process_attach(held, outside.pid);
}

static int destroy_it(void)
{
	return shadowk_shadow_destroy(held);
}

static int add(void)
{
	return livepatch_try(held, NAME, SHADOWK_PATCH_CALLBACKS | SHADOWK_PATCH_UNSAFE_NOW);
}

static int bind_to_it(void)
{
	return shadowk_cgroup_attach(held, wanted.path);
}

static struct {
	const char *what;
	int (*make)(void);
	pid_t pid;
} waiters[] = {
	{ "a probe of the held shadow", probe_it, 0 },
	{ "attaching to the held shadow", attach_to_it, 0 },
	{ "attaching a cgroup to the held shadow", bind_to_it, 0 },
	{ "destroying the held shadow", destroy_it, 0 },
};

static void begin_waiting(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		waiters[i].pid = ask(waiters[i].make);
	usleep(BLOCKED * 1000);
}

static void end_waiting(void)
{
	int status;

	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++) {
		expect(!ends_within(waiters[i].pid, 0, &status), "%s does not wait",
		       waiters[i].what);
		need(!kill(waiters[i].pid, SIGKILL));
		expect(ends_within(waiters[i].pid, GOES_ON, &status), "%s cannot be killed",
		       waiters[i].what);
	}
}

int main(void)
{
	int fd = open(victim_path(NAME), O_RDONLY | O_CLOEXEC);
	pid_t adder;

	need(fd >= 0);
	held = shadow_new("held");
	other = shadow_new(NULL);
	owner = shadow_new_if_possible(NULL, SHADOWK_ASYNC_OWNER);
	all = shadow_new_if_possible(NULL, SHADOWK_ASYNC_UNION);
	cgroup_make(&group, NULL, "locks");
	cgroup_make(&wanted, NULL, "wanted");
	cgroup_make(&home, NULL, "home");
	cgroup_make(&gone, NULL, "gone");
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	actor_start(&mover, -1);
	attach(held, inside.pid);
	cgroup_attach(held, &home);
	cgroup_attach(held, &gone);

	need_ok(shadowk_livepatch_load(device(), fd));
	need(write_file(PARAMS "wait", "1"));
	adder = ask(add);
	need(eventually(read_number(PARAMS "waiting") == 1));
	begin_waiting();
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		expect_goes_on(calls[i].what, calls[i].make);
	end_waiting();
	expect(read_number(PARAMS "waiting") == 1, "the shadow was not held all the time");

	need(write_file(PARAMS "wait", "0"));
	expect_eq(wait_for(adder), 0, "exit status of the process that adds the patch");
	patch_remove(held, "p");
	expect(eventually(shadow_of(mover.pid) == shadow_info(held).id),
	       "the process that was moved into the cgroup does not get inside");
	cgroup_detach(&home);
	expect(eventually(!shadowk_shadow_destroy(held)), "the held shadow cannot be destroyed");
	actor_end(&inside);
	actor_end(&outside);
	actor_end(&mover);
	cgroup_remove(&group);
	cgroup_remove(&wanted);
	cgroup_remove(&home);
	close(fd);
	expect(eventually(!module_unload(NAME)), "the livepatch module cannot be unloaded");
	return finish();
}
