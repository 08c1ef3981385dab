// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/* A raw edit replaces one instruction where no other edit and no kprobe is; all else is refused. */
#include "uapi.h"

#define FUNCTION	"vfs_read"
#define NOT_INSTRUCTION ERROR(EINVAL, SHK_REASON_NOT_INSTRUCTION)
#define EDIT_THERE	ERROR(EBUSY, SHK_REASON_EDIT_THERE)

static struct shk_raw_add raw_at(const char *symbol, uint64_t offset, uint32_t flags, uint64_t len)
{
	struct shk_raw_add arg = {
		.size = sizeof(arg),
		.flags = flags,
		.offset = offset,
		.len = len,
	};

	name_put(arg.symbol, sizeof(arg.symbol), symbol);
	return arg;
}

static long raw_add(int handle, struct shk_raw_add arg)
{
	return call(handle, SHK_RAW_ADD, &arg);
}

static long raw_add_bytes(int handle, const char *symbol, uint64_t offset, const char *bytes,
			  size_t len)
{
	struct shk_raw_add arg = raw_at(symbol, offset, 0, len);

	memcpy(arg.bytes, bytes, len);
	return raw_add(handle, arg);
}

static long raw_add_addr(int handle, uint64_t addr, uint32_t flags, uint64_t len)
{
	struct shk_raw_add arg = raw_at("", 0, flags, len);

	arg.addr = addr;
	return raw_add(handle, arg);
}

static void contradictions(int handle)
{
	struct shk_raw_add arg = raw_at(FUNCTION, 0, SHK_RAW_IDENTITY, 1);

	arg.bytes[0] = 1;
	expect(raw_add(handle, arg), -EINVAL);
	arg = raw_at(FUNCTION, 0, SHK_RAW_IDENTITY, 1);
	arg.addr = 0xffffffff81000000;
	expect(raw_add(handle, arg), -EINVAL);
	expect(raw_add(handle, raw_at("", 0, SHK_RAW_IDENTITY, 1)), -EINVAL);
	expect(raw_add(handle, raw_at("", 1, SHK_RAW_IDENTITY, 0)), -EINVAL);
	expect(raw_add(handle, raw_at(FUNCTION, 0, 0, 0)), -EINVAL);
	expect(raw_add(handle, raw_at(FUNCTION, 0, 0, 17)), -EINVAL);
	expect(raw_add(handle, raw_at(FUNCTION, 0, 0, UINT64_MAX)), -EINVAL);
	expect(raw_add(handle, raw_at("", 0, 0, 1)), -EINVAL);
	arg = raw_at(FUNCTION, 0, 0, 1);
	arg.bytes[1] = 1;
	expect(raw_add(handle, arg), -EINVAL);
	arg = raw_at("", 0, SHK_RAW_IDENTITY, 0);
	memset(arg.symbol, 'a', sizeof(arg.symbol));
	expect(raw_add(handle, arg), -EINVAL);
}

static void places(int handle)
{
	const long past_symbol = ERROR(ERANGE, SHK_REASON_PAST_SYMBOL);
	const long not_text = ERROR(ERANGE, SHK_REASON_NOT_TEXT);
	const long forbidden = ERROR(EOPNOTSUPP, SHK_REASON_FORBIDDEN);
	uint64_t stext = symbol_address("_stext"), etext = symbol_address("_etext");

	expect(raw_add(handle, raw_at("no_such_function", 0, SHK_RAW_IDENTITY, 0)),
	       ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN));
	expect(raw_add(handle, raw_at(FUNCTION, 1 << 20, SHK_RAW_IDENTITY, 1)), past_symbol);
	expect(raw_add(handle, raw_at("jiffies", 0, SHK_RAW_IDENTITY, 1)), not_text);
	expect(raw_add_addr(handle, etext, SHK_RAW_IDENTITY, 1), not_text);
	expect(raw_add_addr(handle, stext - 1, SHK_RAW_IDENTITY, 1), not_text);
	expect(raw_add_addr(handle, stext, SHK_RAW_IDENTITY, etext - stext + 1), not_text);
	expect(raw_add_addr(handle, stext, SHK_RAW_IDENTITY, UINT64_MAX), not_text);
	expect(raw_add_addr(handle, etext - 1, SHK_RAW_IDENTITY, UINT64_MAX - etext + 2), not_text);
	expect(raw_add_addr(handle, 4096, SHK_RAW_IDENTITY, 1), not_text);
	expect(raw_add(handle, raw_at("t_show", 0, SHK_RAW_IDENTITY, 1)),
	       ERROR(EINVAL, SHK_REASON_SYMBOL_AMBIGUOUS));
	/* A __fentry__ site, and text on which the kernel or the module depends. */
	expect(raw_add_bytes(handle, FUNCTION, 0, "\x90", 1), forbidden);
	expect(raw_add_bytes(handle, "asm_exc_page_fault", 0, "\x90", 1), forbidden);
	expect(raw_add_bytes(handle, "__text_poke", 0, "\x90", 1), forbidden);
	expect(raw_add_bytes(handle, "__schedule", 9, "\x90", 1), forbidden);
}

