// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A thread sleeps in a function while it is patched, while the patch goes, and while the process is
 * attached and detached. The thread's call ends in the body in which it began, and its next call
 * executes the other one.
 */
#include <sys/eventfd.h>

#include "actor.h"
#include "patches.h"

static int eventfd_fd;
static struct shadowk_shadow *shadow;
static struct actor actor;

static long job_read(long unused)
{
	uint64_t value = 0;
	long n = read(eventfd_fd, &value, sizeof(value));

	return n == sizeof(value) ? (long)value : n;
}

/* True if the actor sleeps in read() of the eventfd. */
static bool is_asleep(void)
{
	char path[64], text[256] = "", expected[64];

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)actor.pid);
	snprintf(expected, sizeof(expected), "0 %#x ", eventfd_fd);
	return read_file(path, text, sizeof(text)) && !strncmp(text, expected, strlen(expected));
}

static void change_attach(void)
{
	attach(shadow, actor.pid);
}

static void change_patch(void)
{
	patch_return(shadow, "p", "eventfd_read", 0);
}

static void change_unpatch(void)
{
	patch_remove(shadow, "p");
}

static void change_detach(void)
{
	detach(actor.pid);
}

static void across(void (*change)(void), const char *what)
{
	actor_ask(&actor, job_read, 0);
	expect(eventually(is_asleep()), "the process does not sleep in eventfd_read(), %s", what);
	change();
	need(write(eventfd_fd, &(uint64_t){ 42 }, sizeof(uint64_t)) == sizeof(uint64_t));
	expect_eq(actor_answer(&actor), 42, "result of a read() during which the process was %s",
		  what);
}

int main(void)
{
	eventfd_fd = eventfd(0, 0);
	need(eventfd_fd >= 0);
	shadow = shadow_new(NULL);
	actor_start(&actor, -1);

	across(change_attach, "attached");
	across(change_patch, "patched");
	expect_eq(actor_do(&actor, job_read, 0), 0, "the next read(), patched");
	change_unpatch();
	across(change_patch, "patched again");
	expect_eq(actor_do(&actor, job_read, 0), 0, "the next read(), patched again");
	change_unpatch();
	across(change_detach, "detached");
	change_patch();
	across(change_attach, "attached, with a patch");
	expect_eq(actor_do(&actor, job_read, 0), 0, "the next read(), attached with a patch");

	actor_end(&actor);
	return finish();
}
