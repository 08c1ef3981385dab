// SPDX-License-Identifier: LGPL-2.1-only
/* Explanations of wrong names, and of wrong places in the kernel's text. */
#include <inttypes.h>

#include "internal.h"

static const char *noun_of(enum shadowk_op op)
{
	switch (op) {
	case SHADOWK_OP_PROBE_ADD:
	case SHADOWK_OP_PROBE_REMOVE:
		return "probe";
	case SHADOWK_OP_PATCH_ADD:
	case SHADOWK_OP_PATCH_REMOVE:
	case SHADOWK_OP_PATCH_PROMOTE:
		return "patch";
	default:
		return "shadow";
	}
}

void shk_explain_name(const struct shk_explanation *e)
{
	const char *noun = noun_of(e->op);
	const char *name = !strcmp(noun, "probe")   ? e->subject.probe
			   : !strcmp(noun, "patch") ? e->subject.patch
						    : e->subject.shadow;

	if (!*name)
		snprintf(e->buf, e->len,
			 "the name of a %s cannot be empty; use 1 to %d of A-Z a-z 0-9 . _ : -",
			 noun, SHADOWK_NAME_LEN - 1);
	else if (e->op == SHADOWK_OP_SHADOW_OPEN && *name == '#')
		shk_say(e, "'{shadow}' is not '#' and the id of a shadow; 'shadowctl list' shows "
			   "the ids");
	else if (shk_name_check(name) == -ENAMETOOLONG)
		snprintf(e->buf, e->len,
			 "'%.32s...' is too long for the name of a %s: %zu characters; at most %d",
			 name, noun, strlen(name), SHADOWK_NAME_LEN - 1);
	else
		snprintf(e->buf, e->len,
			 "'%.64s' cannot be the name of a %s; use 1 to %d of A-Z a-z 0-9 . _ : - "
			 "and not '.' or '..'",
			 name, noun, SHADOWK_NAME_LEN - 1);
}

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void symbol_find(const char *name, struct shk_symbol *symbol)
{
	FILE *file __attribute__((cleanup(close_file))) = fopen("/proc/kallsyms", "re");

	shk_kallsyms_find(file, name, symbol);
}

/*
 * Writes function number @i of @symbol to @buf: "MODULE:NAME" or its address. Several functions are
 * named @name, so the name alone would be ambiguous. Returns the result of snprintf().
 */
static int candidate_print(char *buf, size_t len, const char *name, const struct shk_symbol *symbol,
			   size_t i)
{
	const char *separator = i ? ", " : "";

	/* If @name is "MODULE:SYMBOL" already, only the address is not ambiguous. */
	if (symbol->module[i][0] && !strchr(name, ':'))
		return snprintf(buf, len, "%s%s:%s", separator, symbol->module[i], name);
	return snprintf(buf, len, "%s0x%" PRIx64, separator, symbol->address[i]);
}

void shk_explain_symbol_ambiguous(const struct shk_explanation *e)
{
	const char *name = e->symbol;
	struct shk_symbol symbol;
	bool in_modules;
	char list[256] = "";
	size_t used = 0;

	symbol_find(name, &symbol);
	in_modules = symbol.module[0][0] && !strchr(name, ':');
	for (size_t i = 0; i < symbol.functions && i < 4; i++)
		if ((in_modules || symbol.address[i]) && used < sizeof(list))
			used += candidate_print(list + used, sizeof(list) - used, name, &symbol, i);
	if (!used)
		snprintf(e->buf, e->len,
			 "several functions are named '%s'; give the address instead (root sees it "
			 "in /proc/kallsyms)",
			 name);
	else
		snprintf(e->buf, e->len, "several functions are named '%s'; give %s instead: %s%s",
			 name, in_modules ? "one with its module" : "the address", list,
			 symbol.functions > 4 ? ", ... (see /proc/kallsyms)" : "");
}

/* The name is of data, of a trampoline or of a BPF program, or /proc/kallsyms does not have it. */
void shk_explain_symbol_unknown(const struct shk_explanation *e)
{
	const char *name = e->symbol;
	struct shk_symbol symbol;

	symbol_find(name, &symbol);
	if (symbol.functions)
		snprintf(e->buf, e->len,
			 "'%s' is a trampoline or a BPF program, which cannot be edited; choose a "
			 "function of the kernel or a module",
			 name);
	else if (symbol.not_functions)
		snprintf(e->buf, e->len, "'%s' is data, not a function; see /proc/kallsyms", name);
	else if (symbol.alike[0])
		snprintf(e->buf, e->len, "no function named '%s' in this kernel; there is '%s'",
			 name, symbol.alike);
	else
		snprintf(e->buf, e->len,
			 "no function named '%s' in this kernel; see /proc/kallsyms", name);
}

void shk_explain_not_text(const struct shk_explanation *e)
{
	if (e->op == SHADOWK_OP_RAW_ADD)
		shk_say(e, "{place}, or the end of the range, is not in the kernel's own text");
	else if (e->symbol[0])
		shk_explain_symbol_unknown(e);
	else
		shk_say(e, "{place} is not in the text of the kernel or a module; see "
			   "/proc/kallsyms");
}

void shk_explain_no_return(const struct shk_explanation *e)
{
	const char *cold = strstr(e->symbol, ".cold");

	if (cold)
		snprintf(
			e->buf, e->len,
			"latency and returns need a return address at the function's entry, and %s "
			"is entered without a return address: it is a part of %.*s; probe that, or "
			"use --kind count",
			e->symbol, (int)(cold - e->symbol), e->symbol);
	else
		shk_say(e, "latency and returns need a return address at the function's entry, "
			   "and {place} is entered without a return address (by a jump, or by a "
			   "context switch); use --kind count, or probe its caller");
}

int shadowk_probe_hint(char *buf, size_t len, const struct shadowk_probe_spec *spec)
{
	struct shk_symbol symbol;

	if (len)
		buf[0] = '\0';
	if (spec->size < SHK_LEAST(struct shadowk_probe_spec, symbol) || !spec->symbol[0] ||
	    spec->offset)
		return 0;
	symbol_find(spec->symbol, &symbol);
	if (!symbol.functions || !symbol.alike[0])
		return 0;
	snprintf(buf, len,
		 "the compiler has made '%s' of '%s', and this probe does not see its calls; "
		 "probe it, too",
		 symbol.alike, spec->symbol);
	return 1;
}
