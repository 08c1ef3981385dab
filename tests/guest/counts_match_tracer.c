// SPDX-License-Identifier: GPL-2.0-only
/* test: once timeout=120 */
/*
 * Probes that one call adds count each call of 300 functions that the kernel's function tracer
 * reports for the same process at the same time.
 *
 * The functions are a sample of those that a workload calls, and of those that it does not call.
 * Among each of them, the functions' names and a seed decide.
 *
 * The tracer sees interrupts, too, which execute the base. It marks their calls, except for the
 * first and last ones of an interrupt. The last ones include the scheduler if it preempts the
 * process, so such a run is repeated. The text changes within a context switch, and not where the
 * tracer's process does. Functions of unmarked calls and of context switches are not in the sample,
 * nor are those that kprobes refuses.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "actor.h"
#include "lists.h"
#include "shadows.h"
#include "sweep.h"
#include "tracefs.h"

#define TRACEFS	   "/sys/kernel/tracing/"
#define INSTANCE   "instances/counts_match_tracer"
#define BLACKLIST  "/sys/kernel/debug/kprobes/blacklist"
#define SEED	   1
#define CANDIDATES 10000 /* functions that are traced; to trace all takes long to begin */
#define SAMPLE	   300
#define CALLED	   200 /* functions of the sample that the workload calls */
#define RUNS	   3
#define TRIES	   20 /* of a run */
#define ROUNDS	   2  /* of the workload in a run */
#define SPIN	   5000000

struct function {
	char name[128];
	uint64_t addr;
	unsigned int line;  /* of available_filter_functions, from 1 on */
	unsigned int names; /* functions that have this name */
	uint64_t rank;	    /* the sample has the functions of the lowest ranks */
	bool called;	    /* by the workload */
	bool others;	    /* by interrupts, without a mark, or in context switches */
	bool refused;	    /* by kprobes */
	int64_t calls;	    /* that the tracer reports of the last run */
	int64_t hits, read; /* of its probe, in the last run and in all */
};

static struct function *functions; /* by name */
static size_t nr_functions;
static struct function *sample[SAMPLE]; /* the called ones come first */
static struct actor actor;

/* FNV-1a. A function has the same rank on each machine. */
static uint64_t rank_of(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325 + SEED;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 0x100000001b3;
	return hash;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct function *)a)->name, ((const struct function *)b)->name);
}

static int by_rank(const void *a, const void *b)
{
	const struct function *f = *(struct function *const *)a, *g = *(struct function *const *)b;

	return f->rank < g->rank ? -1 : f->rank > g->rank;
}

static struct function *find(const char *name)
{
	struct function key;

	snprintf(key.name, sizeof(key.name), "%s", name);
	return bsearch(&key, functions, nr_functions, sizeof(key), by_name);
}

/* Reads the functions of the kernel image that ftrace can trace. */
static void read_functions(void)
{
	FILE *traceable = fopen(TRACEFS "available_filter_functions", "re");
	FILE *symbols = fopen("/proc/kallsyms", "re");
	char line[512], name[128], module[128], type;
	struct function *function;
	uint64_t addr;

	need(traceable && symbols);
	for (unsigned int nr = 1; fgets(line, sizeof(line), traceable); nr++) {
		if (sscanf(line, "%127s %127s", name, module) != 1)
			continue;
		if (!(nr_functions % 1024))
			functions =
				reallocarray(functions, nr_functions + 1024, sizeof(*functions));
		need(functions);
		function = &functions[nr_functions++];
		*function = (struct function){ .line = nr, .rank = rank_of(name) };
		strcpy(function->name, name);
	}
	qsort(functions, nr_functions, sizeof(*functions), by_name);
	while (fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%" SCNx64 " %c %127s", &addr, &type, name) != 3 ||
		    !(function = find(name)))
			continue;
		function->addr = addr;
		function->names++;
	}
	fclose(traceable);
	fclose(symbols);
}

