// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prototypes come from BTF, of the kernel and of modules. A filter becomes conditions of the widths
 * and signs that its arguments have. Values are printed as what their types are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <json-c/json.h>

#include "calls.h"
#include "cli.h"
#include "filter.h"
#include "unit.h"

static char folder[] = "/tmp/trace_filter.XXXXXX";
static struct types *types;

/* Ids of the types that functions have. */
static struct {
	int int_, u32, u64, char_, bool_, ssize_t_, wide, real, void_ptr, char_ptr, small, large;
	int state, big_state;
} id;

struct parameter {
	const char *name;
	int type;
};

/* Adds a function with up to 8 parameters, which a name of NULL ends. */
static void function_add(struct btf *btf, const char *name, int result,
			 const struct parameter *parameters)
{
	int proto = btf__add_func_proto(btf, result);

	for (const struct parameter *p = parameters; p->name; p++)
		assert_return_code(btf__add_func_param(btf, p->name, p->type), 0);
	assert_true(btf__add_func(btf, name, BTF_FUNC_STATIC, proto) > 0);
}

static void types_add(struct btf *btf)
{
	id.int_ = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	id.u32 = btf__add_int(btf, "unsigned int", 4, 0);
	id.u64 = btf__add_int(btf, "unsigned long", 8, 0);
	id.char_ = btf__add_int(btf, "char", 1, BTF_INT_SIGNED | BTF_INT_CHAR);
	id.bool_ = btf__add_int(btf, "_Bool", 1, BTF_INT_BOOL);
	id.ssize_t_ =
		btf__add_typedef(btf, "ssize_t", btf__add_int(btf, "long", 8, BTF_INT_SIGNED));
	id.wide = btf__add_int(btf, "__int128", 16, BTF_INT_SIGNED);
	id.real = btf__add_float(btf, "double", 8);
	id.void_ptr = btf__add_ptr(btf, 0);
	id.char_ptr = btf__add_const(btf, btf__add_ptr(btf, btf__add_const(btf, id.char_)));
	id.small = btf__add_struct(btf, "small", 8);
	id.large = btf__add_struct(btf, "large", 24);
	id.state = btf__add_enum(btf, "state", 4);
	btf__add_enum_value(btf, "STATE_OFF", 0);
	btf__add_enum_value(btf, "STATE_ON", 3);
	btf__add_enum_value(btf, "STATE_BAD", -1);
	id.big_state = btf__add_enum64(btf, "big_state", 8, false);
	btf__add_enum64_value(btf, "BIG_STATE", 1ULL << 40);
}

