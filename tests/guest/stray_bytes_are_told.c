// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * The walk of a shadow's edits accounts for every private byte, whatever others
 * do to the same text, and tells one that nobody is to have put there.
 */

#include "lists.h"
#include "actor.h"
#include "patches.h"
#include "places.h"
#include "tracefs.h"

/* The middle of it is neither its entry nor, we hope, where its call is. */
#define PATCHED "__x64_sys_getppid"
#define PROBED	"vfs_read"

static struct shadowk_shadow *shadow;

static unsigned int walk(const char *when, struct shadowk_edit_info *stray)
{
	unsigned int edits = 0, strays = 0;
	struct shadowk_edit_info *infos;
	long nr = need_ok(list_read(shadowk_edit_list, shadow, &infos));
	uint64_t last = 0;

	for (long i = 0; i < nr; i++) {
		struct shadowk_edit_info info = infos[i];

		expect(info.addr >= last, "%s: 0x%lx after 0x%lx", when, (long)info.addr,
		       (long)last);
		last = info.addr + info.len;
		if (info.flags & SHADOWK_EDIT_STRAY) {
			*stray = info;
			strays++;
		} else if (!(info.flags & SHADOWK_EDIT_HOOK)) {
			edits++;
		}
	}
	free(infos);
	expect_eq(strays, stray->len > 0, "%s: strays", when);
	return edits;
}

static void go_astray(uint64_t addr)
{
	char parameter[32];
	pid_t pid;

	snprintf(parameter, sizeof(parameter), "at=0x%lx", (long)addr);
	pid = fork_tied();
	if (!pid) {
		need_ok(shadowk_process_attach(shadow, 0));
		need_ok(module_load(victim_path("shk_stray"), parameter));
		_exit(0);
	}
	expect_eq(wait_for(pid), 0, "the loader of shk_stray");
	need_ok(module_unload("shk_stray"));
}

int main(void)
{
	struct place jump = find_place(PROBED, SHADOWK_ARM_JUMP, job_read_zero);
	struct shadowk_edit_info stray = { 0 };
	uint64_t patched = kernel_symbol(PATCHED);
	char parameters[64];

	shadow = shadow_new(NULL);
	expect_eq(walk("empty", &stray), 0, "edits of an empty shadow");
	probe_add(shadow, "jump", jump.text, SHADOWK_PROBE_COUNT, jump.flags);
	probe_add(shadow, "call", PROBED, SHADOWK_PROBE_COUNT, 0);
	patch_return(shadow, "patch", PATCHED, 1);
	expect_eq(walk("edited", &stray), 3, "edits");

	snprintf(parameters, sizeof(parameters), "at=" PROBED " offset=%s",
		 strchr(jump.text, '+') + 1);
	need_ok(module_load(victim_path("shk_kprobe"), parameters));
	expect_eq(walk("with a kprobe at the same place", &stray), 3, "edits");
	need_ok(module_unload("shk_kprobe"));
	snprintf(parameters, sizeof(parameters), "at=" PROBED);
	need_ok(module_load(victim_path("shk_kprobe"), parameters));
	expect_eq(walk("with a kprobe at the entry", &stray), 3, "edits");
	need_ok(module_unload("shk_kprobe"));

	/* Xen lets no module write what is read-only, and there is nothing else to find. */
	if (is_xen_pv())
		return finish();
	go_astray(patched + 15);
	stray.len = 1;
	walk("with a stray byte", &stray);
	expect_eq(stray.addr, patched + 15, "address of the stray byte");
	expect_eq(stray.len, 1, "its length");
	expect_eq(stray.base[0] ^ stray.bytes[0], 0xff, "its change");
	expect_eq(stray.offset, 15, "its offset in %s", stray.symbol);
	return finish();
}
