// SPDX-License-Identifier: LGPL-2.1-only
/* Why a probe could not be placed, and what is wrong with a name. */
#include <inttypes.h>
#include <stdbool.h>

#include "internal.h"

bool shk_explain_name(char *buf, size_t len, const char *noun, const char *name)
{
	int err = shadowk_name_check(name);

	if (!err)
		return false;
	if (!*name)
		snprintf(buf, len,
			 "the name of a %s cannot be empty; use 1 to %d of A-Z a-z 0-9 . _ : -",
			 noun, SHADOWK_NAME_LEN - 1);
	else if (err == -ENAMETOOLONG)
		snprintf(buf, len,
			 "'%.32s...' is too long for the name of a %s: %zu characters; "
			 "at most %d",
			 name, noun, strlen(name), SHADOWK_NAME_LEN - 1);
	else
		snprintf(buf, len,
			 "'%.64s' cannot be the name of a %s; use 1 to %d of "
			 "A-Z a-z 0-9 . _ : - and not '.' or '..'",
			 name, noun, SHADOWK_NAME_LEN - 1);
	return true;
}

static void place_print(char *buf, size_t len, const struct shadowk_probe_spec *spec)
{
	if (spec->addr)
		snprintf(buf, len, "0x%" PRIx64, spec->addr);
	else if (spec->offset)
		snprintf(buf, len, "%s+%" PRIu64, spec->symbol, spec->offset);
	else
		snprintf(buf, len, "%s", spec->symbol);
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

/* One of several functions of that name, as it can be given instead. */
static int candidate_print(char *buf, size_t len, const char *name, const struct shk_symbol *symbol,
			   size_t i)
{
	const char *separator = i ? ", " : "";

	/* Of "MODULE:SYMBOL" the module alone is not enough. */
	if (symbol->module[i][0] && !strchr(name, ':'))
		return snprintf(buf, len, "%s%s:%s", separator, symbol->module[i], name);
	return snprintf(buf, len, "%s0x%" PRIx64, separator, symbol->address[i]);
}

static void explain_not_unique(char *buf, size_t len, const char *name,
			       const struct shk_symbol *symbol)
{
	bool in_modules = symbol->module[0][0] && !strchr(name, ':');
	char list[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < symbol->functions && i < 4; i++)
		if ((in_modules || symbol->address[i]) && used < sizeof(list))
			used += candidate_print(list + used, sizeof(list) - used, name, symbol, i);
	if (!used)
		snprintf(buf, len,
			 "several functions are named '%s'; give the address instead "
			 "(root sees it in /proc/kallsyms)",
			 name);
	else
		snprintf(buf, len, "several functions are named '%s'; give %s instead: %s%s", name,
			 in_modules ? "one with its module" : "the address", list,
			 symbol->functions > 4 ? ", ... (see /proc/kallsyms)" : "");
}

/* A name that the kernel knows but not as a function, or not at all. */
static void explain_no_function(char *buf, size_t len, const char *name,
				const struct shk_symbol *symbol)
{
	if (symbol->others)
		snprintf(buf, len, "'%s' is data, not a function; see /proc/kallsyms", name);
	else if (symbol->alike[0])
		snprintf(buf, len, "no function named '%s' in this kernel; there is '%s'", name,
			 symbol->alike);
	else
		snprintf(buf, len, "no function named '%s' in this kernel; see /proc/kallsyms",
			 name);
}

void shk_explain_function(char *buf, size_t len, int err, const char *symbol, uint64_t addr)
{
	struct shk_symbol found = { 0 };

	if (!symbol[0]) {
		snprintf(buf, len,
			 "0x%" PRIx64 " is not in the kernel's own text; see /proc/kallsyms", addr);
		return;
	}
	symbol_find(symbol, &found);
	if (err == ENOTUNIQ)
		explain_not_unique(buf, len, symbol, &found);
	else if (found.functions)
		snprintf(
			buf, len,
			"'%s' is not the kernel's own or a module's (a trampoline or BPF has it), so it "
			"cannot be patched",
			symbol);
	else
		explain_no_function(buf, len, symbol, &found);
}

/* What is called a function, and is neither the kernel's nor a module's. */
static void explain_no_text(char *buf, size_t len, const char *name,
			    const struct shk_symbol *symbol)
{
	if (symbol->functions)
		snprintf(buf, len,
			 "'%s' is a trampoline or a BPF program, which cannot be probed; choose "
			 "a function of the kernel or a module",
			 name);
	else
		explain_no_function(buf, len, name, symbol);
}

static bool is_return(const struct shadowk_probe_spec *spec)
{
	return spec->kind == SHADOWK_PROBE_LATENCY || spec->flags & SHADOWK_PROBE_RETURN;
}

static void explain_unsupported(char *buf, size_t len, const char *place,
				const struct shadowk_probe_spec *spec)
{
	const char *cold = strstr(spec->symbol, ".cold");

	if (is_return(spec) && !spec->addr && !spec->offset && cold)
		snprintf(buf, len,
			 "latency and returns are taken at the entry of a function, and %s is "
			 "entered without a return address: it is a part of %.*s; probe that, or "
			 "use --kind count",
			 place, (int)(cold - spec->symbol), spec->symbol);
	else if (is_return(spec) && !spec->addr && !spec->offset)
		snprintf(buf, len,
			 "latency and returns are taken at the entry of a function, and %s is "
			 "entered without a return address (by a jump, or by a context switch); "
			 "use --kind count, or probe its caller",
			 place);
	else if (is_return(spec))
		snprintf(buf, len,
			 "latency and returns are taken at the entry of a function, which "
			 "%s is not; give a function's name without an offset",
			 place);
	else
		snprintf(
			buf, len,
			"kprobes cannot step the instruction at %s, or it is within 4 bytes of the "
			"edge of a page, where an optimised kprobe could reach over it; choose "
			"another one",
			place);
}

bool shk_explain_probe_add(char *buf, size_t len, int err, const struct shadowk_subject *subject)
{
	const struct shadowk_probe_spec *spec = subject->spec;
	char place[SHADOWK_SYMBOL_LEN + 32];
	struct shk_symbol symbol = { 0 };

	place_print(place, sizeof(place), spec);
	if (spec->symbol[0] && (err == ENOENT || err == ENOTUNIQ || err == ERANGE))
		symbol_find(spec->symbol, &symbol);

	switch (err) {
	case ENOTUNIQ:
		explain_not_unique(buf, len, spec->symbol, &symbol);
		return true;
	case ENOENT:
		explain_no_text(buf, len, spec->symbol, &symbol);
		return true;
	case ERANGE:
		if (!spec->symbol[0])
			snprintf(
				buf, len,
				"%s is not in the text of the kernel or a module; see /proc/kallsyms",
				place);
		else if (symbol.functions)
			snprintf(buf, len, "%s is past the end of %s; give a smaller offset", place,
				 spec->symbol);
		else
			explain_no_text(buf, len, spec->symbol, &symbol);
		return true;
	case EILSEQ:
		snprintf(buf, len,
			 "%s is in the middle of an instruction; give the offset of its "
			 "first byte",
			 place);
		return true;
	case EADDRNOTAVAIL:
		snprintf(buf, len,
			 "cannot probe %s: the kernel forbids it (kprobe blacklist, noinstr or "
			 "text that patches itself); choose another place",
			 place);
		return true;
	case EADDRINUSE:
		if (is_return(spec))
			snprintf(buf, len,
				 "another probe at %s is armed by a jump, which sees no returns; "
				 "add that one with --int3, or remove somebody else's optimised "
				 "kprobe",
				 place);
		else
			snprintf(buf, len,
				 "somebody else's optimised kprobe covers %s; remove it, or run "
				 "'sysctl debug.kprobes-optimization=0'",
				 place);
		return true;
	case EOPNOTSUPP:
		explain_unsupported(buf, len, place, spec);
		return true;
	case EEXIST:
		snprintf(buf, len,
			 "shadow '%s' has a probe named '%s' already; choose another --name, or "
			 "run 'shadowctl probe remove %s %s'",
			 subject->shadow, spec->name, subject->shadow, spec->name);
		return true;
	case ENOSPC:
		snprintf(buf, len, "shadow '%s' cannot hold more probes; remove some first",
			 subject->shadow);
		return true;
	case EINVAL:
		return spec->name[0] && shk_explain_name(buf, len, "probe", spec->name);
	}
	return false;
}

int shadowk_probe_hint(char *buf, size_t len, const struct shadowk_probe_spec *spec)
{
	struct shk_symbol symbol = { 0 };

	if (len)
		buf[0] = '\0';
	if (!shk_size_ok(spec, symbol) || !spec->symbol[0] || spec->offset)
		return 0;
	symbol_find(spec->symbol, &symbol);
	if (!symbol.functions || !symbol.alike[0])
		return 0;
	snprintf(
		buf, len,
		"the compiler has made '%s' of '%s', and calls of that are not seen here; probe it, "
		"too",
		symbol.alike, spec->symbol);
	return 1;
}
