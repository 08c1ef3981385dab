// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <unistd.h>

#include "captures.h"
#include "shadows.h"

void tool_start(struct actor *tool, struct shadowk_shadow *helper)
{
	actor_start(tool, -1);
	attach(helper, tool->pid);
}

void expect_kill_releases(struct actor *tool, struct actor *inside, job_fn job,
			  struct shadowk_shadow *target)
{
	actor_ask(inside, job, 20000);
	kill(tool->pid, SIGKILL);
	expect(eventually(!shadow_info(target).nr_probes),
	       "nothing is captured for a tool that was killed");
	actor_answer(inside);
}
