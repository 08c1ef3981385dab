// SPDX-License-Identifier: GPL-2.0-only
/* test: efi timeout=60 */
/*
 * A kernel thread that has called the firmware for a process inside executes the base afterwards.
 * At the end of the call the kernel loads the mm that the thread borrows, which is grafted.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>

#include "actor.h"
#include "shadows.h"

#define VARIABLES "/sys/firmware/efi/efivars"
#define CALLS	  20
#define AFTER	  "complete" /* which such a thread calls next */

static char variable[300];

static void find_variable(void)
{
	DIR *dir = opendir(VARIABLES);
	struct dirent *entry;

	need(dir);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "BootOrder-", 10))
			snprintf(variable, sizeof(variable), VARIABLES "/%s", entry->d_name);
	closedir(dir);
	need(*variable);
}

static long job_read(long calls)
{
	long done = 0;
	char byte[64];

	while (calls--) {
		int fd = open(variable, O_RDONLY);

		done += read(fd, byte, sizeof(byte)) > 0;
		close(fd);
	}
	return done;
}

int main(void)
{
	struct shadowk_probe_info info;
	struct shadowk_shadow *shadow;
	struct actor inside;

	if (mount("none", VARIABLES, "efivarfs", 0, NULL) && errno != EBUSY)
		skip("this guest has no EFI firmware");
	find_variable();
	shadow = shadow_new(NULL);
	count(shadow, AFTER);
	count(shadow, "vfs_read");
	for (unsigned int cpu = 0; cpu < nr_cpus(); cpu++) {
		actor_start(&inside, cpu);
		attach(shadow, inside.pid);
		expect_eq(actor_do(&inside, job_read, CALLS), CALLS, "variables read on CPU %u",
			  cpu);
		info = probe_info(shadow, AFTER);
		expect_eq(info.hits + info.async_hits, 0, "hits of kernel threads on CPU %u", cpu);
		actor_end(&inside);
	}
	expect(hits(shadow, "vfs_read") >= CALLS, "the process is not inside");
	umount(VARIABLES);
	return finish();
}
