// SPDX-License-Identifier: GPL-2.0-only
/* The text of every error names the object, and the remedy if there is one, in one line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/internal.h"
#include "unit.h"

static struct shadowk_probe_spec probe_spec;
static struct shadowk_patch_spec patch_spec;
static struct shadowk_raw_spec raw_spec;
static struct shadowk_subject subject = {
	.size = sizeof(subject),
	.shadow = "web",
	.pid = 2,
	.probe = "read",
	.probe_spec = &probe_spec,
	.patch = "fix",
	.patch_spec = &patch_spec,
	.raw = 7,
	.raw_spec = &raw_spec,
};
static char line[1024];

static void spec_set(const char *text)
{
	probe_spec = (struct shadowk_probe_spec){ .size = sizeof(probe_spec) };
	probe_spec.kind = SHADOWK_PROBE_COUNT;
	assert_int_equal(shadowk_probe_parse(text, &probe_spec), 0);
}

/*
 * Explains @err and @reason as if a call had just returned them. The text must contain @expected.
 */
static void says(enum shadowk_op op, int err, enum shadowk_reason reason, const char *expected)
{
	shk_error.reason = reason;
	shadowk_explain(line, sizeof(line), op, err, &subject);
	shk_error.reason = 0;
	if (!strstr(line, expected))
		fail_msg("'%s' does not say '%s'", line, expected);
}

#define SAYS(op, err, reason, expected) \
	says(SHADOWK_OP_##op, -(err), SHADOWK_REASON_##reason, expected)

static void shadows(void **state)
{
	SAYS(PROPERTY_LIST, EINTR, NONE, "ask the module about this machine");
	SAYS(SHADOW_CREATE, EEXIST, NAME_TAKEN,
	     "shadow 'web' exists already; choose another name or destroy it: shadowctl destroy "
	     "web");
	SAYS(SHADOW_CREATE, EOPNOTSUPP, NO_CARRIER, "cannot create shadow 'web': in a Xen PV");
	SAYS(SHADOW_OPEN, ENOENT, SHADOW_UNKNOWN,
	     "no shadow named 'web'; create it: shadowctl create web");
	SAYS(SHADOW_DESTROY, EBUSY, SHADOW_IN_USE, "detach them first");
	SAYS(PROBE_ADD, ESTALE, SHADOW_DESTROYED, "shadow 'web' was destroyed");
	SAYS(SHADOW_INFO, ESTALE, NONE, "shadow 'web' was destroyed");
	SAYS(SHADOW_FROM_FD, ENOTTY, NONE, "the descriptor is not a shadow's");
	SAYS(PROCESS_ATTACH, EIO, XEN, "cannot attach pid 2: Xen refused");
	SAYS(SHADOW_LIST, ENOMEM, NONE, "cannot list the shadows: Cannot allocate memory");
	subject.shadow = "a/b";
	SAYS(SHADOW_CREATE, EINVAL, NAME_INVALID, "'a/b' cannot be the name of a shadow");
	subject.shadow = "";
	SAYS(SHADOW_OPEN, EINVAL, NAME_INVALID, "cannot be empty");
	subject.shadow = "0123456789012345678901234567890123456789012345678901234567890123";
	SAYS(SHADOW_CREATE, ENAMETOOLONG, NONE, "is too long for the name of a shadow: 64");
	subject.shadow = "#12";
	SAYS(SHADOW_OPEN, ENOENT, SHADOW_UNKNOWN, "no shadow has the id #12");
	subject.shadow = "#12x";
	SAYS(SHADOW_OPEN, EINVAL, NAME_INVALID, "'#12x' is not '#' and the id of a shadow");
	subject.shadow = "web";
}

static void rights(void **state)
{
	SAYS(PROCESS_ATTACH, EACCES, RIGHTS, "cannot attach pid 2: this handle was shared without");
	SAYS(PROBE_LIST, EACCES, REVOKED,
	     "cannot list the probes of shadow 'web': this handle was");
	SAYS(PROCESS_DETACH_FROM, EPERM, NOT_DELEGATED, "shadowctl detach --pid 2");
	SAYS(HANDLE_DERIVE, EBUSY, EDITS_IN_PLACE, "has patches for which threads are waited for");
	SAYS(HANDLE_REVOKE, ENOENT, ID_UNKNOWN, "no open handle");
}

static void processes(void **state)
{
	int pid;

	SAYS(PROCESS_ATTACH, EOPNOTSUPP, KERNEL_THREAD, "pid 2 is a kernel thread; shadows hold");
	SAYS(PROCESS_DETACH, ENOENT, NOT_INSIDE, "pid 2 is in no shadow");
	SAYS(PROCESS_DETACH_FROM, ENOENT, NOT_INSIDE, "pid 2 is not in shadow 'web'");
	SAYS(PROCESS_ATTACH, EBUSY, BOUND_BY_CGROUP, "is in a shadow by its cgroup");
	SAYS(PROCESS_DETACH, EBUSY, CAPTURED_TOOL, "pid 2 is captured");
	SAYS(CGROUP_ATTACH, EOPNOTSUPP, POLICY, "the shadow is a helper");
	SAYS(PROCESS_ATTACH, EBADF, NOT_PIDFD, "pidfd_open(2)");
	subject.pid = 4194304;
	SAYS(PROCESS_ATTACH, ESRCH, PROCESS_EXITED, "no process has pid 4194304");
	pid = fork();
	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	subject.pid = pid;
	SAYS(PROCESS_ATTACH, ESRCH, PROCESS_EXITED, "is a zombie");
	waitpid(pid, NULL, 0);
	subject.pid = 2;
}

static void busy(void **state)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "thread %d (explain) is in a function", getpid());
	shk_error.busy = getpid();
	SAYS(PROCESS_ATTACH, EBUSY, TASK_BUSY, expected);
	patch_spec = (struct shadowk_patch_spec){ .kind = SHADOWK_PATCH_LIVEPATCH };
	SAYS(PATCH_ADD, EBUSY, TASK_BUSY, "--unsafe-now does not wait");
	shk_error.busy = -1;
	SAYS(LEAVE, EBUSY, TASK_BUSY, "a thread of another pid namespace");
	shk_error.busy = 0;
}

