// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=240 */
/*
 * Several workers on all CPUs make sequences of calls with effects at the same time. They create
 * shadows of each policy and edits of each kind. Processes, threads and cgroups come and go. Most
 * calls are valid. After each sequence the worker can end all that it made. At the end the module
 * is as it was.
 *
 *	uapi_fuzz [-j] [-w WORKERS] [-c CORPUS] SECONDS [SEED]
 *	uapi_fuzz [-j] [-w WORKERS] -o FILE [TIMES]
 *
 * The seed, the corpus and n decide the n-th sequence of a worker. If the kernel has kcov,
 * sequences that are the first to reach a basic block of the module join the corpus, and the end
 * prints a corpus to keep. -j prints each sequence before it begins: after a crash, the last one
 * of each worker is the suspect. -o: each worker makes each sequence of FILE that many times.
 */
#include <getopt.h>

#include <shadowk.h>

#include "../guest/lib/tiny.h"
#include "fuzz/sequence.h"

#define SECONDS 15
#define SEED	20261129
#define CORPUS	"/usr/lib/shadowk/tests/lib/fuzz-corpus"
#define STUCK	60000 /* ms that a step may take, on a fast kernel */

static struct {
	struct worker workers[WORKERS_MAX];
	struct corpus corpus;
	/* Blocks that any sequence reached. */
	atomic_ulong reached[BLOCKS_MAX / 64];
	/* Steps by kind, and the ends of sequences: number, those with a successful call, time. */
	struct {
		atomic_uint steps, passed;
		atomic_ulong ms;
	} account[ARRAY_SIZE(verbs) + 1];
	atomic_bool over;
} * shared;

static struct {
	int workers, seconds;
	uint64_t seed;
	bool journal, once;
	const char *corpus;
} options = { 6, SECONDS, SEED, false, false, CORPUS };

static bool has_kcov;

/* ---- a worker ---- */

static void count(size_t verb, bool passed, unsigned long began)
{
	shared->account[verb].steps++;
	shared->account[verb].passed += passed;
	shared->account[verb].ms += milliseconds() - began;
}

/* True if this sequence is the first to reach some block. */
static bool note_new(const struct world *w)
{
	uint64_t new = 0;

	for (unsigned int i = 0; i <= blocks.nr / 64; i++)
		if (w->reached.words[i] & ~shared->reached[i])
			new |= w->reached.words[i] &
			       ~atomic_fetch_or(&shared->reached[i], w->reached.words[i]);
	return new;
}

static void make_step(struct world *w, const struct step *step)
{
	unsigned long passed = w->self->passed;

	w->self->began = milliseconds();
	verbs[step->verb].make(w, step->n);
	count(step->verb, w->self->passed > passed, w->self->began);
	kcov_take(&w->kcov, &w->reached);
	for (int n = 0; n < CHILDREN; n++)
		kcov_take(&w->children[n].kcov, &w->reached);
}

/* @new: the beginning of @s up to the last step that reached a new block; empty if none did. */
static bool run(struct world *w, const struct sequence *s, struct entry *new)
{
	bool clear;

	w->reached = (struct reached){};
	w->strays = false;
	new->sequence = *s;
	new->sequence.nr = 0;
	sequence_print(s, w->self->text, sizeof(w->self->text));
	if (options.journal) {
		printf("%d: %s\n", w->number, w->self->text);
		fflush(stdout);
	}
	for (unsigned int i = 0; i < s->nr; i++) {
		w->self->step = (int)i;
		make_step(w, &s->steps[i]);
		if (has_kcov && note_new(w)) {
			new->sequence.nr = i + 1;
			new->reached = w->reached;
		}
	}
	w->self->step = -1;
	w->self->began = milliseconds();
	w->self->sequences++;
	clear = world_clear(w);
	count(ARRAY_SIZE(verbs), clear, w->self->began);
	if (has_kcov && note_new(w)) {
		new->sequence.nr = s->nr;
		new->reached = w->reached;
	}
	return clear;
}

static bool fuzz(struct world *w)
{
	struct dice dice;
	struct sequence s;
	struct entry new;

	/* First the corpus, dealt out to the workers, as far as time allows. */
	for (unsigned int n = (unsigned int)w->number;
	     n < shared->corpus.nr_loaded && !shared->over; n += (unsigned int)options.workers) {
		struct entry *entry = &shared->corpus.entries[n];

		if (!run(w, &entry->sequence, &new))
			return false;
		entry->reached = w->reached;
	}
	for (uint64_t turn = 0; !shared->over; turn++) {
		dice.seed = options.seed * 1000003 + (uint64_t)w->number * 7919 + turn * 104729 + 1;
		for (int i = 0; i < 8; i++)
			dice_next(&dice);
		sequence_next(&dice, &shared->corpus, &s);
		if (!run(w, &s, &new))
			return false;
		if (new.sequence.nr)
			corpus_add(&shared->corpus, &new.sequence, &new.reached);
	}
	return true;
}

