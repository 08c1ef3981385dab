// SPDX-License-Identifier: GPL-2.0-only
/* Every error names the thing and the remedy, in one line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/internal.h"
#include "unit.h"

static struct shadowk_probe_spec spec;
static struct shadowk_subject subject = {
	.size = sizeof(subject), .shadow = "web", .probe = "read", .spec = &spec, .pid = 2
};
static char line[512];

static void spec_set(const char *text)
{
	spec = (struct shadowk_probe_spec){ .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };
	assert_int_equal(shadowk_probe_parse(text, &spec), 0);
}

static void says(enum shadowk_op op, int err, const char *expected)
{
	shadowk_explain(line, sizeof(line), op, err, &subject);
	if (!strstr(line, expected))
		fail_msg("'%s' does not say '%s'", line, expected);
}

static void shadows(void **state)
{
	says(SHADOWK_OP_SHADOW_CREATE, -EEXIST,
	     "shadow 'web' exists already; choose another name or "
	     "destroy it: shadowctl destroy web");
	says(SHADOWK_OP_SHADOW_OPEN, -ENOENT,
	     "no shadow named 'web'; create it: shadowctl create web");
	says(SHADOWK_OP_SHADOW_DESTROY, -EBUSY, "detach them first");
	says(SHADOWK_OP_PROBE_ADD, -ESTALE, "shadow 'web' was destroyed");
	says(SHADOWK_OP_PROCESS_ATTACH, -ESTALE, "shadow 'web' was destroyed");
	subject.shadow = "a/b";
	says(SHADOWK_OP_SHADOW_CREATE, -EINVAL, "'a/b' cannot be the name of a shadow");
	subject.shadow = "";
	says(SHADOWK_OP_SHADOW_OPEN, -EINVAL, "cannot be empty");
	subject.shadow = "web";
}

static void processes(void **state)
{
	int pid;

	says(SHADOWK_OP_PROCESS_ATTACH, -EOPNOTSUPP, "pid 2 is a kernel thread; shadows hold user");
	says(SHADOWK_OP_PROCESS_DETACH, -ENOENT, "pid 2 is in no shadow");
	says(SHADOWK_OP_PROCESS_DETACH_FROM, -ENOENT, "pid 2 is not in shadow 'web'");
	subject.pid = 4194304;
	says(SHADOWK_OP_PROCESS_ATTACH, -ESRCH, "no process has pid 4194304");
	pid = fork();
	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	subject.pid = pid;
	says(SHADOWK_OP_PROCESS_ATTACH, -ESRCH, "is a zombie");
	waitpid(pid, NULL, 0);
	subject.pid = 2;
}

static void probes(void **state)
{
	spec_set("vfs_read+3");
	says(SHADOWK_OP_PROBE_ADD, -EILSEQ, "vfs_read+3 is in the middle of an instruction");
	spec_set("do_nmi");
	says(SHADOWK_OP_PROBE_ADD, -EADDRNOTAVAIL, "cannot probe do_nmi: the kernel forbids it");
	says(SHADOWK_OP_PROBE_ADD, -EADDRINUSE, "optimised kprobe");
	says(SHADOWK_OP_PROBE_ADD, -EOPNOTSUPP, "cannot step");
	says(SHADOWK_OP_PROBE_ADD, -ENOSPC, "remove some");
	spec_set("no_such_function_1");
	says(SHADOWK_OP_PROBE_ADD, -ENOENT,
	     "no function named 'no_such_function_1' in this kernel; "
	     "see /proc/kallsyms");
	spec_set("0x1234");
	says(SHADOWK_OP_PROBE_ADD, -ERANGE, "0x1234 is not in the text of the kernel");
	spec_set("vfs_read+4");
	spec.kind = SHADOWK_PROBE_LATENCY;
	says(SHADOWK_OP_PROBE_ADD, -EOPNOTSUPP, "entry of a function, which vfs_read+4 is not");
	strcpy(spec.name, "mine");
	says(SHADOWK_OP_PROBE_ADD, -EEXIST, "shadowctl probe remove web mine");
	says(SHADOWK_OP_PROBE_REMOVE, -ENOENT, "shadow 'web' has no probe named 'read'");
}

static void module(void **state)
{
	if (access("/sys/module/shadowk", F_OK))
		says(SHADOWK_OP_OPEN, -ENODEV, "the module is not loaded; modprobe shadowk");
	says(SHADOWK_OP_INFO, -ENOTTY, "the module does not know how");
	says(SHADOWK_OP_SHADOW_INFO, -EIO, "cannot read shadow 'web': Input/output error");
}

static void permission(void **state)
{
	int pid = fork(), status;

	if (!pid) {
		if (!geteuid() && seteuid(65534))
			_exit(2);
		shadowk_explain(line, sizeof(line), SHADOWK_OP_SHADOW_CREATE, -EPERM, &subject);
		_exit(!!strcmp(line,
			       "cannot create shadow 'web': needs CAP_SYS_MODULE; run as root"));
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);

	pid = fork();
	if (!pid) {
		if (!geteuid() && seteuid(65534))
			_exit(2);
		subject.pid = 0;
		says(SHADOWK_OP_PROCESS_ATTACH, -EPERM, "'shadowctl create web --delegable'");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void one_line(void **state)
{
	subject.shadow = "a\nb\033[2J";
	for (int op = 0; op <= SHADOWK_OP_PROCESS_DETACH_FROM; op++) {
		for (int err = 1; err < 134; err++) {
			shadowk_explain(line, sizeof(line), op, -err, &subject);
			assert_true(strlen(line) > 10);
			assert_null(strpbrk(line, "\n\033"));
		}
	}
	subject.shadow = "web";
}

static void any_arguments(void **state)
{
	char tiny[8];

	shadowk_explain(line, sizeof(line), SHADOWK_OP_PROBE_ADD, -ENOENT, NULL);
	assert_true(*line);
	shadowk_explain(line, sizeof(line), 1000, -ENOENT, NULL);
	assert_string_equal(line, "No such file or directory");
	shadowk_explain(tiny, sizeof(tiny), SHADOWK_OP_OPEN, ENODEV, NULL);
	assert_string_equal(tiny, "cannot ");
	shadowk_explain(tiny, 0, SHADOWK_OP_OPEN, ENODEV, NULL);
}

static void kallsyms(void **state)
{
	static char text[] = "ffffffff81000000 T twice\nffffffff81000010 t twice\n"
			     "ffffffff81000020 t lone.isra.0\nffffffff81000030 t cut.cold\n"
			     "ffffffff82000000 D number\nffffffffc0000000 t inside\t[ext4]\n";
	FILE *file = fmemopen(text, strlen(text), "r");
	struct shk_symbol symbol;

	shk_kallsyms_find(file, "twice", &symbol);
	assert_int_equal(symbol.functions, 2);
	assert_int_equal(symbol.address[1], 0xffffffff81000010);
	rewind(file);
	shk_kallsyms_find(file, "lone", &symbol);
	assert_int_equal(symbol.functions, 0);
	assert_string_equal(symbol.alike, "lone.isra.0");
	rewind(file);
	shk_kallsyms_find(file, "cut", &symbol);
	assert_string_equal(symbol.alike, "");
	rewind(file);
	shk_kallsyms_find(file, "number", &symbol);
	assert_int_equal(symbol.functions, 0);
	assert_int_equal(symbol.others, 1);
	rewind(file);
	shk_kallsyms_find(file, "inside", &symbol);
	assert_int_equal(symbol.functions, 1);
	rewind(file);
	shk_kallsyms_find(file, "ext4:inside", &symbol);
	assert_int_equal(symbol.functions, 1);
	rewind(file);
	shk_kallsyms_find(file, "ext:inside", &symbol);
	assert_int_equal(symbol.functions, 0);
	fclose(file);
	shk_kallsyms_find(NULL, "inside", &symbol);
	assert_int_equal(symbol.functions, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(shadows),	 cmocka_unit_test(processes),
		cmocka_unit_test(probes),	 cmocka_unit_test(module),
		cmocka_unit_test(permission),	 cmocka_unit_test(one_line),
		cmocka_unit_test(any_arguments), cmocka_unit_test(kallsyms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
