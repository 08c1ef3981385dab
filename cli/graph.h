/* SPDX-License-Identifier: GPL-2.0-only */
/* The output of the verb graph. */
#ifndef SHADOWCTL_GRAPH_H
#define SHADOWCTL_GRAPH_H

#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "call_tree.h"

/* The nodes of a tree that are printed. */
struct graph_view {
	unsigned int depth; /* those so many levels below a root, and those above */
	double percent;	    /* those with this share of the time of all roots */
};

/* Prints a table, in which functions are indented by their depth. */
void graph_print_table(FILE *file, const struct call_tree *tree, const struct graph_view *view);
/*
 * Prints a line for each path of functions, from the root on, with the time that none of the
 * printed functions below the last one has. So the sum of all lines is the time of the roots.
 */
void graph_print_folded(FILE *file, const struct call_tree *tree, const struct graph_view *view);
/* Returns an array with an object for each root, which has those of the functions below. */
struct json_object *graph_json(const struct call_tree *tree, const struct graph_view *view);

#endif /* SHADOWCTL_GRAPH_H */
