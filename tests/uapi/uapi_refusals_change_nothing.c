// SPDX-License-Identifier: GPL-2.0-only
/* test: icount timeout=200 */
/*
 * A call that is refused, for whatever reason, changes neither the shadow's text, nor what the
 * module lists, nor the number of instructions of a patched system call inside. Only --icount can
 * count those.
 */
#include <x86intrin.h>

#include "calls.h"
#include "permissions.h"

#define CALLS 100

static int dev, shadow, derived, revoked, owner, skipping, caller, dead;
static unsigned long long cost;

static struct shk_patch_add patch_of(const char *symbol, const char *name)
{
	struct shk_patch_add add = return_of(symbol, 7);

	name_put(add.name, sizeof(add.name), name);
	return add;
}

/* The least of several, since a timer interrupt may fall into any of them. */
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

/* All private bytes, as text. */
static char *text(void)
{
	size_t n, len;
	struct shk_edit_info *edits = list_all(shadow, SHK_EDIT_LIST, sizeof(*edits), &n);
	char *told = NULL;
	FILE *out = open_memstream(&told, &len);

	for (size_t e = 0; e < n; e++) {
		fprintf(out, "%s+%llx %u:", edits[e].symbol, (unsigned long long)edits[e].offset,
			edits[e].flags);
		for (unsigned int i = 0; i < edits[e].len; i++)
			fprintf(out, " %02x", edits[e].bytes[i]);
		fprintf(out, "\n");
	}
	fclose(out);
	free(edits);
	return told;
}

/* ---- refusals for the caller or the argument ---- */

/* Returns what @refused(@arg) returns to a child without any capability. */
static long to_nobody(long (*refused)(const void *arg), const void *arg)
{
	int ends[2], status;
	long ret = 0;
	pid_t pid;

	need(!pipe2(ends, O_CLOEXEC));
	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		become_nobody();
		ret = refused(arg);
		_exit(write(ends[1], &ret, sizeof(ret)) != sizeof(ret));
	}
	need(waitpid(pid, &status, 0) == pid && !status);
	need(read(ends[0], &ret, sizeof(ret)) == sizeof(ret));
	close(ends[0]);
	close(ends[1]);
	return ret;
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

/* -errno: no reason can be written. */
static long with_no_argument(const struct one_call *c)
{
	return call_raw(fd_of(c, dev, shadow), c->nr, NULL);
}

static long with_size(const struct one_call *c, uint32_t size)
{
	static char buf[8192];
	struct head *head = good_arg(c, buf, sizeof(buf));

	head->size = size;
	return call_raw(fd_of(c, dev, shadow), c->nr, head);
}

static long by_derived(const struct one_call *c)
{
	static char buf[8192];

	return call(derived, c->nr, good_arg(c, buf, sizeof(buf)));
}

static long by_revoked(const struct one_call *c)
{
	static char buf[8192];

	return call(revoked, c->nr, good_arg(c, buf, sizeof(buf)));
}

/* ---- refusals for the shadow, the process or the place ---- */

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

	need(!attach(shadow, SELF));
	for (int i = 0; i < 64; i++)
		need(!enter(shadow));
	ret = enter_alone(shadow);
	for (int i = 0; i < 64; i++)
		need(!leave(shadow));
	return ret;
}

static long no_process(void)
{
	return attach(shadow, pidfd_exited());
}
static long no_pidfd(void)
{
	return attach(shadow, dev);
}
static long kernel_thread(void)
{
	int pidfd = pidfd_of(2);
	long ret = attach(shadow, pidfd);

	close(pidfd);
	return ret;
}
static long dead_attaches(void)
{
	return attach(dead, SELF);
}
static long name_is_taken(void)
{
	return patch_add(shadow, patch_of("__x64_sys_sync", "r"));
}
static long no_function(void)
{
	return patch_add(shadow, patch_of("no_such_function", "x"));
}
static long forbidden(void)
{
	return patch_add(shadow, patch_of("exc_int3", "x"));
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
static long no_right(void)
{
	return handle_derive(shadow, 0, NULL);
}
static long derived_derives(void)
{
	return handle_derive(derived, SHK_RIGHT_READ, NULL);
}
static long no_handle(void)
{
	return handle_revoke(shadow, 12345);
}
static long no_shadow(void)
{
	return shadow_open_id(dev, 12345);
}

static const struct {
	const char *name;
	long (*attempt)(void);
	long want;
} reasons[] = {
	{ "SHK_ENTER of a thread, by nobody", nobody_enters_alone,
	  ERROR(EPERM, SHK_REASON_CAPABILITY) },
	{ "SHK_ENTER of a thread, a call is skipped", skipping_enters_alone,
	  ERROR(EBUSY, SHK_REASON_EDITS_FOR_ALL) },
	{ "SHK_ENTER of a thread, SHK_ASYNC_OWNER", owner_enters_alone,
	  ERROR(EOPNOTSUPP, SHK_REASON_POLICY) },
	{ "SHK_ENTER of a thread, a caller shadow", caller_enters_alone,
	  ERROR(EOPNOTSUPP, SHK_REASON_SYSCALLS_ONLY) },
	{ "SHK_ENTER of a thread, destroyed", dead_enters_alone,
	  ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED) },
	{ "SHK_ENTER of a thread, 64 times", full_enters_alone,
	  ERROR(ENOSPC, SHK_REASON_STRETCHES_FULL) },
	{ "SHK_PROCESS_ATTACH of a process that exited", no_process,
	  ERROR(ESRCH, SHK_REASON_PROCESS_EXITED) },
	{ "SHK_PROCESS_ATTACH, no pidfd", no_pidfd, ERROR(EBADF, SHK_REASON_NOT_PIDFD) },
	{ "SHK_PROCESS_ATTACH of a kernel thread", kernel_thread,
	  ERROR(EOPNOTSUPP, SHK_REASON_KERNEL_THREAD) },
	{ "SHK_PROCESS_ATTACH, destroyed", dead_attaches,
	  ERROR(ESTALE, SHK_REASON_SHADOW_DESTROYED) },
	{ "SHK_PATCH_ADD, name taken", name_is_taken, ERROR(EEXIST, SHK_REASON_NAME_TAKEN) },
	{ "SHK_PATCH_ADD, no function", no_function, ERROR(ENOENT, SHK_REASON_SYMBOL_UNKNOWN) },
	{ "SHK_PATCH_ADD, forbidden", forbidden, ERROR(EOPNOTSUPP, SHK_REASON_FORBIDDEN) },
	{ "SHK_PROBE_ADD, past the end", no_probe_there, ERROR(ERANGE, SHK_REASON_PAST_SYMBOL) },
	{ "SHK_PROBE_ADD, no instruction", no_instruction,
	  ERROR(EINVAL, SHK_REASON_NOT_INSTRUCTION) },
	{ "SHK_PATCH_REMOVE of none", no_patch, ERROR(ENOENT, SHK_REASON_ID_UNKNOWN) },
	{ "SHK_SHADOW_DESTROY, in use", in_use, ERROR(EBUSY, SHK_REASON_SHADOW_IN_USE) },
	{ "SHK_HANDLE_DERIVE, no right", no_right, -EINVAL },
	{ "SHK_HANDLE_DERIVE on a derived handle", derived_derives,
	  ERROR(EACCES, SHK_REASON_RIGHTS) },
	{ "SHK_HANDLE_REVOKE of none", no_handle, ERROR(ENOENT, SHK_REASON_ID_UNKNOWN) },
	{ "SHK_SHADOW_OPEN of none", no_shadow, ERROR(ENOENT, SHK_REASON_SHADOW_UNKNOWN) },
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
	/* Each change is reported once. */
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
	int handle = (int)shadow_create_flags(dev, flags);

	need(handle >= 0);
	need(!patch_add(handle, patch_of("__x64_sys_munlockall", "r")));
	return handle;
}

