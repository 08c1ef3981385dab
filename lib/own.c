// SPDX-License-Identifier: LGPL-2.1-only
/* Interrupts and kernel threads that a shadow owns. */
#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_PATTERN_LEN == SHK_PATTERN_LEN, "uapi");
_Static_assert((int)SHADOWK_OWN_IRQ == (int)SHK_OWN_IRQ, "uapi");
_Static_assert((int)SHADOWK_OWN_KTHREAD == (int)SHK_OWN_KTHREAD, "uapi");

static int irq_call(struct shadowk_shadow *shadow, unsigned long request, uint32_t irq)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_IRQ, .irq = irq };

	return shk_ioctl(shadow->fd, request, &arg);
}

static int kthread_call(struct shadowk_shadow *shadow, unsigned long request, const char *pattern)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_KTHREAD };
	size_t len = strlen(pattern);

	if (len >= sizeof(arg.pattern))
		return -ENAMETOOLONG;
	memcpy(arg.pattern, pattern, len);
	return shk_ioctl(shadow->fd, request, &arg);
}

int shadowk_own_irq(struct shadowk_shadow *shadow, uint32_t irq)
{
	return irq_call(shadow, SHK_OWN, irq);
}

int shadowk_own_kthreads(struct shadowk_shadow *shadow, const char *pattern)
{
	return kthread_call(shadow, SHK_OWN, pattern);
}

int shadowk_disown_irq(struct shadowk_shadow *shadow, uint32_t irq)
{
	return irq_call(shadow, SHK_DISOWN, irq);
}

int shadowk_disown_kthreads(struct shadowk_shadow *shadow, const char *pattern)
{
	return kthread_call(shadow, SHK_DISOWN, pattern);
}

int shadowk_own_next(struct shadowk_shadow *shadow, struct shadowk_own *own)
{
	struct shk_own_info in = { .size = sizeof(in), .cursor = own->cursor };
	struct shadowk_own out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(own, pattern))
		return -EINVAL;
	err = shk_ioctl(shadow->fd, SHK_OWN_NEXT, &in);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	out.cursor = in.cursor;
	out.kind = in.kind;
	out.irq = in.irq;
	out.nr_threads = in.nr_threads;
	memcpy(out.pattern, in.pattern, sizeof(out.pattern));
	shk_copy_out(own, &out, sizeof(out));
	return 1;
}
