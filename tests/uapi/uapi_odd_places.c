// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=240 */
/*
 * Edits are refused where the instruction, the end of a page, the state of a module or a kprobe does
 * not permit them. They are refused, too, when the module has no room for more.
 */
#include <pthread.h>

#include "uapi.h"

static int dev, handle;

static struct shk_probe_add int3_at(uint64_t addr)
{
	return (struct shk_probe_add){
		.size = sizeof(struct shk_probe_add),
		.kind = SHK_PROBE_COUNT,
		.flags = SHK_PROBE_FORCE_INT3,
		.addr = addr,
	};
}

/* Adds a probe there and removes it. Returns what adding returned. */
static long try_probe(struct shk_probe_add add)
{
	long ret = call(handle, SHK_PROBE_ADD, &add);

	if (!ret)
		expect(probe_remove(handle, add.id), 0);
	return ret;
}

/* The last bytes of some pages of text: those where an instruction begins, inside of a function. */
static void page_edges(void)
{
	uint64_t page = (symbol_address("vfs_read") & ~4095ULL) + 4096;
	unsigned int seen = 0;

	for (int n = 0; n < 40 && !seen; n++, page += 4096)
		for (uint64_t addr = page - 4; addr < page; addr++)
			seen += try_probe(int3_at(addr)) == ERROR(EOPNOTSUPP, SHK_REASON_PAGE_EDGE);
	expect_true(seen > 0);
}

/* iretq, and VMX instructions. */
static bool is_suspect(const uint8_t *bytes)
{
	return (bytes[0] == 0x48 && bytes[1] == 0xcf) ||
	       (bytes[0] == 0x0f && bytes[1] == 0x01 && bytes[2] >= 0xc1 && bytes[2] <= 0xc4);
}

/* An instruction that kprobes refuse to step. They are rare: the whole text is searched for one. */
static void cannot_step(void)
{
	struct shk_text_read text = { .size = sizeof(text) };
	uint64_t end = symbol_address("_etext");
	unsigned int seen = 0, tried = 0;

	for (uint64_t addr = symbol_address("_stext"); addr < end && !seen; addr += text.len) {
		memset(text.symbol, 0, sizeof(text.symbol));
		text.addr = addr;
		text.offset = 0;
		if (expect_ok(call(handle, SHK_TEXT_READ, &text)) < 0)
			break;
		for (uint32_t i = 0; i + 2 < text.len && !seen; i++)
			if (is_suspect(&text.base[i])) {
				tried++;
				seen += try_probe(int3_at(addr + i)) ==
					ERROR(EOPNOTSUPP, SHK_REASON_CANNOT_STEP);
			}
	}
	printf("%u candidates for an instruction that cannot be stepped, %u refused as such\n",
	       tried, seen);
	expect_true(seen > 0);
}

/* The offset of the first instruction behind the __fentry__ site of vfs_read(). */
static uint64_t first_insn(void)
{
	for (uint64_t offset = 5; offset < 16; offset++)
		if (!try_probe(probe_at("vfs_read", offset)))
			return offset;
	return 0;
}

static void kprobe_there(void)
{
	uint64_t offset = first_insn();
	char parameters[64];
	long refusal = ERROR(EBUSY, SHK_REASON_KPROBE_THERE);

	need(offset);
	snprintf(parameters, sizeof(parameters), "at=vfs_read offset=%d", (int)offset);
	need(!module_load("shk_kprobe", parameters));
	for (int len = 1; len < 4; len++) {
		struct shk_raw_add raw = {
			.size = sizeof(raw),
			.offset = offset,
			.len = (uint64_t)len,
			.symbol = "vfs_read",
		};

		memset(raw.bytes, 0x90, raw.len);
		expect(call(handle, SHK_RAW_ADD, &raw), refusal);
	}
	expect(module_unload("shk_kprobe"), 0);
}

/* A function without a __fentry__ site whose first instruction has room for a jump. */
static void jump_there(void)
{
	static const char *const names[] = { "clear_page_rep",	"clear_page_erms",
					     "clear_page_orig", "rdmsr_safe_regs",
					     "wrmsr_safe_regs", "memcpy_orig",
					     "memset_orig" };
	unsigned int seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !seen; i++) {
		struct shk_probe_add add = probe_at(names[i], 0), returns = add;
		struct shk_probe_info info;

		if (call(handle, SHK_PROBE_ADD, &add))
			continue;
		expect(list_first(handle, SHK_PROBE_LIST, &info, sizeof(info)), 1);
		if (info.arm == SHK_ARM_JUMP) {
			returns.flags = SHK_PROBE_RETURN;
			expect(probe_add(handle, returns), ERROR(EBUSY, SHK_REASON_JUMP_THERE));
			seen++;
		}
		expect(probe_remove(handle, add.id), 0);
	}
	expect_true(seen > 0);
}

static void *load_slowly(void *ret)
{
	*(long *)ret = module_load("shk_slow", "delay_ms=8000");
	return NULL;
}

static bool is_starting(void)
{
	int fd = open("/sys/module/shk_slow/initstate", O_RDONLY | O_CLOEXEC);
	char text[8] = "";
	bool is = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, "coming", 6);

	if (fd >= 0)
		close(fd);
	return is;
}

/* While its module starts, a function is no place for an edit. */
static void module_busy(void)
{
	const long refusal = ERROR(EBUSY, SHK_REASON_MODULE_BUSY);
	pthread_t thread;
	long ret;

	need(!pthread_create(&thread, NULL, load_slowly, &ret));
	for (int i = 0; i < 100 && !is_starting(); i++)
		usleep(20000);
	expect_true(is_starting());
	expect(probe_add(handle, probe_at("shk_slow:slow_exit", 0)), refusal);
	expect(probe_add(handle, int3_at(symbol_address("slow_exit"))), refusal);
	expect_true(is_starting());
	pthread_join(thread, NULL);
	expect(ret, 0);
	expect(module_unload("shk_slow"), 0);
}

/* Kprobes would read behind the text of one of these, where the kernel maps nothing there. */
static void module_end(void)
{
	static const char *const modules[] = { "shk_last_a", "shk_last_b" };

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		char symbol[64];
		struct shk_probe_add add;

		need(!module_load(modules[i], ""));
		snprintf(symbol, sizeof(symbol), "%s:%s", modules[i], modules[i]);
		add = probe_at(symbol, 1);
		add.flags = SHK_PROBE_FORCE_INT3;
		expect_either(try_probe(add), ERROR(EOPNOTSUPP, SHK_REASON_MODULE_END), 0);
		expect(module_unload(modules[i]), 0);
	}
}

/* Each value takes one of the bodies that the module has for all shadows. */
static void no_room(void)
{
	int shadow = (int)shadow_create(dev, "full");
	unsigned int added = 0;
	long ret;

	do {
		ret = patch_add(shadow, return_of("__x64_sys_getppid", 1000 + added));
		added += !ret;
	} while (!ret && added < 5000);
	printf("%u patches\n", added);
	expect(ret, ERROR(ENOSPC, SHK_REASON_NO_ROOM));
	expect_true(added > 100);
	expect(shadow_destroy(shadow), 0);
	close(shadow);
	expect(patch_add(handle, return_of("__x64_sys_getppid", 1)), 0);
}

int main(void)
{
	dev = device_open();
	handle = (int)shadow_create(dev, "uapi");
	need(handle >= 0);
	page_edges();
	cannot_step();
	kprobe_there();
	jump_there();
	module_busy();
	module_end();
	no_room();
	expect(shadow_destroy(handle), 0);
	return finish();
}
