// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "filter.h"

/* An operator that begins another one follows it. */
static const struct {
	const char *text;
	uint8_t op;
} operators[] = {
	{ "==", SHADOWK_OP_EQ }, { "!=", SHADOWK_OP_NE }, { "<=", SHADOWK_OP_LE },
	{ ">=", SHADOWK_OP_GE }, { "<", SHADOWK_OP_LT },  { ">", SHADOWK_OP_GT },
	{ "&", SHADOWK_OP_AND },
};

/* The rest of a text that is being read, and the buffer for an error. */
struct reader {
	const char *rest;
	char *error;
	size_t len;
};

/* Writes the error. Returns false. */
static bool __printf(2, 3) wrong(const struct reader *reader, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(reader->error, reader->len, format, list);
	va_end(list);
	return false;
}

/* Writes that something is missing, and where. Returns false. */
static bool missing(const struct reader *reader, const char *what)
{
	if (*reader->rest)
		return wrong(reader, "%s is missing at '%s'", what, reader->rest);
	return wrong(reader, "%s is missing at the end", what);
}

/* Skips @text, and blanks before it. Returns false if something else follows. */
static bool skip(struct reader *reader, const char *text)
{
	reader->rest += strspn(reader->rest, " \t");
	if (strncmp(reader->rest, text, strlen(text)))
		return false;
	reader->rest += strlen(text);
	return true;
}

/* Reads letters, digits and '_', after a '-' if @minus. Returns false if there are none. */
static bool word_read(struct reader *reader, char *word, size_t len, bool minus)
{
	const char *begin;
	size_t n;

	skip(reader, "");
	begin = reader->rest;
	n = minus && *begin == '-';
	while (isalnum((unsigned char)begin[n]) || begin[n] == '_')
		n++;
	if (!n || n >= len)
		return false;
	memcpy(word, begin, n);
	word[n] = 0;
	reader->rest += n;
	return true;
}

static bool operator_read(struct reader *reader, uint8_t *op)
{
	skip(reader, "");
	if (!strncmp(reader->rest, "&&", 2))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (!skip(reader, operators[i].text))
			continue;
		*op = operators[i].op;
		return true;
	}
	return false;
}

/* Reads comparisons that && joins: of arguments, or of the return value. */
static bool comparisons_read(struct reader *reader, struct filter *filter, bool of_arguments)
{
	do {
		struct comparison *comparison = &filter->comparison[filter->nr];

		if (filter->nr == SHADOWK_CONDITIONS_MAX)
			return wrong(reader, "a filter can have at most %d comparisons",
				     SHADOWK_CONDITIONS_MAX);
		if (of_arguments &&
		    !word_read(reader, comparison->argument, sizeof(comparison->argument), false))
			return missing(reader, "the name of an argument");
		if (!operator_read(reader, &comparison->op))
			return missing(reader, "one of == != < <= > >= &");
		if (!word_read(reader, comparison->value, sizeof(comparison->value), true))
			return missing(reader, "a value");
		filter->nr++;
	} while (skip(reader, "&&"));
	return true;
}

bool filter_parse(struct filter *filter, const char *text, char *error, size_t len)
{
	struct reader reader = { text + strcspn(text, "("), error, len };
	size_t pattern = reader.rest - text;

	*filter = (struct filter){ 0 };
	while (pattern && strchr(" \t", text[pattern - 1]))
		pattern--;
	filter->pattern = need_memory(strndup(text, pattern));
	if (!pattern)
		return wrong(&reader, "the name of a function is missing");
	if (filter->pattern[strcspn(filter->pattern, "<>=& \t")])
		return wrong(&reader, "put () between the function and a comparison");
	if (!skip(&reader, "("))
		return true;
	if (!skip(&reader, ")")) {
		if (!comparisons_read(&reader, filter, true))
			return false;
		if (!skip(&reader, ")"))
			return missing(&reader, "a ')' or &&");
	}
	skip(&reader, "");
	if (*reader.rest && !comparisons_read(&reader, filter, false))
		return false;
	skip(&reader, "");
	return !*reader.rest || missing(&reader, "&&");
}

void filter_free(struct filter *filter)
{
	free(filter->pattern);
}

bool filter_is_glob(const struct filter *filter)
{
	return strpbrk(filter->pattern, "*?[");
}

/* Returns the index of the argument @name, which can be "arg1" to "arg6", or -1. */
static int argument_find(const struct prototype *prototype, const char *name)
{
	for (unsigned int i = 0; i < prototype->nr; i++)
		if (!strcmp(prototype->argument[i].name, name))
			return (int)i;
	if (!strncmp(name, "arg", 3) && name[3] >= '1' && name[3] < '1' + (int)prototype->nr &&
	    !name[4])
		return name[3] - '1';
	return -1;
}

/* Writes that the function @name lacks an argument, and which it has. Returns false. */
static bool argument_missing(const struct reader *reader, const struct prototype *prototype,
			     const char *name, const char *argument)
{
	char list[512] = "";

	if (!prototype->known)
		return wrong(reader,
			     "the kernel has no types of '%s'; call its arguments arg1 to arg6, "
			     "not '%s'",
			     name, argument);
	for (unsigned int i = 0; i < prototype->nr; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 prototype->argument[i].name);
	return wrong(reader, "'%s' has no argument '%s'; it has %s%s", name, argument,
		     prototype->nr ? list : "none",
		     prototype->has_more ? ", and others that are not in one register each" : "");
}

