// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * Latency and return probes are refused where no return address is on top of the stack: in .cold
 * parts, at ret_from_fork and at labels of assembly. A hook there would replace the word that a
 * forked child pops into r15.
 */
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"
#include "victims.h"

#define EVERY	 60 /* one in so many .cold parts of the kernel is tried */
#define CHILDREN 20

struct trial {
	unsigned int every, seen, tried, taken;
};

/* Returns true if both probes are refused, or if this kernel lacks the symbol. */
static bool refused(struct shadowk_shadow *shadow, const char *place)
{
	long latency = probe_try(shadow, "latency", place, SHADOWK_PROBE_LATENCY, 0);
	long ret = probe_try(shadow, "ret", place, SHADOWK_PROBE_COUNT, SHADOWK_PROBE_RETURN);

	if (!latency)
		probe_remove(shadow, "latency");
	if (!ret)
		probe_remove(shadow, "ret");
	expect_ret(ret, latency, "a return probe at %s, as latency", place);
	return latency == -EOPNOTSUPP || latency == -ENOENT;
}

static void try_cold(struct shadowk_shadow *shadow, struct trial *kernel, struct trial *modules)
{
	char line[512], symbol[256], module[64], place[320];
	FILE *file = fopen("/proc/kallsyms", "re");

	need(file);
	while (fgets(line, sizeof(line), file)) {
		struct trial *trial;

		*module = 0;
		if (!strstr(line, ".cold") ||
		    sscanf(line, "%*x %*c %255s [%63[^]]", symbol, module) < 1)
			continue;
		trial = *module ? modules : kernel;
		if (trial->seen++ % trial->every)
			continue;
		snprintf(place, sizeof(place), "%s%s%s", module, *module ? ":" : "", symbol);
		/* The name is not unique, or the function belongs to shadowk. */
		if (probe_try(shadow, "count", place, SHADOWK_PROBE_COUNT, 0))
			continue;
		probe_remove(shadow, "count");
		trial->tried++;
		trial->taken += !refused(shadow, place);
	}
	fclose(file);
}

/* Forks children that check whether they have the parent's r12 to r15. Returns how many do not. */
static long job_fork(long n)
{
	long bad = 0;

	for (long i = 0; i < n; i++) {
		unsigned long r12, r13, r14, r15, pid = SYS_fork;

		asm volatile("mov $0x1212, %%r12\n mov $0x1313, %%r13\n mov $0x1414, %%r14\n"
			     "mov $0x1515, %%r15\n syscall\n"
			     "mov %%r12, %1\n mov %%r13, %2\n mov %%r14, %3\n mov %%r15, %4"
			     : "+a"(pid), "=m"(r12), "=m"(r13), "=m"(r14), "=m"(r15)
			     :
			     : "rcx", "r11", "r12", "r13", "r14", "r15", "memory");
		if (!pid)
			_exit(r12 != 0x1212 || r13 != 0x1313 || r14 != 0x1414 || r15 != 0x1515);
		bad += wait_for(pid) != 0;
	}
	return bad;
}

static void forks_keep_registers(struct shadowk_shadow *shadow)
{
	struct actor inside;

	/* These probes may be refused: a kernel may lack the symbol, or have it twice. */
	probe_try(shadow, "fork", "ret_from_fork", SHADOWK_PROBE_LATENCY, 0);
	probe_try(shadow, "fork-asm", "ret_from_fork_asm", SHADOWK_PROBE_LATENCY, 0);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	expect_eq(actor_do(&inside, job_fork, CHILDREN), 0, "children with other registers");
	actor_end(&inside);
}

int main(void)
{
	static const char *const labels[] = { "ret_from_fork_asm", "ftrace_call",
					      "return_to_handler", "xen_iret",
					      "io_uring_setup.cold" };
	struct shadowk_shadow *shadow = shadow_new(NULL);
	struct trial kernel = { .every = EVERY }, modules = { .every = 2 };
	struct actor inside;

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		expect(refused(shadow, labels[i]), "%s is not refused", labels[i]);
	/*
	 * In kernels without ret_from_fork_asm this is a label of assembly, and in others a
	 * function in C.
	 */
	if (probe_try(shadow, "asm", "ret_from_fork_asm", SHADOWK_PROBE_COUNT, 0) == -ENOENT)
		expect(refused(shadow, "ret_from_fork"), "ret_from_fork is not refused");
	else
		probe_remove(shadow, "asm");
	try_cold(shadow, &kernel, &modules);
	printf("# of %u .cold parts of the kernel, %u are entered like functions; of %u of "
	       "modules, %u\n",
	       kernel.tried, kernel.taken, modules.tried, modules.taken);
	expect_range(kernel.taken, 0, kernel.tried / 4,
		     ".cold parts of the kernel that have returns");
	expect_range(modules.taken, 0, modules.tried / 2,
		     ".cold parts of modules that have returns");
	forks_keep_registers(shadow);

	/*
	 * Functions have returns, in the kernel and in modules, with a __fentry__ site and without.
	 */
	victim_load();
	probe_add(shadow, "own", VICTIM_TEXT, SHADOWK_PROBE_LATENCY, 0);
	probe_add(shadow, "getppid", GETPPID, SHADOWK_PROBE_LATENCY, 0);
	probe_add(shadow, "int3", GETPPID, SHADOWK_PROBE_COUNT,
		  SHADOWK_PROBE_RETURN | SHADOWK_PROBE_FORCE_INT3);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	actor_do(&inside, job_victim, VICTIM_ORDER(VICTIM_OWN, 10));
	actor_do(&inside, job_getppid, 10);
	expect_eq(hits(shadow, "own"), 10, "latencies of a module's function");
	expect_eq(hits(shadow, "getppid"), 10, "latencies of a system call");
	expect_eq(hits(shadow, "int3"), 10, "returns by a breakpoint");
	actor_end(&inside);
	return finish();
}
