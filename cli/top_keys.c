// SPDX-License-Identifier: GPL-2.0-only
#include <curses.h>
#include <string.h>

#include "cli.h"
#include "top.h"

#define KEY_CTRL_L 12
#define KEY_ESCAPE 27

/* Rows that the keys for a page move by. */
static long page_rows(void)
{
	return getmaxy(stdscr) > 12 ? getmaxy(stdscr) - 8 : 4;
}

const char *const *keys_help(const struct top *top)
{
	static const char *const table[] = {
		"arrows: select",
		"Enter: open",
		"l: latency",
		"/: filter",
		"p: pause",
		"q: quit",
		"r, t, n, m, a, 9: sort by rate, total, name, module, mean, p99",
		NULL,
	};
	static const char *const typing[] = { "Enter: keep the filter", "Esc: no filter", NULL };
	static const char *const function[] = {
		"h: histogram",	  "c: callers", "d: disassembly", "l: latency",
		"arrows: scroll", "p: pause",	"q, Esc: back",	  NULL,
	};
	static const char *const callers[] = {
		"h: histogram",	  "c: callers", "d: disassembly", "+, -: more, fewer callers",
		"arrows: scroll", "p: pause",	"q, Esc: back",	  NULL,
	};

	if (top->view == VIEW_TABLE)
		return top->typing ? typing : table;
	return top->view == VIEW_CALLERS ? callers : function;
}

/* Adds a key to the filter. Enter ends it, Escape clears it. */
static void filter_key(struct top *top, int key)
{
	char *filter = top->rows.filter;
	size_t len = strlen(filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		top->typing = false;
	} else if (key == KEY_ESCAPE) {
		top->typing = false;
		*filter = 0;
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && len) {
		filter[len - 1] = 0;
	} else if (key > ' ' && key < 127 && len + 1 < sizeof(top->rows.filter)) {
		filter[len] = (char)key;
		filter[len + 1] = 0;
	}
}

/* Returns by how many rows a key moves, or 0 if it does not move. */
static long key_rows(int key)
{
	switch (key) {
	case KEY_DOWN:
		return 1;
	case KEY_UP:
		return -1;
	case KEY_NPAGE:
		return page_rows();
	case KEY_PPAGE:
		return -page_rows();
	case KEY_HOME:
	case 'g':
		return -INT16_MAX;
	case KEY_END:
	case 'G':
		return INT16_MAX;
	default:
		return 0;
	}
}

/* Begins or ends to measure the latency of a function. */
static void latency_toggle(struct top *top, size_t place)
{
	if (latency_of(top, place))
		latency_end(top, place);
	else
		latency_begin(top, place);
}

static void table_key(struct top *top, int key)
{
	static const char sorts[] = "rtnma9";
	const char *sort = key > 0 && key < 128 ? strchr(sorts, key) : NULL;
	size_t place = rows_selected(top);

	if (sort)
		top->rows.sort = (enum top_sort)(sort - sorts);
	else if (key_rows(key))
		rows_move(top, key_rows(key));
	else if (key == '/')
		top->typing = true;
	else if (key == KEY_ESCAPE)
		*top->rows.filter = 0;
	else if (place == NO_PLACE)
		return;
	else if (key == 'l')
		latency_toggle(top, place);
	else if (key == '\n' || key == '\r' || key == KEY_ENTER)
		function_open(top, place);
	/* Now the first row is selected, whichever function that is. */
	if (key == KEY_HOME || key == 'g')
		top->rows.selected = NO_PLACE;
}

static void function_scroll(struct top *top, long by)
{
	long scroll = (long)top->function.scroll + by;

	top->function.scroll = scroll > 0 ? (size_t)scroll : 0;
}

/* Lets rows of callers show more or fewer of them. */
static void depth_change(struct top *top, int by)
{
	size_t *depth = &top->function.depth;

	if (top->view == VIEW_CALLERS && *depth + by >= 1 && *depth + by <= STACK_MAX)
		*depth += by;
}

static void function_key(struct top *top, int key)
{
	if (key_rows(key))
		function_scroll(top, key_rows(key));
	else if (key == 'h')
		function_show(top, VIEW_HISTOGRAM);
	else if (key == 'c')
		function_show(top, VIEW_CALLERS);
	else if (key == 'd')
		function_show(top, VIEW_TEXT);
	else if (key == 'l')
		latency_toggle(top, top->function.place);
	else if (key == '+' || key == '-')
		depth_change(top, key == '+' ? 1 : -1);
	else if (key == 'q' || key == KEY_ESCAPE)
		function_close(top);
}

/* Handles one key. Returns false if it ends the verb. */
static bool key_handle(struct top *top, int key)
{
	bool table = top->view == VIEW_TABLE;

	screen_messages_seen();
	if (table && top->typing)
		filter_key(top, key);
	else if (table && key == 'q')
		return false;
	else if (key == 'p')
		top->paused = !top->paused;
	else if (key == KEY_CTRL_L)
		clearok(stdscr, true);
	else if (table)
		table_key(top, key);
	else
		function_key(top, key);
	/* The next key is about the rows as this one has left them. */
	rows_update(top);
	return true;
}

bool keys_read(struct top *top, bool *changed)
{
	bool on = true;
	int key;

	while (on && (key = getch()) != ERR) {
		on = key_handle(top, key);
		*changed = true;
	}
	return on;
}
