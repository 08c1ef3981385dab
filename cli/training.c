// SPDX-License-Identifier: GPL-2.0-only
/* The counters of an instrumented module, and the profile that gcc reads. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "instrument.h"
#include "object.h"

/* Format of gcc 12 and later, whose lengths are in bytes. */
#define GCDA_MAGIC	0x67636461
#define GCDA_SUMMARY	0xa1000000
#define GCDA_FUNCTION	0x01000000
#define GCDA_COUNTERS	0x01a10000
#define GCDA_VERSION_12 ('B' << 24 | '2' << 16)

struct training {
	struct object object; /* the module */
	size_t nr_files;
	const struct training_file **files;
	size_t nr_counters;
	uint64_t *counters;
};

/*
 * Adds @file, a part of the module's file with @room bytes up to its end, to the files of
 * @training. Returns the size of @file, or 0 if it is malformed.
 */
static size_t training_add(struct training *training, const struct training_file *file, size_t room)
{
	size_t functions = room >= sizeof(*file) ? file->functions * sizeof(*file->function) : 0;

	if (!functions || file->size > room || file->size % 8 || file->size < sizeof(*file) ||
	    file->size - sizeof(*file) < functions ||
	    file->size - sizeof(*file) - functions < file->notes ||
	    !memchr(file->file, '\0', sizeof(file->file)) || strlen(file->file) < 3)
		return 0;
	training->files = need_memory(
		realloc(training->files, (training->nr_files + 1) * sizeof(*training->files)));
	training->files[training->nr_files++] = file;
	for (size_t i = 0; i < file->functions; i++)
		training->nr_counters += file->function[i].counters;
	return file->size;
}

int training_open(struct training **result, const char *path)
{
	struct training *training = need_memory(calloc(1, sizeof(*training)));
	const struct object *object = &training->object;
	int status = object_open(&training->object, path);

	*result = training;
	for (size_t i = 1; !status && i < object->elf->e_shnum; i++) {
		const Elf64_Shdr *section = &object->sections[i];
		size_t used;

		if (strcmp(object_section_name(object, i), TRAINING_SECTION) ||
		    section->sh_type == SHT_NOBITS || section->sh_offset % 8)
			continue;
		for (size_t at = 0; at < section->sh_size; at += used) {
			used = training_add(training,
					    (const void *)(object->bytes + section->sh_offset + at),
					    section->sh_size - at);
			if (used)
				continue;
			report("'%s' is malformed", path);
			return STATUS_REFUSED;
		}
	}
	if (!status && !training->nr_files) {
		report("'%s' has no counters; build it by shadowctl patch build --instrument",
		       path);
		return STATUS_REFUSED;
	}
	return status;
}

int training_read(struct training *training, const char *module)
{
	FILE *file __cleanup(file_close) = NULL;
	char path[160];
	size_t nr;

	snprintf(path, sizeof(path), "/sys/module/%s/counters", module);
	file = fopen(path, "re");
	if (!file) {
		report("cannot read '%s': %s", path, strerror(errno));
		return STATUS_REFUSED;
	}
	training->counters =
		need_memory(calloc(training->nr_counters + 1, sizeof(*training->counters)));
	nr = fread(training->counters, sizeof(*training->counters), training->nr_counters + 1,
		   file);
	if (nr == training->nr_counters)
		return STATUS_DONE;
	report("'%s' has %zu counters, but %zu are expected", path, nr, training->nr_counters);
	return STATUS_REFUSED;
}

static void put32(FILE *out, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, out);
}

/* Returns the highest value of the first @nr elements of @counters. */
static uint64_t highest(const uint64_t *counters, size_t nr)
{
	uint64_t most = 0;

	for (size_t i = 0; i < nr; i++)
		if (counters[i] > most)
			most = counters[i];
	return most;
}

/*
 * Writes the .gcda file of the source @file to @out. @counters: the values of its counters. Returns
 * how many of the functions were executed.
 */
static size_t gcda_write(FILE *out, const struct training_file *file, const uint64_t *counters)
{
	const uint64_t *at = counters;
	size_t executed = 0, nr = 0;

	for (size_t i = 0; i < file->functions; i++)
		nr += file->function[i].counters;
	put32(out, GCDA_MAGIC);
	put32(out, file->version);
	put32(out, file->stamp);
	put32(out, file->checksum);
	put32(out, GCDA_SUMMARY);
	put32(out, 8);
	put32(out, 1); /* runs of the program */
	put32(out,
	      (uint32_t)(highest(counters, nr) > UINT32_MAX ? UINT32_MAX : highest(counters, nr)));
	for (size_t i = 0; i < file->functions; at += file->function[i++].counters) {
		const struct training_function *function = &file->function[i];
		uint32_t len = function->counters * sizeof(*at);

		put32(out, GCDA_FUNCTION);
		put32(out, 12);
		put32(out, function->ident);
		put32(out, function->lineno);
		put32(out, function->cfg);
		put32(out, GCDA_COUNTERS);
		/* A negative length means that all are 0, and none follows. */
		put32(out, highest(at, function->counters) ? len : -len);
		if (!highest(at, function->counters))
			continue;
		fwrite(at, sizeof(*at), function->counters, out);
		executed++;
	}
	put32(out, 0);
	return executed;
}

/*
 * Writes the .gcda and the .gcno file of the source @file to @folder, and prints how many of its
 * functions were executed. @counters: the values of its counters. Reports errors. Returns a status.
 */
