// SPDX-License-Identifier: LGPL-2.1-only
/* /proc/kallsyms, read only to explain an error. */
#include <inttypes.h>
#include <stdbool.h>

#include "internal.h"

static bool is_function(char type)
{
	return strchr("tTwW", type) != NULL;
}

static void symbol_match(struct shk_symbol *symbol, uint64_t address, char type, const char *module)
{
	if (!is_function(type)) {
		symbol->not_functions++;
		return;
	}
	if (symbol->functions < sizeof(symbol->address) / sizeof(symbol->address[0])) {
		symbol->address[symbol->functions] = address;
		strcpy(symbol->module[symbol->functions], module);
	}
	symbol->functions++;
}

/*
 * Returns true if @found is a variant of the function @name (of @len bytes) that the compiler made,
 * such as "foo.isra.0" of "foo". A part of it, such as "foo.cold", is not a variant.
 */
static bool is_alike(const char *found, const char *name, size_t len)
{
	return !strncmp(found, name, len) && found[len] == '.' && !strstr(found + len, ".cold");
}

void shk_kallsyms_find(FILE *file, const char *name, struct shk_symbol *symbol)
{
	char line[SHADOWK_SYMBOL_LEN + 128], found[SHADOWK_SYMBOL_LEN], module[64], type;
	const char *colon = strchr(name, ':');
	size_t len, module_len = colon ? (size_t)(colon - name) : 0;
	const char *wanted = name;
	uint64_t address;

	/* "MODULE:SYMBOL" */
	name = colon ? colon + 1 : name;
	len = strlen(name);

	memset(symbol, 0, sizeof(*symbol));
	if (!file || !len)
		return;
	while (fgets(line, sizeof(line), file)) {
		/* Most lines have another name, and sscanf() is slow. */
		if (!strstr(line, name))
			continue;
		module[0] = '\0';
		if (sscanf(line, "%" SCNx64 " %c %511s [%63[^]]", &address, &type, found, module) <
		    3)
			continue;
		if (colon && (strlen(module) != module_len || strncmp(module, wanted, module_len)))
			continue;
		if (!strcmp(found, name))
			symbol_match(symbol, address, type, module);
		else if (!symbol->alike[0] && !module[0] && is_function(type) &&
			 is_alike(found, name, len))
			memcpy(symbol->alike, found, strlen(found) + 1);
	}
}
