// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disassembles by the library capstone. Only 'shadowctl diff' and 'shadowctl top' need it, so the
 * library is loaded at its first use.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

#include "cli.h"
#include "disassembly.h"
#include "symbols.h"

#define CAPSTONE "libcapstone.so.4"

static struct {
	csh handle;
	__typeof__(cs_disasm) *disasm;
	__typeof__(cs_free) *free;
} capstone;

int disassembly_init(void)
{
	__typeof__(cs_open) *open = NULL;
	__typeof__(cs_option) *option = NULL;
	void *library;

	if (capstone.handle)
		return STATUS_DONE;
	library = dlopen(CAPSTONE, RTLD_NOW);
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
	char name[SYMBOL_PRINT_LEN];
	uint64_t target;
	char *end;

	buf[0] = 0;
	if (strncmp(operand, "0x", 2))
		return;
	target = strtoull(operand, &end, 16);
	if (!*end && symbol_print(name, sizeof(name), target))
		snprintf(buf, len, " <%s>", name);
}

size_t disassemble(const uint8_t *bytes, size_t len, uint64_t addr, char *text, size_t text_len)
{
	cs_insn *insn;
	char target[SYMBOL_PRINT_LEN + 4];
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
