// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "actor.h"
#include "listeners.h"
#include "lists.h"
#include "patches.h"
#include "sweep.h"
#include "victims.h"

#define SECONDS 120 /* limit for the workload, which takes one or two */
#define CONTROL 25  /* calls of VICTIM_SYMBOL in each context */
#define UID	4321
#define GETUID	"__x64_sys_getuid"

/* A kind of probe, added to each function. */
struct kind {
	enum shadowk_probe_kind kind;
	uint32_t flags;
	const char *name;
};

#define COUNT                                   \
	{                                       \
		SHADOWK_PROBE_COUNT, 0, "count" \
	}
#define RETURN                                                      \
	{                                                           \
		SHADOWK_PROBE_COUNT, SHADOWK_PROBE_RETURN, "return" \
	}
#define LATENCY                                     \
	{                                           \
		SHADOWK_PROBE_LATENCY, 0, "latency" \
	}
#define EVENT                                   \
	{                                       \
		SHADOWK_PROBE_EVENT, 0, "event" \
	}
#define EVENT_R                                                              \
	{                                                                    \
		SHADOWK_PROBE_EVENT, SHADOWK_PROBE_RETURN, "event at return" \
	}
#define COUNT_3                                                             \
	{                                                                   \
		SHADOWK_PROBE_COUNT, SHADOWK_PROBE_FORCE_INT3, "breakpoint" \
	}
#define EVENT_3                                                                        \
	{                                                                              \
		SHADOWK_PROBE_EVENT, SHADOWK_PROBE_FORCE_INT3, "event by a breakpoint" \
	}

#define NR_KINDS  3
#define NR_ERRORS 134

struct pass {
	const struct sweep_way *way;
	struct sweep_function **functions;
	size_t count;
	size_t many; /* functions, from the first on, whose probes one call adds */
	struct shadowk_shadow *shadow;
	struct actor inside;
	/*
	 * Ids of the probes by function and kind, 0 if the probe was refused, and their counts by
	 * id.
	 */
	uint64_t (*ids)[NR_KINDS];
	struct shadowk_probe_info *infos;
	unsigned int probes, refused[NR_KINDS][NR_ERRORS];
	uint64_t control; /* id of a probe that counts VICTIM_SYMBOL */
};

struct sweep_way {
	const char *name;
	uint32_t flags; /* of the shadow */
	/*
	 * The first kind counts entries. Each kind that hooks returns has memory of its own for
	 * calls in flight.
	 */
	struct kind kinds[NR_KINDS];
	/* The hits and async hits that control() makes at VICTIM_SYMBOL, in units of CONTROL. */
	unsigned int control, control_async;
	/*
	 * @begin comes before the actor is started, @run executes the workload, @end comes after
	 * the actor has exited. Each may be NULL.
	 */
	void (*begin)(struct pass *pass);
	void (*run)(struct pass *pass);
	void (*end)(struct pass *pass);
	bool removed; /* run() removes the probes of the second kind */
	bool endless; /* asynchronous work goes on while the counts are read */
};

/* ---- the workload ---- */

/* Calls VICTIM_SYMBOL in contexts in which the policies differ. */
static long control(void)
{
	static const unsigned int contexts[] = { VICTIM_SELF, VICTIM_HARDIRQ, VICTIM_WORK,
						 VICTIM_KTHREAD };
	long wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++)
		wrong += victim_call(contexts[i], CONTROL) != CONTROL;
	return wrong;
}

static long job_inside(long unused)
{
	long wrong = job_workload(1) + control();
	int fd = open("/dev/shk_calls", O_RDONLY | O_CLOEXEC);

	close(fd);
	return wrong + (fd < 0);
}

static void run(struct pass *pass, job_fn job, long arg)
{
	expect_eq(actor_do(&pass->inside, job, arg), 0, "wrong results of the workload, %s",
		  pass->way->name);
}

static void run_attached(struct pass *pass)
{
	attach(pass->shadow, pass->inside.pid);
	run(pass, job_inside, 0);
}

/* ---- owners ---- */

