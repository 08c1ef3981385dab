// SPDX-License-Identifier: GPL-2.0-only
/* test: races once timeout=60 */
/*
 * A walk of a shadow's edits gives text_mutex back every few pages: whoever holds the
 * handle with SHADOWK_RIGHT_READ can make the walk, and all who patch text wait for it.
 */
#include "lists.h"
#include "actor.h"
#include "shadows.h"

/* Pages that may be compared in one go, at most. */
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
	/* Where lockdep looks on, the first is a macro. */
	const char *lock = kernel_symbol("mutex_lock") ? "mutex_lock" : "mutex_lock_nested";
	struct actor walker;
	long pages, before;

	whole = shadow_new(NULL);
	need_ok(shadowk_raw_add(whole, &spec));
	pages = shadow_info(whole).private_pages;
	expect(pages > 1000, "all text is private, %ld pages", pages);
	count(counting, lock);
	actor_start_holding(&walker, -1);
	attach(counting, walker.pid);
	before = hits(counting, lock);
	expect_ret(actor_do(&walker, job_walk, 0), 0, "the walk");
	expect_range(hits(counting, lock) - before, pages / AT_ONCE, INT64_MAX,
		     "how often the walk took a mutex");
	actor_end(&walker);
	return finish();
}
