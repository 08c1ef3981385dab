// SPDX-License-Identifier: GPL-2.0-only
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"
#include "output.h"
#include "top.h"

/* Time in ms after which a single Escape is not the begin of another key. */
#define ESCAPE_MS 100

/* Lines above the rows: the title, the filter or the names of views, and the headings. */
#define LINES_ABOVE 3

/*
 * Messages are printed to standard error. On the screen they would be lost, so they go to a file in
 * memory.
 */
static struct {
	bool begun;
	int real;     /* standard error, or -1 */
	int messages; /* the file, or -1 */
	off_t shown;  /* bytes of it that were on the screen until a key was typed */
} screen;

static void messages_begin(void)
{
	fflush(stderr);
	screen.real = dup(STDERR_FILENO);
	screen.messages = memfd_create("messages", MFD_CLOEXEC);
	if (screen.real >= 0 && screen.messages >= 0)
		dup2(screen.messages, STDERR_FILENO);
}

/* Restores standard error, and prints all messages there. */
static void messages_end(void)
{
	char text[4096];
	ssize_t len;

	fflush(stderr);
	if (screen.real < 0 || screen.messages < 0)
		return;
	dup2(screen.real, STDERR_FILENO);
	lseek(screen.messages, 0, SEEK_SET);
	while ((len = read(screen.messages, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)len, stderr);
	close(screen.real);
	close(screen.messages);
}

void screen_begin(void)
{
	set_escdelay(ESCAPE_MS);
	initscr();
	screen.begun = true;
	atexit(screen_end);
	messages_begin();
	cbreak();
	noecho();
	keypad(stdscr, true);
	nodelay(stdscr, true);
	curs_set(0);
}

void screen_end(void)
{
	if (!screen.begun)
		return;
	screen.begun = false;
	endwin();
	messages_end();
}

void screen_messages_seen(void)
{
	off_t end = lseek(screen.messages, 0, SEEK_END);

	screen.shown = end > 0 ? end : 0;
}

/* Reads the last message that no key has answered yet. Returns false if there is none. */
static bool message_read(char *text, size_t len)
{
	ssize_t got = pread(screen.messages, text, len - 1, screen.shown);
	char *line;

	if (got <= 0)
		return false;
	text[got] = '\0';
	if (text[got - 1] == '\n')
		text[got - 1] = '\0';
	line = strrchr(text, '\n');
	if (line)
		memmove(text, line + 1, strlen(line));
	return true;
}

/* Draws hints from the last line upwards, as many lines as they need. Returns the lines left. */
static int help_draw(const char *const *hints, int lines, int columns)
{
	char text[16][256] = { "" };
	int nr = 1;

	for (; *hints; hints++) {
		size_t len = strlen(text[nr - 1]);

		if (len && len + 2 + strlen(*hints) > (size_t)columns && nr < 16)
			len = strlen(text[nr++]);
		snprintf(text[nr - 1] + len, sizeof(text[0]) - len, "%s%s", len ? "  " : "",
			 *hints);
	}
	for (int i = 0; i < nr; i++)
		mvprintw(lines - nr + i, 0, "%.*s", columns, text[i]);
	return lines - nr;
}

/* Draws the hints, and above them the message. Returns the lines left. */
static int bottom_draw(const struct top *top, int lines, int columns)
{
	char message[1024];

	lines = help_draw(keys_help(top), lines, columns);
	if (!message_read(message, sizeof(message)))
		return lines;
	/* A long message needs several lines. */
	lines -= (int)(strlen(message) / (size_t)columns) + 1;
	attron(A_BOLD);
	mvprintw(lines, 0, "%s", message);
	attroff(A_BOLD);
	return lines;
}

static void heading_draw(int line, int columns, const char *text)
{
	attron(A_REVERSE);
	mvprintw(line, 0, "%-*.*s", columns, columns, text);
	attroff(A_REVERSE);
}

/* Draws the cells with the latency of a place, which are as wide as their headings. */
static void latency_draw(const struct top *top, size_t place)
{
	const struct shadowk_probe_info *info = latency_of(top, place);
	char bound[BOUND_TEXT_LEN] = "", mean[BOUND_TEXT_LEN] = "";

	if (info) {
		histogram_bound_text(bound, sizeof(bound), info->histogram, 99);
		snprintf(mean, sizeof(mean), "%" PRIu64, latency_mean(info));
	}
	printw("  %10s  %12s", mean, bound);
}

static void row_draw(const struct top *top, size_t row, int line, int columns)
{
	size_t place = top->rows.order[row];

	if (row == top->rows.at)
		attron(A_REVERSE);
	mvprintw(line, 0, "%c%11.1f  %12" PRIu64, row == top->rows.at ? '>' : ' ',
		 top_rate(top, place), top_calls(&top->counters.last[place]));
	if (top->nr_measured)
		latency_draw(top, place);
	printw("  %.*s", columns > getcurx(stdscr) + 2 ? columns - getcurx(stdscr) - 2 : 0,
	       top_name(top, place));
	if (row == top->rows.at)
		attroff(A_REVERSE);
}

static void table_draw(struct top *top, int lines, int columns)
{
	static const char *const sorts[] = { "calls/s", "calls", "name", "module", "mean", "p99" };
	const struct top_rows *rows = &top->rows;
	char heading[128];
	int end;

	mvprintw(0, 0, "%zu of %zu probed functions were called. Sorted by %s.%s", rows->called,
		 top->counters.places.armed, sorts[rows->sort], top->paused ? " Paused." : "");
	if (top->typing || *rows->filter)
		mvprintw(1, 0, "Filter: %s%s  (%zu functions)", rows->filter,
			 top->typing ? "_" : "", rows->nr);
	snprintf(heading, sizeof(heading), "%12s  %12s%s  FUNCTION", "CALLS/S", "CALLS",
		 top->nr_measured ? "     MEAN NS        P99 NS" : "");
	heading_draw(LINES_ABOVE - 1, columns, heading);
	end = bottom_draw(top, lines, columns);
	rows_scroll(top, end > LINES_ABOVE ? (size_t)(end - LINES_ABOVE) : 0);
	for (int line = LINES_ABOVE; line < end; line++) {
		size_t row = rows->scroll + (size_t)(line - LINES_ABOVE);

		if (row < rows->nr)
			row_draw(top, row, line, columns);
	}
}

/* Draws the names of the views, the one that is shown in reverse. */
static void views_draw(const struct top *top)
{
	static const char *const names[] = { "", "Histogram", "Callers", "Disassembly" };

	move(1, 0);
	for (enum top_view view = VIEW_HISTOGRAM; view <= VIEW_TEXT; view++) {
		if (view == top->view)
			attron(A_REVERSE);
		printw("%c%s%c", view == top->view ? '[' : ' ', names[view],
		       view == top->view ? ']' : ' ');
		attroff(A_REVERSE);
		printw("  ");
	}
}

/* Draws the lines of @text that fit, after it has limited @scroll to those that there are. */
static void text_draw(char *text, size_t *scroll, int begin, int end, int columns)
{
	size_t height = end > begin ? (size_t)(end - begin) : 0, nr = 0, at = 0;

	for (const char *c = text; *c; c++)
		nr += *c == '\n';
	if (*scroll + height > nr)
		*scroll = nr > height ? nr - height : 0;
	for (char *next; *text; text = next, at++) {
		next = strchrnul(text, '\n');
		if (*next)
			*next++ = '\0';
		if (at >= *scroll && at < *scroll + height)
			mvprintw(begin + (int)(at - *scroll), 0, "%.*s", columns, text);
	}
}

static void function_draw(struct top *top, int lines, int columns)
{
	size_t place = top->function.place, len = 0;
	char *text __cleanup(text_free) = NULL;
	FILE *file = open_memstream(&text, &len);

	mvprintw(0, 0, "%.*s: %.1f calls/s, %" PRIu64 " calls.%s", columns > 40 ? columns - 40 : 1,
		 top_name(top, place), top_rate(top, place), top_calls(&top->counters.last[place]),
		 top->paused ? " Paused." : "");
	views_draw(top);
	lines = bottom_draw(top, lines, columns);
	if (!file)
		return;
	function_print(top, file);
	fclose(file);
	text_draw(text, &top->function.scroll, LINES_ABOVE, lines, columns);
}

void screen_draw(struct top *top)
{
	int lines = getmaxy(stdscr), columns = getmaxx(stdscr);

	rows_update(top);
	erase();
	if (top->view == VIEW_TABLE)
		table_draw(top, lines, columns);
	else
		function_draw(top, lines, columns);
	refresh();
}
