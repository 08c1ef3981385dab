// SPDX-License-Identifier: GPL-2.0
/* Process 1 of a Xen dom0 that only runs a domU: carries the domU's channel. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], argv);
		dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	return pid;
}

static int listen_at(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(VM_PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	inet_pton(AF_INET, address, &in.sin_addr);
	/* The address comes with the domU's interface. */
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) || listen(fd, 1))
		vm_fail("listening at %s: %s", address, strerror(errno));
	return fd;
}

static int has_ended(pid_t pid)
{
	pid_t ended;

	while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
		if (ended == pid)
			return 1;
	return 0;
}

static int accept_or_end(int listening, pid_t domu)
{
	struct pollfd poll_fd = { .fd = listening, .events = POLLIN };

	while (poll(&poll_fd, 1, 100) != 1)
		if (has_ended(domu))
			vm_fail("the domU ended before it spoke");
	return accept4(listening, NULL, NULL, SOCK_CLOEXEC);
}

static int copy(int from, int to)
{
	char data[VM_FRAME_MAX];
	ssize_t n = read(from, data, sizeof(data));

	if (n <= 0)
		return n < 0 && errno == EINTR ? 0 : -1;
	return vm_write(to, data, n);
}

void vm_relay(const char *address, char **argv)
{
	int listening = listen_at(address);
	pid_t domu = start(argv);
	int sock = accept_or_end(listening, domu);
	struct pollfd fds[] = {
		{ .fd = sock, .events = POLLIN },
		{ .fd = vm_channel_fd(), .events = POLLIN },
	};

	for (;;) {
		int n = poll(fds, 2, 100);

		if (fds[0].revents && copy(sock, vm_channel_fd()))
			break;
		if (fds[1].revents && copy(vm_channel_fd(), sock))
			break;
		/* A domU that crashed does not close its connection. */
		if (!n && has_ended(domu))
			break;
	}
	vm_halt();
}
