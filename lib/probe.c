// SPDX-License-Identifier: LGPL-2.1-only
/* Probes, and places in text. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>

#include <linux/shadowk.h>

#include "internal.h"

_Static_assert(SHADOWK_SYMBOL_LEN == SHK_SYMBOL_LEN, "uapi");
_Static_assert(SHADOWK_HISTOGRAM_LEN == SHK_HISTOGRAM_LEN, "uapi");
_Static_assert((int)SHADOWK_PROBE_COUNT == (int)SHK_PROBE_COUNT, "uapi");
_Static_assert((int)SHADOWK_PROBE_LATENCY == (int)SHK_PROBE_LATENCY, "uapi");
_Static_assert((int)SHADOWK_PROBE_EVENT == (int)SHK_PROBE_EVENT, "uapi");
_Static_assert((int)SHADOWK_PROBE_CALL == (int)SHK_PROBE_CALL, "uapi");
_Static_assert((int)SHADOWK_OF_DURATION == (int)SHK_OF_DURATION, "uapi");
_Static_assert((int)SHADOWK_OP_AND == (int)SHK_OP_AND, "uapi");
_Static_assert(SHADOWK_CONDITIONS_MAX == SHK_CONDITIONS_MAX, "uapi");
_Static_assert(SHADOWK_PROBES_SKIP == SHK_PROBES_SKIP, "uapi");
SHK_SAME_SIZE(shadowk_condition, shk_condition);
SHK_SAME(shadowk_condition, shk_condition, of);
SHK_SAME(shadowk_condition, shk_condition, op);
SHK_SAME(shadowk_condition, shk_condition, bytes);
SHK_SAME(shadowk_condition, shk_condition, is_signed);
SHK_SAME(shadowk_condition, shk_condition, value);
_Static_assert((int)SHADOWK_ARM_INT3 == (int)SHK_ARM_INT3, "uapi");
_Static_assert((int)SHADOWK_ARM_CALL == (int)SHK_ARM_CALL, "uapi");
_Static_assert((int)SHADOWK_ARM_JUMP == (int)SHK_ARM_JUMP, "uapi");
_Static_assert(SHADOWK_PROBE_RETURN == SHK_PROBE_RETURN, "uapi");
_Static_assert(SHADOWK_PROBE_FORCE_INT3 == SHK_PROBE_FORCE_INT3, "uapi");
_Static_assert(SHADOWK_PROBE_BELOW == SHK_PROBE_BELOW, "uapi");
_Static_assert(SHADOWK_PROBE_TRACEPOINT == SHK_PROBE_TRACEPOINT, "uapi");
_Static_assert(SHADOWK_PROBE_CAPTURED == SHK_PROBE_CAPTURED, "uapi");

static const char *const kinds[] = {
	[SHK_PROBE_COUNT] = "count",
	[SHK_PROBE_LATENCY] = "latency",
	[SHK_PROBE_EVENT] = "event",
	[SHK_PROBE_CALL] = "call",
};

static const char *const arms[] = {
	[SHK_ARM_INT3] = "int3",
	[SHK_ARM_CALL] = "call",
	[SHK_ARM_JUMP] = "jump",
};

const char *shadowk_kind_name(uint32_t kind)
{
	return kind < ARRAY_SIZE(kinds) && kinds[kind] ? kinds[kind] : "unknown";
}

int shadowk_kind_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i] && !strcmp(kinds[i], name))
			return shk_return((int)i, 0);
	return shk_return(-EINVAL, 0);
}

const char *shadowk_arm_name(uint32_t arm)
{
	return arm < ARRAY_SIZE(arms) && arms[arm] ? arms[arm] : "unknown";
}

static int number_parse(const char *text, uint64_t *number)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	text += hex ? 2 : 0;
	/* strtoull() would accept blanks, signs and a second 0x. */
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

/*
 * Reads the place @text: "0xADDR", "SYMBOL" or "SYMBOL+OFFSET", where SYMBOL may be
 * "MODULE:SYMBOL". Sets *@addr, or *@symbol_len, the length of the symbol at the start of @text,
 * and *@offset. Leaves the others as they are. Returns 0 or -errno. Does not note a reason.
 */
