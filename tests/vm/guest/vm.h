/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's half of tests/vm/run: process 1 of every guest. */
#ifndef SHADOWK_VM_H
#define SHADOWK_VM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Frames on the second serial port, both ways: type, length (16 bits, little
 * endian), payload. vmlib/channel.py is the other half.
 */
enum {
	VM_BOOTED = 'B', /* to host: the command starts now */
	VM_STDOUT = 'O',
	VM_STDERR = 'E',
	VM_CREDIT = 'C', /* to host: so many bytes of stdin were consumed */
	VM_LOG = 'K',	 /* to host: the kernel log, in pieces */
	VM_FAILED = 'F', /* to host: the guest could not be set up, why */
	VM_STATUS = 'X', /* to host: exit status, the last frame */
	VM_STDIN = 'I',	 /* to guest; an empty one is the end of input */
	VM_WINDOW = 'W', /* to guest: rows and columns, 16 bits each */
};

/* A tty drops data that it cannot buffer, so at most this much is sent without credit. */
#define VM_STDIN_WINDOW 2048
#define VM_FRAME_MAX	4096

/* The port on which a dom0 listens for its domU, and the domU's address. */
#define VM_PORT		99
#define VM_DOMU_ADDRESS "10.99.0.2"

/* The host's wishes, from /vm/conf: strings that end in NUL. */
struct vm_conf {
	char *root;   /* block device of the root, NULL: the initramfs */
	char *host;   /* in a Xen domU: address of its dom0, which has the channel */
	char *relay;  /* in a Xen dom0: its address for the domU */
	char *module; /* module to load, NULL: none */
	char *params; /* its parameters */
	int log;      /* send the kernel log at the end */
	int tty;      /* the command gets a terminal */
	char **argv;
};

struct vm_frame {
	uint8_t type;
	uint16_t len;
	unsigned char data[VM_FRAME_MAX];
};

/* setup.c */
void vm_mount_early(void);
void vm_read_conf(struct vm_conf *conf);
void vm_load_early_modules(void);
void vm_interface_up(const char *name, const char *address);
void vm_enter_root(const struct vm_conf *conf);
void vm_mount_rest(void);
void vm_load_module(const char *path, const char *params);

/* channel.c */
void vm_channel_open(void);
void vm_channel_connect(const char *host);
int vm_write(int fd, const void *data, size_t len);
int vm_channel_fd(void);
void vm_send(int type, const void *data, size_t len);
int vm_receive(struct vm_frame *frame);
void vm_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void vm_halt(void) __attribute__((noreturn));

/* relay.c: halts when the domU that @argv runs has ended. Does not return. */
void vm_relay(const char *address, char **argv) __attribute__((noreturn));

#endif
