/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_CALL_TREE_H
#define SHADOWCTL_CALL_TREE_H

/*
 * call_tree.c: adds up calls by the path of functions that leads to them.
 *
 * A call is reported when it returns. Its depth is the number of reported calls around it in its
 * task: 0 for a root. So a task reports the calls below a call before the call itself, and the call
 * takes over what the task has reported one level deeper since. No times are compared.
 *
 *	struct call_tree tree __cleanup(call_tree_free) = { 0 };
 *
 *	call_tree_add(&tree, tid, depth, function, duration);	for each call, in its task's order
 *	...
 *	call_tree_end(&tree);
 *	for (node = tree.roots; node; node = node->next)
 *		...print it
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A function, of which the caller keeps one for each. */
struct call_function {
	const char *name;
	uint64_t addr; /* 0 if the kernel hides its addresses */
};

/* The function of nodes whose own calls were lost, while calls below them were reported. */
extern const struct call_function call_function_lost;

/* All calls of a function on one path. */
struct call_node {
	const struct call_function *function;
	uint64_t calls;		    /* 0 for call_function_lost */
	uint64_t total;		    /* ns, with the time of the calls below */
	struct call_node *children; /* the longest first, after call_tree_end() */
	struct call_node *next;	    /* sibling */
};

/* Number of lists of tasks, a power of 2. */
#define CALL_TASK_LISTS 256

struct call_task;

struct call_tree {
	struct call_node *roots; /* functions of depth 0, the longest first after call_tree_end() */
	uint64_t unfinished;	 /* calls whose root has not returned; they are not in the tree */
	struct call_task *tasks[CALL_TASK_LISTS]; /* tasks that are in a root */
};

/* Adds a call. Calls of one task come in the order of their returns. Exits without memory. */
void call_tree_add(struct call_tree *tree, pid_t tid, unsigned int depth,
		   const struct call_function *function, uint64_t duration);
/*
 * Forgets tasks that have reported nothing since the last call of this function, and that are gone:
 * they have ended in a root.
 */
void call_tree_forget(struct call_tree *tree, bool (*is_gone)(pid_t tid));
/* Forgets all tasks, and sorts the tree. No call is added afterwards. */
void call_tree_end(struct call_tree *tree);
/* Returns the time of the nodes in this list together, in ns. */
uint64_t call_nodes_total(const struct call_node *nodes);
/* Returns the time of a node without the calls below, in ns. */
uint64_t call_node_self(const struct call_node *node);
/* For __cleanup(). */
void call_tree_free(struct call_tree *tree);

#endif /* SHADOWCTL_CALL_TREE_H */
