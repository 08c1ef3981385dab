// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each section of shadowk.shadow(5) has its meaning, and each mistake is refused with the file, the
 * line and the remedy.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "declared.h"
#include "unit.h"

static char folder[] = "/tmp/declared_read.XXXXXX";
static char path[64], other[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/web.shadow", folder);
	snprintf(other, sizeof(other), "%s/a web.shadow", folder);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

static void write_file(const char *to, const char *text, size_t len)
{
	FILE *file = fopen(to, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* Reads files, and copies the messages to @said. Returns a status. */
static int read_files(struct declarations *all, char **files, size_t nr, char *said, size_t len)
{
	int saved = dup(STDERR_FILENO), fds[2], status;
	ssize_t used;

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	dup2(fds[1], STDERR_FILENO);
	status = declared_read(all, files, nr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	used = read(fds[0], said, len - 1);
	said[used > 0 ? used : 0] = '\0';
	close(fds[0]);
	return status;
}

static int read_text(struct declarations *all, const char *text, size_t text_len, char *said,
		     size_t len)
{
	write_file(path, text, text_len);
	return read_files(all, (char *[]){ path }, 1, said, len);
}

static void sections_have_their_meaning(void **state)
{
	static const char text[] = "\xef\xbb\xbf# a remark\r\n"
				   "; another one\n"
				   "\n"
				   " [Shadow] \r\n"
				   "Async = owner\n"
				   "[Probe]\n"
				   "Function=vfs_read\n"
				   "Kind=latency\n"
				   "[Probe]\n"
				   "Function=m:f+0x10\n"
				   "Return=YES\n"
				   "Int3=1\n"
				   "Optional=on\n"
				   "[Patch]\n"
				   "Name=ro\n"
				   "Function=mnt_want_write\n"
				   "Return=-EROFS\n"
				   "[Patch]\n"
				   "Thunk=return=ret\n"
				   "[Patch]\n"
				   "Function=f\n"
				   "SkipCall=g\n"
				   "Return=2\n"
				   "[Patch]\n"
				   "Nop=yes\n"
				   "Function=h\n"
				   "[Probe]\n"
				   "Function=g\n"
				   "Below=yes\n"
				   "[Patch]\n"
				   "Module=/lib/a-fix.ko\n"
				   "InPlace=yes\n"
				   "[Patch]\n"
				   "Livepatch=/lib/b.ko\n"
				   "Name=live\n"
				   "[Patch]\n"
				   "Function=i\n"
				   "Return=1\n"
				   "InPlace=yes\n"
				   "[Own]\n"
				   "Device=eth0 /sys/devices/x\n"
				   "Napi=on\n"
				   "[Own]\n"
				   "Irq=12 4\n"
				   "Kthread=irq/*-eth0\n"
				   "[Scope]\n"
				   "Unit=lighttpd  user.slice\n"
				   "Unit=foo@\\x2d1.service\n"
				   "Cgroup=/sys/fs/cgroup/a/b/ /c";
	struct declarations all = { 0 };
	const struct declared *web;
	char said[512];

	if (read_text(&all, text, strlen(text), said, sizeof(said)))
		fail_msg("%s", said);
	web = all.shadow;
	assert_string_equal(web->name, "web");
	assert_int_equal(web->flags, SHADOWK_ASYNC_OWNER);
	assert_int_equal(web->own.count, 10);
	assert_string_equal(web->own.item[0].probe.name, "vfs_read");
	assert_int_equal(web->own.item[0].probe.kind, SHADOWK_PROBE_LATENCY);
	assert_int_equal(web->own.item[0].line, 6);
	assert_string_equal(web->own.item[1].probe.name, "m:f.0x10");
	assert_int_equal(web->own.item[1].probe.kind, SHADOWK_PROBE_COUNT);
	assert_int_equal(web->own.item[1].probe.flags,
			 SHADOWK_PROBE_RETURN | SHADOWK_PROBE_FORCE_INT3);
	assert_true(web->own.item[1].optional);
	assert_string_equal(web->own.item[2].patch.name, "ro");
	assert_int_equal(web->own.item[2].patch.value, (uint64_t)-30);
	assert_int_equal(web->own.item[3].patch.kind, SHADOWK_PATCH_RETURNS);
	assert_string_equal(web->own.item[3].patch.name, "return.ret");
	assert_int_equal(web->own.item[4].patch.kind, SHADOWK_PATCH_SKIP_CALL);
	assert_int_equal(web->own.item[4].patch.flags, SHADOWK_PATCH_VALUE);
	assert_string_equal(web->own.item[4].patch.object, "g");
	assert_int_equal(web->own.item[5].patch.kind, SHADOWK_PATCH_NOP);
	assert_int_equal(web->own.item[6].probe.flags, SHADOWK_PROBE_BELOW);
	assert_int_equal(web->own.item[7].patch.kind, SHADOWK_PATCH_MODULE);
	assert_int_equal(web->own.item[7].patch.flags, SHADOWK_PATCH_IN_PLACE);
	assert_string_equal(web->own.item[7].patch.name, "a-fix");
	assert_string_equal(web->own.item[7].file, "/lib/a-fix.ko");
	assert_int_equal(web->own.item[8].patch.kind, SHADOWK_PATCH_LIVEPATCH);
	assert_string_equal(web->own.item[8].patch.name, "live");
	assert_int_equal(web->own.item[9].patch.flags, SHADOWK_PATCH_IN_PLACE);
	assert_true(web->has_ownerships);
	assert_int_equal(web->nr_ownerships, 5);
	assert_int_equal(web->ownership[0].of, OWN_DEVICE);
	assert_true(web->ownership[0].napi);
	assert_string_equal(web->ownership[1].name, "/sys/devices/x");
	assert_int_equal(web->ownership[2].of, OWN_IRQ);
	assert_int_equal(web->ownership[3].irq, 4);
	assert_int_equal(web->ownership[4].of, OWN_KTHREAD);
	assert_false(web->ownership[4].napi);
	assert_string_equal(web->ownership[4].name, "irq/*-eth0");
	assert_true(web->has_scopes);
	assert_int_equal(web->nr_scopes, 5);
	assert_string_equal(web->scope[0].name, "lighttpd.service");
	assert_string_equal(web->scope[1].name, "user.slice");
	assert_string_equal(web->scope[2].name, "foo@\\x2d1.service");
	assert_string_equal(web->scope[3].name, "/a/b");
	assert_string_equal(web->scope[4].name, "/c");
	declared_free(&all);
}

static void profile_is_read(void **state)
{
	char text[PATH_MAX + 128], cwd[PATH_MAX], said[512];
	struct declarations all = { 0 };
	size_t excluded = 0;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(text, sizeof(text),
		 "[Shadow]\nName=fast\nProfile=%s/profiles/trusted\nWithout=usercopy\n"
		 "Without=retpolines file-open\n",
		 cwd);
	if (read_text(&all, text, strlen(text), said, sizeof(said)))
		fail_msg("%s", said);
	assert_string_equal(all.shadow->name, "fast");
	for (size_t i = 0; i < all.shadow->profile.count; i++)
		excluded += all.shadow->profile.item[i].excluded;
	assert_int_equal(excluded, 3);
	declared_free(&all);
}

#define PROBE "[Shadow]\n[Probe]\n"
#define PATCH "[Shadow]\n[Patch]\n"
#define SCOPE "[Shadow]\n[Scope]\n"
#define OWN   "[Shadow]\nAsync=owner\n[Own]\n"

static const struct mistake {
	const char *text;
	size_t len; /* 0: up to the first NUL */
	const char *says;
} mistakes[] = {
	{ "", 0, ":1: there is no section [Shadow]; begin" },
	{ "# none\n", 0, ":1: there is no section [Shadow]; begin" },
	{ "Name=x\n", 0, ":1: Name= is in no section; begin with [Shadow]" },
	{ "\n[Shadows]\n", 0, ":2: there is no section [Shadows]; a file has [Shadow], [Probe]" },
	{ "[Shadow\n", 0, ":1: '[Shadow' is not '[Section]'" },
	{ "[Shadow] x\n", 0, ":1: '[Shadow] x' is not '[Section]'" },
	{ "[Shadow]\n[Shadow]\n", 0, ":2: a second section [Shadow]; write one file for each" },
	{ "[Shadow]\nnonsense\n", 0, ":2: 'nonsense' is neither '[Section]' nor 'Key=Value'" },
	{ "[Shadow]\n\x1b[2J\n", 0, ":2: '?[2J' is neither" },
	{ "[Shadow]\nname=x\n", 0, ":2: [Shadow] has no key 'name'; it has Name=, Async=," },
	{ "[Shadow]\nName=\n", 0, ":2: Name= has no value; give one, or leave it out" },
	{ "[Shadow]\nName=x\nName=y\n", 0, ":3: line 2 has Name=, too; leave one of them out" },
	{ "[Shadow]\nName=a/b\n", 0, ":2: 'a/b' cannot be the name of a shadow; use 1 to 63" },
	{ "[Shadow]\nAsync=all\n", 0, ":2: Async= takes 'base', 'inherit'," },
	{ "[Shadow]\nProfile=./x\n", 0, ":2: Profile=./x depends on the folder of the caller" },
	{ "[Shadow]\nProfile=/none\n", 0, ":2: Profile=/none cannot be used: see above" },
	{ "[Shadow]\nWithout=x\n", 0, ":2: Without= needs Profile=" },
	{ "[Shadow]\nName=\0x\n", 17, ":2: a NUL character" },
	{ PROBE, 0, ":2: [Probe] has no Function=; name the function" },
	{ PROBE "Function=12\n", 0, ":3: '12' is not SYMBOL" },
	{ PROBE "Function=a b\n", 0, ":3: 'a b' is not" },
	{ PROBE "Function=f\nKind=slow\n", 0, ":4: 'slow' is not a kind; give count, latency" },
	{ PROBE "Function=f\nReturn=maybe\n", 0, ":4: Return=maybe is neither 'yes' nor 'no'" },
	{ PROBE "Function=f\nKind=latency\nReturn=1\n", 0, ":5: Kind=latency measures from" },
	{ PROBE "Function=f\n[Probe]\nFunction=f\n", 0, ":4: line 2 has an item 'f', too; choose" },
	{ PROBE "Function=f\nName=a b\n", 0, ":4: 'a b' cannot be the name of an edit" },
	{ PATCH "Function=f\n", 0, ":2: [Patch] needs one of Return=, Nop=yes, SkipCall=" },
	{ PATCH "Function=f\nNop=yes\nReturn=1\n", 0, ":2: [Patch] needs one of" },
	{ PATCH "Function=f\nNop=no\n", 0, ":4: Nop=no is no edit; leave the section out" },
	{ PATCH "Nop=yes\n", 0, ":2: [Patch] needs Function=" },
	{ PATCH "Thunk=return=ret\nFunction=f\n", 0, ":2: [Patch] needs Function=" },
	{ PATCH "Thunk=none\n", 0, ":3: a thunk is 'retpoline=jmp' or 'return=ret', not 'none'" },
	{ PATCH "Function=f\nReturn=x\n", 0, ":4: 'x' is not a value; give a number" },
	{ PATCH "Function=f+1\nNop=yes\n", 0, ":3: functions are patched at their entry" },
	{ PATCH "Module=fix.ko\n", 0, ":3: give the path of the module's file, which begins with" },
	{ PATCH "Module=/fix.ko\nFunction=f\n", 0, ":2: [Patch] needs Function=, and with" },
	{ PATCH "Module=/a.ko\nLivepatch=/b.ko\n", 0, ":2: [Patch] needs one of" },
	{ PATCH "Livepatch=/a.ko\nInPlace=yes\n", 0, ":4: InPlace= needs Return=, Nop=yes or" },
	{ PATCH "Livepatch=/a.ko\nOptional=yes\n", 0,
	  ":4: Optional= is not possible for a module" },
	{ PATCH "Module=/a b.ko\nCallbacks=yes\n", 0,
	  ":4: [Patch] has no key 'Callbacks'; it has" },
	{ "[Shadow]\n[Own]\nIrq=1\n", 0, ":1: [Own] needs Async=owner in [Shadow]" },
	{ OWN "Irq=x\n", 0, ":4: 'x' is not the number of an interrupt line" },
	{ OWN "Irq=0\n", 0, ":4: '0' is not the number of an interrupt line" },
	{ OWN "Irq=4294967296\n", 0, ":4: '4294967296' is not the number" },
	{ OWN "Irq=1\nNapi=yes\n", 0, ":5: Napi= needs Device=, a network interface" },
	{ OWN "Irq=1 1\n", 0, ":4: " },
	{ OWN "Device=eth0\n[Own]\nDevice=eth0\n", 0, ":6: " },
	{ SCOPE "Unit=a/b\n", 0, ":3: 'a/b' is not the name of a unit; 'systemctl list-units'" },
	{ SCOPE "Unit=a@\n", 0,
	  ":3: 'a@' is a template; name its instances, such as a@NAME.service" },
	{ SCOPE "Unit=a\nUnit=a.service\n", 0, ":4: " },
	{ SCOPE "Cgroup=a\n", 0, ":3: 'a' is not the path of a cgroup; write it as in" },
	{ SCOPE "Cgroup=/\n", 0, ":3: '/' is not the path of a cgroup" },
	{ SCOPE "Cgroup=/a/../b\n", 0, ":3: '/a/../b' is not the path of a cgroup" },
	{ SCOPE "Cgroup=/..\n", 0, ":3: '/..' is not the path of a cgroup" },
	{ SCOPE "Cgroup=/a /a/\n", 0, ":3: " },
};

static void mistakes_are_named(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		const struct mistake *mistake = &mistakes[i];
		size_t len = mistake->len ? mistake->len : strlen(mistake->text);
		struct declarations all = { 0 };
		char said[1024];

		if (read_text(&all, mistake->text, len, said, sizeof(said)) != STATUS_REFUSED)
			fail_msg("'%s' was not refused", mistake->text);
		if (!strstr(said, mistake->says) || !strstr(said, "web.shadow:"))
			fail_msg("'%s': '%s' lacks '%s'", mistake->text, said, mistake->says);
		declared_free(&all);
	}
}

static void names_come_from_files(void **state)
{
	static const char unnamed[] = "[Shadow]\n", named[] = "[Shadow]\nName=web\n";
	struct declarations all = { 0 };
	char said[512];

	write_file(other, unnamed, strlen(unnamed));
	assert_int_equal(read_files(&all, (char *[]){ other }, 1, said, sizeof(said)),
			 STATUS_REFUSED);
	assert_non_null(strstr(said, ":1: the file's name cannot be the name of a shadow; give"));
	declared_free(&all);

	all = (struct declarations){ 0 };
	write_file(path, unnamed, strlen(unnamed));
	write_file(other, named, strlen(named));
	assert_int_equal(read_files(&all, (char *[]){ path, other }, 2, said, sizeof(said)),
			 STATUS_REFUSED);
	assert_non_null(strstr(said, "web.shadow declares the shadow 'web', too; give Name="));
	declared_free(&all);

	all = (struct declarations){ 0 };
	assert_int_equal(read_files(&all, (char *[]){ "/none" }, 1, said, sizeof(said)),
			 STATUS_REFUSED);
	assert_non_null(strstr(said, "cannot read '/none': No such file"));
	declared_free(&all);
	all = (struct declarations){ 0 };
	assert_int_equal(read_files(&all, (char *[]){ folder }, 1, said, sizeof(said)),
			 STATUS_REFUSED);
	assert_non_null(strstr(said, "Is a directory"));
	declared_free(&all);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_have_their_meaning),
		cmocka_unit_test(profile_is_read),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(names_come_from_files),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