/* A value as the user wrote it. */
struct written {
	uint64_t value;
	bool negative;
	bool is_bits; /* a hexadecimal or octal number, or the operand of & */
};

/* Reads the value of a comparison: a number, a name of an errno or of @type, a truth value. */
static bool value_parse(const struct comparison *comparison, const struct type *type,
			struct written *written)
{
	const char *text = comparison->value;

	*written = (struct written){ .negative = text[0] == '-' };
	written->is_bits = text[0] == '0' || comparison->op == SHADOWK_OP_AND;
	if (!strcmp(text, "false") || !strcmp(text, "NULL"))
		return true;
	if (!strcmp(text, "true")) {
		written->value = 1;
		return true;
	}
	if (enumerator_find(type, text, &written->value)) {
		written->negative = type->is_signed && (int64_t)written->value < 0;
		return true;
	}
	return value_read(text, &written->value);
}

/* True if a value of @type can be @written. Bits can be all of its bytes. */
static bool value_fits(const struct written *written, const struct type *type)
{
	uint64_t bits = type->bytes < 8 ? (1ULL << 8 * type->bytes) - 1 : UINT64_MAX;

	if (written->negative)
		return -written->value <= bits / 2 + 1;
	if (type->class == TYPE_BOOL)
		return written->value <= 1;
	return written->value <= (type->is_signed && !written->is_bits ? bits / 2 : bits);
}

/*
 * Returns the type to compare a value of an unknown type as. An errno is an int or a long: its
 * lower 4 bytes are the same.
 */
static struct type unknown_type(const struct comparison *comparison, const struct written *written)
{
	bool ordered = comparison->op == SHADOWK_OP_LT || comparison->op == SHADOWK_OP_GE;

	if (written->negative || (ordered && !written->value))
		return (struct type){ .class = TYPE_NUMBER, .bytes = 4, .is_signed = true };
	return (struct type){ .class = TYPE_NUMBER, .bytes = 8 };
}

/*
 * True if an unsigned value is compared with a negative one, or with 0 as if it could be negative.
 * Errnos are the highest pointers, so an order of pointers and errnos has a meaning.
 */
static bool is_never_negative(const struct comparison *comparison, const struct type *type,
			      const struct written *written)
{
	if (type->is_signed || comparison->op < SHADOWK_OP_LT || comparison->op > SHADOWK_OP_GE)
		return false;
	if (written->negative)
		return type->class != TYPE_POINTER;
	return !written->value &&
	       (comparison->op == SHADOWK_OP_LT || comparison->op == SHADOWK_OP_GE);
}

/* Makes a condition of a comparison with a value of @type, which messages call @what. */
static bool condition_set(struct shadowk_condition *condition, const struct reader *reader,
			  const struct comparison *comparison, const struct type *type,
			  const char *what)
{
	bool is_pointer = type->class == TYPE_POINTER;
	struct written written;
	struct type raw;

	if (!value_parse(comparison, type, &written))
		return wrong(reader,
			     "'%s' is not a value for %s; give a number, -ERRNO, true or false%s",
			     comparison->value, what,
			     type->class == TYPE_ENUM ? ", or a name of its enum" : "");
	if (type->class == TYPE_UNKNOWN) {
		raw = unknown_type(comparison, &written);
		type = &raw;
	}
	if (!value_fits(&written, type))
		return wrong(reader, "%s is out of range for %s, which has %u byte%s",
			     comparison->value, what, type->bytes, type->bytes == 1 ? "" : "s");
	if (is_never_negative(comparison, type, &written))
		return wrong(reader, "%s is %s, which is never negative%s", what,
			     is_pointer ? "a pointer" : "unsigned",
			     is_pointer ? "; errors are >= -4095" : "");
	condition->op = comparison->op;
	condition->bytes = type->bytes;
	condition->is_signed = type->is_signed;
	condition->value = value_extend(written.value, type->bytes, type->is_signed);
	return true;
}

static bool comparison_resolve(const struct comparison *comparison,
			       const struct prototype *prototype, const char *name,
			       struct shadowk_condition *condition, const struct reader *reader)
{
	const struct type *type = &prototype->result;
	int index = comparison->argument[0] ? argument_find(prototype, comparison->argument) : -1;
	char what[256];

	*condition = (struct shadowk_condition){ .of = SHADOWK_OF_RETURN };
	if (index >= 0) {
		condition->of = SHADOWK_OF_ARG1 + index;
		type = &prototype->argument[index].type;
		snprintf(what, sizeof(what), "'%s' of '%s'", comparison->argument, name);
	} else if (comparison->argument[0]) {
		return argument_missing(reader, prototype, name, comparison->argument);
	} else if (!type->bytes) {
		return wrong(reader, "'%s' returns %s, which cannot be compared", name,
			     type->class == TYPE_VOID ? "nothing" : "a struct");
	} else {
		snprintf(what, sizeof(what), "the return value of '%s'", name);
	}
	return condition_set(condition, reader, comparison, type, what);
}

bool filter_resolve(const struct filter *filter, const struct prototype *prototype,
		    const char *name, struct shadowk_condition *conditions, char *error, size_t len)
{
	const struct reader reader = { "", error, len };

	for (unsigned int i = 0; i < filter->nr; i++)
		if (!comparison_resolve(&filter->comparison[i], prototype, name, &conditions[i],
					&reader))
			return false;
	return true;
}
