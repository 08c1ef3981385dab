// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes system calls of many areas and checks their results. Nothing here reads the stack of a
 * task, or expects that an operation ends within some time.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "actor.h"
#include "sweep.h"

static long wrong;

/* Counts a condition that is false, and prints it. */
#define holds(what)                                                     \
	do {                                                            \
		if (!(what)) {                                          \
			printf("workload: this is false: %s\n", #what); \
			wrong++;                                        \
		}                                                       \
	} while (0)

static char block[16384], back[sizeof(block)];

static void do_files(void)
{
	static const char middle[] = "in the middle";
	struct stat st;
	struct dirent *entry;
	unsigned int names = 0;
	char *map;
	DIR *dir;
	int fd;

	mkdir("w", 0700);
	fd = open("w/a", O_RDWR | O_CREAT | O_TRUNC, 0600);
	holds(fd >= 0);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = i * 7;
	holds(write(fd, block, sizeof(block)) == sizeof(block));
	holds(pwrite(fd, middle, sizeof(middle), 100) == sizeof(middle));
	memcpy(block + 100, middle, sizeof(middle));
	holds(pread(fd, back, sizeof(back), 0) == sizeof(back) &&
	      !memcmp(block, back, sizeof(back)));
	map = mmap(NULL, sizeof(block), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	holds(map != MAP_FAILED && map[9] == block[9]);
	map[9] = 1;
	holds(!msync(map, sizeof(block), MS_SYNC) && !munmap(map, sizeof(block)));
	holds(pread(fd, back, 1, 9) == 1 && back[0] == 1);
	holds(!fsync(fd) && !ftruncate(fd, 100) && !fstat(fd, &st) && st.st_size == 100);
	holds(!fallocate(fd, 0, 0, 8192) && lseek(fd, 0, SEEK_END) == 8192);
	holds(!fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET }));
	close(fd);
	holds(!link("w/a", "w/b") && !symlink("a", "w/c") && !rename("w/b", "w/d"));
	holds(readlink("w/c", back, sizeof(back)) == 1 && *back == 'a');
	dir = opendir("w");
	while (dir && (entry = readdir(dir)))
		names += entry->d_name[0] != '.';
	holds(dir && names == 3);
	closedir(dir);
	holds(!chmod("w/a", 0640) && !stat("w/a", &st) && (st.st_mode & 0777) == 0640);
	holds(!unlink("w/a") && !unlink("w/c") && !unlink("w/d") && !rmdir("w"));
	holds(open("w/a", O_RDONLY) < 0 && errno == ENOENT);
}

static void do_pipes(void)
{
	struct epoll_event event = { .events = EPOLLIN }, seen;
	int in = inotify_init1(IN_CLOEXEC), ep = epoll_create1(0), ev = eventfd(0, 0), p[2];
	struct pollfd poll_fd;
	uint64_t three = 3;

	holds(!pipe(p) && !epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &event));
	holds(epoll_wait(ep, &seen, 1, 0) == 0);
	holds(write(p[1], block, 5000) == 5000 && epoll_wait(ep, &seen, 1, -1) == 1);
	poll_fd = (struct pollfd){ .fd = p[0], .events = POLLIN };
	holds(poll(&poll_fd, 1, -1) == 1);
	holds(read(p[0], back, sizeof(back)) == 5000 && !memcmp(block, back, 5000));
	holds(write(ev, &three, 8) == 8 && read(ev, &three, 8) == 8 && three == 3);
	holds(inotify_add_watch(in, ".", IN_CREATE) >= 0);
	close(open("watched", O_CREAT | O_WRONLY, 0600));
	holds(read(in, back, sizeof(back)) > 0 && !unlink("watched"));
	close(p[0]);
	close(p[1]);
	close(ep);
	close(ev);
	close(in);
}

static void *echo(void *listener)
{
	int fd = accept((int)(long)listener, NULL, NULL);
	char text[600];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		if (write(fd, text, n) != n)
			break;
	close(fd);
	return NULL;
}

static ssize_t read_all(int fd, char *to, size_t len)
{
	size_t got = 0;
	ssize_t n = 1;

	while (got < len && (n = read(fd, to + got, len - got)) > 0)
		got += n;
	return got;
}