static int place_parse(const char *text, uint64_t *addr, uint64_t *offset, size_t *symbol_len)
{
	bool colon = false;
	size_t len = 0;
	int err;

	if (isdigit((unsigned char)text[0])) {
		/* Refuse a decimal address: its user has probably forgotten the 0x. */
		err = tolower(text[1]) == 'x' ? number_parse(text, addr) : -EINVAL;
		return !err && !*addr ? -EINVAL : err;
	}
	while (is_symbol(text[len]) || (text[len] == ':' && len && !colon)) {
		colon |= text[len] == ':';
		len++;
	}
	if (!len || text[len - 1] == ':' || (text[len] && text[len] != '+'))
		return -EINVAL;
	err = text[len] ? number_parse(text + len + 1, offset) : 0;
	if (!err && len >= SHADOWK_SYMBOL_LEN)
		err = -ENAMETOOLONG;
	*symbol_len = len;
	return err;
}

int shk_place_parse(const char *text, uint64_t *addr, uint64_t *offset,
		    char symbol[SHADOWK_SYMBOL_LEN])
{
	uint64_t at = 0, bytes = 0;
	size_t len = 0;
	int err = place_parse(text, &at, &bytes, &len);

	if (err)
		return shk_return(err, 0);
	*addr = at;
	*offset = bytes;
	memset(symbol, 0, SHADOWK_SYMBOL_LEN);
	memcpy(symbol, text, len);
	return shk_return(0, 0);
}

/*
 * Reads @name, the part of a probe's text behind "tracepoint:", which is SYSTEM:EVENT or a
 * tracepoint's name. Fills in the members of @spec for it. Returns 0 or -errno, with the reason
 * noted.
 */
static int tracepoint_parse(const char *name, struct shadowk_probe_spec *spec)
{
	uint64_t addr = 0, offset = 0;
	size_t len = 0;
	int err = place_parse(name, &addr, &offset, &len);

	if (!err && (!len || name[len]))
		err = -EINVAL;
	if (err)
		return shk_return(err, 0);
	spec->addr = spec->offset = 0;
	spec->flags |= SHADOWK_PROBE_TRACEPOINT;
	memset(spec->symbol, 0, sizeof(spec->symbol));
	memcpy(spec->symbol, name, len);
	return shk_return(0, 0);
}

int shadowk_probe_parse(const char *text, struct shadowk_probe_spec *spec)
{
	static const char prefix[] = "tracepoint:";
	struct shadowk_probe_spec checked;
	int err = SHK_COPY_IN(&checked, spec, conditions);

	if (err)
		return err;
	if (!strncmp(text, prefix, strlen(prefix)))
		return tracepoint_parse(text + strlen(prefix), spec);
	err = shk_place_parse(text, &spec->addr, &spec->offset, spec->symbol);
	if (!err)
		spec->flags &= ~SHADOWK_PROBE_TRACEPOINT;
	return err;
}

static void probe_arg_set(struct shk_probe_add *arg, const struct shadowk_probe_spec *spec)
{
	*arg = (struct shk_probe_add){
		.size = sizeof(*arg),
		.flags = spec->flags,
		.kind = spec->kind,
		.calls = spec->calls,
		.addr = spec->addr,
		.offset = spec->offset,
	};
	memcpy(arg->name, spec->name, sizeof(arg->name));
	memcpy(arg->symbol, spec->symbol, sizeof(arg->symbol));
	arg->nr_conditions = spec->nr_conditions;
	arg->reserved = spec->reserved;
	memcpy(arg->conditions, spec->conditions, sizeof(arg->conditions));
}

int shadowk_probe_add(struct shadowk_shadow *shadow, struct shadowk_probe_spec *spec)
{
	struct shadowk_probe_spec in;
	struct shk_probe_add arg;
	int err = SHK_COPY_IN(&in, spec, conditions);

	if (err)
		return err;
	probe_arg_set(&arg, &in);
	err = shk_ioctl(shadow->fd, SHK_PROBE_ADD, &arg);
	if (err)
		return err;
	memcpy(spec->name, arg.name, sizeof(spec->name));
	spec->id = arg.id;
	return 0;
}

/*
 * Adds probes for shadowk_probe_add_many(), whose other arguments and results this function has.
 * @args: memory for the kernel's @nr elements; this function fills it in.
 */
