// SPDX-License-Identifier: GPL-2.0-only
/* test: icount timeout=200 */
/*
 * A call that is refused, whatever the reason, changes neither the shadow's text, nor what
 * the module tells, nor what a patched system call costs those who are inside. Only --icount
 * can tell the last.
 */
#include <x86intrin.h>

#include "calls.h"
#include "permissions.h"

#define CALLS 100

static int dev, shadow, owner, skipping, caller, dead;
static unsigned long long cost;

static struct shk_patch_add patch_of(const char *symbol, const char *name)
{
	struct shk_patch_add add = { .size = sizeof(add), .kind = SHK_PATCH_RETURN, .value = 7 };

	name_put(add.symbol, sizeof(add.symbol), symbol);
	name_put(add.name, sizeof(add.name), name);
	return add;
}

static long patch_add(int handle, const char *symbol, const char *name)
{
	struct shk_patch_add add = patch_of(symbol, name);

	return call(handle, SHK_PATCH_ADD, &add);
}

static long enter_alone(int handle)
{
	struct shk_enter arg = { .size = sizeof(arg), .flags = SHK_THREAD };

	return call(handle, SHK_ENTER, &arg);
}

/* The least, since a timer tick may fall into any of them. */
static unsigned long long cost_now(void)
{
	unsigned long long least = -1ULL;

	for (int i = 0; i < 5; i++) {
		unsigned long long begin = __rdtsc(), took;

		for (int n = 0; n < CALLS; n++)
			syscall(SYS_munlockall);
		took = __rdtsc() - begin;
		least = took < least ? took : least;
	}
	return least;
}

/* All private bytes. */
static char *text(void)
{
	struct shk_edit_info edit = { .size = sizeof(edit) };
	char *told = NULL;
	size_t len;
	FILE *out = open_memstream(&told, &len);

	for (; !call(shadow, SHK_EDIT_NEXT, &edit); edit.flags = 0) {
		fprintf(out, "%s+%llx %u:", edit.symbol, (unsigned long long)edit.offset,
			edit.flags);
		for (unsigned int i = 0; i < edit.len; i++)
			fprintf(out, " %02x", edit.bytes[i]);
		fprintf(out, "\n");
	}
	fclose(out);
	return told;
}

/* ---- the reasons that lie in the call ---- */

/* What @refused(@arg) returns to a child without any right. */
static long to_nobody(long (*refused)(const void *arg), const void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		become_nobody();
		_exit(-refused(arg) & 0xff);
	}
	need(waitpid(pid, &status, 0) == pid);
	return -WEXITSTATUS(status);
}

static long good_call(const void *arg)
{
	static char buf[8192];
	const struct one_call *c = arg;

	return call(fd_of(c, dev, shadow), c->nr, good_arg(c, buf, sizeof(buf)));
}

static long as_nobody(const struct one_call *c)
{
	return to_nobody(good_call, c);
}

static long with_flags(const struct one_call *c)
{
	static char buf[8192];
	struct head *head = good_arg(c, buf, sizeof(buf));

	head->flags = ~c->flags;
	return call(fd_of(c, dev, shadow), c->nr, head);
}

static long with_no_argument(const struct one_call *c)
{
	return call(fd_of(c, dev, shadow), c->nr, NULL);
}

static long with_size(const struct one_call *c, uint32_t size)
{
	static char buf[8192];
	struct head *head = good_arg(c, buf, sizeof(buf));

	head->size = size;
	return call(fd_of(c, dev, shadow), c->nr, head);
}

/* ---- those that lie in the shadow, or the process ---- */

static long enters_alone(const void *handle)
{
	return enter_alone(*(const int *)handle);
}

static long nobody_enters_alone(void)
{
	return to_nobody(enters_alone, &shadow);
}

static long skipping_enters_alone(void)
{
	return enter_alone(skipping);
}
static long owner_enters_alone(void)
{
	return enter_alone(owner);
}
static long caller_enters_alone(void)
{
	return enter_alone(caller);
}
static long dead_enters_alone(void)
{
	return enter_alone(dead);
}

static long full_enters_alone(void)
{
	long ret;

	need(!attach(shadow, 0));
	for (int i = 0; i < 64; i++)
		need(!enter(shadow));
	ret = enter_alone(shadow);
	for (int i = 0; i < 64; i++)
		need(!leave(shadow));
	return ret;
}

static long no_process(void)
{
	return attach(shadow, NO_PID);
}
static long kernel_thread(void)
{
	return attach(shadow, 2);
}
static long dead_attaches(void)
{
	return attach(dead, 0);
}
static long name_is_taken(void)
{
	return patch_add(shadow, "__x64_sys_sync", "r");
}
static long no_function(void)
{
	return patch_add(shadow, "no_such_function", "x");
}
static long forbidden(void)
{
	return patch_add(shadow, "exc_int3", "x");
}
static long no_probe_there(void)
{
	return probe_add(shadow, probe_at("vfs_read", 1 << 20));
}
static long no_instruction(void)
{
	return probe_add(shadow, probe_at("vfs_read", 1));
}
static long no_patch(void)
{
	return patch_remove(shadow, 12345);
}
static long in_use(void)
{
	return shadow_destroy(shadow);
}