/*
 * The first nop that is not refused is as long as the instruction at @offset. Returns that length.
 */
static int length_at(int handle, uint64_t offset)
{
	/* Nops of 1 to 11 bytes. */
	static const char nops[][12] = {
		"\x90",
		"\x66\x90",
		"\x0f\x1f\x00",
		"\x0f\x1f\x40\x00",
		"\x0f\x1f\x44\x00\x00",
		"\x66\x0f\x1f\x44\x00\x00",
		"\x0f\x1f\x80\x00\x00\x00\x00",
		"\x0f\x1f\x84\x00\x00\x00\x00\x00",
		"\x66\x0f\x1f\x84\x00\x00\x00\x00\x00",
		"\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00",
		"\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00",
	};

	for (int len = 1; len <= (int)(sizeof(nops) / sizeof(*nops)); len++) {
		long ret = raw_add_bytes(handle, FUNCTION, offset, nops[len - 1], len);

		if (!ret)
			return len;
		expect(ret, NOT_INSTRUCTION);
	}
	return 0;
}

/*
 * Returns the offset of the instruction behind the __fentry__ site and, if there is one, the
 * ENDBR.
 */
static uint64_t first_insn(int handle)
{
	for (uint64_t offset = 5; offset < 16; offset++) {
		struct shk_probe_add probe = probe_at(FUNCTION, offset);

		if (!call(handle, SHK_PROBE_ADD, &probe)) {
			expect(probe_remove(handle, probe.id), 0);
			return offset;
		}
	}
	return 0;
}

static void instructions(int dev, int handle)
{
	uint64_t offset = first_insn(handle);
	struct shk_raw_info info;
	char *before = state(dev, handle);
	int len;

	need(offset);
	expect(raw_add_bytes(handle, FUNCTION, offset, "\x06", 1), NOT_INSTRUCTION); /* none */
	len = length_at(handle, offset);
	need(len);
	/* No other raw edit can be there, and no probe. */
	expect(raw_add_bytes(handle, FUNCTION, offset, len == 1 ? "\x90" : "\x66\x90",
			     len == 1 ? 1 : 2),
	       len <= 2 ? EDIT_THERE : NOT_INSTRUCTION);
	expect(call(handle, SHK_PROBE_ADD,
		    &(struct shk_probe_add){ .size = sizeof(struct shk_probe_add),
					     .kind = SHK_PROBE_COUNT,
					     .flags = SHK_PROBE_FORCE_INT3,
					     .offset = offset,
					     .symbol = FUNCTION }),
	       EDIT_THERE);
	expect(list_first(handle, SHK_RAW_LIST, &info, sizeof(info)), 1);
	expect((long)info.len, len);
	expect((long)info.offset, (long)offset);
	expect(strcmp(info.symbol, FUNCTION), 0);
	expect(raw_remove(handle, info.id), 0);
	expect(raw_remove(handle, info.id), ERROR(ENOENT, SHK_REASON_ID_UNKNOWN));
	expect_state(dev, handle, before);
	free(before);
}

/* Edits of the same page count their references; the page becomes the base's with the last one. */
static void ranges(int dev, int handle)
{
	uint64_t stext = symbol_address("_stext");
	struct shk_raw_add arg = raw_at(FUNCTION, 0, SHK_RAW_IDENTITY, 0);
	struct shk_raw_add two = raw_at("", 0, SHK_RAW_IDENTITY, 2);
	char *before = state(dev, handle), *with_one;

	expect(call(handle, SHK_RAW_ADD, &arg), 0);
	with_one = state(dev, handle);
	for (int i = 0; i < 3; i++) {
		struct shk_raw_add all = raw_at("", 0, SHK_RAW_IDENTITY, 0);

		expect(call(handle, SHK_RAW_ADD, &all), 0);
		expect(raw_remove(handle, all.id), 0);
	}
	expect_state(dev, handle, with_one);
	/* The last byte of a page and the first of the next. */
	two.addr = (stext & ~4095ULL) + 8191;
	expect(call(handle, SHK_RAW_ADD, &two), 0);
	expect(raw_remove(handle, arg.id), 0);
	expect(shadow_info(handle).private_pages, 2);
	expect(raw_remove(handle, two.id), 0);
	expect_state(dev, handle, before);
	free(before);
	free(with_one);
}

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	struct shk_probe_add probe = probe_at(FUNCTION, 0);
	char *before;

	need(handle >= 0);
	/* A shadow's first edit allocates what lives as long as the shadow. */
	expect(call(handle, SHK_PROBE_ADD, &probe), 0);
	expect(probe_remove(handle, probe.id), 0);
	before = state(dev, handle);
	contradictions(handle);
	places(handle);
	instructions(dev, handle);
	ranges(dev, handle);
	expect_state(dev, handle, before);
	/* An edit that is left ends with the shadow. */
	expect(raw_add(handle, raw_at("", 0, SHK_RAW_IDENTITY, 0)), 0);
	expect(shadow_destroy(handle), 0);
	expect(raw_add(handle, raw_at("", 0, SHK_RAW_IDENTITY, 0)),
	       ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED));
	return finish();
}