static void read_blacklist(void)
{
	FILE *file = fopen(BLACKLIST, "re");
	struct function *function;
	char line[256], name[128];

	need(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %127s", name) == 1 && (function = find(name)))
			function->refused = true;
	fclose(file);
}

/* ---- the tracer ---- */

static void tracer_write(const char *file, long number)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), INSTANCE "/%s", file);
	snprintf(text, sizeof(text), "%ld\n", number);
	tracefs_write(path, text);
}

/* Starts to trace the @nr functions of @some. */
static void tracer_begin(struct function **some, size_t nr)
{
	FILE *filter;

	need(!mkdir(TRACEFS INSTANCE, 0700));
	filter = fopen(TRACEFS INSTANCE "/set_ftrace_filter", "we");
	need(filter);
	for (size_t i = 0; i < nr; i++)
		fprintf(filter, "%u ", some[i]->line);
	need(!fclose(filter));
	tracer_write("buffer_size_kb", 16384);
	tracefs_write(INSTANCE "/current_tracer", "function\n");
}

static void tracer_end(void)
{
	tracefs_write(INSTANCE "/current_tracer", "nop\n");
	need(!rmdir(TRACEFS INSTANCE));
}

/* Counts the call of a line of the trace: TASK-PID [CPU] FLAGS TIME: FUNCTION <-CALLER */
static void tracer_count(const char *line)
{
	const char *cpu = strstr(line, " ["), *pid = cpu;
	struct function *function;
	char flags[8], name[128];

	while (pid > line && pid[-1] != '-')
		pid--;
	if (!cpu || atoi(pid) != actor.pid)
		return;
	need(sscanf(cpu, " [%*d] %7s %*[^:]: %127s", flags, name) == 2);
	function = find(name);
	/* The third flag is h or s in an interrupt or a softirq. */
	if (function && flags[2] == '.')
		function->calls++;
}

/*
 * Lets the actor do @job(@arg), and sets the calls of each function. The actor sleeps before and
 * after.
 */
static void trace(job_fn job, long arg)
{
	long kept = 0, written = -1;
	char line[1024];
	FILE *file;
	int fd;

	for (size_t i = 0; i < nr_functions; i++)
		functions[i].calls = 0;
	need(eventually(sleeps_in(actor.pid, SYS_read)));
	fd = open(TRACEFS INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);
	need(fd >= 0);
	close(fd);
	tracer_write("tracing_on", 1);
	expect_eq(actor_do(&actor, job, arg), 0, "wrong results of the job");
	need(eventually(sleeps_in(actor.pid, SYS_read)));
	tracer_write("tracing_on", 0);
	file = fopen(TRACEFS INSTANCE "/trace", "re");
	need(file);
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "# entries-in-buffer/entries-written: %ld/%ld", &kept, &written);
		if (line[0] != '#')
			tracer_count(line);
	}
	fclose(file);
	expect_eq(kept, written, "events that the tracer's buffer has kept");
}

/* ---- the sample ---- */

/* A job during which there are interrupts and context switches, and little else. */
static long job_others(long times)
{
	for (volatile long i = 0; i < times * SPIN; i++)
		;
	for (long i = 0; i < times; i++)
		usleep(1000);
	return 0;
}

/*
 * The functions of the lowest ranks. Functions that share their name, or are refused, are left out.
 */
static void find_candidates(struct function **candidates)
{
	struct function **ranked = calloc(nr_functions, sizeof(*ranked));
	size_t nr = 0;

	need(ranked);
	for (size_t i = 0; i < nr_functions; i++)
		if (functions[i].names == 1 && !functions[i].refused)
			ranked[nr++] = &functions[i];
	need(nr >= CANDIDATES);
	qsort(ranked, nr, sizeof(*ranked), by_rank);
	memcpy(candidates, ranked, CANDIDATES * sizeof(*ranked));
	free(ranked);
}

/* Adds candidates to the sample until it has @nr. The workload calls them, or not: @called. */
static void sample_add(struct function **candidates, bool called, size_t nr)
{
	static size_t sampled;

	for (size_t i = 0; i < CANDIDATES && sampled < nr; i++)
		if (candidates[i]->called == called && !candidates[i]->others)
			sample[sampled++] = candidates[i];
	need(sampled == nr);
}

