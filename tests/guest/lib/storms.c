// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "shadows.h"
#include "storms.h"
#include "victims.h"

void stir_disk(unsigned int number)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/root/storm%u", number);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, path, sizeof(path)) > 0)
		fsync(fd);
	close(fd);
	unlink(path);
}

void stir_sockets(void)
{
	int ends[2];
	char byte = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	if (write(ends[0], &byte, 1) == 1 && read(ends[1], &byte, 1) == 1)
		byte++;
	close(ends[0]);
	close(ends[1]);
}

void stir_victim(unsigned long calls)
{
	for (unsigned int cmd = VICTIM_SELF; cmd < VICTIM_IPI; cmd++)
		victim_call(cmd, calls);
}

void stir_text(void)
{
	if (!module_load(victim_path("shk_kprobe"), "at=vfs_write"))
		module_unload("shk_kprobe");
}

void stir_forks(void)
{
	if (!fork())
		_exit(0);
	wait(NULL);
}
