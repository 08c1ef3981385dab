// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the files of declared shadows. shadowk.shadow(5) has the format. Debian's libraries for ini
 * files have no line numbers, or merge sections of the same name.
 */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "declared.h"
#include "target_parts.h"

#define BLANKS	" \t\r\n"
#define SUFFIX	".shadow"
#define CGROUPS "/sys/fs/cgroup"

struct reader;

/* A section. Its keys may be given once, except for lists, whose words add up. */
struct section {
	const char *name;
	const char *const *keys; /* ended by NULL */
	const char *lists;	 /* the first letters of the keys that are lists */
	/* Uses the assignments of one section. Returns false if it has reported a mistake. */
	bool (*use)(struct reader *reader);
};

struct assignment {
	const char *key; /* of section.keys */
	unsigned int line;
	char *value;
};

struct reader {
	struct declared *declared;
	unsigned int line;
	const struct section *section; /* NULL before the first one */
	unsigned int section_line;
	bool has_shadow; /* there was a section [Shadow] */
	size_t count;
	struct assignment *assignment; /* of this section */
};

/* Reports a mistake in a line. Returns false. */
static bool __printf(3, 4)
	wrong(const struct reader *reader, unsigned int line, const char *format, ...)
{
	char reason[512];
	va_list list;

	va_start(list, format);
	vsnprintf(reason, sizeof(reason), format, list);
	va_end(list);
	report("%s:%u: %s", reader->declared->path, line, reason);
	return false;
}

/* ---- the assignments of a section ---- */

static const struct assignment *find(const struct reader *reader, const char *key)
{
	for (size_t i = 0; i < reader->count; i++)
		if (!strcmp(reader->assignment[i].key, key))
			return &reader->assignment[i];
	return NULL;
}

/* Sets @value if the key is given. Returns false if its value is not a boolean. */
static bool bool_read(const struct reader *reader, const char *key, bool *value)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
	const struct assignment *given = find(reader, key);

	for (size_t i = 0; given && i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(given->value, words[i]))
			continue;
		*value = i % 2;
		return true;
	}
	return !given ||
	       wrong(reader, given->line, "%s=%s is neither 'yes' nor 'no'", key, given->value);
}

static void word_add(struct profile_words *words, const char *word, unsigned int line)
{
	words->word[words->count] = word;
	words->line[words->count++] = line;
}

static void value_add(struct profile_words *words, const struct assignment *given)
{
	word_add(words, given->value, given->line);
}

/* Begins an item with its name, which is made of @from unless Name= is given. */
static bool item_begin(struct reader *reader, struct profile_words *words, const char *from,
		       char **made)
{
	const struct assignment *name = find(reader, "Name");
	bool optional = false;

	if (name) {
		value_add(words, name);
	} else {
		*made = need_memory(strdup(from));
		for (char *c = *made; *c; c++)
			if (!isalnum((unsigned char)*c) && !strchr("._:-", *c))
				*c = '.';
		word_add(words, *made, reader->section_line);
	}
	if (!bool_read(reader, "Optional", &optional))
		return false;
	if (optional)
		word_add(words, "optional", find(reader, "Optional")->line);
	return true;
}

/* Returns the name of a module's file without its folder and ".ko", for free(). */
static char *module_title(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *title = need_memory(strdup(slash ? slash + 1 : file));

	if (text_ends_with(title, ".ko"))
		title[strlen(title) - strlen(".ko")] = '\0';
	return title;
}

