// SPDX-License-Identifier: GPL-2.0-only
/* Owns and disowns interrupt lines, kernel threads and network interfaces. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

int wish_do(struct shadowk_shadow *shadow, const struct wish *wish, bool own)
{
	if (wish->kind == SHADOWK_OWN_IRQ)
		return (own ? shadowk_own_irq : shadowk_disown_irq)(shadow, wish->irq);
	if (wish->kind == SHADOWK_OWN_NAPI)
		return (own ? shadowk_own_napi : shadowk_disown_napi)(shadow, wish->pattern);
	return (own ? shadowk_own_kthreads : shadowk_disown_kthreads)(shadow, wish->pattern);
}

bool wish_is(const struct wish *wish, const struct shadowk_own *own)
{
	return own->kind == wish->kind && own->irq == wish->irq &&
	       !strcmp(own->pattern, wish->pattern);
}

bool wishes_equal(const struct wish *a, const struct wish *b)
{
	return a->kind == b->kind && a->irq == b->irq && !strcmp(a->pattern, b->pattern);
}

void wish_name(char *buf, const struct wish *wish)
{
	if (wish->kind == SHADOWK_OWN_IRQ)
		snprintf(buf, WISH_NAME_LEN, "irq %u", wish->irq);
	else if (wish->kind == SHADOWK_OWN_NAPI)
		snprintf(buf, WISH_NAME_LEN, "NAPI threads of '%s'", wish->pattern);
	else
		snprintf(buf, WISH_NAME_LEN, "kernel threads '%s'", wish->pattern);
}

int wish_refuse(enum shadowk_op op, int err, const struct wish *wish, const char *shadow)
{
	char name[WISH_NAME_LEN];
	struct shadowk_subject subject = {
		.size = sizeof(subject),
		.shadow = shadow,
		.owned = name,
	};

	wish_name(name, wish);
	return refuse(op, err, &subject);
}
