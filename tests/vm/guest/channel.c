// SPDX-License-Identifier: GPL-2.0
/* Frames to and from the host, over the second serial port. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "vm.h"

#define CONNECT_TRIES 300

static int channel = -1;

void vm_channel_open(void)
{
	struct termios raw;

	channel = open("/dev/ttyS1", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (channel < 0)
		vm_fail("no channel to the host: %s", strerror(errno));
	tcgetattr(channel, &raw);
	cfmakeraw(&raw);
	cfsetspeed(&raw, B115200);
	raw.c_cflag |= CLOCAL;
	tcsetattr(channel, TCSANOW, &raw);
}

void vm_channel_connect(const char *host)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(VM_PORT) };
	int fd, on = 1;

	inet_pton(AF_INET, host, &in.sin_addr);
	/* Try again until dom0 has its end of the interface. */
	for (int tries = 0; tries < CONNECT_TRIES; tries++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!connect(fd, (struct sockaddr *)&in, sizeof(in))) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			channel = fd;
			return;
		}
		close(fd);
		usleep(100000);
	}
	vm_fail("no channel to %s: %s", host, strerror(errno));
}

int vm_channel_fd(void)
{
	return channel;
}

int vm_write(int fd, const void *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			data = (const char *)data + n;
			len -= n;
		}
	}
	return 0;
}

void vm_send(int type, const void *data, size_t len)
{
	unsigned char frame[3 + VM_FRAME_MAX] = { type, len & 0xff, len >> 8 };

	memcpy(frame + 3, data, len);
	vm_write(channel, frame, 3 + len);
}

static int read_all(void *data, size_t len)
{
	while (len) {
		ssize_t n = read(channel, data, len);

		if (n <= 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			data = (char *)data + n;
			len -= n;
		}
	}
	return 0;
}

int vm_receive(struct vm_frame *frame)
{
	unsigned char head[3];

	if (read_all(head, sizeof(head)))
		return -1;
	frame->type = head[0];
	frame->len = head[1] | head[2] << 8;
	if (frame->len > VM_FRAME_MAX)
		return -1;
	return read_all(frame->data, frame->len);
}

void vm_halt(void)
{
	char rest[64];

	if (channel >= 0 && tcdrain(channel)) {
		/* A TCP connection: wait until the other end has all data. */
		shutdown(channel, SHUT_WR);
		while (read(channel, rest, sizeof(rest)) > 0)
			;
	}
	/* The host ends the emulator after it has received the last frame. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

void vm_fail(const char *fmt, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	dprintf(STDERR_FILENO, "vm: %s\n", text);
	if (channel >= 0)
		vm_send(VM_FAILED, text, len < (int)sizeof(text) ? len : (int)sizeof(text) - 1);
	vm_halt();
}