static bool use_probe(struct reader *reader)
{
	const struct assignment *function = find(reader, "Function"), *kind = find(reader, "Kind");
	struct profile_words words = { 0 };
	char *name __cleanup(text_free) = NULL;
	bool at_return = false, int3 = false, below = false;
	struct profile_item *item;

	if (!function)
		return wrong(reader, reader->section_line,
			     "[Probe] has no Function=; name the function to probe");
	if (!bool_read(reader, "Return", &at_return) || !bool_read(reader, "Int3", &int3) ||
	    !bool_read(reader, "Below", &below) ||
	    !item_begin(reader, &words, function->value, &name))
		return false;
	word_add(&words, "probe", function->line);
	value_add(&words, function);
	word_add(&words, kind ? kind->value : "count", kind ? kind->line : function->line);
	item = profile_add(&reader->declared->own, &words);
	if (!item)
		return false;
	if (at_return && item->probe.kind == SHADOWK_PROBE_LATENCY)
		return wrong(reader, find(reader, "Return")->line,
			     "Kind=latency measures from entry to return; leave Return= out");
	if (at_return && item->probe.flags & SHADOWK_PROBE_TRACEPOINT)
		return wrong(reader, find(reader, "Return")->line,
			     "a tracepoint has no return; leave Return= out");
	item->probe.flags |= (at_return ? SHADOWK_PROBE_RETURN : 0) |
			     (int3 ? SHADOWK_PROBE_FORCE_INT3 : 0) |
			     (below ? SHADOWK_PROBE_BELOW : 0);
	return true;
}

/* Appends the words of the edit. Returns false if the section is not one edit. */
static bool patch_words(struct reader *reader, struct profile_words *words)
{
	const struct assignment *function = find(reader, "Function"), *nop = find(reader, "Nop"),
				*value = find(reader, "Return"), *call = find(reader, "SkipCall"),
				*thunk = find(reader, "Thunk"), *module = find(reader, "Module"),
				*livepatch = find(reader, "Livepatch");
	const struct assignment *whole = thunk ? thunk : module ? module : livepatch;
	unsigned int line = reader->section_line;

	if (!!nop + !!(value && !call) + !!call + !!thunk + !!module + !!livepatch != 1)
		return wrong(reader, line,
			     "[Patch] needs one of Return=, Nop=yes, SkipCall= (with or without "
			     "Return=), Thunk=, Module= and Livepatch=");
	if (!function != !!whole)
		return wrong(reader, line,
			     "[Patch] needs Function=, and with Thunk=, Module= or Livepatch= it "
			     "must not have it");
	if (whole) {
		word_add(words, thunk ? "thunk" : module ? "module" : "livepatch", whole->line);
		value_add(words, whole);
		return true;
	}
	word_add(words, nop ? "nop" : call ? "skip-call" : "return", function->line);
	value_add(words, function);
	if (call)
		value_add(words, call);
	if (value)
		value_add(words, value);
	return true;
}

static bool use_patch(struct reader *reader)
{
	const struct assignment *from = find(reader, "Function"), *file = find(reader, "Module"),
				*optional = find(reader, "Optional");
	struct profile_words words = { .modules = true };
	char *title __cleanup(text_free) = NULL, *name __cleanup(text_free) = NULL;
	bool nop = true, in_place = false;
	struct profile_item *item;

	if (!from)
		from = find(reader, "Thunk");
	if (!file)
		file = find(reader, "Livepatch");
	if (!bool_read(reader, "Nop", &nop) || !bool_read(reader, "InPlace", &in_place))
		return false;
	if (!nop)
		return wrong(reader, find(reader, "Nop")->line,
			     "Nop=no is no edit; leave the section out");
	if (file && optional)
		return wrong(reader, optional->line,
			     "Optional= is not possible for a module, which only the kernel that "
			     "loads it can check");
	title = file ? module_title(file->value) : need_memory(strdup(from ? from->value : ""));
	if (!item_begin(reader, &words, title, &name) || !patch_words(reader, &words))
		return false;
	item = profile_add(&reader->declared->own, &words);
	if (!item)
		return false;
	if (in_place && item->patch.kind != SHADOWK_PATCH_NOP &&
	    item->patch.kind != SHADOWK_PATCH_RETURN && item->patch.kind != SHADOWK_PATCH_MODULE)
		return wrong(reader, find(reader, "InPlace")->line,
			     "InPlace= needs Return=, Nop=yes or Module=");
	item->patch.flags |= in_place ? SHADOWK_PATCH_IN_PLACE : 0;
	return true;
}