static void stretches(void **state)
{
	SAYS(ENTER, ENOSPC, STRETCHES_FULL, "call shadowk_leave() after each shadowk_enter()");
	SAYS(ENTER, EBUSY, EDITS_FOR_ALL, "cannot enter shadow 'web' for one thread: it has raw");
	SAYS(ENTER, EBUSY, THREAD_STRETCH, "have entered a shadow by SHADOWK_THREAD");
	SAYS(ENTER, EOPNOTSUPP, POLICY, "cannot enter shadow 'web' for one thread");
	SAYS(LEAVE, ENOENT, NO_STRETCH, "cannot leave shadow 'web': it is not the shadow");
}

static void owns(void **state)
{
	subject.owned = "irq 24";
	SAYS(OWN, EOPNOTSUPP, POLICY, "'shadowctl create web --async owner'");
	SAYS(OWN, ENOENT, IRQ_UNKNOWN, "there is no irq 24; see /proc/interrupts");
	SAYS(OWN, EBUSY, OWNED_ELSEWHERE, "another shadow owns irq 24");
	SAYS(OWN, EOPNOTSUPP, NO_CARRIER, "cannot own irq 24: in a Xen PV guest");
	SAYS(DISOWN, ENOENT, NOT_OWNED, "shadow 'web' does not own irq 24");
	subject.owned = "NAPI threads of 'eth0'";
	SAYS(OWN, ENODEV, INTERFACE_UNKNOWN, "cannot own NAPI threads of 'eth0': this network");
	SAYS(OWN, EOPNOTSUPP, NO_NAPI, "'eth0': the interface has no NAPI now; bring it up");
	SAYS(OWN, EPERM, CAPABILITY, "CAP_NET_ADMIN");
	subject.owned = "irq 24";
	SAYS(OWN_LIST, EPERM, CAPABILITY, "list what shadow 'web' owns");
	SAYS(OWN, ENAMETOOLONG, NONE, "the pattern of irq 24 is longer than 63 characters");
	subject.owned = NULL;
}

