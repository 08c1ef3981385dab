// SPDX-License-Identifier: LGPL-2.1-only
/* Probes: where they go, and what they have seen. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_SYMBOL_LEN == SHK_SYMBOL_LEN, "uapi");
_Static_assert(SHADOWK_HISTOGRAM_LEN == SHK_HISTOGRAM_LEN, "uapi");
_Static_assert(SHADOWK_PROBE_RETURN == SHK_PROBE_RETURN, "uapi");
_Static_assert(SHADOWK_PROBE_FORCE_INT3 == SHK_PROBE_FORCE_INT3, "uapi");

static const char *const kinds[] = {
	[SHK_PROBE_COUNT] = "count",
	[SHK_PROBE_LATENCY] = "latency",
	[SHK_PROBE_EVENT] = "event",
};

static const char *const arms[] = {
	[SHK_ARM_INT3] = "int3",
	[SHK_ARM_CALL] = "call",
	[SHK_ARM_JUMP] = "jump",
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

const char *shadowk_kind_name(uint32_t kind)
{
	return kind < ARRAY_SIZE(kinds) && kinds[kind] ? kinds[kind] : "unknown";
}

int shadowk_kind_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i] && !strcmp(kinds[i], name))
			return (int)i;
	return -EINVAL;
}

const char *shadowk_arm_name(uint32_t arm)
{
	return arm < ARRAY_SIZE(arms) && arms[arm] ? arms[arm] : "unknown";
}

static int shk_number_parse(const char *text, uint64_t *number)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	text += hex ? 2 : 0;
	/* strtoull() would take blanks, signs and a second 0x. */
	if (hex ? !isxdigit((unsigned char)text[0]) || tolower(text[1]) == 'x'
		: !isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, hex ? 16 : 10);
	if (*end)
		return -EINVAL;
	return errno ? -ERANGE : 0;
}

static bool is_symbol(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.$", c));
}

int shadowk_probe_parse(const char *text, struct shadowk_probe_spec *spec)
{
	uint64_t addr = 0, offset = 0;
	bool colon = false;
	size_t len = 0;
	int err;

	if (!shk_size_ok(spec, symbol))
		return -EINVAL;
	if (isdigit((unsigned char)text[0])) {
		/* A decimal address is more likely a slip than a wish. */
		err = tolower(text[1]) == 'x' ? shk_number_parse(text, &addr) : -EINVAL;
		if (!err && !addr)
			err = -EINVAL;
	} else {
		while (is_symbol(text[len]) || (text[len] == ':' && len && !colon)) {
			colon |= text[len] == ':';
			len++;
		}
		if (!len || text[len - 1] == ':' || (text[len] && text[len] != '+'))
			return -EINVAL;
		err = text[len] ? shk_number_parse(text + len + 1, &offset) : 0;
		if (!err && len >= SHADOWK_SYMBOL_LEN)
			err = -ENAMETOOLONG;
	}
	if (err)
		return err;
	spec->addr = addr;
	spec->offset = offset;
	memset(spec->symbol, 0, sizeof(spec->symbol));
	memcpy(spec->symbol, text, len);
	return 0;
}

int shadowk_probe_add(struct shadowk_shadow *shadow, struct shadowk_probe_spec *spec)
{
	struct shk_probe_add arg = { .size = sizeof(arg) };
	int err;

	if (!shk_size_ok(spec, symbol))
		return -EINVAL;
	arg.flags = spec->flags;
	arg.kind = spec->kind;
	arg.addr = spec->addr;
	arg.offset = spec->offset;
	memcpy(arg.name, spec->name, sizeof(arg.name));
	memcpy(arg.symbol, spec->symbol, sizeof(arg.symbol));
	err = shk_ioctl(shadow->fd, SHK_PROBE_ADD, &arg);
	if (err < 0)
		return err;
	memcpy(spec->name, arg.name, sizeof(spec->name));
	spec->id = arg.id;
	return 0;
}

int shadowk_probe_remove(struct shadowk_shadow *shadow, const char *name)
{
	struct shk_probe_remove arg = { .size = sizeof(arg) };
	int err = shadowk_name_check(name);

	if (err)
		return err;
	memcpy(arg.name, name, strlen(name));
	return shk_ioctl(shadow->fd, SHK_PROBE_REMOVE, &arg);
}

int shadowk_probe_next(struct shadowk_shadow *shadow, struct shadowk_probe_info *info)
{
	struct shk_probe_info in = { .size = sizeof(in), .id = info->id + 1 };
	struct shadowk_probe_info out = { .size = sizeof(out) };
	int err;

	if (!shk_size_ok(info, symbol))
		return -EINVAL;
	err = shk_ioctl(shadow->fd, SHK_PROBE_NEXT, &in);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	out.id = in.id;
	out.flags = in.flags;
	out.kind = in.kind;
	out.arm = in.arm;
	out.addr = in.addr;
	out.offset = in.offset;
	out.hits = in.hits;
	out.async_hits = in.async_hits;
	out.missed = in.missed;
	out.unreturned = in.unreturned;
	out.created_ns = in.created_ns;
	out.now_ns = in.now_ns;
	out.latency_sum = in.latency_sum;
	memcpy(out.histogram, in.histogram, sizeof(out.histogram));
	memcpy(out.name, in.name, sizeof(out.name));
	memcpy(out.symbol, in.symbol, sizeof(out.symbol));
	shk_copy_out(info, &out, sizeof(out));
	return 1;
}
