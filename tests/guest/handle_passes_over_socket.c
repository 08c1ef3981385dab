// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * A handle that another process receives over a socket is as good as the first:
 * it keeps the shadow when that one is closed, on its way, too.
 */
#include <sys/socket.h>

#include "actor.h"
#include "shadows.h"

static int sockets[2];

static void send_descriptor(int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	need(sendmsg(sockets[0], &msg, 0) == 1);
}

static int receive_descriptor(void)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	need(recvmsg(sockets[1], &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static struct shadowk_shadow *received;

static long job_receive(long unused)
{
	return shadowk_shadow_from_fd(receive_descriptor(), &received);
}

static long job_id(long unused)
{
	return shadow_info(received).id;
}

static long job_attach(long pid)
{
	count(received, GETPPID);
	return shadowk_process_attach(received, pid);
}

static long job_hits(long unused)
{
	return hits(received, GETPPID);
}

static long job_close(long unused)
{
	shadowk_shadow_close(received);
	return 0;
}

int main(void)
{
	struct shadowk_shadow *shadow;
	struct actor receiver, inside;
	uint64_t id;

	need(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	actor_start(&receiver, -1);
	actor_start(&inside, -1);
	shadow = shadow_new(NULL);
	id = shadow_info(shadow).id;
	send_descriptor(shadowk_shadow_fd(shadow));
	shadow_close(shadow);
	expect_eq(module_info().nr_shadows, 1, "shadows while the only handle is on its way");
	expect_ret(actor_do(&receiver, job_receive, 0), 0, "to adopt what was received");
	expect_eq(actor_do(&receiver, job_id, 0), id, "id of what was received");

	expect_ret(actor_do(&receiver, job_attach, inside.pid), 0, "attach by the receiver");
	expect_eq(shadow_of(inside.pid), id, "shadow of whom the receiver attached");
	actor_do(&inside, job_getppid, 100);
	expect_eq(actor_do(&receiver, job_hits, 0), 100, "hits, as the receiver sees them");

	/* A descriptor that nobody ever receives. */
	shadow = shadow_new(NULL);
	send_descriptor(shadowk_shadow_fd(shadow));
	shadow_close(shadow);
	expect_eq(module_info().nr_shadows, 2, "shadows with one on its way");
	actor_end(&inside);
	actor_do(&receiver, job_close, 0);
	actor_end(&receiver);
	close(sockets[0]);
	close(sockets[1]);
	expect(eventually(!module_info().nr_shadows), "shadows at the end: %u, expected 0",
	       module_info().nr_shadows);
	return finish();
}