static void cgroups(void **state)
{
	subject.cgroup = "/sys/fs/cgroup/a";
	SAYS(CGROUP_ATTACH, ENOENT, NONE, "no cgroup '/sys/fs/cgroup/a'; give its folder");
	SAYS(CGROUP_ATTACH, ENOENT, CGROUP_REMOVED, "'/sys/fs/cgroup/a' was just removed");
	SAYS(CGROUP_ATTACH, EBADF, NOT_CGROUP, "no cgroup of the unified hierarchy");
	SAYS(CGROUP_ATTACH, EBUSY, CGROUP_ELSEWHERE, "detach --cgroup /sys/fs/cgroup/a");
	SAYS(CGROUP_DETACH, ENOENT, CGROUP_UNATTACHED, "is not attached to a shadow");
	SAYS(CGROUP_LIST, EPERM, CAPABILITY, "list the cgroups of shadow 'web'");
	subject.cgroup = NULL;
}

static void syscalls(void **state)
{
	subject.syscall = "execve";
	SAYS(SYSCALL_NUMBER, ENOENT, NONE, "no system call 'execve'; give names of syscalls(2)");
	SAYS(SYSCALLS_CREATE, EINVAL, SYSCALL_UNKNOWN, "this kernel has no system call 'execve'");
	SAYS(SYSCALLS_CREATE, EOPNOTSUPP, SYSCALL_NO_RETURN, "'execve' does not return");
	SAYS(SYSCALLS_CREATE, EOPNOTSUPP, NO_SYSCALL_ENTRY, "no x64_sys_call()");
	SAYS(SYSCALLS_CREATE, EOPNOTSUPP, SYSCALLS_ONLY, "'web' was itself made for some");
	SAYS(SYSCALLS_CREATE, EBUSY, EDIT_THERE, "at the entry of x64_sys_call()");
	subject.syscall = NULL;
}