static bool use_shadow(struct reader *reader)
{
	struct declared *declared = reader->declared;
	const struct assignment *name = find(reader, "Name"), *async = find(reader, "Async"),
				*profile = find(reader, "Profile");

	declared->line = async ? async->line : reader->section_line;
	if (reader->has_shadow)
		return wrong(reader, reader->section_line,
			     "a second section [Shadow]; write one file for each shadow");
	reader->has_shadow = true;
	if (name && shadowk_name_check(name->value))
		return wrong(reader, name->line,
			     "'%s' cannot be the name of a shadow; use 1 to %d of "
			     "A-Z a-z 0-9 . _ : -",
			     name->value, SHADOWK_NAME_LEN - 1);
	if (name)
		strcpy(declared->name, name->value);
	if (async && !async_read(async->value, &declared->flags))
		return wrong(reader, async->line,
			     "Async= takes 'base', 'inherit', 'owner', 'causal' or 'union', not "
			     "'%s'",
			     async->value);
	if (profile && strchr(profile->value, '/') && *profile->value != '/')
		return wrong(reader, profile->line,
			     "Profile=%s depends on the folder of the caller; give a path that "
			     "begins with '/'",
			     profile->value);
	if (profile && profile_read(&declared->profile, profile->value))
		return wrong(reader, profile->line, "Profile=%s cannot be used: see above",
			     profile->value);
	for (size_t i = 0; i < reader->count; i++) {
		const struct assignment *given = &reader->assignment[i];

		if (strcmp(given->key, "Without"))
			continue;
		if (!profile)
			return wrong(reader, given->line, "Without= needs Profile=");
		if (profile_exclude(&declared->profile, given->value))
			return wrong(reader, given->line, "Without=%s excludes nothing: see above",
				     given->value);
	}
	return true;
}

/* Returns the unit with its type for free(). Reports a mistake, and returns NULL. */
static char *unit_read(const struct reader *reader, const struct assignment *given)
{
	const char *unit = given->value;
	char *name = unit_name(unit);

	for (const char *c = unit; *c; c++) {
		if (isalnum((unsigned char)*c) || strchr(":_.\\@-", *c))
			continue;
		wrong(reader, given->line,
		      "'%s' is not the name of a unit; 'systemctl list-units' has the names", unit);
		free(name);
		return NULL;
	}
	if (!strstr(name, "@."))
		return name;
	wrong(reader, given->line, "'%s' is a template; name its instances, such as %.*sNAME%s",
	      unit, (int)(strstr(name, "@.") - name) + 1, name, strstr(name, "@.") + 1);
	free(name);
	return NULL;
}

/* Returns the path as in /proc/PID/cgroup for free(). Reports a mistake, and returns NULL. */
static char *cgroup_read(const struct reader *reader, const struct assignment *given)
{
	const char *path = given->value;
	size_t len;

	if (!strncmp(path, CGROUPS "/", strlen(CGROUPS "/")))
		path += strlen(CGROUPS);
	len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len > 1 && *path == '/' && !strstr(path, "/../") && !strstr(path, "//") &&
	    strcmp(path + strlen(path) - 3, "/.."))
		return need_memory(strndup(path, len));
	wrong(reader, given->line,
	      "'%s' is not the path of a cgroup; write it as in /proc/PID/cgroup, such as "
	      "/system.slice/NAME",
	      given->value);
	return NULL;
}

static bool use_scope(struct reader *reader)
{
	struct declared *declared = reader->declared;

	declared->has_scopes = true;
	for (size_t i = 0; i < reader->count; i++) {
		const struct assignment *given = &reader->assignment[i];
		struct scope scope = { .line = given->line, .is_unit = given->key[0] == 'U' };

		scope.name = scope.is_unit ? unit_read(reader, given) : cgroup_read(reader, given);
		if (!scope.name)
			return false;
		declared->scope = need_memory(reallocarray(declared->scope, declared->nr_scopes + 1,
							   sizeof(*declared->scope)));
		declared->scope[declared->nr_scopes++] = scope;
	}
	return true;
}

