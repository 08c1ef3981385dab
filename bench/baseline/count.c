// SPDX-License-Identifier: GPL-2.0
/*
 * Measures operations in ticks of the time stamp counter. Under -icount these are instructions,
 * including those of the kernel. With BENCH_NS in the environment they are nanoseconds.
 *
 *   count OP N REPEATS
 *   count OP N -
 *
 * Prints REPEATS numbers: the ticks that N operations took. The lowest one is the cost of the
 * operations, since the others contain a timer tick, a refilled slab or an RCU callback.
 *
 * With "-", it reads lines with REPEATS from standard input and answers each by a line, so one
 * process can be measured at different times. A line that begins with = is answered by the times at
 * which each measurement began and ended.
 *
 * Addresses are not randomised, and process ids are the same each time.
 *
 *   module         loads bench_kprobes.ko of the current folder
 *   exec           executes the program "nothing" of the current folder
 *   pipe, socket   sends a byte to another process and back; this process, the first child, calls
 *                  socket() and close() in between, and first writes 1 into the file BENCH_ENTER
 *   transfer, unix writes 100 bytes to a pipe or a socket of this process, and reads them
 */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

/*
 * Pause before each measurement. The kernel does its deferred work then (RCU frees stacks and
 * pages), and the next timer tick is far away.
 */
#define PAUSE 20000000

static int pipes[2][2];
static pid_t partner;

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

static void null_run(unsigned long n)
{
	while (n--)
		syscall(SYS_getppid);
}

/* Each operation has two context switches, between which the partner calls @work. */
static void partner_begin(void (*work)(void))
{
	const char *enter = getenv("BENCH_ENTER");
	char c;

	if (pipe(pipes[0]) || pipe(pipes[1]))
		err(1, "pipe");
	partner = fork();
	if (partner < 0)
		err(1, "fork");
	if (!partner) {
		close(pipes[0][1]);
		close(pipes[1][0]);
		if (enter)
			write_to(enter, "1");
		while (read(pipes[0][0], &c, 1) == 1 && (work(), 1))
			if (write(pipes[1][1], &c, 1) != 1)
				break;
		if (enter)
			write_to(enter, "0");
		_exit(0);
	}
	close(pipes[0][0]);
	close(pipes[1][1]);
}

static void no_work(void)
{
}

static void pipe_begin(void)
{
	partner_begin(no_work);
}

static void socket_work(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		err(1, "socket");
	close(fd);
}

static void socket_begin(void)
{
	partner_begin(socket_work);
}

static void pipe_run(unsigned long n)
{
	char c = 0;

	while (n--)
		if (write(pipes[0][1], &c, 1) != 1 || read(pipes[1][0], &c, 1) != 1)
			err(1, "ping-pong");
}

static int transfers[2];

static void transfer_begin(void)
{
	if (pipe(transfers))
		err(1, "pipe");
}

static void unix_begin(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, transfers))
		err(1, "socketpair");
}