static void probes(void **state)
{
	spec_set("vfs_read+3");
	SAYS(PROBE_ADD, EINVAL, NOT_INSTRUCTION, "vfs_read+0x3 is in the middle of an instruction");
	SAYS(PROBE_ADD, ERANGE, PAST_SYMBOL, "vfs_read+0x3 is past the end of vfs_read");
	spec_set("do_nmi");
	SAYS(PROBE_ADD, EOPNOTSUPP, FORBIDDEN, "cannot probe do_nmi: the kernel forbids it");
	SAYS(PROBE_ADD, EBUSY, KPROBE_THERE, "optimised kprobe");
	SAYS(PROBE_ADD, EBUSY, JUMP_THERE, "add that one with --int3");
	SAYS(PROBE_ADD, ENOENT, TRACEPOINT_UNKNOWN, "/sys/kernel/tracing/available_events");
	SAYS(PROBE_ADD, EOPNOTSUPP, TRACEPOINT_MODULE, "probe the function that executes it");
	SAYS(PROBE_ADD, EOPNOTSUPP, TRACEPOINT_REGFUNC, "probe a function instead");
	SAYS(PROBE_ADD, EOPNOTSUPP, TRACEPOINT_UNUSED, "choose another one");
	SAYS(PROBE_ADD, EOPNOTSUPP, CANNOT_STEP, "cannot step");
	SAYS(PROBE_ADD, ENOSPC, NO_ROOM, "remove some");
	SAYS(PROBE_ADD, EBUSY, FTRACE_DISABLED, "sysctl kernel.ftrace_enabled=1");
	SAYS(PROBE_ADD, ENODEV, FTRACE_DEAD, "reboot");
	spec_set("no_such_function_1");
	SAYS(PROBE_ADD, ENOENT, SYMBOL_UNKNOWN,
	     "no function named 'no_such_function_1' in this kernel; see /proc/kallsyms");
	spec_set("0x1234");
	SAYS(PROBE_ADD, ERANGE, NOT_TEXT, "0x1234 is not in the text of the kernel");
	spec_set("vfs_read+4");
	SAYS(PROBE_ADD, EOPNOTSUPP, NOT_ENTRY, "entry of a function, which vfs_read+0x4 is not");
	spec_set("vfs_read.cold");
	SAYS(PROBE_ADD, EOPNOTSUPP, NO_RETURN,
	     "vfs_read.cold is entered without a return address: it is a part of vfs_read; probe");
	spec_set("ret_from_fork");
	SAYS(PROBE_ADD, EOPNOTSUPP, NO_RETURN, "ret_from_fork is entered without a return");
	subject.probe = "mine";
	SAYS(PROBE_ADD, EEXIST, NAME_TAKEN, "shadowctl probe remove web mine");
	subject.probe = NULL;
	strcpy(probe_spec.name, "yours");
	SAYS(PROBE_ADD, EEXIST, NAME_TAKEN, "shadowctl probe remove web yours");
	subject.probe = "read";
	SAYS(PROBE_REMOVE, ENOENT, ID_UNKNOWN, "shadow 'web' has no probe named 'read'");
	subject.place = "1x";
	SAYS(PROBE_PARSE, EINVAL, NONE, "'1x' is not SYMBOL, SYMBOL+OFFSET or 0xADDRESS");
	subject.place = NULL;
}

static void patches(void **state)
{
	patch_spec = (struct shadowk_patch_spec){
		.size = sizeof(patch_spec),
		.kind = SHADOWK_PATCH_NOP,
		.name = "mine",
		.symbol = "no_such_function_1",
	};
	SAYS(PATCH_ADD, ENOENT, SYMBOL_UNKNOWN, "no function named 'no_such_function_1'");
	SAYS(PATCH_ADD, EOPNOTSUPP, FORBIDDEN, "cannot patch no_such_function_1: the kernel");
	SAYS(PATCH_ADD, EOPNOTSUPP, NO_FENTRY, "no __fentry__ site");
	SAYS(PATCH_ADD, EBUSY, KPROBE_THERE, "kprobe");
	SAYS(PATCH_ADD, ESTALE, SHADOW_DESTROYED, "shadow 'web' was destroyed");
	subject.patch = NULL;
	SAYS(PATCH_ADD, EEXIST, NAME_TAKEN, "shadowctl patch remove web mine");
	subject.patch = "fix";
	SAYS(PATCH_REMOVE, ENOENT, ID_UNKNOWN, "shadow 'web' has no patch named 'fix'");
	SAYS(PATCH_PROMOTE, EINVAL, NOT_LIVEPATCH, "'fix' is not a livepatch module's");
	SAYS(PATCH_PROMOTE, EEXIST, PROMOTED, "'fix' was promoted before");
	SAYS(PATCH_PROMOTE, EBUSY, LIVEPATCH, "another livepatch is in transition");
	SAYS(PATCH_REMOVE, EBUSY, PROCESSES_INSIDE, "detach them first");
	patch_spec.flags = SHADOWK_PATCH_IN_PLACE;
	SAYS(PATCH_ADD, EOPNOTSUPP, BODY_TOO_LONG, "leave --in-place out");
	SAYS(PATCH_ADD, EOPNOTSUPP, SHARED, "a shadow that was shared by --attach");
	SAYS(PATCH_ADD, EBUSY, EDIT_THERE, "another patch of no_such_function_1, or an edit in");
	patch_spec.flags = 0;
	SAYS(PATCH_ADD, EBUSY, EDIT_THERE, "has a patch of no_such_function_1 in place");
	patch_spec.kind = SHADOWK_PATCH_RETURNS;
	SAYS(PATCH_ADD, EOPNOTSUPP, NO_THUNKS, "this kernel uses no return thunks");
}

