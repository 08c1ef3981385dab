// SPDX-License-Identifier: GPL-2.0-only
/* Calls that are reported at their returns become a tree of paths, with exact counts and times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_tree.h"
#include "cli.h"
#include "graph.h"
#include "output.h"
#include "unit.h"

static const struct call_function read_ = { "ksys_read", 0x1000 }, vfs = { "vfs_read", 0x2000 },
				  lock = { "lock", 0x3000 }, iter = { "shk:iter", 0x4000 };
static const struct graph_view all = { .depth = UINT32_MAX };

/* Ends the tree, and compares its folded lines with @expected. */
static void folded_is(struct call_tree *tree, const struct graph_view *view, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	call_tree_end(tree);
	graph_print_folded(file, tree, view);
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
}

/* Adds a read by the task @tid: ksys_read -> (lock, vfs_read -> iter -> lock). */
static void read_add(struct call_tree *tree, pid_t tid)
{
	call_tree_add(tree, tid, 1, &lock, 5);
	call_tree_add(tree, tid, 3, &lock, 7);
	call_tree_add(tree, tid, 2, &iter, 20);
	call_tree_add(tree, tid, 1, &vfs, 50);
	call_tree_add(tree, tid, 0, &read_, 100);
}

static void paths_are_apart(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	read_add(&tree, 10);
	folded_is(&tree, &all,
		  "ksys_read 45\n"
		  "ksys_read;vfs_read 30\n"
		  "ksys_read;vfs_read;shk:iter 13\n"
		  "ksys_read;vfs_read;shk:iter;lock 7\n"
		  "ksys_read;lock 5\n");
}

static bool is_never_asked(pid_t tid)
{
	fail_msg("the task %d is remembered", (int)tid);
	return false;
}

static void calls_add_up(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	for (int i = 0; i < 1000; i++)
		read_add(&tree, 10);
	call_tree_add(&tree, 10, 0, &vfs, 9);
	/* Outside its roots, a task takes no memory. */
	call_tree_forget(&tree, is_never_asked);
	call_tree_forget(&tree, is_never_asked);
	call_tree_end(&tree);
	assert_int_equal(tree.roots->calls, 1000);
	assert_int_equal(tree.roots->total, 100000);
	assert_ptr_equal(tree.roots->children->function, &vfs);
	assert_int_equal(tree.roots->children->calls, 1000);
	assert_int_equal(call_node_self(tree.roots->children), 30000);
	/* A function that is a root and a child has two nodes. */
	assert_ptr_equal(tree.roots->next->function, &vfs);
	assert_int_equal(tree.roots->next->total, 9);
	assert_null(tree.roots->next->next);
	assert_int_equal(tree.unfinished, 0);
}

/* Calls of two tasks come in any order, as on two CPUs, or when one task is preempted. */
static void tasks_are_apart(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };
	pid_t other = 10 + CALL_TASK_LISTS;

	call_tree_add(&tree, 10, 1, &lock, 5);
	call_tree_add(&tree, other, 1, &vfs, 30);
	call_tree_add(&tree, 11, 1, &iter, 3);
	call_tree_add(&tree, 10, 0, &read_, 100);
	call_tree_add(&tree, 11, 0, &vfs, 8);
	call_tree_add(&tree, other, 0, &read_, 200);
	folded_is(&tree, &all,
		  "ksys_read 265\n"
		  "ksys_read;vfs_read 30\n"
		  "ksys_read;lock 5\n"
		  "vfs_read 5\n"
		  "vfs_read;shk:iter 3\n");
}

static void recursion_is_a_path(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	call_tree_add(&tree, 1, 3, &vfs, 10);
	call_tree_add(&tree, 1, 2, &vfs, 30);
	call_tree_add(&tree, 1, 1, &lock, 40);
	call_tree_add(&tree, 1, 0, &vfs, 100);
	folded_is(&tree, &all,
		  "vfs_read 60\n"
		  "vfs_read;lock 10\n"
		  "vfs_read;lock;vfs_read 20\n"
		  "vfs_read;lock;vfs_read;vfs_read 10\n");
}

/* The event of vfs_read was lost. What is below it stays in the tree. */
static void lost_calls_have_a_node(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	call_tree_add(&tree, 1, 1, &lock, 5);
	call_tree_add(&tree, 1, 3, &lock, 7);
	call_tree_add(&tree, 1, 2, &iter, 20);
	call_tree_add(&tree, 1, 0, &read_, 100);
	folded_is(&tree, &all,
		  "ksys_read 75\n"
		  "ksys_read;[lost];shk:iter 13\n"
		  "ksys_read;[lost];shk:iter;lock 7\n"
		  "ksys_read;lock 5\n");
	assert_int_equal(tree.roots->children->calls, 0);
}

