// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <json-c/json.h>

#include "btf.h"
#include "cli.h"

/* The name of a function in one BTF, and its type. */
struct entry {
	const char *name;
	uint32_t id;
};

/* The BTF of the kernel or of a module, with its functions sorted by name. */
struct object {
	char *module;	 /* "" for the kernel */
	struct btf *btf; /* NULL if it has none */
	struct entry *entry;
	size_t nr;
};

struct types {
	char *folder;
	struct object *object; /* the kernel, then modules */
	size_t nr;
};

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Collects the functions of object->btf whose ids are @first or more. */
static void object_index(struct object *object, uint32_t first)
{
	uint32_t end = btf__type_cnt(object->btf);

	for (uint32_t id = first; id < end; id++)
		object->nr += btf_is_func(btf__type_by_id(object->btf, id));
	object->entry = need_memory(calloc(object->nr + 1, sizeof(*object->entry)));
	object->nr = 0;
	for (uint32_t id = first; id < end; id++) {
		const struct btf_type *type = btf__type_by_id(object->btf, id);

		if (!btf_is_func(type))
			continue;
		object->entry[object->nr].name = btf__name_by_offset(object->btf, type->name_off);
		object->entry[object->nr++].id = id;
	}
	qsort(object->entry, object->nr, sizeof(*object->entry), by_name);
}

/* Reads the BTF of a module, which continues that of the kernel, or of the kernel itself. */
static const struct object *object_read(struct types *types, const char *module)
{
	struct btf *base = types->nr ? types->object[0].btf : NULL;
	char *path __cleanup(text_free) = NULL;
	struct object *object;

	types->object =
		need_memory(reallocarray(types->object, types->nr + 1, sizeof(*types->object)));
	object = &types->object[types->nr++];
	*object = (struct object){ .module = need_memory(strdup(module)) };
	if (asprintf(&path, "%s/%s", types->folder, module[0] ? module : "vmlinux") < 0)
		path = need_memory(NULL);
	if (module[0] && !base)
		return object;
	object->btf = base ? btf__parse_split(path, base) : btf__parse(path, NULL);
	if (object->btf)
		object_index(object, base ? btf__type_cnt(base) : 1);
	return object;
}

static const struct object *object_find(struct types *types, const char *module)
{
	for (size_t i = 0; i < types->nr; i++)
		if (!strcmp(types->object[i].module, module))
			return &types->object[i];
	return object_read(types, module);
}

struct types *types_open(const char *folder)
{
	struct types *types = need_memory(calloc(1, sizeof(*types)));

	/* Its messages are about files, which the user does not know of. */
	libbpf_set_print(NULL);
	types->folder = need_memory(strdup(folder));
	object_read(types, "");
	return types;
}

void types_close(struct types **types)
{
	/* The kernel's BTF is freed last: those of modules refer to it. */
	for (size_t i = *types ? (*types)->nr : 0; i--;) {
		free((*types)->object[i].module);
		free((*types)->object[i].entry);
		btf__free((*types)->object[i].btf);
	}
	if (*types) {
		free((*types)->object);
		free((*types)->folder);
	}
	free(*types);
	*types = NULL;
}

/* True if a value of the enum is negative. pahole before 1.24 does not say which are signed. */
static bool enum_is_signed(const struct btf_type *type)
{
	bool is_signed = btf_kflag(type);

	for (int i = 0; btf_is_enum(type) && i < btf_vlen(type); i++)
		is_signed |= btf_enum(type)[i].val < 0;
	return is_signed;
}

/* Returns the type below the qualifiers and names of type @id, which can be void. */
static uint32_t type_resolve(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	/* btf__resolve_type() has no result for void. */
	while (type && (btf_is_mod(type) || btf_is_typedef(type))) {
		id = type->type;
		type = btf__type_by_id(btf, id);
	}
	return id;
}

/* Returns what type @id of @btf is, below its qualifiers and names. */
static struct type type_read(const struct btf *btf, uint32_t id)
{
	uint32_t resolved = type_resolve(btf, id);
	const struct btf_type *type = btf__type_by_id(btf, resolved);
	struct type result = { .class = TYPE_OTHER, .btf = btf, .id = resolved };

	if (!type)
		return result;
	if (btf_is_void(type)) {
		result.class = TYPE_VOID;
	} else if (btf_is_ptr(type)) {
		result.class = TYPE_POINTER;
		result.bytes = 8;
	} else if (btf_is_any_enum(type) && type->size && type->size <= 8) {
		result.class = TYPE_ENUM;
		result.bytes = type->size;
		result.is_signed = enum_is_signed(type);
	} else if (btf_is_int(type) && type->size && type->size <= 8) {
		result.class = btf_int_encoding(type) & BTF_INT_BOOL ? TYPE_BOOL : TYPE_NUMBER;
		result.bytes = type->size;
		result.is_signed = btf_int_encoding(type) & BTF_INT_SIGNED;
	}
	return result;
}

/* True if the caller of a function that returns type @id passes an address for the result. */
static bool result_is_in_memory(const struct btf *btf, uint32_t id)
{
	return type_read(btf, id).class == TYPE_OTHER && btf__resolve_size(btf, id) > 16;
}

