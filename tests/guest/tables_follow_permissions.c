// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=120 */
/*
 * Where the base's page tables change permissions, a shadow's do: nothing inside can
 * write to, or execute, a page that the base may not, whether that lies beside edited
 * text of a module or in the kernel image, and whoever changed it.
 */
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>

#include "actor.h"
#include "shadows.h"
#include "tables.h"
#include "victims.h"

static struct actor inside;

/* So many programs that the kernel takes new pages for their text, and makes them text. */
static long job_load_programs(long nr)
{
	static struct bpf_insn insns[2000];
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER };
	long loaded = 0;

	for (size_t i = 0; i < ARRAY_SIZE(insns); i++)
		insns[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = (int)i };
	insns[ARRAY_SIZE(insns) - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (uintptr_t) "GPL";
	while (loaded < nr && syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) >= 0)
		loaded++;
	return loaded;
}

static void expect_followed(const char *when)
{
	expect_eq(actor_do(&inside, job_wrongly_permitted, (long)MODULES_AREA), 0,
		  "pages of modules that the base protects, %s", when);
	expect_eq(actor_do(&inside, job_wrongly_permitted, (long)IMAGE_AREA), 0,
		  "pages of the kernel image that the base protects, %s", when);
}

static void alias(bool read_only)
{
	uint64_t page = kernel_symbol("empty_zero_page");
	char addresses[64];

	if (read_only) {
		snprintf(addresses, sizeof(addresses), "ro=0x%" PRIx64 " rw=0x%" PRIx64,
			 kernel_symbol("set_memory_ro"), kernel_symbol("set_memory_rw"));
		need_ok(module_load(victim_path("shk_alias"), addresses));
	} else {
		need_ok(module_unload("shk_alias"));
	}
	expect(!(base_permits(page) & WRITABLE) == read_only,
	       "the image's mapping has not changed: this test sees nothing");
}

int main(void)
{
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct actor outside;

	observer_load();
	victim_load();
	actor_start(&inside, 0);
	actor_start(&outside, -1);
	count(shadow, VICTIM_TEXT);
	attach(shadow, inside.pid);
	expect_followed("at first");
	expect_eq(actor_do(&inside, job_load_programs, 10), 10, "BPF programs inside");
	expect_followed("with BPF programs of the process inside");
	expect_eq(actor_do(&outside, job_load_programs, 10), 10, "BPF programs outside");
	expect_followed("with BPF programs of a process outside");
	expect_eq(actor_do(&inside, job_missing, (long)MODULES_AREA), 0,
		  "pages of text that are not mapped");
	alias(true);
	expect_followed("with a page read-only elsewhere");
	alias(false);
	expect_followed("when it is writable again");
	actor_end(&inside);
	actor_end(&outside);
	shadow_close(shadow);
	victims_done();
	return finish();
}
