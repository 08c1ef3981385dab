// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/*
 * A handle that another process receives over a socket is as good as the original. It keeps the
 * shadow alive when the original is closed, also while it is in the socket.
 */
#include <sys/socket.h>

#include "actor.h"
#include "passing.h"
#include "shadows.h"

static int sockets[2];

static struct shadowk_shadow *received;

static long job_receive(long unused)
{
	return shadowk_shadow_from_fd(descriptor_receive(sockets[1]), &received);
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
	descriptor_send(sockets[0], shadowk_shadow_fd(shadow));
	shadow_close(shadow);
	expect_eq(module_info().nr_shadows, 1, "shadows while the only handle is in the socket");
	expect_ret(actor_do(&receiver, job_receive, 0), 0, "opening the received handle");
	expect_eq(actor_do(&receiver, job_id, 0), id, "id of the received handle's shadow");

	expect_ret(actor_do(&receiver, job_attach, inside.pid), 0, "attach by the receiver");
	expect_eq(shadow_of(inside.pid), id, "shadow of the process that the receiver attached");
	actor_do(&inside, job_getppid, 100);
	expect_eq(actor_do(&receiver, job_hits, 0), 100, "hits that the receiver reads");

	/* No process ever receives this descriptor. */
	shadow = shadow_new(NULL);
	descriptor_send(sockets[0], shadowk_shadow_fd(shadow));
	shadow_close(shadow);
	expect_eq(module_info().nr_shadows, 2, "shadows with a handle in the socket");
	actor_end(&inside);
	actor_do(&receiver, job_close, 0);
	actor_end(&receiver);
	close(sockets[0]);
	close(sockets[1]);
	expect(eventually(!module_info().nr_shadows), "shadows at the end: %u, expected 0",
	       module_info().nr_shadows);
	return finish();
}
