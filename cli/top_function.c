// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "disassembly.h"
#include "function_text.h"
#include "output.h"
#include "top.h"

/* Prints an instruction to the file @context. */
static void insn_print(void *context, char mark, size_t offset, const char *insn)
{
	fprintf(context, "%c +0x%-5zx %s\n", mark, offset, insn);
}

/* Reads the text and disassembles it. Reports an error. Returns a status. */
static int function_disassemble(struct top *top)
{
	struct top_function *function = &top->function;
	const struct shadowk_probe_spec *spec = &top->counters.places.spec[function->place];
	struct function_text text __cleanup(function_text_free) = { 0 };
	struct shadowk_text place = { .size = sizeof(place), .addr = spec->addr };
	struct shadowk_subject subject = { .size = sizeof(subject), .text = &place };
	FILE *file __cleanup(file_close) = NULL;
	size_t len;
	int err;

	memcpy(place.symbol, spec->symbol, sizeof(place.symbol));
	if (disassembly_init())
		return STATUS_REFUSED;
	err = function_text_read(&text, top->target.session.shadow, spec->symbol, spec->addr);
	if (err)
		return refuse(SHADOWK_OP_TEXT_READ, err, &subject);
	free(function->text);
	function->text = NULL;
	file = open_memstream(&function->text, &len);
	if (!file) {
		report("out of memory");
		return STATUS_REFUSED;
	}
	function_text_lines(&text, insn_print, file);
	return STATUS_DONE;
}

void function_show(struct top *top, enum top_view view)
{
	top->view = view;
	top->function.scroll = 0;
	if (view != VIEW_CALLERS)
		function_callers_end(top);
	/* A view whose contents are refused says so. The message has the reason. */
	if (view == VIEW_HISTOGRAM)
		latency_begin(top, top->function.place);
	else if (view == VIEW_CALLERS)
		function_callers_begin(top);
	else
		function_disassemble(top);
}

void function_open(struct top *top, size_t place)
{
	top->function = (struct top_function){ .place = place, .depth = 1 };
	function_show(top, VIEW_HISTOGRAM);
}

void function_close(struct top *top)
{
	if (top->view == VIEW_TABLE)
		return;
	function_callers_end(top);
	callers_free(&top->function.callers);
	free(top->function.text);
	top->view = VIEW_TABLE;
}

static void latency_print(const struct top *top, FILE *file)
{
	const struct shadowk_probe_info *info = latency_of(top, top->function.place);
	static const unsigned int percents[] = { 50, 99, 100 };
	char bound[ARRAY_SIZE(percents)][BOUND_TEXT_LEN];

	if (!info) {
		fputs("The latency of this function is not measured.\n", file);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(percents); i++)
		histogram_bound_text(bound[i], sizeof(bound[i]), info->histogram, percents[i]);
	fprintf(file,
		"%" PRIu64 " measured calls, %" PRIu64 " missed, %" PRIu64 " in progress\n"
		"mean %" PRIu64 " ns, p50 %s, p99 %s, max %s\n\n",
		info->hits, info->missed, info->unreturned, latency_mean(info), bound[0], bound[1],
		bound[2]);
	histogram_print(file, info->histogram);
}

void function_print(const struct top *top, FILE *file)
{
	if (top->view == VIEW_HISTOGRAM)
		latency_print(top, file);
	else if (top->view == VIEW_CALLERS)
		function_callers_print(top, file);
	else
		fputs(top->function.text ? top->function.text : "The text could not be read.\n",
		      file);
}