static bool replay(struct world *w)
{
	struct entry new;

	for (int i = 0; i < options.seconds; i++)
		for (unsigned int n = 0; n < shared->corpus.nr_loaded; n++)
			if (!run(w, &shared->corpus.entries[n].sequence, &new))
				return false;
	return true;
}

static _Noreturn void worker_run(int number)
{
	static struct world w;
	bool fine;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w.number = number;
	w.workers = shared->workers;
	w.nr_workers = options.workers;
	w.self = &shared->workers[number];
	w.self->pid = getpid();
	pin(number);
	world_make(&w);
	fine = options.once ? replay(&w) : fuzz(&w);
	if (w.self->wrong)
		failures++;
	if (!fine)
		failures++;
	else
		world_end(&w);
	fflush(stdout);
	_exit(failures ? 1 : 0);
}

/* ---- the manager ---- */

static void print_file(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	printf("%s:\n%.*s\n", path, len > 0 ? (int)len : 0, text);
	if (fd >= 0)
		close(fd);
}

static void print_stack(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	print_file(path);
}

static void tell(const char *what)
{
	printf("%s; seed %" PRIu64 ". What the workers did:\n", what, options.seed);
	for (int i = 0; i < options.workers; i++)
		printf("%d, step %d: %s\n", i, shared->workers[i].step, shared->workers[i].text);
	fflush(stdout);
}

static void watch(void)
{
	unsigned long now = milliseconds();

	for (int i = 0; i < options.workers; i++) {
		struct worker *worker = &shared->workers[i];

		if (!worker->pid || worker->began + STUCK * slowness() > now)
			continue;
		tell("A worker is stuck");
		for (int n = 0; n < options.workers; n++) {
			print_stack(shared->workers[n].pid);
			for (int c = 0; c < CHILDREN; c++)
				if (shared->workers[n].children[c])
					print_stack(shared->workers[n].children[c]);
		}
		fflush(stdout);
		_exit(1);
	}
}

/* Returns false if a worker failed. */
static bool wait_for_workers(unsigned long until)
{
	int left = options.workers, status;
	bool fine = true;

	while (left) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		need(pid >= 0);
		if (pid) {
			left--;
			for (int i = 0; i < options.workers; i++)
				if (shared->workers[i].pid == pid)
					shared->workers[i].pid = 0;
			if (status && fine)
				tell("A worker has failed");
			fine &= !status;
			shared->over |= !fine;
			continue;
		}
		shared->over |= !options.once && milliseconds() > until;
		watch();
		usleep(50000);
	}
	return fine;
}

static void workers_run(void)
{
	unsigned long until = milliseconds() + (unsigned long)options.seconds * 1000;

	fflush(stdout);
	for (int i = 0; i < options.workers; i++) {
		pid_t pid;

		/* watch() looks before the worker has run. */
		shared->workers[i].began = milliseconds();
		pid = fork();
		need(pid >= 0);
		if (!pid)
			worker_run(i);
		shared->workers[i].pid = pid;
	}
	if (!wait_for_workers(until))
		failures++;
}

static void load(const char *name)
{
	long ret = module_load(name, "");

	/* A test that failed before may have left it. */
	if (ret && ret != -EEXIST)
		printf("%s: %s\n", name, outcome(ret));
	need(!ret || ret == -EEXIST);
}

/* The library captures it, so that the kernel does not enable it for all processes. */
static void load_livepatch(void)
{
	struct utsname uts;
	struct shadowk *dev;
	char path[256];
	int fd;

	need(!uname(&uts) && !shadowk_open(&dev));
	snprintf(path, sizeof(path), "/lib/modules/%s/extra/shk_livepatch.ko", uts.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0);
	expect(shadowk_livepatch_load(dev, fd), 0);
	close(fd);
	shadowk_close(dev);
}

static const char *const modules[] = { "shk_victim", "shk_patches", "shk_patch_victim",
				       "shk_inplace" };

