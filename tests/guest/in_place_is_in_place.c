// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=60 */
/*
 * A patch in place has its bytes where the base's body is, behind the base's entry, and for
 * processes inside only. Probes at the entry keep counting. When the patch is removed, the text is
 * the base's again.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "patches.h"

#define SITE 5 /* bytes of a __fentry__ site */

static struct actor inside, outside;

static void uids(long patched, const char *when)
{
	expect_eq(actor_do(&inside, job_syscall, SYS_getuid), patched, "getuid() inside, %s", when);
	expect_eq(actor_do(&outside, job_syscall, SYS_getuid), 0, "getuid() outside, %s", when);
}

/* Returns the offset of the first byte of getuid() that differs from the base, or -1. */
static int first_change(struct shadowk_shadow *shadow)
{
	struct shadowk_text text = { .size = sizeof(text), .symbol = GETUID };

	need_ok(shadowk_text_read(shadow, &text));
	for (unsigned int i = 0; i < text.len && i < text.symbol_len; i++)
		if (text.base[i] != text.bytes[i])
			return i;
	return -1;
}

static void add(struct shadowk_shadow *shadow, enum shadowk_patch_kind kind, long value)
{
	struct shadowk_patch_spec spec = {
		.size = sizeof(spec),
		.kind = kind,
		.flags = SHADOWK_PATCH_IN_PLACE,
		.value = value,
		.name = "p",
		.symbol = GETUID,
	};

	need_ok(shadowk_patch_add(shadow, &spec));
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);

	inplace_load();
	actor_start(&inside, -1);
	actor_start(&outside, -1);
	need_ok(patch_in_place(shadow, "p", "shk_inplace"));
	expect(first_change(shadow) >= SITE,
	       "no process inside: the entry changed, or the body did not");
	attach(shadow, inside.pid);
	uids(4242, "patch added before");
	patch_remove(shadow, "p");
	uids(0, "removed");
	expect_eq(first_change(shadow), -1, "first byte of getuid() that differs after removal");

	need_ok(patch_in_place(shadow, "p", "shk_inplace"));
	expect(first_change(shadow) >= SITE,
	       "a process inside: the entry changed, or the body did not");
	uids(4242, "patch added while inside");
	count(shadow, GETUID);
	actor_do(&inside, job_getuid, 10);
	expect_eq(hits(shadow, GETUID), 10, "hits of a probe at the entry");
	uids(4242, "with a probe");
	probe_remove(shadow, GETUID);
	expect_eq(strays(shadow), 0, "stray bytes");
	detach(inside.pid);
	uids(0, "detached");
	attach(shadow, inside.pid);
	uids(4242, "attached again");
	patch_remove(shadow, "p");

	add(shadow, SHADOWK_PATCH_RETURN, 7);
	expect(first_change(shadow) >= SITE, "a constant: the entry changed, or the body did not");
	uids(7, "a constant");
	patch_remove(shadow, "p");
	add(shadow, SHADOWK_PATCH_NOP, 0);
	expect(first_change(shadow) >= SITE,
	       "an empty body: the entry changed, or the body did not");
	patch_remove(shadow, "p");
	uids(0, "at the end");
	actor_end(&inside);
	actor_end(&outside);
	shadow_close(shadow);
	expect(eventually(!module_unload("shk_inplace")), "shk_inplace cannot be unloaded");
	return finish();
}