static bool use_own(struct reader *reader)
{
	struct declared *declared = reader->declared;
	const struct assignment *napi = find(reader, "Napi");
	bool wants_napi = false;

	if (!bool_read(reader, "Napi", &wants_napi))
		return false;
	if (wants_napi && !find(reader, "Device"))
		return wrong(reader, napi->line, "Napi= needs Device=, a network interface");
	declared->has_ownerships = true;
	for (size_t i = 0; i < reader->count; i++) {
		const struct assignment *given = &reader->assignment[i];
		struct ownership own = { .line = given->line, .napi = wants_napi };
		uint64_t irq = 0;

		if (given == napi)
			continue;
		own.of = given->key[0] == 'D'	? OWN_DEVICE
			 : given->key[0] == 'I' ? OWN_IRQ
						: OWN_KTHREAD;
		if (own.of == OWN_IRQ &&
		    (strspn(given->value, "0123456789") != strlen(given->value) ||
		     !value_read(given->value, &irq) || !irq || irq > UINT32_MAX))
			return wrong(reader, given->line,
				     "'%s' is not the number of an interrupt line", given->value);
		if (own.of == OWN_KTHREAD && strlen(given->value) >= SHADOWK_PATTERN_LEN)
			return wrong(reader, given->line,
				     "the pattern '%.32s...' is longer than %d characters",
				     given->value, SHADOWK_PATTERN_LEN - 1);
		own.irq = (uint32_t)irq;
		own.name = need_memory(strdup(given->value));
		declared->ownership =
			need_memory(reallocarray(declared->ownership, declared->nr_ownerships + 1,
						 sizeof(*declared->ownership)));
		declared->ownership[declared->nr_ownerships++] = own;
	}
	return true;
}

static const struct section sections[] = {
	{ "Shadow", (const char *const[]){ "Name", "Async", "Profile", "Without", NULL }, "W",
	  use_shadow },
	{ "Probe",
	  (const char *const[]){ "Function", "Kind", "Name", "Return", "Int3", "Below", "Optional",
				 NULL },
	  "", use_probe },
	{ "Patch",
	  (const char *const[]){ "Function", "Return", "Nop", "SkipCall", "Thunk", "Module",
				 "Livepatch", "InPlace", "Name", "Optional", NULL },
	  "", use_patch },
	{ "Scope", (const char *const[]){ "Cgroup", "Unit", NULL }, "CU", use_scope },
	{ "Own", (const char *const[]){ "Device", "Irq", "Kthread", "Napi", NULL }, "DIK",
	  use_own },
};

/* ---- lines ---- */

static void assignments_free(struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++)
		free(reader->assignment[i].value);
	free(reader->assignment);
	reader->assignment = NULL;
	reader->count = 0;
}

static bool section_end(struct reader *reader)
{
	bool good = !reader->section || reader->section->use(reader);

	assignments_free(reader);
	return good;
}

/* Reads "[NAME]". @text is without blanks around it. */
static bool section_begin(struct reader *reader, char *text)
{
	char *end = strchr(text, ']');

	if (!section_end(reader))
		return false;
	reader->section = NULL;
	if (!end || end[1])
		return wrong(reader, reader->line, "'%s' is not '[Section]'", text);
	*end = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (!strcmp(sections[i].name, text + 1))
			reader->section = &sections[i];
	reader->section_line = reader->line;
	return reader->section ||
	       wrong(reader, reader->line,
		     "there is no section [%s]; a file has [Shadow], [Probe], [Patch], [Scope] "
		     "and [Own]",
		     text + 1);
}

static bool key_unknown(struct reader *reader, const char *key)
{
	char known[256] = "";
	size_t used = 0;

	for (const char *const *k = reader->section->keys; *k; k++)
		used += snprintf(known + used, sizeof(known) - used, "%s%s=", used ? ", " : "", *k);
	return wrong(reader, reader->line, "[%s] has no key '%s'; it has %s", reader->section->name,
		     key, known);
}

