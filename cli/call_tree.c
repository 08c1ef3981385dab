// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "call_tree.h"
#include "cli.h"

/* A task that is in a root, and its calls that have returned below that. */
struct call_task {
	pid_t tid;
	bool is_idle; /* no call was added since call_tree_forget() */
	unsigned int nr;
	struct call_node **pending; /* a list for each depth; that of depth 0 is empty */
	struct call_task *next;
};

const struct call_function call_function_lost = { .name = "[lost]" };

/* Returns the node of the function in the list, which is added if it is not there. */
static struct call_node *node_find(struct call_node **list, const struct call_function *function)
{
	struct call_node *node = *list;

	while (node && node->function != function)
		node = node->next;
	if (node)
		return node;
	node = need_memory(calloc(1, sizeof(*node)));
	node->function = function;
	node->next = *list;
	*list = node;
	return node;
}

/* Moves the nodes of @from to @list, and adds those of one function up. */
static void nodes_merge(struct call_node **list, struct call_node *from)
{
	while (from) {
		struct call_node *next = from->next, *node = *list;

		while (node && node->function != from->function)
			node = node->next;
		if (node) {
			node->calls += from->calls;
			node->total += from->total;
			nodes_merge(&node->children, from->children);
			free(from);
		} else {
			from->next = *list;
			*list = from;
		}
		from = next;
	}
}

static void nodes_free(struct call_node *nodes)
{
	while (nodes) {
		struct call_node *next = nodes->next;

		nodes_free(nodes->children);
		free(nodes);
		nodes = next;
	}
}

/* Returns the number of calls in the list and below. */
static uint64_t nodes_calls(const struct call_node *nodes)
{
	uint64_t calls = 0;

	for (; nodes; nodes = nodes->next)
		calls += nodes->calls + nodes_calls(nodes->children);
	return calls;
}

uint64_t call_nodes_total(const struct call_node *nodes)
{
	uint64_t total = 0;

	for (; nodes; nodes = nodes->next)
		total += nodes->total;
	return total;
}

uint64_t call_node_self(const struct call_node *node)
{
	uint64_t below = call_nodes_total(node->children);

	/* After a loss, a node can have children of another call. */
	return below < node->total ? node->total - below : 0;
}

/* Returns the pointer to the task in its list, or the NULL at the end of the list. */
static struct call_task **task_find(struct call_tree *tree, pid_t tid)
{
	struct call_task **task = &tree->tasks[(unsigned int)tid % CALL_TASK_LISTS];

	while (*task && (*task)->tid != tid)
		task = &(*task)->next;
	return task;
}

/* Returns the task, with lists up to that of @depth. */
static struct call_task *task_get(struct call_tree *tree, pid_t tid, unsigned int depth)
{
	struct call_task **where = task_find(tree, tid), *task = *where;

	if (!task) {
		task = need_memory(calloc(1, sizeof(*task)));
		task->tid = tid;
		*where = task;
	}
	if (depth >= task->nr) {
		task->pending = need_memory(
			reallocarray(task->pending, depth + 1, sizeof(struct call_node *)));
		memset(task->pending + task->nr, 0,
		       (depth + 1 - task->nr) * sizeof(struct call_node *));
		task->nr = depth + 1;
	}
	return task;
}

/* Unlinks the task, and frees it with its calls. */
static void task_drop(struct call_tree *tree, struct call_task **where)
{
	struct call_task *task = *where;

	for (unsigned int depth = 0; depth < task->nr; depth++) {
		tree->unfinished += nodes_calls(task->pending[depth]);
		nodes_free(task->pending[depth]);
	}
	*where = task->next;
	free(task->pending);
	free(task);
}

/*
 * Returns the calls that the task has reported below a call of @depth, which that takes over. A
 * call between them was lost where they are more than one level deeper.
 */
static struct call_node *task_take(struct call_task *task, unsigned int depth)
{
	struct call_node *nodes = NULL;

	for (unsigned int i = task->nr; i-- > depth + 1;) {
		if (nodes) {
			struct call_node *lost = node_find(&task->pending[i], &call_function_lost);

			lost->total += call_nodes_total(nodes);
			nodes_merge(&lost->children, nodes);
		}
		nodes = task->pending[i];
		task->pending[i] = NULL;
	}
	return nodes;
}

void call_tree_add(struct call_tree *tree, pid_t tid, unsigned int depth,
		   const struct call_function *function, uint64_t duration)
{
	struct call_task *task = task_get(tree, tid, depth);
	struct call_node **list = depth ? &task->pending[depth] : &tree->roots;
	struct call_node *node = node_find(list, function);

	task->is_idle = false;
	node->calls++;
	node->total += duration;
	nodes_merge(&node->children, task_take(task, depth));
	if (!depth)
		task_drop(tree, task_find(tree, tid));
}

void call_tree_forget(struct call_tree *tree, bool (*is_gone)(pid_t tid))
{
	for (unsigned int i = 0; i < CALL_TASK_LISTS; i++) {
		struct call_task **task = &tree->tasks[i];

		while (*task) {
			if ((*task)->is_idle && is_gone((*task)->tid)) {
				task_drop(tree, task);
				continue;
			}
			(*task)->is_idle = true;
			task = &(*task)->next;
		}
	}
}

static int node_compare(const void *a, const void *b)
{
	const struct call_node *one = *(struct call_node *const *)a;
	const struct call_node *other = *(struct call_node *const *)b;

	if (one->total != other->total)
		return one->total < other->total ? 1 : -1;
	return strcmp(one->function->name, other->function->name);
}

/* Sorts the list, and those below. */
static void nodes_sort(struct call_node **list)
{
	struct call_node **array;
	size_t nr = 0, i = 0;

	for (struct call_node *node = *list; node; node = node->next) {
		nodes_sort(&node->children);
		nr++;
	}
	array = need_memory(calloc(nr + 1, sizeof(struct call_node *)));
	for (struct call_node *node = *list; node; node = node->next)
		array[i++] = node;
	qsort(array, nr, sizeof(struct call_node *), node_compare);
	/* The last element of the array is NULL. */
	for (i = 0; i < nr; i++)
		array[i]->next = array[i + 1];
	*list = array[0];
	free(array);
}

void call_tree_end(struct call_tree *tree)
{
	for (unsigned int i = 0; i < CALL_TASK_LISTS; i++)
		while (tree->tasks[i])
			task_drop(tree, &tree->tasks[i]);
	nodes_sort(&tree->roots);
}

void call_tree_free(struct call_tree *tree)
{
	for (unsigned int i = 0; i < CALL_TASK_LISTS; i++)
		while (tree->tasks[i])
			task_drop(tree, &tree->tasks[i]);
	nodes_free(tree->roots);
	tree->roots = NULL;
}
