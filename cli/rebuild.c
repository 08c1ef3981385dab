// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of the kernel's own source as a patch module. Each file is compiled twice. With the
 * kernel's flags, its functions must be those of the kernel image. If they are not, the source or
 * the flags are not the kernel's, so a new body might not do what the old one does. With the flags
 * of the user, the file gives the new bodies, which rebind.c makes refer to the running kernel.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "instrument.h"
#include "rebuild.h"

/* Indirect calls and returns as on a CPU without Spectre, and no canary on the stack. */
#define LEAN_FLAGS                                                             \
	" -fno-stack-protector -mindirect-branch=keep -mfunction-return=keep " \
	"-mharden-sls=none"

int run_shell(const char *format, ...)
{
	va_list args;
	char *text;
	int status;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	need_memory(text);
	status = run((char *[]){ "sh", "-c", text, NULL });
	free(text);
	return status;
}

/* Appends "@text " to @to, which is freed and replaced. */
static void append(char **to, const char *text)
{
	char *longer;

	if (asprintf(&longer, "%s%s ", *to ? *to : "", text) < 0)
		longer = NULL;
	need_memory(longer);
	free(*to);
	*to = longer;
}

/*
 * Reads the commands from the line that kbuild has noted, "cmd_FILE := CC FLAGS -c -o FILE.o FILE.c
 * ; : FLAGS FILE.o". The second one is objtool's, which was replaced by ":".
 */
