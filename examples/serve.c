// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server that enters a shadow when it begins to serve a request, and leaves it afterwards. So the
 * probes count what a request executes, but not the accept4() between two requests.
 *
 *	shadowctl create web
 *	shadowctl probe add web vfs_read --kind latency
 *	serve web 8080 &
 *	echo /etc/hostname | nc localhost 8080
 *	shadowctl stat web
 *
 * A request is the name of a file; the answer is its content.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <shadowk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static int refuse(enum shadowk_op op, int err, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	char line[256];

	fprintf(stderr, "%s\n", shadowk_explain(line, sizeof(line), op, err, &subject));
	return 1;
}

static int listen_at(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(atoi(port)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16)) {
		perror(port);
		exit(1);
	}
	return fd;
}

static void serve(int client)
{
	char name[256];
	ssize_t len = read(client, name, sizeof(name) - 1);
	int file;

	if (len <= 0)
		return;
	name[len] = 0;
	name[strcspn(name, "\r\n")] = 0;
	file = open(name, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return;
	while (sendfile(client, file, NULL, 65536) > 0)
		;
	close(file);
}

int main(int argc, char **argv)
{
	struct shadowk_shadow *shadow;
	struct shadowk *dev;
	int err, at;

	if (argc != 3) {
		fprintf(stderr, "usage: serve SHADOW PORT\n");
		return 2;
	}
	err = shadowk_open(&dev);
	if (err)
		return refuse(SHADOWK_OP_OPEN, err, argv[1]);
	err = shadowk_shadow_open(dev, argv[1], &shadow);
	if (err)
		return refuse(SHADOWK_OP_SHADOW_OPEN, err, argv[1]);
	at = listen_at(argv[2]);
	for (;;) {
		int client = accept4(at, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			continue;
		err = shadowk_enter(shadow);
		if (err)
			return refuse(SHADOWK_OP_ENTER, err, argv[1]);
		serve(client);
		/*
		 * Fails if another process has attached or detached this one meanwhile. Ignore
		 * that.
		 */
		shadowk_leave(shadow);
		close(client);
	}
}
