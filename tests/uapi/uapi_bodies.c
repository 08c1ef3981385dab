// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=120 */
/* A body that cannot be in place is refused with the right reason. */
#include "uapi.h"

/* In the order of shk_inplace_wrong.c. */
static const struct {
	const char *what;
	long error;
} wrongs[] = {
	{ "a body that is too long", ERROR(EOPNOTSUPP, SHK_REASON_BODY_TOO_LONG) },
	{ "a branch that does not reach", ERROR(EOPNOTSUPP, SHK_REASON_BODY_OUT_OF_REACH) },
	{ "another frame", ERROR(EOPNOTSUPP, SHK_REASON_BODY_FRAMES) },
	{ "a static key", ERROR(EOPNOTSUPP, SHK_REASON_BODY_FIXED) },
	{ "WARN()", ERROR(EOPNOTSUPP, SHK_REASON_BODY_FIXED) },
	{ "an exception", ERROR(EOPNOTSUPP, SHK_REASON_BODY_FIXED) },
	{ "an old body that is called", ERROR(EOPNOTSUPP, SHK_REASON_BODY_FIXED) },
	{ "a function in which tasks change their text",
	  ERROR(EOPNOTSUPP, SHK_REASON_CHANGES_TEXT) },
};

int main(void)
{
	int dev = device_open(), handle = (int)shadow_create(dev, "uapi");
	struct utsname uts;

	need(handle >= 0 && !uname(&uts));
	if (!in_place_is_possible(dev) || strstr(uts.release, "debug")) {
		puts("no body of a module can be in place on this kernel");
		return 77;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(wrongs); i++) {
		struct shk_patch_add arg = module_of(SHK_PATCH_MODULE, "shk_inplace_wrong");
		char parameters[16];
		long ret;

		arg.flags = SHK_PATCH_IN_PLACE;
		snprintf(parameters, sizeof(parameters), "wrong=%u", i);
		need(!module_load("shk_inplace_wrong", parameters));
		ret = call(handle, SHK_PATCH_ADD, &arg);
		if (ret != wrongs[i].error) {
			printf("%s: %s, expected %s\n", wrongs[i].what, outcome(ret),
			       outcome(wrongs[i].error));
			failures++;
		}
		expect_true(*arg.subject != 0);
		expect((long)list_count(handle, SHK_EDIT_LIST, sizeof(struct shk_edit_info)), 0);
		expect(module_unload("shk_inplace_wrong"), 0);
	}
	expect(shadow_destroy(handle), 0);
	return finish();
}