static void each_line(struct shadowk_shadow *shadow,
		      int (*change)(struct shadowk_shadow *shadow, uint32_t irq))
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[4096];
	unsigned int irq;

	need(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " %u:", &irq) == 1)
			need_ok(change(shadow, irq));
	fclose(file);
}

static void own_all(struct pass *pass)
{
	each_line(pass->shadow, shadowk_own_irq);
	need_ok(shadowk_own_kthreads(pass->shadow, "*"));
}

static void disown_all(struct pass *pass)
{
	need_ok(shadowk_disown_kthreads(pass->shadow, "*"));
	each_line(pass->shadow, shadowk_disown_irq);
}

/* ---- single threads ---- */

static long job_enter(long shadow)
{
	long wrong;

	if (shadowk_enter_flags((struct shadowk_shadow *)shadow, SHADOWK_THREAD))
		return -1;
	wrong = job_inside(0);
	return wrong + !!shadowk_leave((struct shadowk_shadow *)shadow);
}

static void run_thread(struct pass *pass)
{
	run(pass, job_enter, (long)pass->shadow);
}

/*
 * True if the last call was refused because the address is not the first byte of an instruction or
 * of a function.
 */
static bool is_inside_instruction(void)
{
	return shadowk_reason() == SHADOWK_REASON_NOT_INSTRUCTION ||
	       shadowk_reason() == SHADOWK_REASON_NOT_FUNCTION;
}

/* ---- patches ---- */

/* Adds a patch to each function, beside its probes, and removes it. No process is inside yet. */
static void patch_each(struct pass *pass)
{
	for (size_t i = 0; i < pass->count; i++) {
		struct shadowk_patch_spec spec = { .size = sizeof(spec),
						   .kind = SHADOWK_PATCH_NOP,
						   .addr = pass->functions[i]->addr };
		long ret = shadowk_patch_add(pass->shadow, &spec);

		if (!ret)
			patch_remove(pass->shadow, spec.name);
		else if (ret != -EOPNOTSUPP && ret != -EBUSY && !is_inside_instruction())
			expect_ret(ret, 0, "a patch of %s", pass->functions[i]->name);
	}
	patch_return(pass->shadow, "uid", GETUID, UID);
	expect_eq(strays(pass->shadow), 0, "stray bytes after the patches were removed");
}

static void run_patched(struct pass *pass)
{
	run_attached(pass);
	expect_eq(actor_do(&pass->inside, job_syscall, SYS_getuid), UID,
		  "getuid() with a patch that returns a constant");
}

/* ---- removal under load ---- */

static atomic_bool *stop;

static long job_until_stopped(long unused)
{
	long wrong = job_inside(0);

	while (!*stop)
		wrong += job_workload(1);
	return wrong;
}

static void prepare_removal(struct pass *pass)
{
	if (!stop)
		stop = shared_memory(sizeof(*stop));
	*stop = false;
}

/* Removes the probes of the second kind: those that one call has added by one call, too. */
static void remove_second(struct pass *pass)
{
	uint64_t *ids = calloc(pass->many + 1, sizeof(*ids));
	struct shadowk_probe_info *probes;
	long nr = 0;

	need(ids);
	for (size_t i = 0; i < pass->many; i++)
		if (pass->ids[i][1])
			ids[nr++] = pass->ids[i][1];
	if (nr)
		expect_ret(shadowk_probe_remove_many(pass->shadow, ids, (size_t)nr), nr,
			   "probes removed by one call, %s", pass->way->name);
	nr = need_ok(list_read(shadowk_probe_list, pass->shadow, &probes));
	for (long i = 0; i < nr; i++)
		if (probes[i].kind == pass->way->kinds[1].kind)
			probe_remove(pass->shadow, probes[i].name);
	free(probes);
	free(ids);
}

static void run_removal(struct pass *pass)
{
	attach(pass->shadow, pass->inside.pid);
	actor_ask(&pass->inside, job_until_stopped, 0);
	remove_second(pass);
	*stop = true;
	expect_eq(actor_answer(&pass->inside), 0, "wrong results of the workload, %s",
		  pass->way->name);
}

/* ---- listeners ---- */