static void choose(struct function **candidates)
{
	trace(job_others, 0);
	for (size_t i = 0; i < CANDIDATES; i++)
		candidates[i]->read = candidates[i]->calls;
	trace(job_others, 5);
	for (size_t i = 0; i < CANDIDATES; i++)
		candidates[i]->others = candidates[i]->calls != candidates[i]->read;
	trace(job_system_calls, 1);
	for (size_t i = 0; i < CANDIDATES; i++) {
		candidates[i]->called = candidates[i]->calls;
		candidates[i]->read = 0;
	}
	sample_add(candidates, true, CALLED);
	sample_add(candidates, false, SAMPLE);
}

/* ---- probes ---- */

static void probes_add(struct shadowk_shadow *shadow)
{
	struct shadowk_probe_spec specs[SAMPLE] = { 0 };
	size_t added;

	for (size_t i = 0; i < SAMPLE; i++)
		specs[i] = (struct shadowk_probe_spec){ .size = sizeof(specs[i]),
							.kind = SHADOWK_PROBE_COUNT,
							.addr = sample[i]->addr };
	need_ok(shadowk_probe_add_many(shadow, specs, sizeof(specs[0]), SAMPLE, 0, &added));
	expect_eq((int64_t)added, SAMPLE, "probes added");
}

/* Sets the hits of each function to what its probe has counted since the last call. */
static void read_hits(struct shadowk_shadow *shadow)
{
	struct shadowk_probe_info *probes;
	long nr = need_ok(list_read(shadowk_probe_list, shadow, &probes));

	expect_eq(nr, SAMPLE, "probes listed");
	for (long i = 0; i < nr; i++) {
		struct function *function = find(probes[i].symbol);

		need(function);
		function->hits = (int64_t)probes[i].hits - function->read;
		function->read = (int64_t)probes[i].hits;
	}
	free(probes);
}

/* How often the actor was preempted. */
static long preemptions(void)
{
	static const char field[] = "nonvoluntary_ctxt_switches:";
	char path[64], text[8192];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)actor.pid);
	need(read_file(path, text, sizeof(text)));
	at = strstr(text, field);
	need(at);
	return atol(at + sizeof(field) - 1);
}

/* Makes a run. Returns false if the actor was preempted. */
static bool run(struct shadowk_shadow *shadow)
{
	long before = preemptions();

	read_hits(shadow);
	trace(job_system_calls, ROUNDS);
	read_hits(shadow);
	return preemptions() == before;
}

static void compare(void)
{
	int64_t sum = 0;

	for (size_t i = 0; i < SAMPLE; i++) {
		expect_eq(sample[i]->hits, sample[i]->calls,
			  "calls of %s that its probe counts, compared with the tracer",
			  sample[i]->name);
		sum += sample[i]->calls;
	}
	printf("# %" PRIi64 " calls of functions of the sample\n", sum);
	expect(sum >= CALLED * ROUNDS, "%" PRIi64 " calls of functions of the sample", sum);
}

int main(void)
{
	const struct sched_param first = { .sched_priority = 1 };
	static struct function *candidates[CANDIDATES];
	struct shadowk_shadow *shadow;

	mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	read_functions();
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	read_blacklist();
	actor_start(&actor, 0);
	/* Hardly anything preempts it. */
	need(!sched_setscheduler(actor.pid, SCHED_FIFO, &first));
	find_candidates(candidates);
	tracer_begin(candidates, CANDIDATES);
	choose(candidates);
	shadow = shadow_new(NULL);
	probes_add(shadow);
	attach(shadow, actor.pid);
	for (unsigned int i = 0; i < RUNS; i++) {
		unsigned int tries = 1;

		while (!run(shadow) && tries < TRIES)
			tries++;
		printf("# %u tries\n", tries);
		compare();
	}
	tracer_end();
	actor_end(&actor);
	free(functions);
	return finish();
}
