// SPDX-License-Identifier: GPL-2.0
/*
 * A client of memcached or of a web server on this machine. It makes one operation after the other
 * over one connection.
 *
 *   load memcached PORT
 *   load http PORT PATH
 *
 * It reads commands from standard input, one a line: "ops N" makes N operations, "ns T" makes
 * operations for T nanoseconds. It answers each command by "OPERATIONS NANOSECONDS".
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define VALUE_LEN 100

static int sock;
static char request[512];
static size_t request_len, reply_len;
static char reply[512 << 10];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void send_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(sock, data, len, 0);

		if (n < 0)
			err(1, "send");
		data += n;
		len -= n;
	}
}

static size_t receive(size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(sock, reply + got, sizeof(reply) - 1 - got, 0);

		if (n <= 0)
			err(1, "the server ended the connection");
		got += n;
	}
	reply[got] = 0;
	return got;
}

/* Learns the reply's length from the first reply. It is the same each time. */
static void learn_http(void)
{
	char *body, *length;
	size_t got;

	send_all(request, request_len);
	got = receive(1);
	body = strstr(reply, "\r\n\r\n");
	if (!body)
		errx(1, "headers in pieces");
	length = strstr(reply, "Content-Length: ");
	if (strncmp(reply, "HTTP/1.1 200", 12) || !length || length > body)
		errx(1, "not what was asked for: %.60s", reply);
	reply_len = body + 4 - reply + strtoul(length + 16, NULL, 10);
	if (got < reply_len)
		receive(reply_len - got);
}

static void learn_memcached(void)
{
	char set[256];

	snprintf(set, sizeof(set), "set key 0 0 %d\r\n%0*d\r\n", VALUE_LEN, VALUE_LEN, 7);
	send_all(set, strlen(set));
	receive(strlen("STORED\r\n"));
	if (strncmp(reply, "STORED", 6))
		errx(1, "not stored: %s", reply);
	send_all(request, request_len);
	reply_len = receive(VALUE_LEN);
	if (strncmp(reply, "VALUE key", 9) || strcmp(reply + reply_len - 5, "END\r\n"))
		errx(1, "not what was asked for: %s", reply);
}

static void one(void)
{
	send_all(request, request_len);
	if (receive(reply_len) != reply_len)
		errx(1, "a reply of another length");
}

static bool is_http;

/* Connects again for each command, since servers close idle connections. */
static void start(const struct sockaddr_in *to)
{
	sock = socket(AF_INET, SOCK_STREAM, 0);
	if (sock < 0 || connect(sock, (const struct sockaddr *)to, sizeof(*to)))
		err(1, "port %d", ntohs(to->sin_port));
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (is_http)
		learn_http();
	else
		learn_memcached();
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char line[64];

	is_http = argc == 4 && !strcmp(argv[1], "http");
	if (!is_http && (argc != 3 || strcmp(argv[1], "memcached")))
		errx(2, "usage: load memcached PORT | load http PORT PATH");
	to.sin_port = htons(atoi(argv[2]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (is_http)
		request_len = snprintf(request, sizeof(request),
				       "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[3]);
	else
		request_len = snprintf(request, sizeof(request), "get key\r\n");

	while (fgets(line, sizeof(line), stdin)) {
		uint64_t begin, n, done = 0;

		start(&to);
		begin = now();
		if (sscanf(line, "ops %lu", &n) == 1)
			for (; done < n; done++)
				one();
		else if (sscanf(line, "ns %lu", &n) == 1)
			for (; now() - begin < n; done++)
				one();
		else
			errx(2, "what is '%s'?", line);
		printf("%lu %lu\n", done, now() - begin);
		fflush(stdout);
		close(sock);
	}
	return 0;
}