static void patch_modules(void **state)
{
	patch_spec = (struct shadowk_patch_spec){
		.size = sizeof(patch_spec),
		.kind = SHADOWK_PATCH_MODULE,
		.object = "kfix",
	};
	strcpy(shk_error.subject, "no_such_function_2");
	SAYS(PATCH_ADD, ENOENT, SYMBOL_UNKNOWN, "no function named 'no_such_function_2'");
	SAYS(PATCH_ADD, ENODEV, NO_PATCH_MODULE, "no patch module 'kfix' is loaded");
	SAYS(PATCH_ADD, ENOEXEC, PATCH_VERSION, "'kfix' does not belong to this version");
	patch_spec.kind = SHADOWK_PATCH_LIVEPATCH;
	SAYS(PATCH_ADD, ENODEV, NO_PATCH_MODULE, "'kfix' has given shadowk no livepatch");
	strcpy(shk_error.subject, "ext4");
	SAYS(PATCH_ADD, ENODEV, OBJECT_MISSING, "'kfix' changes functions of 'ext4'");
	SAYS(PATCH_ADD, EOPNOTSUPP, OBJECT_RELOCATIONS, "relocations for 'ext4'");
	shk_error.subject[0] = '\0';
	SAYS(PATCH_ADD, EOPNOTSUPP, CALLBACKS, "module 'kfix' has callbacks");
	SAYS(PATCH_ADD, ENXIO, LIVEPATCH, "a callback of the livepatch has failed: No such device");
	SAYS(PATCH_ADD, EOPNOTSUPP, NO_STACKS, "--unsafe-now does not wait");
}

static void calls(void **state)
{
	patch_spec = (struct shadowk_patch_spec){
		.size = sizeof(patch_spec),
		.kind = SHADOWK_PATCH_SKIP_CALL,
		.symbol = "caller",
		.object = "callee",
	};
	SAYS(PATCH_ADD, ENOENT, NO_CALL, "caller has no direct call of 'callee'");
	SAYS(PATCH_ADD, EINVAL, SEVERAL_CALLS, "say which: caller+OFFSET");
	SAYS(PATCH_ADD, EBUSY, EDIT_THERE, "on that call of 'callee' already");
	patch_spec.offset = 3;
	SAYS(PATCH_ADD, EINVAL, NOT_INSTRUCTION, "caller+0x3 is in the middle of an instruction");
	SAYS(PATCH_ADD, ENOENT, NO_CALL, "caller+0x3 is no direct call of 'callee'");
}

static void raws(void **state)
{
	raw_spec = (struct shadowk_raw_spec){ .size = sizeof(raw_spec), .symbol = "vfs_read" };
	SAYS(RAW_ADD, EINVAL, NOT_INSTRUCTION, "at vfs_read one instruction must replace one");
	SAYS(RAW_ADD, EOPNOTSUPP, FORBIDDEN, "cannot edit vfs_read: the kernel replaces or guards");
	SAYS(RAW_ADD, EBUSY, EDIT_THERE, "shadow 'web' has another edit at vfs_read");
	SAYS(RAW_ADD, ERANGE, NOT_TEXT, "is not in the kernel's own text");
	SAYS(RAW_REMOVE, ENOENT, ID_UNKNOWN, "shadow 'web' has no raw edit 7");
}

