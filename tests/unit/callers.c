// SPDX-License-Identifier: GPL-2.0-only
/* Calls are counted by their direct callers, and by chains of callers of each length. */
#include "callers.h"
#include "cli.h"
#include "unit.h"

static const struct caller sys_read = { "ksys_read", "" }, sys_pread = { "sys_pread", "" },
			   io = { "io_read", "ext4" }, entry = { "do_syscall_64", "" };

static void add(struct callers *callers, size_t times, const struct caller *chain, size_t nr)
{
	while (times--)
		callers_add(callers, chain, nr);
}

#define ADD(callers, times, ...)                              \
	add(callers, times, (struct caller[]){ __VA_ARGS__ }, \
	    ARRAY_SIZE(((struct caller[]){ __VA_ARGS__ })))

static void row_is(const struct callers_row *row, uint64_t calls, const char *text)
{
	assert_string_equal(row->text, text);
	assert_int_equal(row->calls, calls);
}

static struct callers some(void)
{
	struct callers callers = { 0 };

	ADD(&callers, 2, sys_read, entry);
	ADD(&callers, 4, io, sys_pread, entry);
	ADD(&callers, 1, sys_read, entry);
	ADD(&callers, 3, io, sys_read, entry);
	ADD(&callers, 1, io);
	assert_int_equal(callers.calls, 11);
	return callers;
}

static void direct(void **state)
{
	struct callers callers = some();
	size_t nr;
	struct callers_row *rows = callers_rows(&callers, 1, &nr);

	assert_int_equal(nr, 2);
	row_is(&rows[0], 8, "ext4:io_read");
	row_is(&rows[1], 3, "ksys_read");
	callers_rows_free(rows, nr);
	callers_free(&callers);
}

static void chains(void **state)
{
	struct callers callers = some();
	size_t nr;
	struct callers_row *rows = callers_rows(&callers, 2, &nr);

	assert_int_equal(nr, 4);
	row_is(&rows[0], 4, "ext4:io_read <- sys_pread");
	row_is(&rows[1], 3, "ext4:io_read <- ksys_read");
	row_is(&rows[2], 3, "ksys_read <- do_syscall_64");
	row_is(&rows[3], 1, "ext4:io_read");
	callers_rows_free(rows, nr);
	rows = callers_rows(&callers, 64, &nr);
	assert_int_equal(nr, 4);
	row_is(&rows[0], 4, "ext4:io_read <- sys_pread <- do_syscall_64");
	callers_rows_free(rows, nr);
	callers_free(&callers);
}

static void without_stack(void **state)
{
	struct callers callers = { 0 };
	struct callers_row *rows = callers_rows(&callers, 1, &(size_t){ 0 });
	size_t nr;

	callers_rows_free(rows, 0);
	callers_add(&callers, NULL, 0);
	rows = callers_rows(&callers, 1, &nr);
	assert_int_equal(nr, 1);
	row_is(&rows[0], 1, "(unknown)");
	callers_rows_free(rows, nr);
	ADD(&callers, 2, { "", "" }, sys_read);
	rows = callers_rows(&callers, 2, &nr);
	row_is(&rows[0], 2, "(unknown) <- ksys_read");
	callers_rows_free(rows, nr);
	callers_free(&callers);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct),
		cmocka_unit_test(chains),
		cmocka_unit_test(without_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
