// SPDX-License-Identifier: GPL-2.0-only
/* test: core timeout=120 */
/*
 * After much use of the module and rmmod, the kernel's text is what it was before insmod, byte for
 * byte. So are the page tables that map it, bit for bit, with the global bit. That holds for the
 * kernel's own tables and, with PTI, for the user half.
 */
#include "places.h"
#include "reexec.h"
#include "runners.h"
#include "shadows.h"
#include "snapshot.h"

static long job_fork_exec(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid) {
			execv("/proc/self/exe", reexec_argv(10));
			_exit(1);
		}
		need(!wait_for(pid));
	}
	return n;
}

static long job_nap(long us)
{
	return usleep(us);
}

#define RANGE 0x200000ULL /* the text that one page-table entry maps */
#define TRIES 200
/*
 * Longer gaps between two symbols are padding between sections. To check a probe's address the
 * kernel decodes from the preceding symbol on, and a megabyte of padding would be a soft lockup in
 * an emulator.
 */
#define FUNCTION_MAX 4096

/* Adds a probe in each range, at the first function that takes one. */
static void probe_every_range(struct shadowk_shadow *shadow)
{
	uint64_t from = kernel_symbol("_stext"), to = kernel_symbol("_etext");
	uint64_t addr, last = 0, range = 0;
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned int tries = 0;
	char line[1024], place[32];

	need(file);
	while (fgets(line, sizeof(line), file)) {
		addr = strtoull(line, NULL, 16);
		if (addr < from || addr > to || addr == last)
			continue;
		if (last >= range && last && addr - last <= FUNCTION_MAX) {
			snprintf(place, sizeof(place), "0x%" PRIx64, last);
			if (probe_try(shadow, place, place, SHADOWK_PROBE_COUNT, 0) >= 0 ||
			    ++tries == TRIES) {
				range = (last & ~(RANGE - 1)) + RANGE;
				tries = 0;
			}
		}
		last = addr;
	}
	fclose(file);
}

/* Adds probes of all kinds and arms, at functions of many areas. */
static void probe_everything(struct shadowk_shadow *shadow)
{
	static const char *const symbols[] = {
		GETPPID,	GETPID,		"vfs_read",  "vfs_write",
		"do_nanosleep", "tcp_sendmsg",	"vsnprintf", "unix_stream_sendmsg",
		"do_exit",	"kernel_clone", "schedule",  "__fput",
	};
	static const enum shadowk_probe_kind kinds[] = {
		SHADOWK_PROBE_COUNT,
		SHADOWK_PROBE_LATENCY,
		SHADOWK_PROBE_EVENT,
	};
	struct place jump = find_place(GETPPID, SHADOWK_ARM_JUMP, job_getppid);
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		count(shadow, symbols[i]);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			snprintf(name, sizeof(name), "%s-%zu", symbols[i], k);
			probe_add(shadow, name, symbols[i], kinds[k], SHADOWK_PROBE_FORCE_INT3);
		}
		snprintf(name, sizeof(name), "%s-return", symbols[i]);
		probe_add(shadow, name, symbols[i], SHADOWK_PROBE_COUNT, SHADOWK_PROBE_RETURN);
	}
	probe_add(shadow, "jump", jump.text, SHADOWK_PROBE_COUNT, 0);
	probe_every_range(shadow);
}

static void use_everything(void)
{
	struct shadowk_shadow *first = shadow_new("first"), *second = shadow_new(NULL);
	struct shadowk_shadow *idle = shadow_new("idle");
	struct runners runners;
	struct actor actor;

	probe_everything(first);
	probe_everything(idle);
	count(second, GETUID);
	actor_start(&actor, -1);
	attach(first, actor.pid);
	actor_do(&actor, job_getppid, 100);
	expect_eq(hits(first, GETPPID), 100, "hits while in use");
	actor_do(&actor, job_fork_exec, 5);
	actor_ask(&actor, job_nap, 200000);

	runners_start(&runners, 0);
	attach(second, runners.pid);
	attach(first, runners.pid);
	runners_progress(&runners, 20);
	probe_everything(second);
	detach(runners.pid);
	attach(second, runners.pid);
	runners_progress(&runners, 20);
	/*
	 * A probe goes while a process inside sleeps in its function, and then processes exit or
	 * are killed inside.
	 */
	probe_remove(first, "do_nanosleep");
	actor_answer(&actor);
	actor_end(&actor);
	runners_end(&runners);
	expect_ret(shadowk_shadow_destroy(first), 0, "destroy");
	shadows_done();
}

/*
 * True if the probed text is mapped by a global entry. With pti=on it is not. Entry code may be
 * global then, but takes no probe.
 */
static bool is_global(const struct snapshot *snapshot)
{
	uint64_t addr = kernel_symbol("vfs_read");

	for (size_t i = 0; i < snapshot->nr_entries[0]; i++) {
		const struct observer_entry *entry = &snapshot->entries[0][i];
		uint64_t size = entry->level == 1 ? 4096 : RANGE;

		if (entry->level <= 2 && entry->value & 0x100 /* _PAGE_GLOBAL */ &&
		    addr >= entry->addr && addr < entry->addr + size)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct snapshot before, after, during;

	reexec_main(argc, argv);
	observer_load();
	expect_ret(module_unload("shadowk"), 0, "rmmod before the test");
	snapshot_take(&before);
	expect_ret(module_load(shadowk_path(), ""), 0, "insmod");

	use_everything();
	/* rmmod destroys a shadow that has a name. */
	snapshot_take(&during);
	if (is_global(&before))
		expect(memcmp(before.entries[0], during.entries[0],
			      before.nr_entries[0] * sizeof(*before.entries[0])),
		       "no page-table entry differs while a shadow exists, so the test checks nothing");
	snapshot_free(&during);
	expect(eventually(!module_references()), "the module is still held");
	expect_ret(module_unload("shadowk"), 0, "rmmod");

	snapshot_take(&after);
	snapshot_compare(&before, &after);
	expect_base_everywhere();
	victims_done();
	return finish();
}
