// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

/* Returns the length of the UTF-8 character at @c, or 0 if no character begins there. */
static size_t utf8_length(const unsigned char *c)
{
	size_t len = c[0] < 0x80		   ? 1
		     : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
		     : (c[0] & 0xf0) == 0xe0	   ? 3
		     : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
						   : 0;

	for (size_t i = 1; i < len; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and values above U+10FFFF are not valid. */
	if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] >= 0xa0) ||
	    (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] >= 0x90))
		return 0;
	return len;
}

struct json_object *json_text(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	char clean[1024];
	size_t used = 0, len;

	while (*c && used < sizeof(clean) - 5) {
		len = utf8_length(c);
		if (len)
			memcpy(clean + used, c, len);
		else
			clean[used] = '?';
		used += len ? len : 1;
		c += len ? len : 1;
	}
	return json_object_new_string_len(clean, (int)used);
}

struct json_object *address_json(uint64_t addr)
{
	char text[24];

	/* Not a number: many JSON readers store numbers as doubles, which have 53 bits. */
	snprintf(text, sizeof(text), "0x%" PRIx64, addr);
	return addr ? json_object_new_string(text) : NULL;
}

void number_add(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

void json_print(struct json_object **object, bool on_one_line)
{
	int style = JSON_C_TO_STRING_NOSLASHESCAPE;

	style |= on_one_line ? JSON_C_TO_STRING_PLAIN : JSON_C_TO_STRING_PRETTY;
	puts(json_object_to_json_string_ext(*object, style));
	fflush(stdout);
}

void json_free(struct json_object **object)
{
	json_object_put(*object);
}