static void transfer_run(unsigned long n)
{
	char text[100] = "";

	while (n--)
		if (write(transfers[1], text, sizeof(text)) != sizeof(text) ||
		    read(transfers[0], text, sizeof(text)) != sizeof(text))
			err(1, "transfer");
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

/* Uses vfork, so that exec makes up the cost. */
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
		/* The flags of pthread_create(), without its bookkeeping. */
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

/* ---- operations of one or two calls ---- */

static int file_fd, sockets[2];
static char page[4096];

static void file_begin(void)
{
	file_fd = open("/dev/shm/bench", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file_fd < 0 || write(file_fd, page, sizeof(page)) != sizeof(page))
		err(1, "/dev/shm/bench");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		err(1, "socketpair");
}

static void pread_run(unsigned long n)
{
	while (n--)
		if (pread(file_fd, page, sizeof(page), 0) != sizeof(page))
			err(1, "pread");
}

static void pwrite_run(unsigned long n)
{
	while (n--)
		if (pwrite(file_fd, page, sizeof(page), 0) != sizeof(page))
			err(1, "pwrite");
}

static void open_run(unsigned long n)
{
	while (n--) {
		int fd = open("/dev/shm/bench", O_RDONLY);

		if (fd < 0 || close(fd))
			err(1, "open");
	}
}

static void stat_run(unsigned long n)
{
	struct stat st;

	while (n--)
		if (stat("/dev/shm/bench", &st))
			err(1, "stat");
}

static void fstat_run(unsigned long n)
{
	struct stat st;

	while (n--)
		if (fstat(file_fd, &st))
			err(1, "fstat");
}

static void fcntl_run(unsigned long n)
{
	while (n--)
		if (fcntl(file_fd, F_GETFL) < 0)
			err(1, "fcntl");
}

static void send_run(unsigned long n)
{
	while (n--)
		if (send(sockets[0], page, 1024, 0) != 1024 ||
		    recv(sockets[1], page, 1024, 0) != 1024)
			err(1, "send and recv");
}

static void getsockopt_run(unsigned long n)
{
	socklen_t len;
	int type;

	while (n--) {
		len = sizeof(type);
		if (getsockopt(sockets[0], SOL_SOCKET, SO_TYPE, &type, &len))
			err(1, "getsockopt");
	}
}

/* A timer interrupts user space, which always executes the same number of instructions. */
#define SPIN 200000

static void interrupt_run(unsigned long n)
{
	struct itimerspec soon = { .it_value.tv_nsec = SPIN / 2 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	uint64_t expired;

	if (fd < 0)
		err(1, "timerfd");
	while (n--) {
		unsigned long left = SPIN;

		timerfd_settime(fd, 0, &soon, NULL);
		__asm__ volatile("1: dec %0; jnz 1b" : "+r"(left));
		if (read(fd, &expired, sizeof(expired)) != sizeof(expired))
			err(1, "no interrupt");
	}
	close(fd);
}

/* Sends a datagram to this process. The softirq that it raises is part of the cost. */
static int datagrams;

static void softirq_begin(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(to);

	datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (datagrams < 0 || bind(datagrams, (struct sockaddr *)&to, len) ||
	    getsockname(datagrams, (struct sockaddr *)&to, &len) ||
	    connect(datagrams, (struct sockaddr *)&to, len))
		err(1, "datagrams");
}

static void softirq_run(unsigned long n)
{
	char c = 0;

	while (n--)
		if (send(datagrams, &c, 1, 0) != 1 || recv(datagrams, &c, 1, 0) != 1)
			err(1, "datagrams");
}

/* Switches a static key with branches in all of the scheduler on and off. */
static int key_fd;

static void key_begin(void)
{
	key_fd = open("/proc/sys/kernel/sched_schedstats", O_RDWR);
	if (key_fd < 0)
		err(1, "sched_schedstats");
}

static void key_run(unsigned long n)
{
	while (n--)
		if (pwrite(key_fd, "1", 1, 0) != 1 || pwrite(key_fd, "0", 1, 0) != 1)
			err(1, "sched_schedstats");
}

/* Unloading is not measured, since it waits for grace periods. */
static int module_fd;

static void module_begin(void)
{
	module_fd = open("bench_kprobes.ko", O_RDONLY | O_CLOEXEC);
	if (module_fd < 0)
		err(1, "bench_kprobes.ko");
}

static void module_run(unsigned long n __attribute__((unused)))
{
	if (syscall(SYS_finit_module, module_fd, "", 0))
		err(1, "finit_module");
}

static void module_end(void)
{
	if (syscall(SYS_delete_module, "bench_kprobes", O_NONBLOCK))
		err(1, "delete_module");
}

static const struct op {
	const char *name;
	void (*begin)(void);
	void (*run)(unsigned long n);
	void (*end)(void);
} ops[] = {
	{ "null", NULL, null_run, NULL },
	{ "pipe", pipe_begin, pipe_run, NULL },
	{ "transfer", transfer_begin, transfer_run, NULL },
	{ "unix", unix_begin, transfer_run, NULL },
	{ "fork", NULL, fork_run, NULL },
	{ "exec", NULL, exec_run, NULL },
	{ "thread", NULL, thread_run, NULL },
	{ "mmap", NULL, mmap_run, NULL },
	{ "pread", file_begin, pread_run, NULL },
	{ "pwrite", file_begin, pwrite_run, NULL },
	{ "open", file_begin, open_run, NULL },
	{ "stat", file_begin, stat_run, NULL },
	{ "fstat", file_begin, fstat_run, NULL },
	{ "fcntl", file_begin, fcntl_run, NULL },
	{ "send", file_begin, send_run, NULL },
	{ "getsockopt", file_begin, getsockopt_run, NULL },
	{ "socket", socket_begin, pipe_run, NULL },
	{ "interrupt", NULL, interrupt_run, NULL },
	{ "softirq", softirq_begin, softirq_run, NULL },
	{ "key", key_begin, key_run, NULL },
	{ "module", module_begin, module_run, module_end },
};

static const struct op *find(const char *name)
{
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	errx(2, "no operation '%s'", name);
}

/*
 * The kernel keeps process ids in a tree, in nodes of 64 ids. New processes get the same id each
 * time, and a process holds another id of its node, so the node exists. There is more noise if the
 * kernel lacks ns_last_pid.
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

static uint64_t now(void)
{
	struct timespec t;

	if (!getenv("BENCH_NS"))
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void measure(const struct op *op, unsigned long n, unsigned long repeats, bool spans)
{
	uint64_t *start = calloc(repeats, sizeof(*start)), *end = calloc(repeats, sizeof(*end));

	if (!start || !end)
		err(1, "calloc");
	for (unsigned long i = 0; i < repeats; i++) {
		next_pid(PIDS + 48);
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE }, NULL);
		start[i] = now();
		op->run(n);
		end[i] = now();
		if (op->end)
			op->end();
	}
	for (unsigned long i = 0; i < repeats; i++) {
		if (spans)
			printf("%lu %lu%c", start[i], end[i], i + 1 < repeats ? ' ' : '\n');
		else
			printf("%lu%c", end[i] - start[i], i + 1 < repeats ? ' ' : '\n');
	}
	fflush(stdout);
	free(start);
	free(end);
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
	if (op->end)
		op->end();
	if (strcmp(argv[3], "-")) {
		measure(op, n, strtoul(argv[3], NULL, 0), false);
		return 0;
	}
	while (fgets(line, sizeof(line), stdin))
		measure(op, n, strtoul(line + (line[0] == '='), NULL, 0), line[0] == '=');
	return 0;
}