static bool commands_parse(struct rebuild *rebuild, char *line)
{
	static const char *const own[] = { "-Wp,-MMD", "-DKBUILD_", "-D__KBUILD_MODNAME",
					   "-gdwarf" };
	char *objtool = strstr(line, "; : "), *word, *rest;
	bool ibt = false;

	if (objtool)
		*objtool = '\0';
	word = strstr(line, ":= ");
	if (!word)
		return false;
	for (word = strtok_r(word + 3, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		bool skip = !strcmp(word, "-g") || !strcmp(word, "-c");

		for (size_t i = 0; i < ARRAY_SIZE(own); i++)
			skip |= !strncmp(word, own[i], strlen(own[i]));
		if (!strcmp(word, "-o")) /* the file, and the source */
			break;
		if (!skip)
			append(&rebuild->compiler, word);
	}
	if (!rebuild->compiler || !objtool)
		return rebuild->compiler;
	append(&rebuild->objtool, "SRCARCH=x86 ./tools/objtool/objtool");
	for (word = strtok_r(objtool + 4, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		ibt |= !strcmp(word, "--ibt");
		if (*word == '-')
			append(&rebuild->objtool, word);
	}
	/* Counters are behind calls that do not return. */
	if (rebuild->instrument)
		append(&rebuild->objtool, "--no-unreachable");
	/* The kernel's own build runs objtool once, on the linked file, if it has IBT. */
	if (ibt)
		append(&rebuild->objtool, "--link");
	return true;
}

/* Asks kbuild how it compiles a file of the kernel itself. Returns a status. */
static int commands_read(struct rebuild *rebuild)
{
	const struct build *build = rebuild->build;
	char *line __cleanup(text_free) = NULL;
	FILE *file __cleanup(file_close) = NULL;
	char path[128];
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/probe", build->folder);
	if (run_shell(
		    "mkdir %s && echo 'obj-y := probe.o' >%s/Kbuild && echo 'int probe;' >%s/probe.c "
		    "&& make -s -C '%s' M=%s delay-objtool= objtool=: probe.o >&2",
		    path, path, path, build->headers, path)) {
		report("kbuild does not work in '%s'; see above", build->headers);
		return STATUS_REFUSED;
	}
	snprintf(path, sizeof(path), "%s/probe/.probe.o.cmd", build->folder);
	file = fopen(path, "re");
	if (file && getline(&line, &size, file) > 0 && commands_parse(rebuild, line))
		return STATUS_DONE;
	report("kbuild in '%s' does not say how it compiles", build->headers);
	return STATUS_REFUSED;
}

/* Returns true if @object is a word of @list. */
static bool has_object(const char *list, const char *object)
{
	size_t len = strlen(object);

	for (const char *at = list; (at = strstr(at, object)); at++)
		if (strchr(" \t", at[-1]) && strchr(" \t\n", at[len]))
			return true;
	return false;
}

/*
 * A built-in "module" may have several files: "unix-y := af_unix.o garbage.o". The compiler gets
 * its name, which messages of the kernel contain. Sets @name to that of the file if there is none.
 */
static void module_name_find(const struct rebuild *rebuild, const char *file, char *name,
			     size_t room)
{
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	char path[PATH_MAX], object[128], found[128];
	char *line __cleanup(text_free) = NULL;
	FILE *makefile __cleanup(file_close) = NULL;
	bool continued = false;
	size_t size = 0;

	snprintf(name, room, "%.*s", (int)strlen(base) - 2, base);
	snprintf(object, sizeof(object), "%s.o", name);
	snprintf(path, sizeof(path), "%s/%.*s/Makefile", rebuild->tree, (int)(base - file), file);
	makefile = fopen(path, "re");
	*found = '\0';
	while (makefile && getline(&line, &size, makefile) > 0) {
		char *equal = strchr(line, '='), *dash = strrchr(line, '-');
		const char *list = line;

		if (!continued) {
			*found = '\0';
			list = equal ? equal : "=";
			while (equal && dash > equal)
				dash = memrchr(line, '-', dash - line);
			if (equal && dash && isalpha((unsigned char)*line))
				snprintf(found, sizeof(found), "%.*s", (int)(dash - line), line);
		}
		continued = strlen(line) > 1 && line[strlen(line) - 2] == '\\';
		if (!*found || !is_plain(found) || !strcmp(found, "obj") || !strcmp(found, "lib") ||
		    strlen(list) < 2 || !has_object(list + 1, object))
			continue;
		snprintf(name, room, "%s", found);
		return;
	}
}

static void underscores(char *name)
{
	for (char *c = name; *c; c++)
		if (*c == '-' || *c == ',')
			*c = '_';
}

/*
 * Compiles a file below the folder @root, to assembly if @assembly, else to an object. @output is a
 * name in the temporary folder. @flags may be NULL. Returns a status.
 */
static int compile(const struct rebuild *rebuild, const struct source *source, const char *root,
		   const char *output, bool assembly, const char *flags)
{
	const char *base = strrchr(source->file, '/');
	bool profiled = rebuild->profile && flags;
	char name[96], module[96], file[96];

	base = base ? base + 1 : source->file;
	snprintf(name, sizeof(name), "%.*s", (int)strlen(base) - 2, base);
	module_name_find(rebuild, source->file, file, sizeof(file));
	snprintf(module, sizeof(module), "%s", file);
	underscores(name);
	underscores(module);
	/* A profile that does not match is a warning that flags make an error. */
	if (!run_shell("cd '%s' && %s '-fmacro-prefix-map=%s/=' -DKBUILD_MODFILE='\"%.*s%s\"' "
		       "-DKBUILD_BASENAME='\"%s\"' -DKBUILD_MODNAME='\"%s\"' "
		       "-D__KBUILD_MODNAME=kmod_%s %s -iquote '%s/%.*s' %s %s -o %s/%s '%s/%s' "
		       "2>%s/compiler",
		       rebuild->build->headers, rebuild->compiler, root, (int)(base - source->file),
		       source->file, file, name, module, module, profiled ? "" : "-w",
		       rebuild->tree, (int)(base - source->file), source->file, flags ? flags : "",
		       assembly ? "-S" : "-c", rebuild->build->folder, output, root, source->file,
		       rebuild->build->folder))
		return STATUS_DONE;
	run_shell("cat %s/compiler >&2", rebuild->build->folder);
	if (profiled) {
		report("the profile '%s' is not of this '%s'; see above", rebuild->profile,
		       source->file);
		return STATUS_REFUSED;
	}
	report("'%s' cannot be compiled; see above", source->file);
	return STATUS_REFUSED;
}

/* Lets objtool do its part: tables for the unwinder, and changes of static keys. */
static int objtool_run(const struct rebuild *rebuild, const char *file, const char *object)
{
	if (!rebuild->objtool ||
	    !run_shell("cd '%s' && %s %s/%s 2>%s/objtool", rebuild->build->headers,
		       rebuild->objtool, rebuild->build->folder, object, rebuild->build->folder))
		return STATUS_DONE;
	run_shell("cat %s/objtool >&2", rebuild->build->folder);
	report("objtool refuses '%s'", file);
	return STATUS_REFUSED;
}

/* Writes the folder of the source of the new bodies to @root. */
static void source_root(const struct rebuild *rebuild, char *root, size_t room)
{
	if (rebuild->diff_path)
		snprintf(root, room, "%s/new", rebuild->build->folder);
	else
		snprintf(root, room, "%s", rebuild->tree);
}

static bool is_cold_part(const char *name)
{
	return text_ends_with(name, ".cold");
}

/* Compiles with the kernel's own flags, and compares with the kernel image. Returns a status. */
static int source_check(struct rebuild *rebuild, struct source *source)
{
	size_t functions = 0, same = 0;
	char name[128], path[256];
	int status;

	snprintf(name, sizeof(name), "%s.base.o", source->stem);
	status = compile(rebuild, source, rebuild->tree, name, false, NULL);
	if (!status)
		status = objtool_run(rebuild, source->file, name);
	if (status)
		return status;
	snprintf(path, sizeof(path), "%s/%s", rebuild->build->folder, name);
	status = object_open(&source->base, path);
	if (status)
		return status;
	identity_check(&source->identity, &rebuild->image, &source->base);
	for (size_t i = 0; i < source->identity.nr_functions; i++) {
		const struct identity_function *function = &source->identity.functions[i];

		if (is_cold_part(function->name))
			continue;
		functions++;
		same += !*function->reason;
		/* source_check_whole() reports one of them. */
		if (*function->reason && !rebuild->lenient)
			report("%s: %s() is not the kernel's: %s", source->file, function->name,
			       function->reason);
	}
	if (rebuild->lenient)
		return STATUS_DONE;
	printf("%s: %zu of %zu functions are the kernel's\n", source->file, same, functions);
	fflush(stdout);
	return STATUS_DONE;
}

/* Returns true if ftrace can trace the function, so that a shadow can replace it. */
static bool is_traceable(const struct object *object, const Elf64_Sym *symbol)
{
	size_t nr;
	Elf64_Rela *relocations = object_relocations(object, symbol->st_shndx, &nr);

	for (size_t i = 0; i < nr; i++)
		if (relocations[i].r_offset - symbol->st_value < symbol->st_size &&
		    !strcmp(object_symbol_name(
				    object, &object->symbols[ELF64_R_SYM(relocations[i].r_info)]),
			    "__fentry__"))
			return true;
	return false;
}

/* Returns why a function of the file cannot be replaced, or NULL. */
static const char *replace_obstacle(const struct source *source,
				    const struct identity_function *function)
{
	const Elf64_Sym *symbol = object_find(&source->base, function->name);
	const char *section = object_section_name(&source->base, symbol->st_shndx);

	if (*function->reason)
		return "it is not the kernel's";
	if (!strncmp(section, ".init", 5) || !strncmp(section, ".exit", 5) ||
	    !strncmp(section, ".meminit", 8))
		return "it executes at boot only (__init)";
	if (!strncmp(section, ".noinstr", 8) || !strncmp(section, ".entry", 6))
		return "it must not be instrumented (noinstr)";
	if (strncmp(section, ".text", 5))
		return "it is in a section of its own, as functions of the scheduler are";
	if (strchr(function->name, '.'))
		return "the compiler has changed its arguments";
	if (!is_traceable(&source->base, symbol))
		return "ftrace cannot trace it (notrace)";
	return NULL;
}

/* Returns true if @name is in the list @list, whose elements are separated by commas. */
static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return true;
	return false;
}

static void source_replace(struct rebuild *rebuild, struct source *source,
			   const struct identity_function *function)
{
	struct replaced *replaced;
	size_t nr;

	source->replaced = need_memory(
		realloc(source->replaced, (source->nr_replaced + 1) * sizeof(*source->replaced)));
	replaced = &source->replaced[source->nr_replaced++];
	replaced->name = need_memory(strdup(function->name));
	replaced->address = function->address;
	replaced->position =
		kernel_image_position(&rebuild->image, function->name, function->address);
	kernel_image_find(&rebuild->image, function->name, &nr);
	/* 0 stands for the only one. */
	if (nr == 1)
		replaced->position = 0;
}

/* Chooses the functions that are replaced. Returns a status. */
static int source_select(struct rebuild *rebuild, struct source *source)
{
	int status = STATUS_DONE;

	for (size_t i = 0; i < source->identity.nr_functions; i++) {
		const struct identity_function *function = &source->identity.functions[i];
		const char *obstacle = replace_obstacle(source, function);
		bool listed = rebuild->only && is_listed(rebuild->only, function->name);

		if (rebuild->only && !listed)
			continue;
		if (source->executed && !is_listed(source->executed, function->name))
			continue;
		if (!obstacle) {
			source_replace(rebuild, source, function);
		} else if (listed) {
			report("%s: %s() cannot be replaced: %s", source->file, function->name,
			       *function->reason ? function->reason : obstacle);
			status = STATUS_REFUSED;
		}
	}
	return status;
}

/*
 * With other flags or a diff the compiler may inline other functions. So all functions must be the
 * kernel's, except weak ones, which it never inlines. Returns a status.
 */
static int source_check_whole(const struct rebuild *rebuild, const struct source *source)
{
	bool flags = rebuild->flags || rebuild->instrument || rebuild->profile || rebuild->lean;
	bool other = flags || rebuild->diff_path;

	for (size_t i = 0; other && i < source->identity.nr_functions; i++) {
		const struct identity_function *function = &source->identity.functions[i];
		const Elf64_Sym *symbol = object_find(&source->base, function->name);

		if (!*function->reason || ELF64_ST_BIND(symbol->st_info) == STB_WEAK)
			continue;
		report("%s: with %s, %s() could be inlined, and it is not the kernel's: %s",
		       source->file, flags ? "other flags" : "a diff", function->name,
		       function->reason);
		return STATUS_REFUSED;
	}
	return STATUS_DONE;
}

/*
 * Reads a line of assembly. Returns the name of the function or object that it declares, in @name,
 * or false. The compiler names them in lines ".type NAME, @function".
 */
static bool type_read(const char *line, char name[256])
{
	char kind[16];

	return sscanf(line, " .type %255[^, \t], @%15s", name, kind) == 2 &&
	       (!strcmp(kind, "function") || !strcmp(kind, "object"));
}

/* The names of one assembly file that are replaced functions. */
static struct replaced *source_find(const struct source *source, const char *name)
{
	for (size_t i = 0; i < source->nr_replaced; i++)
		if (!strcmp(source->replaced[i].name, name))
			return &source->replaced[i];
	return NULL;
}

/* Adds the counters of an assembly file to @out. Returns false if it has no known format. */
static bool counters_change(struct rebuild *rebuild, const struct source *source, FILE *in,
			    FILE *out)
{
	char notes[256];

	rewind(in);
	snprintf(notes, sizeof(notes), "%s/%s.gcno", rebuild->build->folder, source->stem);
	return instrument_write(in, out, source->file, notes, &rebuild->nr_counters);
}

/*
 * Makes all symbols of an assembly file global, so that each reference names its symbol, not an
 * offset in a section. Unlikely parts keep theirs: objtool would take a jump to them for a call.
 * If @table, adds the module's table of the functions that are replaced. Returns their number, or
 * -1.
 */
static int assembly_change(struct rebuild *rebuild, const struct source *source, const char *name,
			   const char *changed, bool table)
{
	char path[256], symbol[256];
	char *line __cleanup(text_free) = NULL;
	FILE *in __cleanup(file_close) = NULL, *out;
	size_t size = 0;
	int count = 0;

	snprintf(path, sizeof(path), "%s/%s", rebuild->build->folder, name);
	in = fopen(path, "re");
	snprintf(path, sizeof(path), "%s/%s", rebuild->build->folder, changed);
	out = fopen(path, "we");
	while (in && out && getline(&line, &size, in) > 0) {
		if (sscanf(line, " .local %255s", symbol) == 1 || instrument_is_counter(line))
			continue;
		fputs(line, out);
	}
	if (!in || !out) {
		report("cannot write '%s': %s", path, strerror(errno));
		if (out)
			fclose(out);
		return -1;
	}
	rewind(in);
	while (getline(&line, &size, in) > 0) {
		const struct replaced *replaced;

		if (!type_read(line, symbol) || is_cold_part(symbol))
			continue;
		fprintf(out, "\t.globl %s\n", symbol);
		replaced = table ? source_find(source, symbol) : NULL;
		if (!replaced)
			continue;
		fprintf(out,
			"\t.pushsection .rodata.shk_names,\"a\"\n771:\t.string \"%s\"\n\t.popsection\n"
			"\t.pushsection shk_funcs,\"aw\"\n\t.balign 8\n\t.quad 771b, %zu, %s, 0\n"
			"\t.popsection\n",
			symbol, replaced->position, symbol);
		count++;
	}
	if (rebuild->instrument && !counters_change(rebuild, source, in, out)) {
		report("this gcc writes counters in an unknown format");
		fclose(out);
		return -1;
	}
	if (!fclose(out))
		return count;
	report("cannot write '%s': %s", path, strerror(errno));
	return -1;
}

/*
 * Compiles a file below @root to STEM@kind.o, in which each symbol is global. Sets @count to the
 * number of functions in the module's table. Without @count there is no table. Returns a status.
 */
static int global_build(struct rebuild *rebuild, const struct source *source, const char *root,
			const char *kind, const char *flags, int *count)
{
	char name[128], changed[128];
	int found, status;

	snprintf(name, sizeof(name), "%s%s.s", source->stem, kind);
	snprintf(changed, sizeof(changed), "%s%s.global.s", source->stem, kind);
	status = compile(rebuild, source, root, name, true, flags);
	if (status)
		return status;
	found = assembly_change(rebuild, source, name, changed, count != NULL);
	if (found < 0)
		return STATUS_REFUSED;
	if (run_shell("cd %s && gcc -c -o %s%s.o %s", rebuild->build->folder, source->stem, kind,
		      changed)) {
		report("'%s' cannot be assembled; see above", source->file);
		return STATUS_REFUSED;
	}
	if (count)
		*count = found;
	return STATUS_DONE;
}

/* Reports that the profile lacks a file of this source. Returns STATUS_REFUSED. */
static int profile_refuse(const struct rebuild *rebuild, const struct source *source,
			  const char *ending)
{
	report("the profile '%s' has no counts of '%s' (no %s.%s); train it: shadowctl train",
	       rebuild->profile, source->file, source->stem, ending);
	return STATUS_REFUSED;
}

/* Sets @flags to those of the new bodies of a file, or to NULL. Returns a status. */
static int source_flags(const struct rebuild *rebuild, const struct source *source,
			const char *root, char **flags)
{
	const char *folder = rebuild->build->folder;
	char path[256];

	*flags = rebuild->flags ? need_memory(strdup(rebuild->flags)) : NULL;
	if (rebuild->lean)
		append(flags, LEAN_FLAGS);
	if (rebuild->instrument) {
		snprintf(path, sizeof(path), "%s/%s.gcno", folder, source->stem);
		instrument_flags(flags, root, source->stem, path);
	}
	if (!rebuild->profile)
		return STATUS_DONE;
	/* gcc looks for the file by the identity that instrument.c has given to it. */
	if (run_shell("mkdir -p %s/profile/shadowk && cp '%s/%s.gcda' %s/profile/shadowk 2>&-",
		      folder, rebuild->profile, source->stem, folder)) {
		return profile_refuse(rebuild, source, "gcda");
	}
	snprintf(path, sizeof(path), "%s/profile", folder);
	instrument_use_flags(flags, root, source->stem, path);
	return STATUS_DONE;
}

/* Compiles the new bodies of a file. Adds their number to @count. Returns a status. */
static int source_build(struct rebuild *rebuild, struct source *source, int *count)
{
	struct object object __cleanup(object_close) = { 0 };
	char *flags __cleanup(text_free) = NULL;
	char name[128], path[256], root[PATH_MAX];
	int found = 0, status;

	source_root(rebuild, root, sizeof(root));
	status = source_flags(rebuild, source, root, &flags);
	if (!status)
		status = global_build(rebuild, source, root, "", flags, &found);
	snprintf(name, sizeof(name), "%s.o", source->stem);
	snprintf(path, sizeof(path), "%s/%s.o", rebuild->build->folder, source->stem);
	if (!status)
		status = objtool_run(rebuild, source->file, name);
	if (!status)
		status = object_open(&object, path);
	if (!status)
		status = rebind(&object, source, &rebuild->image);
	snprintf(path, sizeof(path), "%s/%s.o_shipped", rebuild->build->folder, source->stem);
	if (!status)
		status = object_write(&object, path);
	/* modpost reads this for each object, to find its sources. */
	snprintf(name, sizeof(name), ".%s.o.cmd", source->stem);
	if (!status && !file_write(rebuild->build, name, "\n", 1)) {
		report("cannot write to %s: %s", rebuild->build->folder, strerror(errno));
		status = STATUS_REFUSED;
	}
	if (!status)
		*count += found;
	return status;
}

/* Applies the diff to copies of the files. Returns a status. */
static int diff_apply(const struct rebuild *rebuild)
{
	const char *folder = rebuild->build->folder;
	char diff[PATH_MAX];

	if (!realpath(rebuild->diff_path, diff)) {
		report("cannot read '%s': %s", rebuild->diff_path, strerror(errno));
		return STATUS_REFUSED;
	}
	for (size_t i = 0; i < rebuild->nr_files; i++) {
		const char *file = rebuild->files[i];

		if (run_shell("mkdir -p \"$(dirname '%s/new/%s')\" && cp '%s/%s' '%s/new/%s'",
			      folder, file, rebuild->tree, file, folder, file))
			return STATUS_REFUSED;
	}
	switch (run_shell("patch -p1 -s -t -F0 --no-backup-if-mismatch -r - -d %s/new -i '%s' >&2",
			  folder, diff)) {
	case 0:
		return STATUS_DONE;
	case 127:
		report("the program patch is missing; install patch");
		return STATUS_REFUSED;
	default:
		report("'%s' does not apply to the source in '%s'", rebuild->diff_path,
		       rebuild->tree);
		return STATUS_REFUSED;
	}
}

/* Compiles both sources of a file, and finds which functions differ. Returns a status. */
static int source_changes(struct rebuild *rebuild, struct source *source)
{
	char root[PATH_MAX], old[256], new[256];
	int status;

	source_root(rebuild, root, sizeof(root));
	snprintf(old, sizeof(old), "%s/%s.old.o", rebuild->build->folder, source->stem);
	snprintf(new, sizeof(new), "%s/%s.new.o", rebuild->build->folder, source->stem);
	status = global_build(rebuild, source, rebuild->tree, ".old", "-gbtf", NULL);
	if (!status)
		status = global_build(rebuild, source, root, ".new", "-gbtf", NULL);
	if (!status)
		status = object_open(&source->plain, old);
	if (!status)
		status = object_open(&source->patched, new);
	if (status)
		return status;
	source->changes = (struct changes){ .diff = &rebuild->diff,
					    .file = source->file,
					    .old_root = rebuild->tree,
					    .new_root = root,
					    .old = &source->plain,
					    .new = &source->patched };
	return changes_find(&source->changes, old, new);
}

/* Chooses the functions that the diff changes. Returns a status. */
static int source_select_changed(struct rebuild *rebuild, struct source *source)
{
	int status = source_changes(rebuild, source);

	for (size_t i = 0; !status && i < source->identity.nr_functions; i++) {
		const struct identity_function *function = &source->identity.functions[i];
		const char *obstacle = replace_obstacle(source, function);

		/* The callers of a clone are replaced with it. */
		if (strchr(function->name, '.') || !changes_has(&source->changes, function->name))
			continue;
		if (!obstacle) {
			source_replace(rebuild, source, function);
			printf("%s: the diff changes %s()\n", source->file, function->name);
			continue;
		}
		report("%s: the diff changes %s(), which cannot be replaced: %s", source->file,
		       function->name, obstacle);
		status = STATUS_REFUSED;
	}
	return status;
}

/* Content of shk_counters.h. */
asm(".pushsection .rodata\n"
    "counters_header: .incbin \"cli/shk_counters.h\"\n"
    "counters_header_end:\n"
    ".popsection\n");
extern const char counters_header[], counters_header_end[];

/* The module's own part: its table. Returns false after an error. */
static bool table_write(const struct rebuild *rebuild, int count)
{
	char text[2048], counters[128] = "";
	int len;

	if (rebuild->instrument)
		snprintf(counters, sizeof(counters),
			 "#define SHK_COUNTERS %zu\n#include <shk_counters.h>\n",
			 rebuild->nr_counters);
	if (rebuild->instrument && !file_write(rebuild->build, "shk_counters.h", counters_header,
					       counters_header_end - counters_header))
		return false;
	len = snprintf(text, sizeof(text),
		       "#include <shadowk_patch.h>\n%s"
		       "asm(\".pushsection shk_funcs,\\\"aw\\\"\\n.balign 8\\n"
		       ".globl shk_funcs_start\\nshk_funcs_start:\\n.popsection\");\n"
		       "extern const struct shadowk_patch_func shk_funcs_start[];\n"
		       "static struct shadowk_patch shadowk_patch_of_this_module __used = {\n"
		       "\t.size = sizeof(struct shadowk_patch),\n"
		       "\t.func_size = sizeof(struct shadowk_patch_func),\n"
		       "\t.owner = THIS_MODULE, .funcs = shk_funcs_start, .nr_funcs = %d };\n"
		       "MODULE_INFO(" MODULE_KERNEL_INFO ", \"%016llx %s\");\n"
		       "MODULE_LICENSE(\"GPL\");\n",
		       counters, count, (unsigned long long)rebuild->image.text,
		       rebuild->image.build_id);
	return file_write(rebuild->build, "shk_table.c", text, len);
}

static bool kbuild_write(const struct rebuild *rebuild)
{
	char *text __cleanup(text_free) = NULL;
	char line[256];

	snprintf(line, sizeof(line), "obj-m := %s.o\nccflags-y := -I$(src)\n%s-y := shk_table.o",
		 rebuild->build->name, rebuild->build->name);
	append(&text, line);
	for (size_t i = 0; i < rebuild->nr_files; i++) {
		snprintf(line, sizeof(line), "%s.o", rebuild->sources[i].stem);
		if (!rebuild->sources[i].left_out)
			append(&text, line);
	}
	append(&text, "\n");
	return file_write(rebuild->build, "Kbuild", text, strlen(text));
}

/*
 * Makes the kernel's symbols undefined, but keeps their values: shadowctl patch add completes them,
 * and no other command can load the module. Returns a status.
 */
static int module_finish(const struct rebuild *rebuild)
{
	struct object object __cleanup(object_close) = { 0 };
	char path[256];
	int status;

	snprintf(path, sizeof(path), "%s/%s.ko", rebuild->build->folder, rebuild->build->name);
	status = object_open(&object, path);
	if (status)
		return status;
	for (size_t i = 1; i < object.nr_symbols; i++)
		if (object.symbols[i].st_shndx == SHN_ABS &&
		    !strncmp(object_symbol_name(&object, &object.symbols[i]), MODULE_KERNEL_SYMBOL,
			     strlen(MODULE_KERNEL_SYMBOL)))
			object.symbols[i].st_shndx = SHN_UNDEF;
	return object_write(&object, path);
}

/* Lets kbuild make @target, without objtool. Returns a status. */
static int kbuild_run(const struct rebuild *rebuild, const char *target)
{
	const struct build *build = rebuild->build;

	/* modpost warns of references to functions of the boot. */
	if (!run_shell("make -s -C '%s' M=%s objtool=: delay-objtool= "
		       "CONFIG_DEBUG_INFO_BTF_MODULES= %s >%s/log 2>&1",
		       build->headers, build->folder, target, build->folder))
		return STATUS_DONE;
	run_shell("cat %s/log >&2", build->folder);
	report("the module could not be built; see above");
	return STATUS_REFUSED;
}

/* Leaves the file out after an error, if that is possible. Returns a status. */
static int leave_out(const struct rebuild *rebuild, struct source *source, int status)
{
	if (!status || !rebuild->lenient)
		return status;
	report("%s is left out", source->file);
	source->left_out = true;
	return STATUS_DONE;
}

static int module_build(struct rebuild *rebuild)
{
	const struct build *build = rebuild->build;
	int count = 0, status = STATUS_DONE;

	for (size_t i = 0; !status && i < rebuild->nr_files; i++) {
		struct source *source = &rebuild->sources[i];
		size_t counters = rebuild->nr_counters;

		if (source->left_out)
			continue;
		status = leave_out(rebuild, source, source_build(rebuild, source, &count));
		if (source->left_out)
			rebuild->nr_counters = counters;
	}
	if (status)
		return status;
	if (!count) {
		report("no function is left to replace");
		return STATUS_REFUSED;
	}
	if (!table_write(rebuild, count) || !kbuild_write(rebuild)) {
		report("cannot write to %s: %s", build->folder, strerror(errno));
		return STATUS_REFUSED;
	}
	/* objtool has seen the other objects. Without counters, the table has no functions. */
	if (rebuild->instrument) {
		status = kbuild_run(rebuild, "shk_table.o");
		if (!status)
			status = objtool_run(rebuild, "shk_table.c", "shk_table.o");
	}
	if (!status)
		status = kbuild_run(rebuild, "modules");
	if (!status)
		status = module_finish(rebuild);
	if (!status)
		printf("%s.ko: %d functions\n", build->name, count);
	return status;
}

/* Refuses functions of the list that no file has. Returns a status. */
static int only_check(const struct rebuild *rebuild)
{
	char *list __cleanup(text_free) = rebuild->only ? strdup(rebuild->only) : NULL;
	int status = STATUS_DONE;
	char *name, *rest;

	for (name = list ? strtok_r(list, ",", &rest) : NULL; name;
	     name = strtok_r(NULL, ",", &rest)) {
		bool found = false;

		for (size_t i = 0; i < rebuild->nr_files; i++)
			found |= !rebuild->sources[i].left_out &&
				 identity_find(&rebuild->sources[i].identity, name) != NULL;
		if (found)
			continue;
		report("no function %s() is in these files, or it is inlined everywhere", name);
		status = STATUS_REFUSED;
	}
	return status;
}

static void stem_set(struct source *source, const char *file)
{
	source->file = file;
	training_stem(file, source->stem, sizeof(source->stem));
}

/* Chooses the functions, of all files. Reports all that are refused. Returns a status. */
static int select_all(struct rebuild *rebuild)
{
	int status = only_check(rebuild);

	for (size_t i = 0; i < rebuild->nr_files; i++)
		if (!rebuild->sources[i].left_out)
			status |= source_select(rebuild, &rebuild->sources[i]);
	return status;
}

static int select_changed(struct rebuild *rebuild)
{
	int status = diff_apply(rebuild);

	for (size_t i = 0; !status && i < rebuild->nr_files; i++)
		status = source_select_changed(rebuild, &rebuild->sources[i]);
	return status;
}

static int check_result(const struct rebuild *rebuild)
{
	for (size_t i = 0; i < rebuild->nr_files; i++)
		if (rebuild->sources[i].identity.nr_same <
		    rebuild->sources[i].identity.nr_functions)
			return STATUS_REFUSED;
	return STATUS_DONE;
}

/* Reads which functions of a file the profile has executed. Returns a status. */
static int source_executed(const struct rebuild *rebuild, struct source *source)
{
	const char *const endings[] = { "gcda", "gcno" };

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s.%s", rebuild->profile, source->stem,
			 endings[i]);
		if (access(path, R_OK))
			return profile_refuse(rebuild, source, endings[i]);
	}
	return training_executed(rebuild->profile, source->stem, &source->executed);
}