static void btf_write(struct btf *btf, const char *name)
{
	char path[64];
	uint32_t len;
	const void *data = btf__raw_data(btf, &len);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

#define PARAMETERS(...) ((const struct parameter[]){ __VA_ARGS__, { 0 } })

static int make_btf(void **state)
{
	struct btf *btf = btf__new_empty(), *split;

	if (!mkdtemp(folder))
		return -1;
	types_add(btf);
	function_add(btf, "read_it", id.ssize_t_,
		     PARAMETERS({ "file", id.void_ptr }, { "buf", id.char_ptr },
				{ "count", id.u64 }, { "fd", id.int_ }, { "flags", id.u32 },
				{ "force", id.bool_ }, { "seventh", id.int_ }));
	function_add(btf, "set_state", id.state,
		     PARAMETERS({ "state", id.state }, { "big", id.big_state }, { "c", id.char_ }));
	function_add(btf, "find", id.void_ptr, PARAMETERS({ "", id.u64 }));
	function_add(btf, "stop", 0, PARAMETERS({ "by_value", id.small }, { "n", id.int_ }));
	function_add(btf, "ready", id.bool_, PARAMETERS({ "x", id.u64 }, { "wide", id.wide }));
	function_add(btf, "small", id.small, PARAMETERS({ "d", id.real }));
	function_add(btf, "large", id.large, PARAMETERS({ "n", id.int_ }));
	function_add(btf, "twice", id.int_, PARAMETERS({ "a", id.int_ }));
	function_add(btf, "twice", id.int_, PARAMETERS({ "b", id.void_ptr }));
	function_add(btf, "print", id.int_, PARAMETERS({ "format", id.char_ptr }, { "", 0 }));
	btf_write(btf, "vmlinux");
	split = btf__new_empty_split(btf);
	function_add(split, "of_module", id.int_, PARAMETERS({ "n", id.u32 }));
	btf_write(split, "victim");
	btf__free(split);
	btf__free(btf);
	types = types_open(folder);
	return 0;
}

static int remove_btf(void **state)
{
	char command[64];

	types_close(&types);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static struct prototype find(const char *module, const char *name)
{
	struct prototype prototype;

	prototype_find(&prototype, types, module, name);
	return prototype;
}

static void prototypes(void **state)
{
	struct prototype p = find("", "read_it");

	assert_true(p.known && p.has_more);
	assert_int_equal(p.nr, 6);
	assert_string_equal(p.argument[1].name, "buf");
	assert_int_equal(p.argument[1].type.class, TYPE_POINTER);
	assert_int_equal(p.argument[3].type.bytes, 4);
	assert_true(p.argument[3].type.is_signed);
	assert_int_equal(p.argument[5].type.class, TYPE_BOOL);
	assert_int_equal(p.result.bytes, 8);
	assert_true(p.result.is_signed);
	p = find("", "set_state");
	assert_true(p.known && !p.has_more);
	assert_true(p.argument[0].type.is_signed && !p.argument[1].type.is_signed);
	assert_int_equal(p.argument[1].type.bytes, 8);
	p = find("", "find");
	assert_string_equal(p.argument[0].name, "arg1");
	p = find("", "stop");
	assert_true(p.known && p.has_more && !p.nr);
	assert_int_equal(p.result.class, TYPE_VOID);
	p = find("", "ready");
	assert_true(p.has_more && p.nr == 1);
	p = find("", "small");
	assert_true(p.known && !p.nr);
	assert_int_equal(p.result.class, TYPE_OTHER);
	p = find("", "print");
	assert_true(p.has_more && p.nr == 1);
	p = find("victim", "of_module");
	assert_true(p.known);
	assert_string_equal(p.argument[0].name, "n");
}

/* Functions of which BTF says nothing, or nothing certain, have six registers. */
static void unknown_prototypes(void **state)
{
	static const char *const names[][2] = {
		{ "", "none" },
		{ "", "twice" },
		{ "", "large" },
		{ "", "read_it.isra.0" },
		{ "", "of_module" },
		{ "victim", "read_it" },
		{ "no_module", "read_it" },
	};
	struct types *none = types_open("/nonexistent");
	struct prototype p;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		p = find(names[i][0], names[i][1]);
		assert_true(!p.known && p.nr == 6);
		assert_string_equal(p.argument[5].name, "arg6");
	}
	prototype_find(&p, none, "", "read_it");
	assert_false(p.known);
	prototype_find(&p, none, "victim", "of_module");
	assert_false(p.known);
	types_close(&none);
}

static void printed(const struct type *type, uint64_t value, bool is_result, const char *expected)
{
	char text[64];

	assert_string_equal(value_print(text, sizeof(text), type, value, is_result), expected);
}

static void values(void **state)
{
	struct prototype p = find("", "read_it"), s = find("", "set_state"), f = find("", "find");

	printed(&p.result, 4096, true, "4096");
	printed(&p.result, -EAGAIN, true, "-EAGAIN");
	printed(&p.result, -512, true, "-ERESTARTSYS");
	printed(&p.result, -4000, true, "-4000");
	printed(&p.argument[3].type, 0xdeadbeef00000007, false, "7");
	printed(&p.argument[3].type, 0xffffff9c, false, "-100");
	printed(&p.argument[3].type, 0xffffff9c, true, "-ENETDOWN");
	printed(&p.argument[4].type, -EAGAIN, true, "4294967285");
	printed(&p.argument[0].type, 0xffff888001234567, false, "0xffff888001234567");
	printed(&p.argument[0].type, 0, false, "0x0");
	printed(&p.argument[0].type, -ENOENT, false, "0xfffffffffffffffe");
	printed(&f.result, -ENOENT, true, "-ENOENT");
	printed(&p.argument[5].type, 0xffff00, false, "false");
	printed(&p.argument[5].type, 0xffff01, false, "true");
	printed(&p.argument[5].type, 2, false, "2");
	printed(&s.result, 3, true, "STATE_ON");
	printed(&s.result, 0xffffffff, true, "STATE_BAD");
	printed(&s.result, 4, true, "4");
	printed(&s.argument[1].type, 1ULL << 40, false, "BIG_STATE");
	printed(&s.argument[2].type, 0x1ff, false, "-1");
	f = find("", "none");
	printed(&f.result, -1, true, "0xffffffffffffffff");
}

/* Parses @text and makes conditions for @function. Returns the error, or NULL. */
static const char *resolve(const char *text, const char *function,
			   struct shadowk_condition *conditions)
{
	static char error[512];
	struct filter filter;
	struct prototype p = find("", function);
	bool done = filter_parse(&filter, text, error, sizeof(error)) &&
		    filter_resolve(&filter, &p, function, conditions, error, sizeof(error));

	filter_free(&filter);
	return done ? NULL : error;
}

static void is_condition(const char *text, const char *function, struct shadowk_condition expected)
{
	struct shadowk_condition got[SHADOWK_CONDITIONS_MAX];
	const char *error = resolve(text, function, got);

	if (error)
		fail_msg("'%s' was refused: %s", text, error);
	assert_int_equal(got[0].of, expected.of);
	assert_int_equal(got[0].op, expected.op);
	assert_int_equal(got[0].bytes, expected.bytes);
	assert_int_equal(got[0].is_signed, expected.is_signed);
	assert_int_equal(got[0].value, expected.value);
}

#define IS(text, function, of, op, ...) \
	is_condition(text, function,    \
		     (struct shadowk_condition){ SHADOWK_OF_##of, SHADOWK_OP_##op, __VA_ARGS__ })

static void conditions(void **state)
{
	IS("read_it(count > 4096)", "read_it", ARG3, GT, 8, 0, 0, 4096);
	IS("read_it (count>0x1000)", "read_it", ARG3, GT, 8, 0, 0, 4096);
	IS("read_it() == -EAGAIN", "read_it", RETURN, EQ, 8, 1, 0, -EAGAIN);
	IS("read_it() <0", "read_it", RETURN, LT, 8, 1, 0, 0);
	IS("read_it(fd == -100)", "read_it", ARG4, EQ, 4, 1, 0, -100);
	IS("read_it(fd != 0xffffff9c)", "read_it", ARG4, NE, 4, 1, 0, -100);
	IS("read_it(arg4 >= 3)", "read_it", ARG4, GE, 4, 1, 0, 3);
	IS("read_it(flags & 0x80000000)", "read_it", ARG5, AND, 4, 0, 0, 0x80000000);
	IS("read_it(flags==-1)", "read_it", ARG5, EQ, 4, 0, 0, 0xffffffff);
	IS("read_it(force == true)", "read_it", ARG6, EQ, 1, 0, 0, 1);
	IS("read_it(file != NULL)", "read_it", ARG1, NE, 8, 0, 0, 0);
	IS("set_state(state == STATE_ON)", "set_state", ARG1, EQ, 4, 1, 0, 3);
	IS("set_state(state < STATE_OFF)", "set_state", ARG1, LT, 4, 1, 0, 0);
	IS("set_state(big <= BIG_STATE)", "set_state", ARG2, LE, 8, 0, 0, 1ULL << 40);
	IS("set_state() == STATE_BAD", "set_state", RETURN, EQ, 4, 1, 0, -1);
	IS("find() == -ENOENT", "find", RETURN, EQ, 8, 0, 0, -ENOENT);
	IS("find() >= -4095", "find", RETURN, GE, 8, 0, 0, -4095);
	/* Without BTF, errnos are compared as int. */
	IS("none() == -ERESTARTSYS", "none", RETURN, EQ, 4, 1, 0, -512);
	IS("none() < 0", "none", RETURN, LT, 4, 1, 0, 0);
	IS("none(arg6 > 4096)", "none", ARG6, GT, 8, 0, 0, 4096);
}

static void several_conditions(void **state)
{
	struct shadowk_condition got[SHADOWK_CONDITIONS_MAX] = { 0 };

	assert_null(resolve("read_it(flags & 1&&count >= 2 && fd==3) != -EINTR", "read_it", got));
	assert_int_equal(got[0].of, SHADOWK_OF_ARG5);
	assert_int_equal(got[1].value, 2);
	assert_int_equal(got[2].of, SHADOWK_OF_ARG4);
	assert_int_equal(got[3].op, SHADOWK_OP_NE);
	assert_null(resolve("read_it() >= 0 && <= 9", "read_it", got));
	assert_int_equal(got[1].of, SHADOWK_OF_RETURN);
	assert_int_equal(got[1].value, 9);
}

static void wrong_filters(void **state)
{
	static const char *const texts[][3] = {
		{ "read_it(", "read_it", "name of an argument is missing" },
		{ "read_it(count", "read_it", "one of == != < <= > >= & is missing" },
		{ "read_it(count && fd)", "read_it",
		  "one of == != < <= > >= & is missing at '&& fd" },
		{ "read_it(count = 3)", "read_it", "one of == != < <= > >= & is missing at '= 3" },
		{ "read_it(count >)", "read_it", "a value is missing" },
		{ "read_it(count > 1", "read_it", "a ')' or && is missing" },
		{ "read_it(count > 1 fd)", "read_it", "a ')' or && is missing at 'fd)'" },
		{ "read_it() 3", "read_it", "one of == != < <= > >= & is missing at '3'" },
		{ "read_it() > 3 x", "read_it", "&& is missing at 'x'" },
		{ "read_it > 3", "read_it", "put () between" },
		{ "(count > 3)", "read_it", "the name of a function is missing" },
		{ "read_it(fd>1&&fd>1&&fd>1&&fd>1&&fd>1)", "read_it", "at most 4 comparisons" },
		{ "read_it(cnt > 1)", "read_it",
		  "'read_it' has no argument 'cnt'; it has file, buf, count, fd, flags, force, and "
		  "others that are not" },
		{ "read_it(arg7 > 1)", "read_it", "'read_it' has no argument 'arg7'" },
		{ "stop(n > 1)", "stop", "it has none, and others" },
		{ "none(count > 1)", "none", "call its arguments arg1 to arg6, not 'count'" },
		{ "read_it(fd == many)", "read_it", "'many' is not a value for 'fd' of 'read_it'" },
		{ "read_it(fd == -EMANY)", "read_it", "'-EMANY' is not a value" },
		{ "read_it(fd == 12x)", "read_it", "'12x' is not a value" },
		{ "set_state(state == STATE)", "set_state", "or a name of its enum" },
		{ "read_it(fd == 2147483648)", "read_it", "is out of range for 'fd'" },
		{ "read_it(fd == -2147483649)", "read_it", "which has 4 bytes" },
		{ "read_it(force == 2)", "read_it", "which has 1 byte" },
		{ "read_it(flags < 0)", "read_it", "unsigned, which is never negative" },
		{ "read_it(flags > -2)", "read_it", "unsigned, which is never negative" },
		{ "find() < 0", "find", "a pointer, which is never negative; errors are >= -4095" },
		{ "stop() == 1", "stop", "returns nothing, which cannot be compared" },
		{ "small() == 1", "small", "returns a struct" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct shadowk_condition got[SHADOWK_CONDITIONS_MAX];
		const char *error = resolve(texts[i][0], texts[i][1], got);

		if (!error || !strstr(error, texts[i][2]))
			fail_msg("'%s': '%s', expected '%s'", texts[i][0], error, texts[i][2]);
	}
}

static void is_line(const struct call *call, const char *name, const char *expected)
{
	struct prototype p = find("", name);
	char *line = NULL;
	size_t len;
	FILE *file = open_memstream(&line, &len);

	call_print(file, call, name, &p, 1000000000);
	fclose(file);
	assert_string_equal(line, expected);
	free(line);
}

static void lines(void **state)
{
	/* No symbol is before them. */
	uint64_t frames[] = { 0x20, 0x10 };
	struct call call = { .time = 59123456789,
			     .duration = 3249,
			     .result = 10,
			     .argument = { 0xffff1000, 0x7ffd, 4096, 3, 1, 1 },
			     .tid = 812,
			     .comm = "dd" };

	setenv("TZ", "UTC", 1);
	is_line(&call, "read_it",
		"00:01:00.123456 dd-812 read_it(file=0xffff1000, buf=0x7ffd, count=4096, fd=3, "
		"flags=1, force=true) = 10  3.2 us\n");
	is_line(&call, "none",
		"00:01:00.123456 dd-812 none(arg1=0xffff1000, arg2=0x7ffd, arg3=0x1000, arg4=0x3, "
		"arg5=0x1, arg6=0x1) ret=0xa  3.2 us\n");
	strcpy(call.comm, "a\nb");
	call.has_stack = true;
	call.frame = frames;
	call.nr_frames = ARRAY_SIZE(frames);
	is_line(&call, "stop",
		"00:01:00.123456 a?b-812 stop()  3.2 us\n"
		"        0x20\n        0x10\n");
}

static void objects(void **state)
{
	struct call call = { .time = 59, .duration = 3249, .result = -EAGAIN, .tid = 812 };
	struct prototype p = find("", "set_state");
	struct json_object *object = call_json(&call, "set_state", &p, 1);

	assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
			    "{\"time_ns\":60,\"comm\":\"\",\"tid\":812,\"function\":\"set_state\","
			    "\"arguments\":{\"state\":\"STATE_OFF\",\"big\":\"0\",\"c\":0},"
			    "\"return\":\"-EAGAIN\",\"duration_ns\":3249}");
	json_object_put(object);
	p = find("", "read_it");
	object = call_json(&call, "read_it", &p, 1);
	assert_int_equal(json_object_get_int64(json_object_object_get(object, "return")), -EAGAIN);
	json_object_put(object);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(prototypes),
		cmocka_unit_test(unknown_prototypes),
		cmocka_unit_test(values),
		cmocka_unit_test(conditions),
		cmocka_unit_test(several_conditions),
		cmocka_unit_test(wrong_filters),
		cmocka_unit_test(lines),
		cmocka_unit_test(objects),
	};

	return cmocka_run_group_tests(tests, make_btf, remove_btf);
}