static void assignment_add(struct reader *reader, const char *key, const char *value)
{
	struct assignment given = { .key = key, .line = reader->line };

	given.value = need_memory(strdup(value));
	reader->assignment =
		need_memory(reallocarray(reader->assignment, reader->count + 1, sizeof(given)));
	reader->assignment[reader->count++] = given;
}

/* Returns the key of the section that is named @name, or NULL. */
static const char *key_find(const struct section *section, const char *name)
{
	for (const char *const *k = section->keys; *k; k++)
		if (!strcmp(*k, name))
			return *k;
	return NULL;
}

static bool assignment_read(struct reader *reader, char *text)
{
	char *value = strchr(text, '='), *rest = NULL;
	const struct assignment *before;
	const char *key;

	if (!value)
		return wrong(reader, reader->line, "'%s' is neither '[Section]' nor 'Key=Value'",
			     text);
	*value++ = '\0';
	text[strcspn(text, BLANKS)] = '\0';
	value += strspn(value, BLANKS);
	if (!reader->section)
		return wrong(reader, reader->line, "%s= is in no section; begin with [Shadow]",
			     text);
	key = key_find(reader->section, text);
	if (!key)
		return key_unknown(reader, text);
	if (!*value)
		return wrong(reader, reader->line, "%s= has no value; give one, or leave it out",
			     key);
	if (strchr(reader->section->lists, *key)) {
		for (char *word = strtok_r(value, BLANKS, &rest); word;
		     word = strtok_r(NULL, BLANKS, &rest))
			assignment_add(reader, key, word);
		return true;
	}
	before = find(reader, key);
	if (before)
		return wrong(reader, reader->line, "line %u has %s=, too; leave one of them out",
			     before->line, key);
	assignment_add(reader, key, value);
	return true;
}

static bool line_read(struct reader *reader, char *line, size_t len)
{
	char *text = line + strspn(line, BLANKS);

	if (strlen(line) != len)
		return wrong(reader, reader->line, "a NUL character; write a text file");
	for (char *end = line + len; end > text && strchr(BLANKS, end[-1]);)
		*--end = '\0';
	if (!*text || *text == '#' || *text == ';')
		return true;
	return *text == '[' ? section_begin(reader, text) : assignment_read(reader, text);
}

/* ---- files ---- */

/* Names the shadow after its file, if that has a name which can be that of a shadow. */
static void name_from_path(struct declared *declared)
{
	const char *slash = strrchr(declared->path, '/');
	const char *base = slash ? slash + 1 : declared->path;
	size_t len = strlen(base), end = strlen(SUFFIX);

	if (len > end && !strcmp(base + len - end, SUFFIX))
		len -= end;
	if (len >= sizeof(declared->name))
		return;
	memcpy(declared->name, base, len);
	if (shadowk_name_check(declared->name))
		memset(declared->name, 0, sizeof(declared->name));
}

static bool file_read(struct declared *declared)
{
	struct reader reader = { .declared = declared };
	FILE *file __cleanup(file_close) = fopen(declared->path, "re");
	char *line __cleanup(text_free) = NULL;
	bool good = true;
	size_t size = 0;
	ssize_t len;

	if (!file) {
		report("cannot read '%s': %s", declared->path, strerror(errno));
		return false;
	}
	while (good && (len = getline(&line, &size, file)) >= 0) {
		/* Editors of other systems begin a file with this mark. */
		bool marked = !reader.line++ && !strncmp(line, "\xef\xbb\xbf", 3);

		good = line_read(&reader, line + (marked ? 3 : 0), len - (marked ? 3 : 0));
	}
	if (good && ferror(file)) {
		report("cannot read '%s': %s", declared->path, strerror(errno));
		good = false;
	}
	if (good)
		good = section_end(&reader);
	assignments_free(&reader);
	if (good && !*declared->name)
		good = wrong(&reader, 1,
			     "the file's name cannot be the name of a shadow; give Name= in "
			     "[Shadow], 1 to %d of A-Z a-z 0-9 . _ : -",
			     SHADOWK_NAME_LEN - 1);
	if (good && !reader.has_shadow)
		good = wrong(&reader, 1, "there is no section [Shadow]; begin the file with it");
	if (good && declared->has_ownerships && declared->flags != SHADOWK_ASYNC_OWNER)
		good = wrong(&reader, declared->line, "[Own] needs Async=owner in [Shadow]");
	return good;
}

