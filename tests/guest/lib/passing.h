/* SPDX-License-Identifier: GPL-2.0-only */
/* Passes descriptors over a unix socket. */
#ifndef SHADOWK_TEST_PASSING_H
#define SHADOWK_TEST_PASSING_H

void descriptor_send(int socket, int fd);
/* The descriptor has O_CLOEXEC. */
int descriptor_receive(int socket);

#endif /* SHADOWK_TEST_PASSING_H */
