// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=240 */
/*
 * When the base's page tables change permissions, the shadow's tables do, too. A process inside can
 * never write to, execute or cache a page that the base may not. That holds beside edited module
 * text, where modules may be edited, and in the kernel image, whichever process made the change.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>

#include "actor.h"
#include "shadows.h"
#include "tables.h"
#include "victims.h"

static struct actor inside;

/*
 * The text of this BPF program is larger than the 2 MB that the kernel keeps for such text. So the
 * kernel maps new memory, writes to it, and makes it executable.
 */
#define INSNS 320000

static long job_load_program(long unused)
{
	struct bpf_insn *insns = calloc(INSNS, sizeof(*insns));
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER };

	need(insns);
	for (int i = 0; i < INSNS; i++)
		insns[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = i };
	insns[INSNS - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = INSNS;
	attr.license = (uintptr_t) "GPL";
	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static void expect_followed(const char *when)
{
	expect_eq(actor_do(&inside, job_wrongly_permitted, (long)MODULES_AREA), 0,
		  "pages of modules that the base protects, %s", when);
	expect_eq(actor_do(&inside, job_wrongly_permitted, (long)IMAGE_AREA), 0,
		  "pages of the kernel image that the base protects, %s", when);
}

static void expect_alias_followed(void)
{
	uint64_t page = base_large_page(IMAGE_AREA);
	char at[32];

	if (!page) /* Xen has no large pages, and shadows share the tables of small ones */
		return;
	snprintf(at, sizeof(at), "at=0x%" PRIx64, page);
	need_ok(module_load(victim_path("shk_alias"), at));
	expect(!(base_permits(page) & CACHED),
	       "the image's mapping has not changed, so the test checks nothing");
	expect_followed("with a page that the direct map does not cache");
	need_ok(module_unload("shk_alias"));
	expect(base_permits(page) & CACHED, "the image's mapping has not changed back");
	expect_followed("after the page is cached again");
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);

	observer_load();
	victim_load();
	actor_start(&inside, 0);
	if (property_is_on("module-text"))
		count(shadow, VICTIM_TEXT);
	attach(shadow, inside.pid);
	expect_followed("in the beginning");
	expect_ret(actor_do(&inside, job_load_program, 0), 0, "loading a BPF program");
	expect_followed("with a BPF program of the process inside");
	expect_eq(actor_do(&inside, job_missing, (long)MODULES_AREA), 0,
		  "pages of text that are missing inside");
	expect_alias_followed();
	actor_end(&inside);
	shadow_close(shadow);
	victims_done();
	return finish();
}
