// SPDX-License-Identifier: GPL-2.0-only
/* Functions that were called lead to the files of the source that define them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "source_files.h"
#include "unit.h"

static char tree[] = "/tmp/source_files.XXXXXX";

static void file_make(const char *path, const char *text)
{
	char full[128];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", tree, path);
	file = fopen(full, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int begin(void **state)
{
	static const char *const dirs[] = { "", "/fs", "/fs/deep", "/mm", "/tools" };
	char path[64];

	(void)state;
	if (!mkdtemp(tree))
		return -1;
	for (size_t i = 1; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s%s", tree, dirs[i]);
		if (mkdir(path, 0755))
			return -1;
	}
	/* Calls, declarations, comments, texts and initialisers define nothing. */
	file_make("fs/calls.c",
		  "int page_add(int a);\n"
		  "/* int page_drop(void) { } */\n"
		  "#define page_take(a) do { page_add(a); } while (0)\n"
		  "static int table[] = { SIZE(page_drop) };\n"
		  "static int x = page_drop(1) + (int){ 2 };\n"
		  "const char *text = \"{ page_drop() {\";\n"
		  "__printf(1, 2) static int calls_one(int a, ...) __must_hold(&lock)\n"
		  "{\n\tif (a) {\n\t\tpage_add('{');\n\t}\n\treturn page_drop();\n}\n");
	file_make(
		"fs/deep/syscall.c",
		"SYSCALL_DEFINE3(read, unsigned int, fd, char *, buf, size_t, count)\n"
		"{\n\treturn 0;\n}\n"
		"EXPORT_SYMBOL(read_one);\n"
		"#ifdef A\nint read_one(int a) {\n#else\nint read_one(int b) {\n#endif\n\treturn 0;\n}\n"
		"int read_two(int (*f)(void))\n{ return f(); }\n");
	file_make("mm/page.c", "int page_add(int a)\n{\n}\nint page_drop(void)\n{\n}\n"
			       "static int page_isolate(int a)\n{\n}\n");
	/* Another configuration's, and one that is not compiled at all */
	file_make("mm/nopage.c", "int page_add(int a)\n{\n}\nint page_drop(void)\n{\n}\n");
	file_make("tools/page.c", "int page_isolate(int a)\n{\n}\n");
	file_make("fs/notes.txt", "int read_two(void)\n{\n}\n");
	return 0;
}

static int end(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", tree);
	return system(command);
}

static const char *const names[] = {
	"page_add", "page_drop", "page_isolate.isra.0", "calls_one", "__x64_sys_read", "read_one",
	"read_two", "asm_only",
};
static const uint64_t calls[ARRAY_SIZE(names)] = { 5, 7, 11, 100, 40, 2, 1, 3 };

static void find(struct source_files *files)
{
	struct source_index *index __cleanup(source_index_close) = NULL;

	*files = (struct source_files){ 0 };
	assert_int_equal(source_index_open(&index, tree, names, ARRAY_SIZE(names)), STATUS_DONE);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(source_index_has(index, i), !!strcmp(names[i], "asm_only"));
	source_files_find(files, index, calls);
}

static void check(const struct source_file *file, const char *path, uint64_t nr, size_t called,
		  size_t functions)
{
	assert_string_equal(file->path, path);
	assert_int_equal(file->calls, nr);
	assert_int_equal(file->called, called);
	assert_int_equal(file->functions, functions);
}

static void finds_definitions(void **state)
{
	struct source_files files __cleanup(source_files_free);

	(void)state;
	find(&files);
	assert_int_equal(files.count, 3);
	check(&files.file[0], "fs/calls.c", 100, 1, 1);
	check(&files.file[1], "fs/deep/syscall.c", 43, 3, 3);
	check(&files.file[2], "mm/page.c", 23, 3, 3);
	assert_int_equal(files.calls, 166);
}

static void limits(void **state)
{
	struct source_files files __cleanup(source_files_free);

	(void)state;
	/* 95 % of the calls are in all three. */
	find(&files);
	source_files_limit(&files, 10, 100);
	assert_int_equal(files.count, 3);
	source_files_limit(&files, 2, 100);
	assert_int_equal(files.count, 2);
	assert_string_equal(files.file[1].path, "fs/deep/syscall.c");
	source_files_free(&files);
	/* The second file has too many functions, and so has the third. */
	find(&files);
	source_files_limit(&files, 10, 3);
	assert_int_equal(files.count, 1);
	check(&files.file[0], "fs/calls.c", 100, 1, 1);
}

static void refuses_other_folders(void **state)
{
	struct source_index *index __cleanup(source_index_close) = NULL;

	(void)state;
	assert_int_equal(source_index_open(&index, "/proc/self/fd", names, ARRAY_SIZE(names)),
			 STATUS_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_definitions),
		cmocka_unit_test(limits),
		cmocka_unit_test(refuses_other_folders),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
