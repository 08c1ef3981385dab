// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* A handle is a descriptor like others: close-on-exec, dup, a socket; the last close ends it. */
#include <sys/resource.h>
#include <sys/socket.h>

#include "uapi.h"

static unsigned int shadows(int dev)
{
	struct shk_info info = { .size = sizeof(info) };

	need(!call(dev, SHK_INFO, &info));
	return info.nr_shadows;
}

static long describe(int handle)
{
	return call(handle, SHK_SHADOW_INFO,
		    &(struct shk_shadow_info){ .size = sizeof(struct shk_shadow_info) });
}

static void pass(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	need(sendmsg(socket, &msg, 0) == 1);
}

static int receive(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd;

	need(recvmsg(socket, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static void lives_while_held(int dev)
{
	unsigned int before = shadows(dev);
	int handle = (int)shadow_create(dev, ""), copy, pair[2];

	need(handle >= 0);
	expect(fcntl(handle, F_GETFD), FD_CLOEXEC);
	expect(shadows(dev), before + 1);
	copy = dup(handle);
	close(handle);
	expect(describe(copy), 0);
	/* Held by nobody but a message in a socket. */
	need(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pass(pair[0], copy);
	close(copy);
	expect(shadows(dev), before + 1);
	copy = receive(pair[1]);
	expect(describe(copy), 0);
	close(copy);
	expect(shadows(dev), before);
	close(pair[0]);
	close(pair[1]);
}

static void lives_without_the_device(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "");

	need(handle >= 0);
	close(dev);
	expect(describe(handle), 0);
	expect(attach(handle, 0), 0);
	close(handle);
	/* Now this process alone keeps it. */
	dev = device_open();
	expect(shadows(dev), 1);
	expect(whereabouts(dev, 0), 0);
	expect(detach(dev, 0), 0);
	/* It goes when no CPU can be using it any more, which is a little later. */
	for (int i = 0; i < 100 && shadows(dev); i++)
		usleep(20000);
	expect(shadows(dev), 0);
	close(dev);
}

/* No descriptor to be had: no shadow either, and the name stays free. */
static void none_left(int dev)
{
	struct rlimit old, few = { .rlim_cur = 3 };
	char *before = state(dev, -1);
	int handle;

	need(!getrlimit(RLIMIT_NOFILE, &old));
	few.rlim_max = old.rlim_max;
	need(!setrlimit(RLIMIT_NOFILE, &few));
	expect(shadow_create(dev, "unlucky"), -EMFILE);
	expect(shadow_create(dev, ""), -EMFILE);
	need(!setrlimit(RLIMIT_NOFILE, &old));
	expect_state(dev, -1, before);
	handle = (int)expect_ok(shadow_create(dev, "unlucky"));
	need(!setrlimit(RLIMIT_NOFILE, &few));
	expect(shadow_open(dev, "unlucky"), -EMFILE);
	need(!setrlimit(RLIMIT_NOFILE, &old));
	expect(shadow_destroy(handle), 0);
	close(handle);
	expect_state(dev, -1, before);
	free(before);
}

static void thousands(int dev)
{
	char *before = state(dev, -1);

	for (int i = 0; i < 2000; i++) {
		int handle = (int)shadow_create(dev, i % 2 ? "again" : "");

		need(handle >= 0);
		if (i % 2)
			expect(shadow_destroy(handle), 0);
		close(handle);
	}
	expect_state(dev, -1, before);
	free(before);
}

int main(void)
{
	int dev;

	lives_without_the_device();
	dev = device_open();
	lives_while_held(dev);
	none_left(dev);
	thousands(dev);
	return finish();
}
