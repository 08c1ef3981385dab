// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disassembles by the library capstone. Only 'shadowctl diff' needs it, so the library is loaded at
 * its first use.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

#include "cli.h"
#include "disassembly.h"

#define CAPSTONE "libcapstone.so.4"

static struct {
	csh handle;
	__typeof__(cs_disasm) *disasm;
	__typeof__(cs_free) *free;
} capstone;

struct symbol {
	uint64_t addr;
	char *name;
};

static struct symbol *symbols;
static size_t nr_symbols;

static int by_addr(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void symbol_add(uint64_t addr, const char *name, const char *module)
{
	if (!(nr_symbols & (nr_symbols - 1)))
		symbols = reallocarray(symbols, nr_symbols ? 2 * nr_symbols : 1, sizeof(*symbols));
	if (!symbols ||
	    asprintf(&symbols[nr_symbols].name, "%s%s%s", name, module[0] ? " " : "", module) < 0) {
		report("out of memory");
		exit(STATUS_REFUSED);
	}
	symbols[nr_symbols++].addr = addr;
}

static void symbols_read(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[1024], name[512], module[128], type;
	uint64_t addr;

	while (file && fgets(line, sizeof(line), file)) {
		module[0] = 0;
		if (sscanf(line, "%" SCNx64 " %c %511s %127s", &addr, &type, name, module) >= 3 &&
		    strchr("tTwW", type))
			symbol_add(addr, name, module);
	}
	if (file)
		fclose(file);
	qsort(symbols, nr_symbols, sizeof(*symbols), by_addr);
}

/* Returns the last symbol that begins at or before @addr, or NULL. */
static const struct symbol *symbol_of(uint64_t addr)
{
	size_t from = 0, to;

	if (!nr_symbols)
		symbols_read();
	for (to = nr_symbols; from < to;) {
		size_t middle = (from + to) / 2;

		if (symbols[middle].addr <= addr)
			from = middle + 1;
		else
			to = middle;
	}
	return from ? &symbols[from - 1] : NULL;
}

int disassembly_init(void)
{
	void *library = dlopen(CAPSTONE, RTLD_NOW);
	__typeof__(cs_open) *open = NULL;
	__typeof__(cs_option) *option = NULL;

	if (library) {
		open = (__typeof__(open))dlsym(library, "cs_open");
		option = (__typeof__(option))dlsym(library, "cs_option");
		capstone.disasm = (__typeof__(capstone.disasm))dlsym(library, "cs_disasm");
		capstone.free = (__typeof__(capstone.free))dlsym(library, "cs_free");
	}
	if (!open || !option || !capstone.disasm || !capstone.free ||
	    open(CS_ARCH_X86, CS_MODE_64, &capstone.handle)) {
		report("the library " CAPSTONE " is missing; install the package libcapstone4");
		return STATUS_REFUSED;
	}
	option(capstone.handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
	return STATUS_DONE;
}

/* Writes " <SYMBOL+OFFSET>" if @operand is an address, else "". */
static void target_print(char *buf, size_t len, const char *operand)
{
	const struct symbol *symbol;
	uint64_t target;
	char *end;

	buf[0] = 0;
	if (strncmp(operand, "0x", 2))
		return;
	target = strtoull(operand, &end, 16);
	symbol = *end ? NULL : symbol_of(target);
	if (!symbol)
		return;
	if (symbol->addr == target)
		snprintf(buf, len, " <%s>", symbol->name);
	else
		snprintf(buf, len, " <%s+0x%" PRIx64 ">", symbol->name, target - symbol->addr);
}

size_t disassemble(const uint8_t *bytes, size_t len, uint64_t addr, char *text, size_t text_len)
{
	cs_insn *insn;
	char target[SHADOWK_SYMBOL_LEN + 32];
	size_t used;

	if (!capstone.disasm(capstone.handle, bytes, len, addr, 1, &insn)) {
		snprintf(text, text_len, ".byte   0x%02x", bytes[0]);
		return 1;
	}
	target_print(target, sizeof(target), insn->op_str);
	if (insn->op_str[0])
		snprintf(text, text_len, "%-7s %s%s", insn->mnemonic, insn->op_str, target);
	else
		snprintf(text, text_len, "%s", insn->mnemonic);
	used = insn->size;
	capstone.free(insn, 1);
	return used;
}
