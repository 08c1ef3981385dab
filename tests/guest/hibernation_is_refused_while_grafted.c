// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* While a process is inside, hibernation is refused, and the kernel log gives the reason. */
#include <sys/klog.h>

#include "actor.h"
#include "shadows.h"

static bool log_has(const char *text)
{
	static char log[1 << 18];
	int len = klogctl(3 /* read all */, log, sizeof(log) - 1);

	need(len >= 0);
	log[len] = 0;
	return strstr(log, text);
}

int main(void)
{
	struct shadowk_shadow *shadow;
	struct actor inside;
	char modes[128];

	if (!read_file("/sys/power/state", modes, sizeof(modes)) || !strstr(modes, "disk"))
		skip("this kernel cannot hibernate");
	shadow = shadow_new(NULL);
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	errno = 0;
	expect(!write_file("/sys/power/state", "disk\n") && errno == EBUSY,
	       "hibernation was not refused: %s", strerrorname_np(errno));
	expect(log_has("no hibernation while processes are inside shadows: 1 are; detach them"),
	       "the kernel log does not give the reason");
	actor_end(&inside);
	return finish();
}