/* The event of a root was lost, and the next root takes over more time than it has. */
static void self_is_never_negative(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	call_tree_add(&tree, 1, 1, &vfs, 90);
	call_tree_add(&tree, 1, 1, &vfs, 90);
	call_tree_add(&tree, 1, 0, &read_, 100);
	folded_is(&tree, &all, "ksys_read;vfs_read 180\n");
	assert_int_equal(call_node_self(tree.roots), 0);
}

static void unfinished_calls_are_left_out(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	call_tree_add(&tree, 2, 2, &lock, 5);
	call_tree_add(&tree, 2, 1, &vfs, 6);
	call_tree_add(&tree, 2, 1, &vfs, 6);
	read_add(&tree, 10);
	call_tree_end(&tree);
	assert_int_equal(tree.unfinished, 3);
	assert_int_equal(tree.roots->calls, 1);
	assert_int_equal(tree.roots->total, 100);
}

static bool is_two(pid_t tid)
{
	return tid == 2;
}

/* A task that has ended in a root is forgotten, so that a later task with its id is another one. */
static void ended_tasks_are_forgotten(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	call_tree_add(&tree, 2, 1, &vfs, 6);
	call_tree_add(&tree, 3, 1, &lock, 6);
	/* The first time, all have reported something. */
	call_tree_forget(&tree, is_two);
	assert_int_equal(tree.unfinished, 0);
	call_tree_forget(&tree, is_two);
	assert_int_equal(tree.unfinished, 1);
	call_tree_add(&tree, 2, 0, &read_, 100);
	call_tree_add(&tree, 3, 0, &read_, 100);
	folded_is(&tree, &all,
		  "ksys_read 194\n"
		  "ksys_read;lock 6\n");
}

/* What a view hides is in the time of the printed function above it. */
static void views_keep_the_sum(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	read_add(&tree, 10);
	folded_is(&tree, &(struct graph_view){ .depth = 1 },
		  "ksys_read 45\n"
		  "ksys_read;vfs_read 50\n"
		  "ksys_read;lock 5\n");
	folded_is(&tree, &(struct graph_view){ .depth = UINT32_MAX, .percent = 20 },
		  "ksys_read 50\n"
		  "ksys_read;vfs_read 30\n"
		  "ksys_read;vfs_read;shk:iter 20\n");
}

static void table_is_indented(void **state)
{
	static const char looks[] = "CALLS  TOTAL  SELF      %  FUNCTION\n"
				    "    1    100    45  100.0  ksys_read\n"
				    "    1     50    30   50.0    vfs_read\n"
				    "    1     20    13   20.0      shk:iter\n"
				    "    1      5     5    5.0    lock\n";
	struct call_tree tree __cleanup(call_tree_free) = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	read_add(&tree, 10);
	call_tree_end(&tree);
	graph_print_table(file, &tree, &(struct graph_view){ .depth = 2 });
	fclose(file);
	assert_string_equal(text, looks);
	free(text);
}

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(object, name, &value));
	return value;
}

static void json_is_nested(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };
	struct json_object *array, *root, *child;

	read_add(&tree, 10);
	call_tree_end(&tree);
	array = graph_json(&tree, &(struct graph_view){ .depth = 1 });
	assert_int_equal(json_object_array_length(array), 1);
	root = json_object_array_get_idx(array, 0);
	assert_string_equal(json_object_get_string(member(root, "address")), "0x1000");
	assert_int_equal(json_object_get_int64(member(root, "calls")), 1);
	assert_int_equal(json_object_array_length(member(root, "children")), 2);
	child = json_object_array_get_idx(member(root, "children"), 0);
	assert_string_equal(json_object_get_string(member(child, "function")), "vfs_read");
	assert_int_equal(json_object_get_int64(member(child, "total_ns")), 50);
	assert_int_equal(json_object_get_int64(member(child, "self_ns")), 30);
	assert_int_equal(json_object_array_length(member(child, "children")), 0);
	json_object_put(array);
}

static void nothing_was_called(void **state)
{
	struct call_tree tree __cleanup(call_tree_free) = { 0 };

	folded_is(&tree, &all, "");
	assert_null(tree.roots);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_apart),
		cmocka_unit_test(calls_add_up),
		cmocka_unit_test(tasks_are_apart),
		cmocka_unit_test(recursion_is_a_path),
		cmocka_unit_test(lost_calls_have_a_node),
		cmocka_unit_test(self_is_never_negative),
		cmocka_unit_test(unfinished_calls_are_left_out),
		cmocka_unit_test(ended_tasks_are_forgotten),
		cmocka_unit_test(views_keep_the_sum),
		cmocka_unit_test(table_is_indented),
		cmocka_unit_test(json_is_nested),
		cmocka_unit_test(nothing_was_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
