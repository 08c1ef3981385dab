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
static struct shadowk_patch_spec patch_spec;
static struct shadowk_subject subject = { .size = sizeof(subject),
					  .shadow = "web",
					  .probe = "read",
					  .spec = &spec,
					  .pid = 2,
					  .patch = "fix",
					  .patch_spec = &patch_spec };
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
	says(SHADOWK_OP_PROPERTY_NEXT, -EINTR, "ask the module what this machine is");
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

static void stretches(void **state)
{
	says(SHADOWK_OP_ENTER, -ENOSPC, "is each shadowk_enter() followed by shadowk_leave()?");
	says(SHADOWK_OP_ENTER, -ESTALE, "shadow 'web' was destroyed");
	says(SHADOWK_OP_LEAVE, -ENOENT, "cannot leave shadow 'web': this process has not entered");
}

static void owns(void **state)
{
	subject.owned = "irq 24";
	says(SHADOWK_OP_OWN, -EMEDIUMTYPE, "'shadowctl create web --async owner'");
	says(SHADOWK_OP_OWN, -ENOENT, "there is no irq 24; see /proc/interrupts");
	says(SHADOWK_OP_OWN, -EBUSY, "another shadow owns irq 24");
	says(SHADOWK_OP_OWN, -EOPNOTSUPP, "in a Xen PV guest");
	says(SHADOWK_OP_DISOWN, -ENOENT, "shadow 'web' does not own irq 24");
	says(SHADOWK_OP_OWN_NEXT, -EPERM, "list what shadow 'web' owns");
	subject.owned = NULL;
}

static void cgroups(void **state)
{
	subject.cgroup = "/sys/fs/cgroup/a";
	says(SHADOWK_OP_CGROUP_ATTACH, -ENOENT, "no cgroup '/sys/fs/cgroup/a'; give its folder");
	says(SHADOWK_OP_CGROUP_ATTACH, -EBADF, "no cgroup of the unified hierarchy");
	says(SHADOWK_OP_CGROUP_ATTACH, -EBUSY, "detach --cgroup /sys/fs/cgroup/a");
	says(SHADOWK_OP_CGROUP_DETACH, -ENODATA, "is not attached to a shadow");
	says(SHADOWK_OP_PROCESS_ATTACH, -EBUSY, "is in a shadow by its cgroup");
	says(SHADOWK_OP_CGROUP_NEXT, -EPERM, "list the cgroups of shadow 'web'");
	subject.cgroup = NULL;
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
	spec_set("vfs_read.cold");
	spec.kind = SHADOWK_PROBE_LATENCY;
	says(SHADOWK_OP_PROBE_ADD, -EOPNOTSUPP,
	     "vfs_read.cold is entered without a return address: it is a part of vfs_read; probe");
	spec_set("ret_from_fork");
	spec.kind = SHADOWK_PROBE_LATENCY;
	says(SHADOWK_OP_PROBE_ADD, -EOPNOTSUPP, "ret_from_fork is entered without a return");
	strcpy(spec.name, "mine");
	says(SHADOWK_OP_PROBE_ADD, -EEXIST, "shadowctl probe remove web mine");
	says(SHADOWK_OP_PROBE_REMOVE, -ENOENT, "shadow 'web' has no probe named 'read'");
}

static void patches(void **state)
{
	patch_spec = (struct shadowk_patch_spec){
		.size = sizeof(patch_spec),
		.kind = SHADOWK_PATCH_NOP,
		.name = "mine",
		.symbol = "no_such_function_1",
	};
	says(SHADOWK_OP_PATCH_ADD, -ENOENT, "no function named 'no_such_function_1'");
	says(SHADOWK_OP_PATCH_ADD, -EADDRNOTAVAIL, "cannot patch no_such_function_1: the kernel");
	says(SHADOWK_OP_PATCH_ADD, -EOPNOTSUPP, "no __fentry__ site");
	says(SHADOWK_OP_PATCH_ADD, -EEXIST, "shadowctl patch remove web mine");
	says(SHADOWK_OP_PATCH_ADD, -EBUSY, "kprobe");
	says(SHADOWK_OP_PATCH_ADD, -ESTALE, "shadow 'web' was destroyed");
	says(SHADOWK_OP_PATCH_REMOVE, -ENOENT, "shadow 'web' has no patch named 'fix'");
	says(SHADOWK_OP_PATCH_PROMOTE, -EMEDIUMTYPE, "'fix' is not a livepatch module's");
	says(SHADOWK_OP_PATCH_PROMOTE, -EALREADY, "'fix' was promoted before");
	patch_spec.kind = SHADOWK_PATCH_LIVEPATCH;
	strcpy(patch_spec.object, "kfix");
	says(SHADOWK_OP_PATCH_ADD, -ENODEV, "'kfix' has given shadowk no livepatch");
	says(SHADOWK_OP_PATCH_ADD, -EXDEV, "changes functions of 'no_such_function_1'");
	strcpy(patch_spec.symbol, "callbacks");
	says(SHADOWK_OP_PATCH_ADD, -EXDEV, "module 'kfix' has callbacks");
	strcpy(patch_spec.symbol, "no_such_function_1");
	patch_spec.kind = SHADOWK_PATCH_SKIP_CALL;
	strcpy(patch_spec.object, "callee");
	says(SHADOWK_OP_PATCH_ADD, -ENXIO, "no_such_function_1 has no direct call of 'callee'");
	says(SHADOWK_OP_PATCH_ADD, -EMLINK, "say which: no_such_function_1+OFFSET");
	patch_spec.offset = 3;
	says(SHADOWK_OP_PATCH_ADD, -EILSEQ, "middle of an instruction");
	says(SHADOWK_OP_PATCH_ADD, -ENXIO, "at offset 0x3");
}

static void module(void **state)
{
	if (access("/sys/module/shadowk", F_OK))
		says(SHADOWK_OP_OPEN, -ENODEV, "the module is not loaded; modprobe shadowk");
	if (!geteuid())
		says(SHADOWK_OP_OPEN, -EPERM, "add 'DeviceAllow=/dev/shadowk rw' to a unit");
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
	for (int op = 0; op <= SHADOWK_OP_CGROUP_NEXT; op++) {
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
	assert_string_equal(symbol.module[0], "ext4");
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
		cmocka_unit_test(shadows),   cmocka_unit_test(processes),
		cmocka_unit_test(stretches), cmocka_unit_test(cgroups),
		cmocka_unit_test(owns),	     cmocka_unit_test(probes),
		cmocka_unit_test(module),    cmocka_unit_test(permission),
		cmocka_unit_test(one_line),  cmocka_unit_test(any_arguments),
		cmocka_unit_test(kallsyms),  cmocka_unit_test(patches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