static void listen(struct pass *pass)
{
	listeners_start();
}

/*
 * A hit during a report on the same CPU is not reported. A probe of entries counts it in @hits and
 * @missed, a probe of returns in @missed only.
 */
static void compare_listeners(struct pass *pass)
{
	uint64_t perf, bpf, told = 0;

	listeners_stop(&perf, &bpf);
	for (size_t i = 0; i < pass->count; i++)
		for (int k = 0; k < NR_KINDS; k++) {
			const struct shadowk_probe_info *info = &pass->infos[pass->ids[i][k]];

			if (pass->ids[i][k] && info->kind == SHADOWK_PROBE_EVENT)
				told += info->hits -
					(info->flags & SHADOWK_PROBE_RETURN ? 0 : info->missed);
		}
	expect_eq(perf, told, "events that perf counted");
	expect_eq(bpf, told, "events that the BPF program counted");
}

static const struct sweep_way ways[] = {
	{ .name = "base", .kinds = { COUNT, LATENCY, EVENT_R }, .control = 1 },
	{ .name = "return", .kinds = { EVENT, RETURN }, .control = 1 },
	{ .name = "int3", .kinds = { COUNT_3, EVENT_3 }, .control = 1 },
	{ .name = "inherit",
	  .flags = SHADOWK_ASYNC_INHERIT,
	  .kinds = { COUNT, LATENCY, EVENT },
	  .control = 1,
	  .control_async = 1 },
	{ .name = "owner",
	  .flags = SHADOWK_ASYNC_OWNER,
	  .kinds = { COUNT, LATENCY, EVENT },
	  .control = 3,
	  .begin = own_all,
	  .end = disown_all },
	{ .name = "causal",
	  .flags = SHADOWK_ASYNC_CAUSAL,
	  .kinds = { COUNT, LATENCY, EVENT },
	  .control = 2,
	  .control_async = 1 },
	{ .name = "union",
	  .flags = SHADOWK_ASYNC_UNION,
	  .kinds = { COUNT, LATENCY, EVENT },
	  .control = 1,
	  .control_async = 2,
	  .endless = true },
	{ .name = "thread", .kinds = { COUNT, LATENCY, EVENT_R }, .control = 1, .run = run_thread },
	{ .name = "patch",
	  .kinds = { COUNT, RETURN, EVENT },
	  .control = 1,
	  .begin = patch_each,
	  .run = run_patched },
	{ .name = "removal",
	  .kinds = { COUNT, LATENCY, RETURN },
	  .control = 1,
	  .begin = prepare_removal,
	  .run = run_removal,
	  .removed = true },
	{ .name = "listeners",
	  .kinds = { EVENT, EVENT_R },
	  .control = 1,
	  .begin = listen,
	  .end = compare_listeners },
};

const struct sweep_way *sweep_way(unsigned int n)
{
	return n < ARRAY_SIZE(ways) ? &ways[n] : NULL;
}

const char *sweep_way_name(const struct sweep_way *way)
{
	return way->name;
}

/* ---- a pass ---- */

/*
 * True if the last call was refused for a reason that is right for some functions. No probe is
 * possible there, or it is no function or instruction, or another edit, jump or kprobe is in the
 * way.
 */
static bool is_refusal(long ret)
{
	uint32_t reason = shadowk_reason();

	return ret == -EOPNOTSUPP || is_inside_instruction() ||
	       reason == SHADOWK_REASON_EDIT_THERE || reason == SHADOWK_REASON_JUMP_THERE ||
	       reason == SHADOWK_REASON_KPROBE_THERE;
}

static struct shadowk_probe_spec make_spec(const struct pass *pass, size_t i, int k)
{
	return (struct shadowk_probe_spec){ .size = sizeof(struct shadowk_probe_spec),
					    .addr = pass->functions[i]->addr,
					    .kind = pass->way->kinds[k].kind,
					    .flags = pass->way->kinds[k].flags };
}

