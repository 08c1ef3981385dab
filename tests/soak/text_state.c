// SPDX-License-Identifier: GPL-2.0-only
/*
 * "text_state save FILE" saves the kernel's text and the page tables that map it. "text_state
 * compare FILE" fails if they have changed since, or if a process has other top-level entries.
 */
#include <fcntl.h>

#include "shadows.h"
#include "snapshot.h"

static void put(FILE *file, const void *data, size_t len)
{
	need(fwrite(data, 1, len, file) == len);
}

static void get(FILE *file, void *data, size_t len)
{
	need(fread(data, 1, len, file) == len);
}

static void save(const struct snapshot *s, const char *path)
{
	FILE *file = fopen(path, "we");

	need(file);
	put(file, s, sizeof(*s));
	put(file, s->bytes, s->to - s->from);
	for (size_t i = 0; i < ARRAY_SIZE(s->entries); i++)
		put(file, s->entries[i], s->nr_entries[i] * sizeof(*s->entries[i]));
	need(!fclose(file));
}

static void load(struct snapshot *s, const char *path)
{
	FILE *file = fopen(path, "re");

	need(file);
	get(file, s, sizeof(*s));
	s->bytes = malloc(s->to - s->from);
	need(s->bytes);
	get(file, s->bytes, s->to - s->from);
	for (size_t i = 0; i < ARRAY_SIZE(s->entries); i++) {
		s->entries[i] = calloc(s->nr_entries[i] + 1, sizeof(*s->entries[i]));
		need(s->entries[i]);
		get(file, s->entries[i], s->nr_entries[i] * sizeof(*s->entries[i]));
	}
	fclose(file);
}

int main(int argc, char **argv)
{
	struct snapshot now, before;

	need(argc == 3);
	observer_load();
	snapshot_take(&now);
	if (!strcmp(argv[1], "save")) {
		save(&now, argv[2]);
	} else {
		load(&before, argv[2]);
		snapshot_compare(&before, &now);
		expect_base_everywhere();
		snapshot_free(&before);
	}
	snapshot_free(&now);
	victims_done();
	return finish();
}
