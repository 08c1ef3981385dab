// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * A shadow with a name remains when its creator has exited. It keeps its probes and can be opened,
 * until it is destroyed.
 */
#include "actor.h"
#include "shadows.h"

#define NAME "outlives-its-creator"

static long job_create(long unused)
{
	count(shadow_new(NAME), GETPPID);
	return 0;
}

int main(void)
{
	struct shadowk_shadow *shadow, *other;
	struct actor creator, inside;

	actor_start(&creator, -1);
	actor_do(&creator, job_create, 0);
	actor_end(&creator);

	need_ok(shadowk_shadow_open(device(), NAME, &shadow));
	expect_eq(shadow_info(shadow).nr_probes, 1, "probes");
	expect(!strcmp(shadow_info(shadow).name, NAME), "the shadow has another name: %s",
	       shadow_info(shadow).name);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	/* The shadow remains without any handle. */
	shadowk_shadow_close(shadow);
	actor_do(&inside, job_getppid, 100);
	need_ok(shadowk_shadow_open(device(), NAME, &shadow));
	expect_eq(hits(shadow, GETPPID), 100, "hits without any handle");
	actor_end(&inside);

	expect_ret(shadowk_shadow_destroy(shadow), 0, "destroy");
	expect_ret(shadowk_shadow_open(device(), NAME, &other), -ENOENT, "open after destroy");
	expect_eq(shadow_info(shadow).nr_probes, 0, "probes after destroy");
	expect_ret(shadowk_process_attach(shadow, 0), -ESTALE, "attach after destroy");
	/* The name is free while a handle of the old shadow is still open. */
	expect_ret(shadowk_shadow_create(device(), NAME, &other), 0,
		   "create another shadow of that name");
	expect_ret(shadowk_shadow_destroy(other), 0, "destroy the other shadow");
	shadowk_shadow_close(other);
	shadowk_shadow_close(shadow);
	expect_eq(module_info().nr_shadows, 0, "shadows at the end");
	return finish();
}
