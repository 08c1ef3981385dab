// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "actor.h"
#include "shadows.h"
#include "storms.h"
#include "victims.h"

struct hammer {
	int cpu;
	void *(*fn)(void *);
	void *arg;
};

static void *hammer(void *arg)
{
	struct hammer *h = arg;

	pin(h->cpu);
	return h->fn(h->arg);
}

pid_t fork_on_all_cpus(void *(*fn)(void *), void *arg)
{
	pid_t pid = fork_tied();
	int nr = (int)nr_cpus();
	struct hammer *hammers;
	pthread_t thread;

	if (pid)
		return pid;
	shadows_done();
	hammers = calloc(nr, sizeof(*hammers));
	need(hammers);
	for (int i = 0; i < nr; i++)
		hammers[i] = (struct hammer){ i, fn, arg };
	for (int i = 1; i < nr; i++)
		need(!pthread_create(&thread, NULL, hammer, &hammers[i]));
	hammer(&hammers[0]);
	_exit(0);
}

void workers_start(pid_t *workers, int nr, void (*work)(int number))
{
	for (int i = 0; i < nr; i++) {
		workers[i] = fork_tied();
		if (!workers[i]) {
			pin(i % (int)nr_cpus());
			work(i);
		}
	}
}

void workers_end(const pid_t *workers, int nr)
{
	for (int i = 0; i < nr; i++) {
		kill(workers[i], SIGKILL);
		wait_for(workers[i]);
	}
}

void stir_disk(unsigned int number)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/root/storm%u", number);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, path, sizeof(path)) > 0)
		fsync(fd);
	close(fd);
	unlink(path);
}

void stir_sockets(void)
{
	int ends[2];
	char byte = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	if (write(ends[0], &byte, 1) == 1 && read(ends[1], &byte, 1) == 1)
		byte++;
	close(ends[0]);
	close(ends[1]);
}

void stir_victim(unsigned long calls)
{
	for (unsigned int cmd = VICTIM_SELF; cmd < VICTIM_IPI; cmd++)
		victim_call(cmd, calls);
}

void stir_text(void)
{
	if (!module_load(victim_path("shk_kprobe"), "at=vfs_write"))
		module_unload("shk_kprobe");
}

void stir_forks(void)
{
	if (!fork())
		_exit(0);
	wait(NULL);
}
