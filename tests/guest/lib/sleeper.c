// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>

#include "patches.h"
#include "sleeper.h"

struct actor sleeper;

static void on_signal(int signal)
{
}

static long job_ready(long unused)
{
	return signal(SIGUSR1, on_signal) == SIG_ERR ? -errno : 0;
}

void sleeper_ready(struct actor *actor)
{
	need_ok(actor_do(actor, job_ready, 0));
}

void sleep_in_it(void)
{
	actor_ask(&sleeper, job_syscall, SYS_pause);
	expect(eventually(sleeps_in(sleeper.pid, SYS_pause)),
	       "the sleeper did not sleep in pause()");
}

void wake(long result, const char *what)
{
	kill(sleeper.pid, SIGUSR1);
	expect_ret(actor_answer(&sleeper), result, "%s", what);
}

void *wake_soon(void *unused)
{
	usleep(500000);
	kill(sleeper.pid, SIGUSR1);
	return NULL;
}

void busy(int err, const char *what)
{
	expect_in_the_way(sleeper.pid, err, what);
}