static void prototype_read(struct prototype *prototype, const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	const struct btf_param *param;

	/* A hidden first argument would shift all others. */
	if (!type || !btf_is_func_proto(type) || result_is_in_memory(btf, type->type))
		return;
	*prototype = (struct prototype){ .known = true, .result = type_read(btf, type->type) };
	param = btf_params(type);
	for (unsigned int i = 0; i < btf_vlen(type); i++) {
		struct type own = type_read(btf, param[i].type);
		const char *name = btf__name_by_offset(btf, param[i].name_off);
		struct argument *argument = &prototype->argument[i];

		/* "..." is a last argument of type void. */
		if (i == REGISTER_ARGUMENTS || own.class == TYPE_OTHER || own.class == TYPE_VOID) {
			prototype->has_more = true;
			return;
		}
		argument->type = own;
		if (name && name[0])
			snprintf(argument->name, sizeof(argument->name), "%s", name);
		else
			snprintf(argument->name, sizeof(argument->name), "arg%u", i + 1);
		prototype->nr++;
	}
}

void prototype_find(struct prototype *prototype, struct types *types, const char *module,
		    const char *function)
{
	static const struct type whole = { .class = TYPE_UNKNOWN, .bytes = 8 };
	const struct object *object = object_find(types, module);
	const struct entry *found = NULL, key = { .name = function };

	*prototype = (struct prototype){ .nr = REGISTER_ARGUMENTS, .result = whole };
	for (unsigned int i = 0; i < REGISTER_ARGUMENTS; i++) {
		prototype->argument[i].type = whole;
		snprintf(prototype->argument[i].name, sizeof(prototype->argument[i].name), "arg%u",
			 i + 1);
	}
	if (object->nr)
		found = bsearch(&key, object->entry, object->nr, sizeof(key), by_name);
	if (!found || (found > object->entry && !by_name(found - 1, &key)) ||
	    (found + 1 < object->entry + object->nr && !by_name(found + 1, &key)))
		return;
	prototype_read(prototype, object->btf, found->id);
}

uint64_t value_extend(uint64_t value, uint8_t bytes, bool is_signed)
{
	unsigned int unused = bytes && bytes < 8 ? 64 - 8 * bytes : 0;

	return is_signed ? (uint64_t)((int64_t)(value << unused) >> unused)
			 : value << unused >> unused;
}

/* Returns enumerator @i as a value of @type. */
static uint64_t enumerator_value(const struct type *type, const struct btf_type *of, int i)
{
	uint64_t value = btf_is_enum(of) ? (uint64_t)btf_enum(of)[i].val
					 : btf_enum64_value(&btf_enum64(of)[i]);

	return value_extend(value, type->bytes, type->is_signed);
}

/* Returns the name of enumerator @i. */
static const char *enumerator_text(const struct type *type, const struct btf_type *of, int i)
{
	return btf__name_by_offset(type->btf, btf_is_enum(of) ? btf_enum(of)[i].name_off
							      : btf_enum64(of)[i].name_off);
}

const char *enumerator_name(const struct type *type, uint64_t value)
{
	const struct btf_type *of;

	if (type->class != TYPE_ENUM)
		return NULL;
	of = btf__type_by_id(type->btf, type->id);
	value = value_extend(value, type->bytes, type->is_signed);
	for (int i = 0; i < btf_vlen(of); i++)
		if (enumerator_value(type, of, i) == value)
			return enumerator_text(type, of, i);
	return NULL;
}

bool enumerator_find(const struct type *type, const char *name, uint64_t *value)
{
	const struct btf_type *of;

	if (type->class != TYPE_ENUM)
		return false;
	of = btf__type_by_id(type->btf, type->id);
	for (int i = 0; i < btf_vlen(of); i++) {
		if (strcmp(enumerator_text(type, of, i), name))
			continue;
		*value = enumerator_value(type, of, i);
		return true;
	}
	return false;
}

/* Returns the name of the errno whose negative @value is, or NULL if it is none. */
static const char *negative_errno(uint64_t value)
{
	return -value <= ERRNO_MAX ? errno_name((int)-value) : NULL;
}

const char *value_print(char *buf, size_t len, const struct type *type, uint64_t value,
			bool is_result)
{
	bool can_be_errno = is_result && (type->is_signed || type->class == TYPE_POINTER);
	const char *name;

	value = value_extend(value, type->bytes, type->is_signed);
	name = enumerator_name(type, value);
	if (type->class == TYPE_BOOL && value <= 1)
		name = value ? "true" : "false";
	if (type->class == TYPE_VOID)
		name = "";
	if (name)
		snprintf(buf, len, "%s", name);
	else if (can_be_errno && negative_errno(value))
		snprintf(buf, len, "-%s", negative_errno(value));
	else if (type->class == TYPE_POINTER || type->class == TYPE_UNKNOWN ||
		 type->class == TYPE_OTHER)
		snprintf(buf, len, "0x%" PRIx64, value);
	else if (type->is_signed)
		snprintf(buf, len, "%" PRId64, (int64_t)value);
	else
		snprintf(buf, len, "%" PRIu64, value);
	return buf;
}

struct json_object *value_json(const struct type *type, uint64_t value, bool is_result)
{
	char text[128];

	value = value_extend(value, type->bytes, type->is_signed);
	if (type->class == TYPE_VOID)
		return NULL;
	if (type->class == TYPE_BOOL && value <= 1)
		return json_object_new_boolean(value);
	if (type->class == TYPE_NUMBER)
		return type->is_signed ? json_object_new_int64((int64_t)value)
				       : json_object_new_uint64(value);
	return json_object_new_string(value_print(text, sizeof(text), type, value, is_result));
}
