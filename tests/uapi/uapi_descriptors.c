// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A handle is a descriptor: close-on-exec, duplicated, sent over a socket. The last close ends a
 * shadow without a name.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include "uapi.h"

static unsigned int shadows(int dev)
{
	return module_info(dev).nr_shadows;
}

static long describe(int handle)
{
	struct shk_shadow_info info;

	return list_first(handle, SHK_SHADOW_LIST, &info, sizeof(info));
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
	expect(describe(copy), 1);
	/* The only reference to the handle is a message in a socket. */
	need(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pass(pair[0], copy);
	close(copy);
	expect(shadows(dev), before + 1);
	copy = receive(pair[1]);
	expect(describe(copy), 1);
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
	expect(describe(handle), 1);
	expect(attach(handle, SELF), 0);
	close(handle);
	/* The shadow lives because this process is inside. */
	dev = device_open();
	expect(shadows(dev), 1);
	expect(whereabouts(dev, SELF), 0);
	expect(detach(dev, SELF), 0);
	/* The shadow is freed a little later, when no CPU can execute its text. */
	for (int i = 0; i < 100 && shadows(dev); i++)
		usleep(20000);
	expect(shadows(dev), 0);
	close(dev);
}

/* If the process has no free descriptor, no shadow is made and the name stays free. */
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
	expect(handle_derive(handle, SHK_RIGHT_READ, NULL), -EMFILE);
	expect(shadow_info(handle).nr_handles, 0);
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