static const struct {
	const char *name;
	long (*attempt)(void);
	long want; /* 0: any error */
} reasons[] = {
	{ "SHK_ENTER of a thread, by nobody", nobody_enters_alone, -EPERM },
	{ "SHK_ENTER of a thread, a call left out", skipping_enters_alone, -EXDEV },
	{ "SHK_ENTER of a thread, owner", owner_enters_alone, -EMEDIUMTYPE },
	{ "SHK_ENTER of a thread, system calls", caller_enters_alone, -EOPNOTSUPP },
	{ "SHK_ENTER of a thread, dead", dead_enters_alone, -ESTALE },
	{ "SHK_ENTER of a thread, 64 times", full_enters_alone, -ENOSPC },
	{ "SHK_PROCESS_ATTACH of nobody", no_process, -ESRCH },
	{ "SHK_PROCESS_ATTACH of a kernel thread", kernel_thread, -EOPNOTSUPP },
	{ "SHK_PROCESS_ATTACH, dead", dead_attaches, -ESTALE },
	{ "SHK_PATCH_ADD, name taken", name_is_taken, -EEXIST },
	{ "SHK_PATCH_ADD, no function", no_function, -ENOENT },
	{ "SHK_PATCH_ADD, forbidden", forbidden, 0 },
	{ "SHK_PROBE_ADD, past the end", no_probe_there, -ERANGE },
	{ "SHK_PROBE_ADD, no instruction", no_instruction, -EILSEQ },
	{ "SHK_PATCH_REMOVE of none", no_patch, -ENOENT },
	{ "SHK_SHADOW_DESTROY, in use", in_use, -EBUSY },
};

static char *told, *bytes;

static void check_nothing(const char *name, const char *why)
{
	char *now = text();
	unsigned long long costs = cost_now();

	if (strcmp(now, bytes)) {
		printf("%s, %s: the text was\n%sand is\n%s", name, why, bytes, now);
		failures++;
	}
	free(now);
	if (costs > cost + cost / 50 || costs < cost - cost / 50) {
		printf("%s, %s: %d calls cost %llu, before: %llu\n", name, why, CALLS, costs, cost);
		failures++;
		cost = costs;
	}
	expect_state(dev, shadow, told);
	/* One failure is not to be seen again and again. */
	free(told);
	told = state(dev, shadow);
}

static void refused(const struct one_call *c, const char *why, long got, long want)
{
	expect_call(c, why, got, want);
	check_nothing(c->name, why);
}

static int shadow_make(uint32_t flags)
{
	struct shk_shadow_create create = { .size = sizeof(create), .flags = flags };
	int handle = (int)call(dev, SHK_SHADOW_CREATE, &create);

	need(handle >= 0);
	need(patch_add(handle, "__x64_sys_munlockall", "r") >= 0);
	return handle;
}

static void shadows_make(void)
{
	struct shk_syscalls syscalls = { .size = sizeof(syscalls), .calls = { 1 } };
	struct shk_patch_add skip = patch_of("__x64_sys_getppid", "skip");

	shadow = shadow_make(0);
	owner = shadow_make(SHK_ASYNC_OWNER);
	skipping = shadow_make(0);
	skip.kind = SHK_PATCH_SKIP_CALL;
	skip.flags = SHK_PATCH_VALUE;
	strcpy(skip.object, "__task_pid_nr_ns");
	need(call(skipping, SHK_PATCH_ADD, &skip) >= 0);
	caller = (int)call(shadow_make(0), SHK_SYSCALLS_CREATE, &syscalls);
	need(caller >= 0);
	dead = shadow_make(0);
	need(!shadow_destroy(dead));
}

/* May anybody do that, or is it refused to this caller for what it says? */
static int is_for_all(const struct one_call *c)
{
	return c->nr == SHK_INFO || c->nr == SHK_PROPERTY_NEXT || c->nr == SHK_SHADOW_INFO ||
	       c->result || (!c->on_handle && c->nr == SHK_PROCESS_INFO);
}

int main(void)
{
	const char *machine = getenv("SHADOWK_VM");

	if (!machine || strcmp(machine, "icount")) {
		puts("only --icount counts instructions");
		return 77;
	}
	dev = device_open();
	shadows_make();
	need(!attach(shadow, 0));
	need(syscall(SYS_munlockall) == 7);
	/* What a first call allocates for good, and a first look. */
	free(text());
	need(!enter(shadow) && !leave(shadow));
	cost_now();
	cost = cost_now();
	bytes = text();
	told = state(dev, shadow);

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		long got = reasons[i].attempt();

		if (got >= 0 || (reasons[i].want && got != reasons[i].want)) {
			printf("%s: %s, expected %s\n", reasons[i].name, outcome(got),
			       outcome(reasons[i].want));
			failures++;
		}
		check_nothing(reasons[i].name, "refused");
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct one_call *c = &calls[i];

		if (!is_for_all(c))
			refused(c, "by nobody", as_nobody(c), -EPERM);
		refused(c, "with unknown flags", with_flags(c), -EINVAL);
		refused(c, "without an argument", with_no_argument(c), -EFAULT);
		refused(c, "too short", with_size(c, 4), -EINVAL);
	}
	need(!detach(dev, 0));
	expect(shadow_destroy(shadow), 0);
	return finish();
}