static void setup(void)
{
	static const char *const quiet[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
		/* Makes grace periods short. */
		{ "/sys/kernel/rcu_expedited", "1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(quiet); i++)
		write_file(quiet[i][0], quiet[i][1]);
	if (access(CGROUPS "/cgroup.procs", F_OK))
		need(!mount("cgroup2", CGROUPS, "cgroup2", 0, NULL));
	tiny_write(TINY);
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		load(modules[i]);
	load_livepatch();
}

static bool unload(const char *name)
{
	long ret = 0;

	if (eventually(!(ret = module_unload_once(name)) || ret == -ENOENT))
		return true;
	printf("%s cannot be unloaded: %s\n", name, outcome(ret));
	return false;
}

static void common_end(int dev)
{
	static struct world w;
	char name[SHK_NAME_LEN];

	w.dev = dev;
	w.self = &shared->workers[0];
	for (int i = 0; i < COMMON; i++) {
		long handle, ret = 0;

		name_common(name, i);
		handle = shadow_open(dev, name);
		if (handle < 0)
			continue;
		expect_true(eventually(!(ret = empty_and_destroy(&w, (int)handle))));
		close((int)handle);
	}
}

static void teardown(int dev)
{
	common_end(dev);
	write_file("/proc/sys/kernel/sched_schedstats", "0\n");
	unload("shk_kprobe");
	unload("shk_twin_a");
	expect_true(unload("shk_livepatch"));
	for (size_t i = ARRAY_SIZE(modules); i--;)
		expect_true(unload(modules[i]));
	unlink(TINY);
	write_file("/sys/kernel/rcu_expedited", "0");
}

static void summarise(void)
{
	unsigned long calls = 0, passed = 0, sequences = 0;
	struct reached reached = {};

	for (int i = 0; i < options.workers; i++) {
		calls += shared->workers[i].calls;
		passed += shared->workers[i].passed;
		sequences += shared->workers[i].sequences;
	}
	for (size_t i = 0; i <= ARRAY_SIZE(verbs); i++)
		printf("%-10s %6u, %6u with success, %7lu ms\n",
		       i < ARRAY_SIZE(verbs) ? verbs[i].name : "(end)", shared->account[i].steps,
		       shared->account[i].passed, shared->account[i].ms);
	printf("%lu calls, %lu of them not refused, in %lu sequences\n", calls, passed, sequences);
	/* A run whose calls are all refused tests nothing. */
	expect_true(options.once || passed > 100);
	if (!has_kcov)
		return;
	for (unsigned int i = 0; i < BLOCKS_MAX / 64; i++)
		reached.words[i] = shared->reached[i];
	if (options.journal)
		print_functions(&reached);
	corpus_keep(&shared->corpus);
	printf("%u of %u basic blocks reached\n", count_reached(&reached), blocks.nr);
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "jw:c:o:")) != -1) {
		switch (option) {
		case 'j':
			options.journal = true;
			break;
		case 'w':
			options.workers = atoi(optarg);
			break;
		case 'o':
			options.once = true;
			options.seconds = 1;
			options.corpus = optarg;
			break;
		case 'c':
			options.corpus = optarg;
			break;
		default:
			exit(2);
		}
	}
	need(options.workers > 0 && options.workers <= WORKERS_MAX);
	if (optind < argc)
		options.seconds = atoi(argv[optind]);
	if (optind + 1 < argc)
		options.seed = strtoull(argv[optind + 1], NULL, 0);
}

int main(int argc, char **argv)
{
	static char huge[16] = "";
	struct utsname uts;
	char module[256], *before;
	pid_t parent = getppid();
	int dev, fd;

	parse(argc, argv);
	need(!uname(&uts));
	snprintf(module, sizeof(module), "/lib/modules/%s/updates/shadowk.ko", uts.release);
	has_kcov = blocks_find(module);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	need(shared != MAP_FAILED);
	corpus_load(&shared->corpus, options.corpus);
	fd = open("/sys/module/shadowk/parameters/huge_threshold", O_RDONLY | O_CLOEXEC);
	need(fd >= 0 && read(fd, huge, sizeof(huge) - 1) > 0);
	close(fd);
	dev = device_open();
	setup();
	before = state(dev, -1);
	printf("seed %" PRIu64 ", %u sequences to begin with\n", options.seed,
	       shared->corpus.nr_loaded);
	workers_run();
	if (!failures)
		summarise();
	need(write_file("/sys/module/shadowk/parameters/huge_threshold", huge));
	if (!failures) {
		char *now = NULL;

		teardown(dev);
		if (!eventually(!strcmp(now = state(dev, -1), before)))
			printf("it was\n%sand is\n%s", before, now), failures++;
	}
	/* No worker attaches the manager, so patches must not affect it. */
	expect_true(getppid() == parent);
	close(dev);
	return finish();
}