/* Adds the probe of kind number @k to function number @i. */
static void add(struct pass *pass, size_t i, int k)
{
	struct sweep_function *function = pass->functions[i];
	struct shadowk_probe_spec spec = make_spec(pass, i, k);
	long ret = shadowk_probe_add(pass->shadow, &spec);

	pass->ids[i][k] = ret ? 0 : spec.id;
	pass->probes += !ret;
	need(-ret < NR_ERRORS);
	pass->refused[k][-ret] += !!ret;
	if (!k)
		function->error = -ret;
	if (ret && !is_refusal(ret))
		expect_ret(ret, 0, "probe \"%s\" of %s, %s", pass->way->kinds[k].name,
			   function->name, pass->way->name);
}

/*
 * Takes the probe that a call of shadowk_probe_add_many() has added. If the call has left it out,
 * adds it alone, which must be refused for the same reason.
 */
static void take(struct pass *pass, size_t i, int k, const struct shadowk_probe_spec *spec)
{
	pass->ids[i][k] = spec->id;
	pass->probes += !!spec->id;
	if (!k)
		pass->functions[i]->error = 0;
	if (spec->id)
		return;
	add(pass, i, k);
	expect_eq(pass->ids[i][k] ? 0 : shadowk_reason(), spec->reason,
		  "reason why the probe \"%s\" of %s is refused, compared with a call for many, %s",
		  pass->way->kinds[k].name, pass->functions[i]->name, pass->way->name);
}

static void add_many(struct pass *pass, int nr_kinds)
{
	struct shadowk_probe_spec *specs = calloc(pass->many * nr_kinds, sizeof(*specs));
	size_t nr = 0, added, before = pass->probes;

	need(specs);
	for (size_t i = 0; i < pass->many; i++)
		for (int k = 0; k < nr_kinds; k++)
			specs[nr++] = make_spec(pass, i, k);
	need_ok(shadowk_probe_add_many(pass->shadow, specs, sizeof(*specs), nr, SHADOWK_PROBES_SKIP,
				       &added));
	for (size_t n = 0; n < nr; n++)
		take(pass, n / nr_kinds, n % nr_kinds, &specs[n]);
	expect_eq((int64_t)(pass->probes - before), (int64_t)added, "probes added by one call, %s",
		  pass->way->name);
	free(specs);
}

static void add_all(struct pass *pass)
{
	int nr_kinds = 0;

	while (nr_kinds < NR_KINDS && pass->way->kinds[nr_kinds].name)
		nr_kinds++;
	if (pass->many)
		add_many(pass, nr_kinds);
	for (size_t i = pass->many; i < pass->count; i++)
		for (int k = 0; k < nr_kinds; k++)
			add(pass, i, k);
}

/* Reads the counts of all probes. Returns their sum of hits. */
static uint64_t read_all(struct pass *pass)
{
	struct shadowk_probe_info *probes;
	long nr = need_ok(list_read(shadowk_probe_list, pass->shadow, &probes));
	uint64_t sum = 0;

	for (long i = 0; i < nr; i++) {
		pass->infos[probes[i].id] = probes[i];
		sum += probes[i].hits;
	}
	free(probes);
	return sum;
}

/*
 * True if no probe was hit for 20 ms. Work that the process has raised may execute after its exit.
 */
static bool is_settled(struct pass *pass)
{
	uint64_t sum = read_all(pass);

	usleep(20000);
	return read_all(pass) == sum;
}

/* The number of entries that the probe has seen. */
static uint64_t seen(const struct shadowk_probe_info *info)
{
	bool is_return = info->kind == SHADOWK_PROBE_LATENCY || info->flags & SHADOWK_PROBE_RETURN;

	return info->hits + (is_return ? info->missed + info->unreturned : 0);
}

