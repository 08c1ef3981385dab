// SPDX-License-Identifier: GPL-2.0
/* Process 1: runs one command and carries its input, output and status. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

/* Pipes to the command. With a terminal, @in and @out are its master. */
struct command {
	pid_t pid;
	int in, out, err;
	int status;
	/* Input that the command has not taken; the credit window bounds it. */
	char pending[VM_STDIN_WINDOW];
	size_t waiting;
	int last; /* the end of input was received */
};

static void exec_command(char **argv)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (chdir("/root"))
		_exit(126);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void start_with_pipes(struct command *cmd, char **argv)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		vm_fail("pipe: %s", strerror(errno));
	cmd->pid = fork();
	if (!cmd->pid) {
		setsid();
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		exec_command(argv);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	cmd->in = in[1];
	cmd->out = out[0];
	cmd->err = err[0];
}

static void start_with_tty(struct command *cmd, char **argv)
{
	int master;

	cmd->pid = forkpty(&master, NULL, NULL, NULL);
	if (!cmd->pid)
		exec_command(argv);
	fcntl(master, F_SETFD, FD_CLOEXEC);
	cmd->in = cmd->out = master;
	cmd->err = -1;
}

/* Sends the data that can be read. Returns -1 when the other end is closed. */
static int forward(int fd, int type)
{
	char data[VM_FRAME_MAX];
	ssize_t n = read(fd, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	vm_send(type, data, n);
	return n;
}

static void drain(int fd, int type)
{
	if (fd < 0)
		return;
	/* A daemon may keep the other end open: only send the data that are there. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (forward(fd, type) > 0)
		;
}

/* Writes input without blocking: a command that does not read must not hold up its output. */
static void feed(struct command *cmd)
{
	uint16_t credit;
	ssize_t n = 0;

	if (cmd->waiting && cmd->in >= 0) {
		n = write(cmd->in, cmd->pending, cmd->waiting);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			cmd->last = 1;
			n = cmd->waiting;
		}
	} else {
		n = cmd->waiting;
	}
	memmove(cmd->pending, cmd->pending + n, cmd->waiting - n);
	cmd->waiting -= n;
	credit = n;
	if (n)
		vm_send(VM_CREDIT, &credit, sizeof(credit));
	if (cmd->last && !cmd->waiting && cmd->in >= 0 && cmd->in != cmd->out) {
		close(cmd->in);
		cmd->in = -1;
	}
}

static void take_frame(struct command *cmd)
{
	static struct vm_frame frame;
	struct winsize size = { 0 };

	if (vm_receive(&frame))
		return;
	if (frame.type == VM_WINDOW) {
		size.ws_row = frame.data[0] | frame.data[1] << 8;
		size.ws_col = frame.data[2] | frame.data[3] << 8;
		ioctl(cmd->out, TIOCSWINSZ, &size);
	} else if (frame.type == VM_STDIN) {
		if (frame.len > sizeof(cmd->pending) - cmd->waiting)
			vm_fail("the host sent more input than it may");
		memcpy(cmd->pending + cmd->waiting, frame.data, frame.len);
		cmd->waiting += frame.len;
		cmd->last |= !frame.len;
		feed(cmd);
	}
}

static int reap(struct command *cmd)
{
	int status, over = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != cmd->pid)
			continue;
		cmd->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		over = 1;
	}
	return over;
}

static void attend(struct command *cmd, int signals)
{
	struct signalfd_siginfo info;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = signals, .events = POLLIN },
			{ .fd = vm_channel_fd(), .events = POLLIN },
			{ .fd = cmd->out, .events = POLLIN },
			{ .fd = cmd->err, .events = POLLIN },
			{ .fd = cmd->waiting ? cmd->in : -1, .events = POLLOUT },
		};

		if (poll(fds, 5, -1) < 0)
			continue;
		if (fds[2].revents && forward(cmd->out, VM_STDOUT) < 0)
			cmd->out = -1;
		if (fds[3].revents && forward(cmd->err, VM_STDERR) < 0)
			cmd->err = -1;
		if (fds[0].revents) {
			(void)!read(signals, &info, sizeof(info));
			if (reap(cmd))
				break;
		}
		if (fds[1].revents)
			take_frame(cmd);
		if (fds[4].revents)
			feed(cmd);
	}
	drain(cmd->out, VM_STDOUT);
	drain(cmd->err, VM_STDERR);
}

/* Records of /dev/kmsg, "level,number,microseconds,flags;text", as dmesg shows them. */
static void send_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192], lines[VM_FRAME_MAX];
	size_t used = 0;

	for (;;) {
		ssize_t n = read(fd, record, sizeof(record) - 1);
		unsigned long long usec = 0;
		char *text;
		int len;

		if (n < 0 && (errno == EPIPE || errno == EINVAL))
			continue;
		if (n <= 0)
			break;
		record[n] = 0;
		record[strcspn(record, "\n")] = 0;
		text = strchr(record, ';');
		if (!text || sscanf(record, "%*u,%*u,%llu", &usec) != 1)
			continue;
		if (used > sizeof(lines) - 2048) {
			vm_send(VM_LOG, lines, used);
			used = 0;
		}
		len = snprintf(lines + used, 2048, "[%5llu.%06llu] %.2000s\n", usec / 1000000,
			       usec % 1000000, text + 1);
		used += len;
	}
	if (used)
		vm_send(VM_LOG, lines, used);
	close(fd);
}

int main(void)
{
	struct vm_conf conf = { .params = "" };
	struct command cmd = { 0 };
	unsigned char status[1];
	sigset_t child;
	int signals;

	vm_mount_early();
	vm_read_conf(&conf);
	if (!conf.host)
		vm_channel_open();
	vm_load_early_modules();
	if (conf.host) {
		vm_interface_up("eth0", VM_DOMU_ADDRESS);
		vm_channel_connect(conf.host);
	}
	vm_enter_root(&conf);
	vm_mount_rest();
	if (conf.relay)
		vm_relay(conf.relay, conf.argv);
	if (conf.module)
		vm_load_module(conf.module, conf.params);

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);

	vm_send(VM_BOOTED, "", 0);
	if (conf.tty)
		start_with_tty(&cmd, conf.argv);
	else
		start_with_pipes(&cmd, conf.argv);
	fcntl(cmd.in, F_SETFL, O_NONBLOCK);
	attend(&cmd, signals);
	if (conf.log)
		send_log();
	status[0] = cmd.status;
	vm_send(VM_STATUS, status, sizeof(status));
	vm_halt();
}
