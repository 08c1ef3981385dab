// SPDX-License-Identifier: GPL-2.0-only
/* test: races once timeout=60 */
/*
 * A walk of a shadow's edits releases text_mutex after every few pages. Otherwise a process with
 * SHADOWK_RIGHT_READ alone could keep all tasks that patch text waiting.
 */
#include "lists.h"
#include "actor.h"
#include "shadows.h"

/* The most pages that may be compared without releasing it. */
#define AT_ONCE 64

static struct shadowk_shadow *whole;

static long job_walk(long unused)
{
	struct shadowk_edit_info *edits;
	long ret = list_read(shadowk_edit_list, whole, &edits);

	free(edits);
	return ret < 0 ? ret : 0;
}

int main(void)
{
	struct shadowk_raw_spec spec = { .size = sizeof(spec), .flags = SHADOWK_RAW_IDENTITY };
	struct shadowk_shadow *counting = shadow_new(NULL);
	/* With lockdep, mutex_lock() is a macro. */
	const char *lock = kernel_symbol("mutex_lock") ? "mutex_lock" : "mutex_lock_nested";
	struct actor walker;
	long pages, before;

	whole = shadow_new(NULL);
	need_ok(shadowk_raw_add(whole, &spec));
	pages = shadow_info(whole).private_pages;
	expect(pages > 1000, "only %ld pages of text are private", pages);
	count(counting, lock);
	actor_start_holding(&walker, -1);
	attach(counting, walker.pid);
	before = hits(counting, lock);
	expect_ret(actor_do(&walker, job_walk, 0), 0, "the walk");
	expect_range(hits(counting, lock) - before, pages / AT_ONCE, INT64_MAX,
		     "mutexes that the walk took");
	actor_end(&walker);
	return finish();
}
