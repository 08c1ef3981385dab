// SPDX-License-Identifier: GPL-2.0
/*
 * Ticks of the time stamp counter that an operation takes; under -icount they
 * are instructions, the kernel's included.
 *
 *   count OP N REPEATS
 *   count OP N -
 *
 * prints REPEATS numbers: ticks that N operations took. Those with a timer tick,
 * a refilled slab or an RCU callback in them are higher; the least is what the
 * operation costs. With "-", REPEATS is read from standard input, line by line,
 * and each is answered by one line: the same process at different times.
 *
 * Addresses are not randomised, and process ids are the same each time. exec
 * executes the program "nothing" of the current folder.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

/*
 * Before each measurement: the time in which the kernel does what it put off
 * (RCU gives back stacks and pages), and the next timer tick is far away.
 */
#define PAUSE 20000000

static int pipes[2][2];
static pid_t partner;

static void null_run(unsigned long n)
{
	while (n--)
		syscall(SYS_getppid);
}

/* Two context switches each. */
static void pipe_begin(void)
{
	char c;

	if (pipe(pipes[0]) || pipe(pipes[1]))
		err(1, "pipe");
	partner = fork();
	if (partner < 0)
		err(1, "fork");
	if (!partner) {
		close(pipes[0][1]);
		close(pipes[1][0]);
		while (read(pipes[0][0], &c, 1) == 1)
			if (write(pipes[1][1], &c, 1) != 1)
				break;
		_exit(0);
	}
	close(pipes[0][0]);
	close(pipes[1][1]);
}

static void pipe_run(unsigned long n)
{
	char c = 0;

	while (n--)
		if (write(pipes[0][1], &c, 1) != 1 || read(pipes[1][0], &c, 1) != 1)
			err(1, "ping-pong");
}

static void wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		err(1, "child");
}

static void fork_run(unsigned long n)
{
	while (n--) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		wait_for(pid);
	}
}

/* By vfork, so that what it costs is exec. */
static void exec_run(unsigned long n)
{
	static char *argv[] = { "nothing", NULL }, *env[] = { NULL };

	while (n--) {
		pid_t pid = vfork();

		if (!pid) {
			execve("nothing", argv, env);
			_exit(1);
		}
		wait_for(pid);
	}
}

static void thread_run(unsigned long n)
{
	static char stack[16384] __attribute__((aligned(16)));

	while (n--) {
		/* What pthread_create() asks for, without its bookkeeping. */
		pid_t pid = clone((int (*)(void *))(void *)_exit, stack + sizeof(stack),
				  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD,
				  NULL);
		wait_for(pid);
	}
}

static void mmap_run(unsigned long n)
{
	while (n--) {
		char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);

		if (page == MAP_FAILED)
			err(1, "mmap");
		*(volatile char *)page = 1;
		munmap(page, 4096);
	}
}

static const struct op {
	const char *name;
	void (*begin)(void);
	void (*run)(unsigned long n);
} ops[] = {
	{ "null", NULL, null_run }, { "pipe", pipe_begin, pipe_run }, { "fork", NULL, fork_run },
	{ "exec", NULL, exec_run }, { "thread", NULL, thread_run },   { "mmap", NULL, mmap_run },
};

static const struct op *find(const char *name)
{
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	errx(2, "no operation '%s'", name);
}

/*
 * The kernel holds process ids in a tree of nodes for 64 each. New processes get
 * the same id each time, and the node is there: somebody has another id of it.
 * Where the kernel does not have the file, there is more noise.
 */
#define PIDS (157 * 64)

static void next_pid(unsigned int pid)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	char text[16];
	int len = sprintf(text, "%u", pid - 1);

	if (fd < 0)
		return;
	if (write(fd, text, len) != len)
		warn("ns_last_pid");
	close(fd);
}

static void hold_pids(void)
{
	pid_t pid;

	next_pid(PIDS);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static void measure(const struct op *op, unsigned long n, unsigned long repeats)
{
	uint64_t *ticks = calloc(repeats, sizeof(*ticks));

	if (!ticks)
		err(1, "calloc");
	for (unsigned long i = 0; i < repeats; i++) {
		uint64_t start;

		next_pid(PIDS + 48);
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE }, NULL);
		start = __rdtsc();
		op->run(n);
		ticks[i] = __rdtsc() - start;
	}
	for (unsigned long i = 0; i < repeats; i++)
		printf("%lu%c", ticks[i], i + 1 < repeats ? ' ' : '\n');
	fflush(stdout);
	free(ticks);
}

int main(int argc, char **argv)
{
	const struct op *op;
	unsigned long n;
	char line[64];

	if (argc != 4)
		errx(2, "usage: count OP N REPEATS|-");
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
		personality(ADDR_NO_RANDOMIZE);
		execv("/proc/self/exe", argv);
		err(1, "exec");
	}
	op = find(argv[1]);
	n = strtoul(argv[2], NULL, 0);
	if (op->begin)
		op->begin();
	hold_pids();
	op->run(n);
	if (strcmp(argv[3], "-")) {
		measure(op, n, strtoul(argv[3], NULL, 0));
		return 0;
	}
	while (fgets(line, sizeof(line), stdin))
		measure(op, n, strtoul(line, NULL, 0));
	return 0;
}
