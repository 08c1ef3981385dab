// SPDX-License-Identifier: LGPL-2.1-only
/* Interrupts, kernel threads and network interfaces that a shadow owns. */
#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_PATTERN_LEN == SHK_PATTERN_LEN, "uapi");
_Static_assert((int)SHADOWK_OWN_IRQ == (int)SHK_OWN_IRQ, "uapi");
_Static_assert((int)SHADOWK_OWN_KTHREAD == (int)SHK_OWN_KTHREAD, "uapi");
_Static_assert((int)SHADOWK_OWN_NAPI == (int)SHK_OWN_NAPI, "uapi");

static int irq_call(struct shadowk_shadow *shadow, unsigned long request, uint32_t irq)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = SHK_OWN_IRQ, .irq = irq };

	return shk_ioctl(shadow->fd, request, &arg);
}

static int pattern_call(struct shadowk_shadow *shadow, unsigned long request, uint32_t kind,
			const char *pattern)
{
	struct shk_own_arg arg = { .size = sizeof(arg), .kind = kind };
	size_t len = strlen(pattern);

	if (len >= sizeof(arg.pattern))
		return shk_return(-ENAMETOOLONG, 0);
	memcpy(arg.pattern, pattern, len);
	return shk_ioctl(shadow->fd, request, &arg);
}

int shadowk_own_irq(struct shadowk_shadow *shadow, uint32_t irq)
{
	return irq_call(shadow, SHK_OWN, irq);
}

int shadowk_own_kthreads(struct shadowk_shadow *shadow, const char *pattern)
{
	return pattern_call(shadow, SHK_OWN, SHK_OWN_KTHREAD, pattern);
}

int shadowk_own_napi(struct shadowk_shadow *shadow, const char *interface)
{
	return pattern_call(shadow, SHK_OWN, SHK_OWN_NAPI, interface);
}

int shadowk_disown_irq(struct shadowk_shadow *shadow, uint32_t irq)
{
	return irq_call(shadow, SHK_DISOWN, irq);
}

int shadowk_disown_kthreads(struct shadowk_shadow *shadow, const char *pattern)
{
	return pattern_call(shadow, SHK_DISOWN, SHK_OWN_KTHREAD, pattern);
}

int shadowk_disown_napi(struct shadowk_shadow *shadow, const char *interface)
{
	return pattern_call(shadow, SHK_DISOWN, SHK_OWN_NAPI, interface);
}

SHK_SAME_SIZE(shadowk_own, shk_own_info);
SHK_SAME(shadowk_own, shk_own_info, kind);
SHK_SAME(shadowk_own, shk_own_info, irq);
SHK_SAME(shadowk_own, shk_own_info, nr_threads);
SHK_SAME(shadowk_own, shk_own_info, pattern);

int shadowk_own_list(struct shadowk_shadow *shadow, uint64_t *cursor, struct shadowk_own *owns,
		     size_t element_size, size_t nr)
{
	return shk_list(shadow->fd, SHK_OWN_LIST, cursor, owns, element_size, nr);
}