/* Reads which functions the profile has executed. Returns a status. */
static int executed_read(struct rebuild *rebuild)
{
	int status = STATUS_DONE;

	for (size_t i = 0; !status && i < rebuild->nr_files; i++) {
		struct source *source = &rebuild->sources[i];

		if (!source->left_out)
			status = leave_out(rebuild, source, source_executed(rebuild, source));
	}
	return status;
}

/* Refuses a path that cannot be a word of a shell command. Returns a status. */
static int source_check_path(const struct source *source)
{
	if (is_plain(source->file))
		return STATUS_DONE;
	report("'%s' cannot be compiled: it has other characters than A-Z a-z 0-9 / . _ - +",
	       source->file);
	return STATUS_REFUSED;
}

int rebuild_run(struct rebuild *rebuild)
{
	int status = STATUS_DONE;

	rebuild->sources = need_memory(calloc(rebuild->nr_files, sizeof(*rebuild->sources)));
	for (size_t i = 0; !status && i < rebuild->nr_files; i++) {
		stem_set(&rebuild->sources[i], rebuild->files[i]);
		status = leave_out(rebuild, &rebuild->sources[i],
				   source_check_path(&rebuild->sources[i]));
	}
	if (!status)
		status = kernel_image_open(&rebuild->image, rebuild->vmlinux);
	if (!status)
		status = commands_read(rebuild);
	for (size_t i = 0; !status && i < rebuild->nr_files; i++)
		if (!rebuild->sources[i].left_out)
			status = leave_out(rebuild, &rebuild->sources[i],
					   source_check(rebuild, &rebuild->sources[i]));
	for (size_t i = 0; !status && i < rebuild->nr_files; i++)
		if (!rebuild->sources[i].left_out)
			status = leave_out(rebuild, &rebuild->sources[i],
					   source_check_whole(rebuild, &rebuild->sources[i]));
	if (!status && rebuild->profile && !rebuild->only)
		status = executed_read(rebuild);
	if (!status)
		status = rebuild->diff_path ? select_changed(rebuild) : select_all(rebuild);
	if (!status && rebuild->check)
		return check_result(rebuild);
	return status ? status : module_build(rebuild);
}

void rebuild_free(struct rebuild *rebuild)
{
	for (size_t i = 0; rebuild->sources && i < rebuild->nr_files; i++) {
		struct source *source = &rebuild->sources[i];

		for (size_t k = 0; k < source->nr_replaced; k++)
			free(source->replaced[k].name);
		free(source->replaced);
		free(source->executed);
		if (source->base.bytes)
			identity_free(&source->identity);
		object_close(&source->base);
		object_close(&source->plain);
		object_close(&source->patched);
		changes_free(&source->changes);
	}
	free(rebuild->sources);
	free(rebuild->compiler);
	free(rebuild->objtool);
	source_diff_free(&rebuild->diff);
	kernel_image_close(&rebuild->image);
}