static void shadows_make(void)
{
	struct shk_syscalls syscalls = { .size = sizeof(syscalls), .calls = { 1 } };
	struct shk_patch_add skip = skip_of("__x64_sys_getppid", "__task_pid_nr_ns");
	uint64_t id;

	shadow = shadow_make(0);
	derived = (int)handle_derive(shadow, SHK_RIGHT_READ, NULL);
	revoked = (int)handle_derive(shadow, SHK_RIGHT_READ, &id);
	need(derived >= 0 && revoked >= 0 && !handle_revoke(shadow, id));
	owner = shadow_make(SHK_ASYNC_OWNER);
	skipping = shadow_make(0);
	skip.flags = SHK_PATCH_VALUE;
	skip.call.value = 7;
	need(!patch_add(skipping, skip));
	caller = (int)call(shadow_make(0), SHK_SYSCALLS_CREATE, &syscalls);
	need(caller >= 0);
	dead = shadow_make(0);
	need(!shadow_destroy(dead));
}

/* Is a good argument refused to a caller without capabilities for what it asks? */
static bool needs_capability(const struct one_call *c)
{
	switch (c->nr) {
	case SHK_INFO:
	case SHK_PROPERTY_LIST:
	case SHK_LEAVE:
		return false;
	case SHK_SHADOW_LIST:
		return !c->on_handle;
	case SHK_PROCESS_INFO:	 /* of its own process */
	case SHK_PROCESS_ATTACH: /* of one that exited, which may be told first */
		return false;
	default:
		return true;
	}
}

/* Does a handle with SHK_RIGHT_READ permit it? */
static bool may_reader(unsigned long nr)
{
	return nr == SHK_SHADOW_LIST || nr == SHK_LEAVE || nr == SHK_PROBE_LIST ||
	       nr == SHK_PATCH_LIST || nr == SHK_RAW_LIST || nr == SHK_EDIT_LIST;
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
	need(!attach(shadow, SELF));
	need(syscall(SYS_munlockall) == 7);
	/* The first such calls allocate what lives as long as the shadow. */
	free(text());
	need(!enter(shadow) && !leave(shadow));
	cost_now();
	cost = cost_now();
	bytes = text();
	told = state(dev, shadow);

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		long got = reasons[i].attempt();

		if (got != reasons[i].want) {
			printf("%s: %s, expected %s\n", reasons[i].name, outcome(got),
			       outcome(reasons[i].want));
			failures++;
		}
		check_nothing(reasons[i].name, "refused");
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct one_call *c = &calls[i];

		if (needs_capability(c))
			refused(c, "by nobody", as_nobody(c), ERROR(EPERM, SHK_REASON_CAPABILITY));
		if (c->on_handle && !may_reader(c->nr))
			refused(c, "on a derived handle", by_derived(c),
				ERROR(EACCES, SHK_REASON_RIGHTS));
		if (c->on_handle && c->nr != SHK_LEAVE && c->nr != SHK_SHADOW_LIST)
			refused(c, "on a revoked handle", by_revoked(c),
				ERROR(EACCES, SHK_REASON_REVOKED));
		refused(c, "with unknown flags", with_flags(c), -EINVAL);
		refused(c, "without an argument", with_no_argument(c), -EFAULT);
		refused(c, "too short", with_size(c, 4), -EINVAL);
	}
	need(!detach(dev, SELF));
	expect(shadow_destroy(shadow), 0);
	return finish();
}