static bool declared_add(struct declarations *all, const char *path)
{
	struct declared *declared;

	all->shadow = need_memory(reallocarray(all->shadow, all->count + 1, sizeof(*all->shadow)));
	declared = &all->shadow[all->count++];
	*declared = (struct declared){ .path = need_memory(strdup(path)), .line = 1 };
	if (strlen(path) >= sizeof(declared->own.path)) {
		report("the path '%.64s...' is too long", path);
		return false;
	}
	strcpy(declared->own.path, path);
	name_from_path(declared);
	return file_read(declared);
}

/* Refuses what two shadows, or one of them twice, own by the same word. */
static bool owns_check(const struct reader *reader, const struct declared *other)
{
	const struct declared *one = reader->declared;
	bool good = true;

	for (size_t i = 0; i < one->nr_ownerships; i++) {
		for (size_t j = 0; j < (one == other ? i : other->nr_ownerships); j++) {
			const struct ownership *a = &one->ownership[i], *b = &other->ownership[j];

			if (a->of == b->of && !strcmp(a->name, b->name))
				good = wrong(reader, a->line,
					     "%s:%u names '%s', too; leave one of them out",
					     other->path, b->line, a->name);
		}
	}
	return good;
}

/* Refuses a second file for a shadow, and a scope that two shadows, or one of them twice, name. */
static bool conflicts_check(const struct declared *one, const struct declared *other)
{
	const struct reader reader = { .declared = (struct declared *)one };
	bool good = true;

	if (one != other && !strcmp(one->name, other->name))
		return wrong(&reader, one->line,
			     "%s declares the shadow '%s', too; give Name= in [Shadow]",
			     other->path, one->name);
	for (size_t i = 0; i < one->nr_scopes; i++) {
		for (size_t j = 0; j < (one == other ? i : other->nr_scopes); j++) {
			const struct scope *a = &one->scope[i], *b = &other->scope[j];

			if (a->is_unit == b->is_unit && !strcmp(a->name, b->name))
				good = wrong(&reader, a->line,
					     "%s:%u names '%s', too; leave one of them out",
					     other->path, b->line, a->name);
		}
	}
	return owns_check(&reader, other) && good;
}

int declared_read(struct declarations *all, char **files, size_t nr)
{
	glob_t found = { 0 };
	bool good = true;

	if (!nr && !glob(DECLARED_FOLDER "/*" SUFFIX, 0, NULL, &found)) {
		files = found.gl_pathv;
		nr = found.gl_pathc;
	}
	for (size_t i = 0; i < nr; i++)
		good &= declared_add(all, files[i]);
	globfree(&found);
	for (size_t i = 0; good && i < all->count; i++)
		for (size_t j = 0; j <= i; j++)
			good &= conflicts_check(&all->shadow[i], &all->shadow[j]);
	return good ? STATUS_DONE : STATUS_REFUSED;
}

void declared_free(struct declarations *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct declared *declared = &all->shadow[i];

		for (size_t s = 0; s < declared->nr_scopes; s++)
			free(declared->scope[s].name);
		free(declared->scope);
		for (size_t i = 0; i < declared->nr_ownerships; i++)
			free(declared->ownership[i].name);
		free(declared->ownership);
		profile_free(&declared->profile);
		profile_free(&declared->own);
		free(declared->path);
	}
	free(all->shadow);
}