static void compare(const struct pass *pass, size_t i)
{
	const struct shadowk_probe_info *first = &pass->infos[pass->ids[i][0]], *info;
	const struct kind *kinds = pass->way->kinds;
	struct sweep_function *function = pass->functions[i];

	if (!pass->ids[i][0])
		return;
	function->hit |= first->hits || first->async_hits;
	if (function->called)
		expect(first->hits, "shk_calls calls %s, but no probe was hit, %s", function->name,
		       pass->way->name);
	for (int k = pass->way->removed ? 2 : 1; k < NR_KINDS; k++) {
		if (!pass->ids[i][k])
			continue;
		info = &pass->infos[pass->ids[i][k]];
		expect_eq(seen(info), first->hits,
			  "hits of the probe \"%s\" of %s, compared with \"%s\", %s", kinds[k].name,
			  function->name, kinds[0].name, pass->way->name);
		if (!pass->way->endless)
			expect_eq(info->async_hits, first->async_hits,
				  "async hits of the probe \"%s\" of %s, compared with \"%s\", %s",
				  kinds[k].name, function->name, kinds[0].name, pass->way->name);
	}
}

static bool create(struct pass *pass)
{
	bool none = pass->way->flags == SHADOWK_ASYNC_OWNER &&
		    !(module_info().features & SHADOWK_FEATURE_OWN);

	pass->shadow = none ? NULL : shadow_new_if_possible(NULL, pass->way->flags);
	return pass->shadow;
}

static void prepare(struct pass *pass)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };

	/*
	 * The probe of VICTIM_SYMBOL comes first. The union's first probe registers tracepoints,
	 * and a refusal of it would unregister them again.
	 */
	strcpy(spec.symbol, VICTIM_SYMBOL);
	need_ok(shadowk_probe_add(pass->shadow, &spec));
	pass->control = spec.id;
	add_all(pass);
	/* A probe that is refused takes an id, too, and may be tried twice. */
	pass->infos = calloc(pass->control + 2 * pass->count * NR_KINDS + 1, sizeof(*pass->infos));
	need(pass->infos);
}

static void judge(struct pass *pass)
{
	const struct shadowk_probe_info *info = &pass->infos[pass->control];

	expect_eq(info->hits, CONTROL * pass->way->control, "hits of the control, %s",
		  pass->way->name);
	expect_eq(info->async_hits, CONTROL * pass->way->control_async,
		  "async hits of the control, %s", pass->way->name);
	for (size_t i = 0; i < pass->count; i++)
		compare(pass, i);
}

/* Removes all probes by one call. The text is the base's then. */
static void remove_all(struct pass *pass)
{
	long nr = shadow_info(pass->shadow).nr_probes;

	expect_ret(shadowk_probe_remove_many(pass->shadow, NULL, 0), nr,
		   "removal of all probes, %s", pass->way->name);
	expect_eq(strays(pass->shadow), 0, "stray bytes after the removal of all probes, %s",
		  pass->way->name);
}

static void tell(const struct pass *pass, unsigned long since)
{
	printf("# %s: %u probes in %lu ms", pass->way->name, pass->probes, milliseconds() - since);
	for (int k = 0; k < NR_KINDS; k++)
		for (int error = 0; error < NR_ERRORS; error++)
			if (pass->refused[k][error])
				printf("; %s: %u %s", pass->way->kinds[k].name,
				       pass->refused[k][error], strerrorname_np(error));
	printf("\n");
	fflush(stdout);
}

void sweep(const struct sweep_way *way, struct sweep_function **functions, size_t count,
	   size_t many)
{
	struct pass pass = { .way = way, .functions = functions, .count = count, .many = many };
	unsigned long since = milliseconds();

	if (!create(&pass)) {
		printf("# %s: not possible on this machine\n", way->name);
		return;
	}
	pass.ids = calloc(count, sizeof(*pass.ids));
	need(pass.ids);
	prepare(&pass);
	if (way->begin)
		way->begin(&pass);
	actor_start_holding(&pass.inside, -1);
	alarm(SECONDS);
	(way->run ?: run_attached)(&pass);
	alarm(0);
	actor_end(&pass.inside);
	if (way->flags == SHADOWK_ASYNC_CAUSAL)
		expect(eventually(is_settled(&pass)), "raised work still hits probes after 5 s");
	read_all(&pass);
	if (way->end)
		way->end(&pass);
	read_all(&pass);
	judge(&pass);
	if (many)
		remove_all(&pass);
	need_ok(shadowk_shadow_destroy(pass.shadow));
	shadow_close(pass.shadow);
	free(pass.infos);
	free(pass.ids);
	tell(&pass, since);
}
