// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callers.h"
#include "cli.h"

/* Orders stacks so that those with the same first callers are neighbours. */
static int stack_compare(const struct caller_stack *stack, const struct caller *caller, size_t nr)
{
	for (size_t i = 0; i < stack->nr && i < nr; i++)
		if (stack->caller[i].name != caller[i].name)
			return stack->caller[i].name < caller[i].name ? -1 : 1;
	return stack->nr < nr ? -1 : stack->nr > nr;
}

/* Returns the index of the first stack that is not before this one. */
static size_t stack_find(const struct callers *callers, const struct caller *caller, size_t nr)
{
	size_t low = 0, high = callers->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (stack_compare(&callers->stack[middle], caller, nr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void stack_insert(struct callers *callers, size_t at, const struct caller *caller, size_t nr)
{
	struct caller_stack *stack =
		need_memory(reallocarray(callers->stack, callers->nr + 1, sizeof(*callers->stack)));

	callers->stack = stack;
	memmove(stack + at + 1, stack + at, (callers->nr - at) * sizeof(*stack));
	callers->nr++;
	stack[at] = (struct caller_stack){ .nr = nr };
	stack[at].caller = need_memory(calloc(nr + 1, sizeof(*caller)));
	if (nr)
		memcpy(stack[at].caller, caller, nr * sizeof(*caller));
}

void callers_add(struct callers *callers, const struct caller *caller, size_t nr)
{
	size_t at = stack_find(callers, caller, nr);

	if (at == callers->nr || stack_compare(&callers->stack[at], caller, nr))
		stack_insert(callers, at, caller, nr);
	callers->stack[at].calls++;
	callers->calls++;
}

static char *row_text(const struct caller_stack *stack, size_t depth)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = need_memory(open_memstream(&text, &len));

	if (!stack->nr)
		fputs("(unknown)", file);
	for (size_t i = 0; i < stack->nr && i < depth; i++)
		fprintf(file, "%s%s%s%s", i ? " <- " : "", stack->caller[i].module,
			stack->caller[i].module[0] ? ":" : "",
			stack->caller[i].name[0] ? stack->caller[i].name : "(unknown)");
	fclose(file);
	return need_memory(text);
}

static bool same_begin(const struct caller_stack *one, const struct caller_stack *other,
		       size_t depth)
{
	size_t nr = one->nr < depth ? one->nr : depth;
	size_t other_nr = other->nr < depth ? other->nr : depth;
	const struct caller_stack begin = { .nr = nr, .caller = one->caller };

	return !stack_compare(&begin, other->caller, other_nr);
}

static int row_compare(const void *a, const void *b)
{
	const struct callers_row *one = a, *other = b;

	if (one->calls != other->calls)
		return one->calls < other->calls ? 1 : -1;
	return strcmp(one->text, other->text);
}

struct callers_row *callers_rows(const struct callers *callers, size_t depth, size_t *nr)
{
	struct callers_row *rows = need_memory(calloc(callers->nr + 1, sizeof(*rows)));

	*nr = 0;
	for (size_t i = 0; i < callers->nr; i++) {
		const struct caller_stack *stack = &callers->stack[i];

		if (!i || !same_begin(stack - 1, stack, depth))
			rows[(*nr)++].text = row_text(stack, depth);
		rows[*nr - 1].calls += stack->calls;
	}
	qsort(rows, *nr, sizeof(*rows), row_compare);
	return rows;
}

void callers_rows_free(struct callers_row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(rows[i].text);
	free(rows);
}

void callers_free(struct callers *callers)
{
	for (size_t i = 0; i < callers->nr; i++)
		free(callers->stack[i].caller);
	free(callers->stack);
	*callers = (struct callers){ 0 };
}
