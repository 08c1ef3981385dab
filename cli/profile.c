// SPDX-License-Identifier: GPL-2.0-only
/* Reads profiles: files with an edit in each line. shadowk-profile(5) has the format. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "profile.h"

#define BLANKS " \t\r\n"

/* The words of an item while they are read. */
struct words {
	const struct profile *profile;
	const struct profile_words *given;
	size_t used; /* number of words that next() has returned */
};

/* Reports a mistake in the line of the last word that was read. Returns false. */
static bool __printf(2, 3) wrong(const struct words *words, const char *format, ...)
{
	char reason[512];
	va_list list;

	va_start(list, format);
	vsnprintf(reason, sizeof(reason), format, list);
	va_end(list);
	report("%s:%u: %s", words->profile->path, words->given->line[words->used - 1], reason);
	return false;
}

/* Returns the next word, or NULL. */
static const char *next(struct words *words)
{
	return words->used < words->given->count ? words->given->word[words->used++] : NULL;
}

/* ---- the words of a line: functions return false if they have reported a mistake ---- */

static bool place_read(struct words *words, struct shadowk_probe_spec *place)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .place = next(words) };
	char why[256];
	int err;

	if (!subject.place)
		return wrong(words, "a function is missing");
	err = shadowk_probe_parse(subject.place, place);
	if (err)
		return wrong(words, "%s",
			     shadowk_explain(why, sizeof(why), SHADOWK_OP_PROBE_PARSE, err,
					     &subject));
	return true;
}

static bool function_read(struct words *words, struct shadowk_patch_spec *spec)
{
	struct shadowk_probe_spec place = { .size = sizeof(place) };

	if (!place_read(words, &place))
		return false;
	if (place.flags & SHADOWK_PROBE_TRACEPOINT)
		return wrong(words, "only functions can be patched, not tracepoints");
	if (place.offset && spec->kind != SHADOWK_PATCH_SKIP_CALL)
		return wrong(words, "functions are patched at their entry; leave the offset out");
	spec->addr = place.addr;
	spec->offset = place.offset;
	memcpy(spec->symbol, place.symbol, sizeof(spec->symbol));
	return true;
}

static bool value_of(struct words *words, const char *text, uint64_t *value)
{
	if (!text)
		return wrong(words, "a value is missing");
	if (!value_read(text, value))
		return wrong(words,
			     "'%s' is not a value; give a number of 64 bits, or an errno such as "
			     "-ENOENT",
			     text);
	return true;
}

static bool read_nop(struct words *words, struct profile_item *item)
{
	item->patch.kind = SHADOWK_PATCH_NOP;
	return function_read(words, &item->patch);
}

static bool read_return(struct words *words, struct profile_item *item)
{
	item->patch.kind = SHADOWK_PATCH_RETURN;
	return function_read(words, &item->patch) &&
	       value_of(words, next(words), &item->patch.value);
}

static bool read_skip_call(struct words *words, struct profile_item *item)
{
	const char *callee, *value;

	item->patch.kind = SHADOWK_PATCH_SKIP_CALL;
	if (!function_read(words, &item->patch))
		return false;
	callee = next(words);
	if (!callee || strlen(callee) >= sizeof(item->patch.object))
		return wrong(words, "the function called is missing, or its name is too long");
	memcpy(item->patch.object, callee, strlen(callee));
	value = next(words);
	if (value)
		item->patch.flags = SHADOWK_PATCH_VALUE;
	return !value || value_of(words, value, &item->patch.value);
}

static bool read_thunk(struct words *words, struct profile_item *item)
{
	const char *text = next(words);

	item->patch.kind = text ? thunk_read(text) : 0;
	return item->patch.kind ||
	       wrong(words, "a thunk is 'retpoline=jmp' or 'return=ret', not '%s'",
		     text ? text : "");
}

static bool file_read(struct words *words, struct profile_item *item, uint32_t kind)
{
	const char *file = next(words);

	if (!file || *file != '/')
		return wrong(words, "give the path of the module's file, which begins with '/'");
	item->patch.kind = kind;
	item->file = need_memory(strdup(file));
	return true;
}

static bool read_module(struct words *words, struct profile_item *item)
{
	return file_read(words, item, SHADOWK_PATCH_MODULE);
}

static bool read_livepatch(struct words *words, struct profile_item *item)
{
	return file_read(words, item, SHADOWK_PATCH_LIVEPATCH);
}

static bool read_probe(struct words *words, struct profile_item *item)
{
	const char *text;
	int kind;

	item->is_probe = true;
	if (!place_read(words, &item->probe))
		return false;
	text = next(words);
	kind = text ? shadowk_kind_parse(text) : -1;
	if (kind < 0)
		return wrong(words, "'%s' is not a kind; give count, latency, event or call",
			     text ? text : "");
	if (item->probe.flags & SHADOWK_PROBE_TRACEPOINT && kind != SHADOWK_PROBE_COUNT)
		return wrong(words, "tracepoints are counted; give the kind 'count'");
	item->probe.kind = kind;
	return true;
}

static const struct action {
	const char *name;
	bool (*read)(struct words *words, struct profile_item *item);
	bool is_module;
} actions[] = {
	{ "nop", read_nop, false },
	{ "return", read_return, false },
	{ "skip-call", read_skip_call, false },
	{ "thunk", read_thunk, false },
	{ "probe", read_probe, false },
	{ "module", read_module, true },
	{ "livepatch", read_livepatch, true },
};

