// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A walk of a shadow's edits accounts for every private byte, whatever kprobes are at the same
 * text, and reports a byte that differs from the base without an edit.
 */

#include "lists.h"
#include "actor.h"
#include "patches.h"
#include "places.h"
#include "tracefs.h"

/* The stray byte is in the middle of PATCHED, where neither its entry nor a call is. */
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
	expect_eq(wait_for(pid), 0, "exit status of the process that loads shk_stray");
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

	/* Under Xen a module cannot write to read-only memory, so no stray byte can be made. */
	if (is_xen_pv())
		return finish();
	go_astray(patched + 15);
	stray.len = 1;
	walk("with a stray byte", &stray);
	expect_eq(stray.addr, patched + 15, "address of the stray byte");
	expect_eq(stray.len, 1, "length of the stray byte's edit");
	expect_eq(stray.base[0] ^ stray.bytes[0], 0xff, "changed bits of the stray byte");
	expect_eq(stray.offset, 15, "offset of the stray byte in %s", stray.symbol);
	return finish();
}
