// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "cli.h"
#include "list.h"
#include "output.h"

/* The edits and bytes that were counted, and the bytes that no edit accounts for. */
struct verdict {
	unsigned int edits; /* hooks included */
	unsigned int hooks; /* the module's own edits */
	uint64_t bytes;
	struct json_object *strays;
};

static void hex_print(char *buf, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		sprintf(buf + 2 * i, "%02x", bytes[i]);
}

static void stray_add(struct verdict *verdict, const struct shadowk_edit_info *info)
{
	struct json_object *object = json_object_new_object();
	char base[2 * SHADOWK_EDIT_LEN + 1], bytes[2 * SHADOWK_EDIT_LEN + 1];

	hex_print(base, info->base, info->len);
	hex_print(bytes, info->bytes, info->len);
	json_object_object_add(object, "symbol", json_text(info->symbol));
	json_object_object_add(object, "offset", json_object_new_uint64(info->offset));
	json_object_object_add(object, "address", address_json(info->addr));
	json_object_object_add(object, "base", info->addr ? json_text(base) : NULL);
	json_object_object_add(object, "bytes", info->addr ? json_text(bytes) : NULL);
	json_object_array_add(verdict->strays, object);
	if (info->addr)
		report("%s+0x%" PRIx64 " (0x%" PRIx64
		       ") has the bytes %s, the base has %s, and no edit accounts for that",
		       info->symbol, info->offset, info->addr, bytes, base);
	else
		report("%s+0x%" PRIx64 " differs from the base, and no edit accounts for that",
		       info->symbol, info->offset);
}

static int judge(struct verdict *verdict, struct shadowk_shadow *shadow,
		 const struct shadowk_subject *subject)
{
	struct shadowk_edit_info *edits __cleanup(list_free) = NULL;
	int count = list_read(shadowk_edit_list, shadow, &edits);

	if (count < 0)
		return refuse(SHADOWK_OP_EDIT_LIST, count, subject);
	for (int i = 0; i < count; i++) {
		if (edits[i].flags & SHADOWK_EDIT_STRAY) {
			stray_add(verdict, &edits[i]);
			continue;
		}
		verdict->edits++;
		verdict->hooks += !!(edits[i].flags & SHADOWK_EDIT_HOOK);
		verdict->bytes += edits[i].len;
	}
	return STATUS_DONE;
}

static int cmd_verify(struct cli *cli, int argc, char **argv)
{
	struct session session __cleanup(session_close) = { 0 };
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct shadowk_shadow_info info;
	struct json_object *object __cleanup(json_free) = NULL;
	struct verdict verdict = { 0 };
	bool good;
	int err, status;

	option_next(cli, argc, argv, NULL);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	err = shadowk_shadow_info(session.shadow, &info, sizeof(info));
	if (err)
		return refuse(SHADOWK_OP_SHADOW_INFO, err, &subject);
	object = json_object_new_object();
	verdict.strays = json_object_new_array();
	json_object_object_add(object, "shadow", json_text(subject.shadow));
	json_object_object_add(object, "strays", verdict.strays);
	status = judge(&verdict, session.shadow, &subject);
	if (status)
		return status;
	good = !json_object_array_length(verdict.strays);
	if (cli->json) {
		json_object_object_add(object, "private_pages",
				       json_object_new_int64(info.private_pages));
		json_object_object_add(object, "edits", json_object_new_int64(verdict.edits));
		json_object_object_add(object, "hooks", json_object_new_int64(verdict.hooks));
		json_object_object_add(object, "bytes", json_object_new_uint64(verdict.bytes));
		json_print(&object, false);
	} else if (good) {
		printf("%u private pages: %" PRIu64
		       " bytes in %u edits (%u of them shadowk's own), "
		       "all other bytes are the base's\n",
		       info.private_pages, verdict.bytes, verdict.edits, verdict.hooks);
	}
	return good ? STATUS_DONE : STATUS_REFUSED;
}

const struct verb verb_verify = {
	.name = "verify",
	.group = GROUP_CHECKS,
	.args = "SHADOW",
	.summary = "Check that only known edits change a shadow's text",
	.help = "The exit status is 1 if a byte is neither the base's nor an edit's.\n",
	.run = cmd_verify,
};
