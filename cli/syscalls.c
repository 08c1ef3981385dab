// SPDX-License-Identifier: GPL-2.0-only
/* The option --syscalls: processes are inside only during these system calls. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Writes the number of the system call @name. Reports an error. Returns a status. */
static int syscall_add(unsigned int *number, const char *name)
{
	int ret = shadowk_syscall_number(name);

	if (ret < 0)
		return refuse(SHADOWK_OP_SYSCALL_NUMBER, ret,
			      &(struct shadowk_subject){ .size = sizeof(struct shadowk_subject),
							 .syscall = name });
	*number = (unsigned int)ret;
	return STATUS_DONE;
}

static int syscalls_select(struct session *session, const char *shadow, const char *list)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = shadow };
	char *copy __cleanup(text_free) = strdup(list), *next = copy;
	/* A list of n characters has at most n + 1 names. */
	size_t count = 0, refused = 0, room = strlen(list) + 1;
	unsigned int *numbers = calloc(room, sizeof(*numbers));
	const char **names = calloc(room, sizeof(*names));
	int err, status = STATUS_DONE;

	if (!copy || !numbers || !names) {
		report("out of memory");
		status = STATUS_REFUSED;
	}
	while (!status && (names[count] = strsep(&next, ","))) {
		status = syscall_add(&numbers[count], names[count]);
		count++;
	}
	if (!status) {
		err = shadowk_syscalls_create(session->shadow, numbers, count, &session->inside,
					      &refused);
		subject.syscall = names[refused];
		if (err)
			status = refuse(SHADOWK_OP_SYSCALLS_CREATE, err, &subject);
	}
	free(names);
	free(numbers);
	return status;
}

int session_select_syscalls(struct session *session, const char *shadow, const char *list)
{
	if (list)
		return syscalls_select(session, shadow, list);
	session->inside = session->shadow;
	return STATUS_DONE;
}
