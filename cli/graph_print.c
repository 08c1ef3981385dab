// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "graph.h"
#include "output.h"

/* Columns by which a level of the tree is indented. */
#define INDENT 2

/* The state that the functions which print a node share. */
struct graph_print {
	const struct graph_view *view;
	uint64_t total; /* of all roots, in ns */
	FILE *file;
	struct table table;
};

static double percent_of(const struct graph_print *print, uint64_t ns)
{
	return print->total ? 100 * (double)ns / (double)print->total : 0;
}

static bool is_shown(const struct graph_print *print, const struct call_node *node,
		     unsigned int depth)
{
	return depth <= print->view->depth &&
	       percent_of(print, node->total) >= print->view->percent;
}

static void rows_add(struct graph_print *print, const struct call_node *nodes, unsigned int depth)
{
	for (const struct call_node *node = nodes; node; node = node->next) {
		if (!is_shown(print, node, depth))
			continue;
		table_add(&print->table, "%" PRIu64, node->calls);
		table_add(&print->table, "%" PRIu64, node->total);
		table_add(&print->table, "%" PRIu64, call_node_self(node));
		table_add(&print->table, "%.1f", percent_of(print, node->total));
		table_add(&print->table, "%*s%s", (int)depth * INDENT, "", node->function->name);
		rows_add(print, node->children, depth + 1);
	}
}

void graph_print_table(FILE *file, const struct call_tree *tree, const struct graph_view *view)
{
	static const char *const headings[] = { "CALLS", "TOTAL", "SELF", "%", "FUNCTION" };
	struct graph_print print = { .view = view, .total = call_nodes_total(tree->roots) };

	table_init(&print.table, "rrrrl");
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		table_add(&print.table, "%s", headings[i]);
	rows_add(&print, tree->roots, 0);
	table_print(&print.table, file);
	table_free(&print.table);
}

/* Returns the time of the children that are printed. */
static uint64_t shown_total(const struct graph_print *print, const struct call_node *node,
			    unsigned int depth)
{
	uint64_t total = 0;

	for (const struct call_node *child = node->children; child; child = child->next)
		if (is_shown(print, child, depth + 1))
			total += child->total;
	return total;
}

/* Prints the lines of the nodes, whose paths begin with @path. */
static void stacks_print(struct graph_print *print, const struct call_node *nodes, const char *path,
			 unsigned int depth)
{
	for (const struct call_node *node = nodes; node; node = node->next) {
		char *own __cleanup(text_free) = NULL;
		uint64_t below;

		if (!is_shown(print, node, depth))
			continue;
		if (asprintf(&own, "%s%s%s", path, depth ? ";" : "", node->function->name) < 0) {
			report("out of memory");
			exit(STATUS_REFUSED);
		}
		below = shown_total(print, node, depth);
		if (node->total > below)
			fprintf(print->file, "%s %" PRIu64 "\n", own, node->total - below);
		stacks_print(print, node->children, own, depth + 1);
	}
}

void graph_print_folded(FILE *file, const struct call_tree *tree, const struct graph_view *view)
{
	struct graph_print print = { .view = view,
				     .total = call_nodes_total(tree->roots),
				     .file = file };

	stacks_print(&print, tree->roots, "", 0);
}

static struct json_object *nodes_json(const struct graph_print *print,
				      const struct call_node *nodes, unsigned int depth)
{
	struct json_object *array = json_object_new_array();

	for (const struct call_node *node = nodes; node; node = node->next) {
		struct json_object *object;

		if (!is_shown(print, node, depth))
			continue;
		object = json_object_new_object();
		json_object_object_add(object, "function", json_text(node->function->name));
		json_object_object_add(object, "address", address_json(node->function->addr));
		json_object_object_add(object, "calls", json_object_new_uint64(node->calls));
		json_object_object_add(object, "total_ns", json_object_new_uint64(node->total));
		json_object_object_add(object, "self_ns",
				       json_object_new_uint64(call_node_self(node)));
		json_object_object_add(object, "children",
				       nodes_json(print, node->children, depth + 1));
		json_object_array_add(array, object);
	}
	return array;
}

struct json_object *graph_json(const struct call_tree *tree, const struct graph_view *view)
{
	struct graph_print print = { .view = view, .total = call_nodes_total(tree->roots) };

	return nodes_json(&print, tree->roots, 0);
}
