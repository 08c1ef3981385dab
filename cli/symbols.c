// SPDX-License-Identifier: GPL-2.0-only
/* Names of addresses of the kernel's text, from /proc/kallsyms. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "symbols.h"

struct symbol {
	uint64_t addr;
	char *name;
	char *module; /* "" for the kernel */
};

/* Sorted by address. Those that the kernel hides have the address 0. */
static struct symbol *symbols;
static size_t nr_symbols;

static int by_addr(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void symbol_add(uint64_t addr, const char *name, const char *module)
{
	struct symbol *symbol;

	if (!(nr_symbols & (nr_symbols - 1)))
		symbols = reallocarray(symbols, nr_symbols ? 2 * nr_symbols : 1, sizeof(*symbols));
	if (symbols) {
		symbol = &symbols[nr_symbols++];
		symbol->addr = addr;
		symbol->name = strdup(name);
		symbol->module = strdup(module);
		if (symbol->name && symbol->module)
			return;
	}
	report("out of memory");
	exit(STATUS_REFUSED);
}

static void symbols_read(void)
{
	FILE *file __cleanup(file_close) = fopen("/proc/kallsyms", "re");
	char line[1024], name[512], module[128], type;
	uint64_t addr;

	while (file && fgets(line, sizeof(line), file)) {
		module[0] = 0;
		if (sscanf(line, "%" SCNx64 " %c %511s [%127[^]]", &addr, &type, name, module) >=
			    3 &&
		    strchr("tTwW", type))
			symbol_add(addr, name, module);
	}
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

bool symbol_print(char *buf, size_t len, uint64_t addr)
{
	const struct symbol *symbol = symbol_of(addr);
	char offset[24] = "";

	if (!symbol || !symbol->addr)
		return false;
	if (symbol->addr != addr)
		snprintf(offset, sizeof(offset), "+0x%" PRIx64, addr - symbol->addr);
	snprintf(buf, len, "%s%s%s%s%s", symbol->name, offset, symbol->module[0] ? " [" : "",
		 symbol->module, symbol->module[0] ? "]" : "");
	return true;
}

const char *symbol_name(uint64_t addr, const char **module)
{
	const struct symbol *symbol = symbol_of(addr);
	bool found = symbol && symbol->addr;

	*module = found ? symbol->module : "";
	return found ? symbol->name : "";
}