static void module(void **state)
{
	if (access("/sys/module/shadowk", F_OK))
		SAYS(OPEN, ENODEV, NONE, "the module is not loaded; modprobe shadowk");
	if (!geteuid())
		SAYS(OPEN, EPERM, NONE, "add 'DeviceAllow=/dev/shadowk rw' to a unit");
	SAYS(INFO, ENOTTY, NONE, "the module does not know this call");
	SAYS(SHADOW_INFO, EIO, NONE, "cannot read shadow 'web': Input/output error");
}

/*
 * Runs @test in a child without capabilities. Returns the child's wait status, which is not 0 if
 * the child cannot become such a user.
 */
static int as_user(void (*test)(void))
{
	int pid = fork(), status;

	if (!pid) {
		if (!geteuid() && seteuid(65534))
			_exit(2);
		test();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void create_as_user(void)
{
	SAYS(SHADOW_CREATE, EPERM, CAPABILITY,
	     "cannot create shadow 'web': needs CAP_SYS_MODULE; run as root");
}

static void attach_as_user(void)
{
	subject.pid = 0;
	SAYS(PROCESS_ATTACH, EPERM, CAPABILITY, "'shadowctl share web -- COMMAND'");
}

static void permission(void **state)
{
	assert_int_equal(as_user(create_as_user), 0);
	assert_int_equal(as_user(attach_as_user), 0);
}

/* A reason that does not belong to the errno comes from another call, so the text ignores it. */
static void other_reason(void **state)
{
	SAYS(SHADOW_CREATE, ENOMEM, NAME_TAKEN,
	     "cannot create shadow 'web': Cannot allocate memory");
	says(SHADOWK_OP_SHADOW_CREATE, -ENOMEM, (enum shadowk_reason)4000,
	     "cannot create shadow 'web': Cannot allocate memory");
}

/* Every combination of call, reason and errno gives one line, in which no placeholder is left. */
static void one_line(void **state)
{
	static const int errnos[] = { EPERM,  ENOENT, ESRCH,  EIO,     EBADF,  EACCES,	    EBUSY,
				      EEXIST, ENODEV, EINVAL, ENOSPC,  ERANGE, EOPNOTSUPP,  ESTALE,
				      EINTR,  ENOMEM, ENOTTY, ENOEXEC, E2BIG,  ENAMETOOLONG };

	subject.shadow = "a\nb\033[2J";
	for (int op = 0; op <= SHADOWK_OP_TEXT_READ; op++)
		for (uint32_t reason = 0; reason < 140; reason++)
			for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
				shk_error.reason = reason;
				shadowk_explain(line, sizeof(line), op, -errnos[i], &subject);
				assert_true(strlen(line) > 10);
				assert_null(strpbrk(line, "\n\033{}"));
			}
	shk_error.reason = 0;
	subject.shadow = "web";
}

static void any_arguments(void **state)
{
	char tiny[8];

	shk_error.reason = SHADOWK_REASON_SYMBOL_UNKNOWN;
	shadowk_explain(line, sizeof(line), SHADOWK_OP_PROBE_ADD, -ENOENT, NULL);
	assert_true(*line);
	assert_int_equal(shadowk_reason(), SHADOWK_REASON_SYMBOL_UNKNOWN);
	shk_error.reason = 0;
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
	assert_int_equal(symbol.not_functions, 1);
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
		cmocka_unit_test(shadows),	 cmocka_unit_test(rights),
		cmocka_unit_test(processes),	 cmocka_unit_test(busy),
		cmocka_unit_test(stretches),	 cmocka_unit_test(owns),
		cmocka_unit_test(cgroups),	 cmocka_unit_test(syscalls),
		cmocka_unit_test(probes),	 cmocka_unit_test(patches),
		cmocka_unit_test(patch_modules), cmocka_unit_test(calls),
		cmocka_unit_test(raws),		 cmocka_unit_test(module),
		cmocka_unit_test(permission),	 cmocka_unit_test(other_reason),
		cmocka_unit_test(one_line),	 cmocka_unit_test(any_arguments),
		cmocka_unit_test(kallsyms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
