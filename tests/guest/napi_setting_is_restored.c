// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/*
 * The setting "threaded" of a network interface that a shadow without a name owns is restored when
 * the owner's process is killed, also in the middle of the call. NAPIs that the interface gets
 * later are owned, too: each frame of theirs is received inside.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "actor.h"
#include "shadows.h"

#define TAP	 "shktap"
#define THREADED "/sys/class/net/" TAP "/threaded"
#define RECEIVE	 "napi_gro_receive"
#define FRAMES	 50
#define ROUNDS	 40

/* Opens a queue of the interface, with a NAPI of its own. Skips the test if there are none. */
static int queue_open(void)
{
	struct ifreq request = { .ifr_name = TAP };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0 && !system("modprobe tun 2>/dev/null"))
		fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skip("this kernel has no tun");
	request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_NAPI | IFF_MULTI_QUEUE;
	need(!ioctl(fd, TUNSETIFF, &request));
	return fd;
}

static void interface_up(void)
{
	struct ifreq request = { .ifr_name = TAP, .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	need(fd >= 0);
	need(!ioctl(fd, SIOCSIFFLAGS, &request));
	close(fd);
}

/* Frames of a protocol that the kernel does not know. */
static void frames_send(int queue)
{
	static const unsigned char frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
						 0,    0,    0,	   0,	 1,    0x88, 0xb5 };

	for (int i = 0; i < FRAMES; i++)
		need(write(queue, frame, sizeof(frame)) == sizeof(frame));
}

static void expect_received(struct shadowk_shadow *shadow, int queue, bool inside, const char *when)
{
	uint64_t before = hits(shadow, RECEIVE), wanted = before + (inside ? FRAMES : 0);

	frames_send(queue);
	eventually(hits(shadow, RECEIVE) == wanted);
	usleep(100000);
	expect_eq((int64_t)hits(shadow, RECEIVE), (int64_t)wanted, "frames received, %s", when);
}

static unsigned int nr_threads(struct shadowk_shadow *shadow)
{
	struct shadowk_own own = { 0 };
	uint64_t cursor = 0;

	if (shadowk_own_list(shadow, &cursor, &own, sizeof(own), 1) != 1)
		return 0;
	expect_eq(own.kind, SHADOWK_OWN_NAPI, "kind");
	expect(!strcmp(own.pattern, TAP), "name '%s'", own.pattern);
	return own.nr_threads;
}

static void later_napis_are_owned(int first)
{
	struct shadowk_shadow *shadow = shadow_new_owner(NULL);
	int later;

	count(shadow, RECEIVE);
	expect_received(shadow, first, false, "before own");
	need_ok(shadowk_own_napi(shadow, TAP));
	expect_eq(read_number(THREADED), 1, "threaded while owned");
	expect_eq(nr_threads(shadow), 1, "threads");
	expect_received(shadow, first, true, "owned");

	later = queue_open();
	expect(eventually(nr_threads(shadow) == 2), "the new NAPI's thread is not owned");
	expect_received(shadow, later, true, "new NAPI");
	close(later);

	need_ok(shadowk_disown_napi(shadow, TAP));
	expect_eq(read_number(THREADED), 0, "threaded after disown");
	expect_received(shadow, first, false, "disowned");
	need_ok(shadowk_own_napi(shadow, TAP));
	shadow_close(shadow);
	expect_eq(read_number(THREADED), 0, "threaded after the last handle is closed");
}

/* Owns the interface for ever. */
static _Noreturn void owner(struct shadowk_shadow *shadow)
{
	for (;;) {
		need_ok(shadowk_own_napi(shadow, TAP));
		need_ok(shadowk_disown_napi(shadow, TAP));
	}
}

static void kill_restores(useconds_t after)
{
	pid_t pid = fork_tied();

	if (!pid) {
		struct shadowk_shadow *shadow = shadow_new_owner(NULL);

		need_ok(shadowk_own_napi(shadow, TAP));
		if (after)
			owner(shadow);
		for (;;)
			pause();
	}
	need(eventually(read_number(THREADED) == 1));
	usleep(after);
	need(!kill(pid, SIGKILL));
	wait_for(pid);
	expect(eventually(read_number(THREADED) == 0), "threaded after SIGKILL, after %u us",
	       after);
}

int main(void)
{
	int queue;

	/* Skips the test here if nothing can be owned. */
	shadow_close(shadow_new_owner(NULL));
	queue = queue_open();
	interface_up();
	later_napis_are_owned(queue);
	for (useconds_t i = 0; i < ROUNDS; i++)
		kill_restores(i * 1000);
	close(queue);
	return finish();
}