static int add_many(struct shadowk_shadow *shadow, struct shk_probe_add *args, uint8_t *specs,
		    size_t spec_size, size_t nr, uint32_t flags, size_t *nr_done)
{
	struct shk_probes_add call = {
		.size = sizeof(call),
		.flags = flags,
		.element_size = sizeof(*args),
		.nr = (uint32_t)nr,
		.elements = (uintptr_t)args,
	};
	struct shadowk_probe_spec spec;
	int err;

	for (size_t i = 0; i < nr; i++) {
		err = SHK_COPY_IN(&spec, (struct shadowk_probe_spec *)(specs + i * spec_size),
				  conditions);
		if (err)
			return err;
		probe_arg_set(&args[i], &spec);
	}
	err = shk_ioctl(shadow->fd, SHK_PROBES_ADD, &call);
	if (nr_done)
		*nr_done = call.nr_done;
	for (size_t i = 0; i < nr && !err; i++) {
		struct shadowk_probe_spec *out =
			(struct shadowk_probe_spec *)(specs + i * spec_size);

		out->reason = args[i].reason;
		out->id = args[i].id;
		memcpy(out->name, args[i].name, sizeof(out->name));
	}
	return err;
}

int shadowk_probe_add_many(struct shadowk_shadow *shadow, struct shadowk_probe_spec *specs,
			   size_t spec_size, size_t nr, uint32_t flags, size_t *nr_done)
{
	struct shk_probe_add *args;
	int err;

	if (nr_done)
		*nr_done = 0;
	if (!nr)
		return shk_return(0, 0);
	if (nr > UINT32_MAX)
		return shk_return(-EINVAL, 0);
	args = calloc(nr, sizeof(*args));
	if (!args)
		return shk_return(-ENOMEM, 0);
	err = add_many(shadow, args, (uint8_t *)specs, spec_size, nr, flags, nr_done);
	free(args);
	return err;
}

int shadowk_probe_remove_many(struct shadowk_shadow *shadow, const uint64_t *ids, size_t nr)
{
	struct shk_probes_remove arg = {
		.size = sizeof(arg),
		.nr = (uint32_t)nr,
		.ids = (uintptr_t)ids,
	};
	int err;

	if (nr > INT32_MAX || !ids != !nr)
		return shk_return(-EINVAL, 0);
	err = shk_ioctl(shadow->fd, SHK_PROBES_REMOVE, &arg);
	return err ? err : (int)arg.nr_done;
}

int shadowk_probe_remove(struct shadowk_shadow *shadow, const char *name)
{
	struct shk_probe_remove arg = { .size = sizeof(arg) };
	int err = shk_name_set(arg.name, name);

	return err ? err : shk_ioctl(shadow->fd, SHK_PROBE_REMOVE, &arg);
}

SHK_SAME_SIZE(shadowk_probe_info, shk_probe_info);
SHK_SAME(shadowk_probe_info, shk_probe_info, id);
SHK_SAME(shadowk_probe_info, shk_probe_info, kind);
SHK_SAME(shadowk_probe_info, shk_probe_info, arm);
SHK_SAME(shadowk_probe_info, shk_probe_info, flags);
SHK_SAME(shadowk_probe_info, shk_probe_info, addr);
SHK_SAME(shadowk_probe_info, shk_probe_info, offset);
SHK_SAME(shadowk_probe_info, shk_probe_info, hits);
SHK_SAME(shadowk_probe_info, shk_probe_info, async_hits);
SHK_SAME(shadowk_probe_info, shk_probe_info, missed);
SHK_SAME(shadowk_probe_info, shk_probe_info, unreturned);
SHK_SAME(shadowk_probe_info, shk_probe_info, created_ns);
SHK_SAME(shadowk_probe_info, shk_probe_info, now_ns);
SHK_SAME(shadowk_probe_info, shk_probe_info, latency_sum);
SHK_SAME(shadowk_probe_info, shk_probe_info, histogram);
SHK_SAME(shadowk_probe_info, shk_probe_info, name);
SHK_SAME(shadowk_probe_info, shk_probe_info, symbol);

int shadowk_probe_list(struct shadowk_shadow *shadow, uint64_t *cursor,
		       struct shadowk_probe_info *probes, size_t element_size, size_t nr)
{
	return shk_list(shadow->fd, SHK_PROBE_LIST, cursor, probes, element_size, nr);
}
