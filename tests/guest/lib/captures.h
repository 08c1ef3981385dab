/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of capture: a tool in a helper, whose probes a target has. */
#ifndef SHADOWK_TEST_CAPTURES_H
#define SHADOWK_TEST_CAPTURES_H

#include "actor.h"

struct shadowk_shadow;

/* Starts @tool inside @helper. */
void tool_start(struct actor *tool, struct shadowk_shadow *helper);
/*
 * Kills @tool while @inside, a process of @target, does @job(20000). Expects that nothing stays
 * captured in @target.
 */
void expect_kill_releases(struct actor *tool, struct actor *inside, job_fn job,
			  struct shadowk_shadow *target);

#endif /* SHADOWK_TEST_CAPTURES_H */