static int file_save(const struct training_file *file, const uint64_t *counters, const char *folder)
{
	char *text __cleanup(text_free) = NULL;
	char stem[160], path[PATH_MAX];
	size_t len = 0, executed;
	FILE *out = need_memory(open_memstream(&text, &len));
	int status;

	executed = gcda_write(out, file, counters);
	fclose(out);
	training_stem(file->file, stem, sizeof(stem));
	snprintf(path, sizeof(path), "%s/%s.gcno", folder, stem);
	status = file_replace(path, (const char *)&file->function[file->functions], file->notes,
			      0644);
	snprintf(path, sizeof(path), "%s/%s.gcda", folder, stem);
	if (!status)
		status = file_replace(path, text, len, 0644);
	if (!status)
		printf("%s: %zu of %u functions were executed\n", file->file, executed,
		       file->functions);
	return status;
}

int training_write(const struct training *training, const char *folder)
{
	const uint64_t *counters = training->counters;
	int status = STATUS_DONE;

	for (size_t i = 0; !status && i < training->nr_files; i++) {
		const struct training_file *file = training->files[i];

		if (file->version >> 16 < GCDA_VERSION_12 >> 16) {
			report("'%s' was compiled by a gcc before 12, whose profiles differ",
			       file->file);
			return STATUS_REFUSED;
		}
		status = file_save(file, counters, folder);
		for (size_t k = 0; k < file->functions; k++)
			counters += file->function[k].counters;
	}
	return status;
}

/* A file of gcc: records of 32-bit numbers, whose lengths are in bytes. */
struct gcov {
	char *bytes;
	size_t size, at;
};

static void gcov_close(struct gcov *gcov)
{
	free(gcov->bytes);
}

static int gcov_open(struct gcov *gcov, const char *folder, const char *stem, const char *ending)
{
	char path[PATH_MAX];
	FILE *file __cleanup(file_close) = NULL;
	long size;

	snprintf(path, sizeof(path), "%s/%s.%s", folder, stem, ending);
	file = fopen(path, "re");
	size = file && !fseek(file, 0, SEEK_END) ? ftell(file) : -1;
	if (size >= 0) {
		rewind(file);
		gcov->bytes = need_memory(malloc((size_t)size + 1));
		gcov->size = fread(gcov->bytes, 1, (size_t)size, file);
		return STATUS_DONE;
	}
	report("cannot read '%s': %s", path, strerror(errno));
	return STATUS_REFUSED;
}

/* Reads a number at @at. Behind the end of the file, it is 0. */
static uint32_t gcov_number(const struct gcov *gcov, size_t at)
{
	uint32_t number = 0;

	if (at < gcov->size && gcov->size - at >= sizeof(number))
		memcpy(&number, gcov->bytes + at, sizeof(number));
	return number;
}

/*
 * Finds the next record. Sets @tag to its tag, @len to its length and @data to where its data are.
 * A negative length stands for counters that are all 0. Returns false if there is no record.
 */
static bool gcov_next(struct gcov *gcov, uint32_t *tag, int32_t *len, size_t *data)
{
	*tag = gcov_number(gcov, gcov->at);
	*len = (int32_t)gcov_number(gcov, gcov->at + 4);
	*data = gcov->at + 8;
	gcov->at = *data + (*len > 0 ? (size_t)*len : 0);
	return *tag && gcov->at <= gcov->size;
}

/* Returns true if a function with these checksums has counts above 0. */
static bool is_executed(struct gcov *counts, uint32_t ident, uint32_t lineno)
{
	bool found = false;
	uint32_t tag;
	int32_t len;
	size_t data;

	counts->at = 16;
	while (gcov_next(counts, &tag, &len, &data)) {
		if (tag == GCDA_FUNCTION)
			found = gcov_number(counts, data) == ident &&
				gcov_number(counts, data + 4) == lineno;
		else if (tag == GCDA_COUNTERS && found)
			return len > 0;
	}
	return false;
}

int training_executed(const char *folder, const char *stem, char **executed)
{
	struct gcov notes __cleanup(gcov_close) = { 0 }, counts __cleanup(gcov_close) = { 0 };
	int status = gcov_open(&notes, folder, stem, "gcno");
	size_t size = 0, data;
	uint32_t tag;
	int32_t len;
	FILE *list;

	if (!status)
		status = gcov_open(&counts, folder, stem, "gcda");
	if (status)
		return status;
	list = need_memory(open_memstream(executed, &size));
	/* Behind the header are the working folder, and a number. */
	notes.at = 16;
	notes.at += 4 + gcov_number(&notes, notes.at) + 4;
	while (gcov_next(&notes, &tag, &len, &data)) {
		/* Three checksums, and then the name with its length */
		uint32_t name = gcov_number(&notes, data + 12);

		if (tag == GCDA_FUNCTION && len > 16 && name && name <= (uint32_t)len - 16 &&
		    is_executed(&counts, gcov_number(&notes, data), gcov_number(&notes, data + 4)))
			fprintf(list, "%.*s,", (int)name - 1, notes.bytes + data + 16);
	}
	fclose(list);
	need_memory(*executed);
	return STATUS_DONE;
}

void training_close(struct training **training)
{
	if (!*training)
		return;
	free((*training)->files);
	free((*training)->counters);
	object_close(&(*training)->object);
	free(*training);
	*training = NULL;
}