static void do_sockets(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	socklen_t len = sizeof(at);
	pthread_t thread;

	holds(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	holds(send(pair[0], block, 900, 0) == 900 && recv(pair[1], back, 900, 0) == 900);
	close(pair[0]);
	close(pair[1]);
	ioctl(udp, SIOCSIFFLAGS, &lo);
	holds(!bind(listener, (void *)&at, sizeof(at)) && !listen(listener, 1) &&
	      !getsockname(listener, (void *)&at, &len));
	holds(!pthread_create(&thread, NULL, echo, (void *)(long)listener));
	holds(!connect(fd, (void *)&at, sizeof(at)));
	holds(write(fd, block, 3000) == 3000 && read_all(fd, back, 3000) == 3000 &&
	      !memcmp(block, back, 3000));
	close(fd);
	pthread_join(thread, NULL);
	close(listener);
	at.sin_port = 0;
	holds(!bind(udp, (void *)&at, sizeof(at)) && !getsockname(udp, (void *)&at, &len));
	holds(sendto(udp, block, 200, 0, (void *)&at, sizeof(at)) == 200 &&
	      recv(udp, back, sizeof(back), 0) == 200 && !memcmp(block, back, 200));
	close(udp);
}

static volatile sig_atomic_t signals;

static void on_signal(int nr)
{
	signals++;
}

static void do_processes(void)
{
	static char *const argv[] = { "true", NULL };
	struct sigaction act = { .sa_handler = on_signal };
	pid_t pid;

	pid = fork_tied();
	if (!pid)
		_exit(7);
	holds(wait_for(pid) == 7);
	pid = vfork();
	if (!pid) {
		execv("/bin/true", argv);
		_exit(1);
	}
	holds(wait_for(pid) == 0);
	pid = fork_tied();
	if (!pid)
		while (1)
			pause();
	holds(!kill(pid, SIGSTOP) && waitpid(pid, NULL, WUNTRACED) == pid && !kill(pid, SIGCONT));
	holds(!kill(pid, SIGKILL) && wait_for(pid) == -SIGKILL);
	signals = 0;
	holds(!sigaction(SIGUSR1, &act, NULL) && !raise(SIGUSR1) && signals == 1);
	pid = fork_tied();
	if (!pid) {
		raise(SIGSEGV);
		_exit(0);
	}
	holds(wait_for(pid) == -SIGSEGV);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_turns(void *unused)
{
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 20; i++) {
		while (!(turn & 1))
			pthread_cond_wait(&changed, &mutex);
		turn++;
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void do_threads(void)
{
	pthread_t thread;

	turn = 0;
	holds(!pthread_create(&thread, NULL, take_turns, NULL));
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 20; i++) {
		while (turn & 1)
			pthread_cond_wait(&changed, &mutex);
		turn++;
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
	holds(turn == 40);
}

static void do_memory(void)
{
	size_t len = 1 << 20;
	char *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int id = shmget(IPC_PRIVATE, 8192, 0600);
	char *shared = shmat(id, NULL, 0);
	pid_t pid;

	holds(at != MAP_FAILED);
	for (size_t i = 0; i < len; i += 4096)
		at[i] = i >> 12;
	*shared = 1;
	pid = fork_tied();
	if (!pid) {
		at[4096] = 99; /* the child's copy of the page */
		*shared = 2;
		_exit(at[8192] != 2);
	}
	holds(wait_for(pid) == 0 && at[4096] == 1 && *shared == 2);
	holds(!madvise(at + 8192, 4096, MADV_DONTNEED) && at[8192] == 0 && at[12288] == 3);
	at = mremap(at, len, 2 * len, MREMAP_MAYMOVE);
	holds(at != MAP_FAILED && at[12288] == 3 && !mprotect(at, 4096, PROT_READ) &&
	      !munmap(at, 2 * len));
	holds(!shmdt(shared) && !shmctl(id, IPC_RMID, NULL));
}

static void do_time(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	struct timespec before, after, pause = { .tv_nsec = 1000000 };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct sigaction act = { .sa_handler = on_signal };
	uint64_t expired = 0;
	timer_t timer;

	clock_gettime(CLOCK_MONOTONIC, &before);
	holds(!nanosleep(&pause, NULL));
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after);
	holds((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
	      1000000);
	holds(!timerfd_settime(fd, 0, &soon, NULL) && read(fd, &expired, 8) == 8 && expired == 1);
	close(fd);
	signals = 0;
	sigaction(SIGALRM, &act, NULL);
	holds(!timer_create(CLOCK_MONOTONIC, NULL, &timer) &&
	      !timer_settime(timer, 0, &soon, NULL));
	while (!signals)
		usleep(1000);
	holds(!timer_delete(timer));
}

static bool readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool some = read(fd, back, sizeof(back)) > 0;

	close(fd);
	return some;
}

static void do_proc(void)
{
	static const char *const paths[] = {
		"/proc/self/status",
		"/proc/self/maps",
		"/proc/self/stat",
		"/proc/self/cmdline",
		"/proc/meminfo",
		"/proc/stat",
		"/proc/interrupts",
		"/proc/self/mounts",
		"/proc/net/dev",
		"/proc/loadavg",
		"/sys/devices/system/cpu/online",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		holds(readable(paths[i]));
}

static void do_others(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), null = open("/dev/null", O_WRONLY), fd;
	struct utsname name;
	cpu_set_t cpus;

	holds(getrandom(back, 64, 0) == 64 && !uname(&name) && !strcmp(name.sysname, "Linux"));
	holds(!sched_getaffinity(0, sizeof(cpus), &cpus) &&
	      !sched_setaffinity(0, sizeof(cpus), &cpus) && !sched_yield());
	holds(master >= 0 && !grantpt(master) && !unlockpt(master));
	close(master);
	fd = memfd_create("memory", 0);
	holds(fd >= 0 && write(fd, block, 9000) == 9000 && !lseek(fd, 0, SEEK_SET));
	holds(sendfile(null, fd, NULL, 9000) == 9000);
	close(fd);
	close(null);
	mkdir("m", 0700);
	holds(!mount("none", "m", "tmpfs", 0, NULL) && !umount("m") && !rmdir("m"));
	holds(getppid() > 0 && geteuid() == 0 && dup2(1, 77) == 77 && !close(77));
}

/* Changes a file of the lower layer, so that overlayfs copies it to the upper one. */
static void do_overlay(void)
{
	static const char *const dirs[] = { "o", "o/lower", "o/upper", "o/work", "o/all" };
	char names[512];
	int fd;

	if (!read_file("/proc/filesystems", names, sizeof(names)) || !strstr(names, "\toverlay\n"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		holds(!mkdir(dirs[i], 0700));
	fd = open("o/lower/a", O_CREAT | O_WRONLY, 0600);
	holds(fd >= 0 && write(fd, block, 500) == 500);
	close(fd);
	holds(!mount("none", "o/all", "overlay", 0,
		     "lowerdir=o/lower,upperdir=o/upper,workdir=o/work"));
	fd = open("o/all/a", O_RDWR);
	holds(read(fd, back, 500) == 500 && !memcmp(block, back, 500));
	holds(write(fd, block, 500) == 500 && !access("o/upper/a", F_OK));
	close(fd);
	holds(!rename("o/all/a", "o/all/b") && !unlink("o/all/b") && !access("o/lower/a", F_OK));
	holds(!umount("o/all") && !unlink("o/lower/a") && !unlink("o/upper/a"));
	holds(!rmdir("o/work/work"));
	for (size_t i = ARRAY_SIZE(dirs); i--;)
		holds(!rmdir(dirs[i]));
}

long job_system_calls(long rounds)
{
	wrong = 0;
	need(!chdir("/tmp"));
	for (long i = 0; i < rounds; i++) {
		do_files();
		do_pipes();
		do_proc();
	}
	return wrong;
}

long job_workload(long rounds)
{
	wrong = 0;
	need(!chdir("/tmp"));
	for (long i = 0; i < rounds; i++) {
		do_files();
		do_pipes();
		do_sockets();
		do_processes();
		do_threads();
		do_memory();
		do_time();
		do_proc();
		do_others();
		do_overlay();
	}
	return wrong;
}