static bool action_read(struct words *words, struct profile_item *item)
{
	const char *word = next(words);

	if (word && !strcmp(word, "optional")) {
		item->optional = true;
		word = next(words);
	}
	for (size_t i = 0; word && i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, word) ||
		    (actions[i].is_module && !words->given->modules))
			continue;
		if (!actions[i].read(words, item))
			return false;
		word = next(words);
		return !word || wrong(words, "'%s' is one word too many", word);
	}
	return wrong(words, "'%s' is not an edit; give nop, return, skip-call, thunk or probe",
		     word ? word : "");
}

/* ---- the file ---- */

static struct profile_item *item_find(const struct profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->count; i++)
		if (!strcmp(profile->item[i].name, name))
			return &profile->item[i];
	return NULL;
}

struct profile_item *profile_add(struct profile *profile, const struct profile_words *given)
{
	struct words words = { .profile = profile, .given = given };
	struct profile_item item = {
		.line = given->line[0],
		.probe = { .size = sizeof(item.probe) },
		.patch = { .size = sizeof(item.patch) },
	};
	const char *name = next(&words);
	char full[2 * SHADOWK_NAME_LEN];

	if (strlen(name) >= SHADOWK_NAME_LEN) {
		wrong(&words,
		      "'%.32s...' is too long for the name of an item; use at most %d characters",
		      name, SHADOWK_NAME_LEN - 1);
		return NULL;
	}
	if (item_find(profile, name)) {
		wrong(&words, "line %u has an item '%s', too; choose another name",
		      item_find(profile, name)->line, name);
		return NULL;
	}
	snprintf(full, sizeof(full), "%s%s%s", profile->name, *profile->name ? ":" : "", name);
	if (shadowk_name_check(full)) {
		wrong(&words,
		      "'%s' cannot be the name of an edit; use at most %d of "
		      "A-Z a-z 0-9 . _ : -",
		      full, SHADOWK_NAME_LEN - 1);
		return NULL;
	}
	if (!action_read(&words, &item)) {
		free(item.file);
		return NULL;
	}
	strcpy(item.is_probe ? item.probe.name : item.patch.name, full);
	item.name = need_memory(strdup(name));
	profile->item = need_memory(reallocarray(profile->item, profile->count + 1, sizeof(item)));
	profile->item[profile->count] = item;
	return &profile->item[profile->count++];
}

static bool line_read(struct profile *profile, char *line, unsigned int number)
{
	struct profile_words words = { 0 };
	char *rest = NULL;

	line[strcspn(line, "#")] = '\0';
	for (char *word = strtok_r(line, BLANKS, &rest); word;
	     word = strtok_r(NULL, BLANKS, &rest)) {
		if (words.count == PROFILE_WORDS_MAX) {
			report("%s:%u: '%s' is one word too many", profile->path, number, word);
			return false;
		}
		words.line[words.count] = number;
		words.word[words.count++] = word;
	}
	return !words.count || profile_add(profile, &words);
}

/* Writes the folder of the installed profiles: ../share/shadowk/profiles, from the command on. */
static bool directory(char *path, size_t len)
{
	ssize_t used = readlink("/proc/self/exe", path, len - 1);
	char *slash = NULL;

	for (int i = 0; used > 0 && i < 2; i++) {
		path[used] = '\0';
		slash = strrchr(path, '/');
		used = slash ? slash - path : 0;
	}
	return slash && (size_t)snprintf(slash, len - used, "/share/shadowk/profiles") < len - used;
}

/* Sets the path of the profile. Returns false if it cannot be found, or is too long. */
static bool path_choose(struct profile *profile, const char *which)
{
	const char *slash = strrchr(which, '/');
	size_t used;

	if (slash)
		return snprintf(profile->path, sizeof(profile->path), "%s", which) <
		       (int)sizeof(profile->path);
	if (!directory(profile->path, sizeof(profile->path)))
		return false;
	used = strlen(profile->path);
	return snprintf(profile->path + used, sizeof(profile->path) - used, "/%s", which) <
	       (int)(sizeof(profile->path) - used);
}

int profile_read(struct profile *profile, const char *which)
{
	const char *slash = strrchr(which, '/'), *name = slash ? slash + 1 : which;
	FILE *file __cleanup(file_close) = NULL;
	char *line __cleanup(text_free) = NULL;
	unsigned int number = 0;
	size_t size = 0;

	if (shadowk_name_check(name)) {
		report("'%s' cannot be the name of a profile; use 1 to %d of A-Z a-z 0-9 . _ : -",
		       name, SHADOWK_NAME_LEN - 1);
		return STATUS_REFUSED;
	}
	strcpy(profile->name, name);
	if (path_choose(profile, which))
		file = fopen(profile->path, "re");
	if (!file) {
		report("cannot read the profile '%s': %s; to name a file of your own, write its "
		       "path with a '/'",
		       profile->path, strerror(errno));
		return STATUS_REFUSED;
	}
	while (getline(&line, &size, file) >= 0)
		if (!line_read(profile, line, ++number))
			return STATUS_REFUSED;
	if (ferror(file) || !profile->count) {
		report("the profile '%s' %s", profile->path,
		       ferror(file) ? "cannot be read"
				    : "has no items; write an edit in each line");
		return STATUS_REFUSED;
	}
	return STATUS_DONE;
}

int profile_exclude(struct profile *profile, const char *name)
{
	struct profile_item *item = item_find(profile, name);

	if (!item) {
		report("the profile '%s' has no item '%s'; see %s", profile->name, name,
		       profile->path);
		return STATUS_REFUSED;
	}
	item->excluded = true;
	return STATUS_DONE;
}

void profile_free(struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++) {
		free(profile->item[i].name);
		free(profile->item[i].missing);
		free(profile->item[i].file);
	}
	free(profile->item);
}
