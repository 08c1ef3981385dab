/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * libshadowk: shadow kernels from C.
 *
 * A shadow is a variant of the running kernel's text. Processes attached to it
 * execute that text, with the probes placed in it; all others execute the base
 * as it was booted, at no cost.
 *
 * Conventions
 *
 * - Functions return a value >= 0, or -errno. errno itself is not meaningful.
 *   shadowk_explain() turns the number into a line for people.
 * - A call that fails changes nothing, and leaves its output arguments alone.
 * - Structs that the library fills begin with their size, which the caller
 *   sets: struct shadowk_info info = { .size = sizeof(info) }; this way a
 *   program built against this release works with later ones.
 * - Functions called ..._next() walk: they return 1 and fill in the next
 *   element, or 0 after the last.
 * - Times are in nanoseconds, memory is in bytes.
 * - Nothing here keeps state outside the opaque structs. Different threads may
 *   use the same object at the same time, except to close it.
 */
#ifndef SHADOWK_H
#define SHADOWK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHADOWK_VERSION "0.1.0"

/* Lengths of names, the terminating NUL included. */
#define SHADOWK_NAME_LEN   64
#define SHADOWK_SYMBOL_LEN 512
#define SHADOWK_COMM_LEN   16

/* Slot n counts latencies in [2^n, 2^(n+1)) ns; slot 0 has 0 and 1 ns. */
#define SHADOWK_HISTOGRAM_LEN 64

struct shadowk;	       /* an open /dev/shadowk */
struct shadowk_shadow; /* a handle of one shadow */

/**
 * shadowk_version() - version of the library that is linked, "0.1.0"
 */
const char *shadowk_version(void);

/* ---- device ------------------------------------------------------------- */

/**
 * shadowk_open() - open the device /dev/shadowk
 * @dev: out: the device; release it by shadowk_close()
 *
 * Return: 0, -ENODEV (the module is not loaded), -EACCES (the file's mode
 * forbids it), or another error of open(2).
 */
int shadowk_open(struct shadowk **dev);

/**
 * shadowk_close() - close the device; handles stay valid
 * @dev: the device, or NULL
 */
void shadowk_close(struct shadowk *dev);

#define SHADOWK_FEATURE_PROCESS	 (1ULL << 0)  /* attach and detach processes */
#define SHADOWK_FEATURE_PROBE	 (1ULL << 1)  /* probes */
#define SHADOWK_FEATURE_PATCH	 (1ULL << 8)  /* patches */
#define SHADOWK_FEATURE_RAW	 (1ULL << 2)  /* raw edits */
#define SHADOWK_FEATURE_ENTER	 (1ULL << 9)  /* stretches of system calls */
#define SHADOWK_FEATURE_CGROUP	 (1ULL << 10) /* attach and detach cgroups */
#define SHADOWK_FEATURE_SYSCALLS (1ULL << 11) /* inside during some system calls only */
#define SHADOWK_FEATURE_OWN	 (1ULL << 12) /* own interrupts and kernel threads */

/**
 * struct shadowk_info - what the module can do and what it holds
 * @size:	sizeof(struct shadowk_info), set by the caller
 * @features:	SHADOWK_FEATURE_*
 * @nr_shadows:	shadows that live now
 * @nr_grafts:	processes (address spaces) inside a shadow now
 * @memory:	bytes of page tables and private text, all shadows
 * @mmu:	backend, "native" or "xenpv"
 * @version:	version of the module
 */
struct shadowk_info {
	size_t size;
	uint64_t features;
	uint32_t nr_shadows;
	uint32_t nr_grafts;
	uint64_t memory;
	char mmu[16];
	char version[32];
};

/**
 * shadowk_info() - ask the module
 * @dev:  the device
 * @info: out
 *
 * Return: 0 or -errno.
 */
int shadowk_info(struct shadowk *dev, struct shadowk_info *info);

enum shadowk_answer {
	SHADOWK_ANSWER_FINE = 0,
	SHADOWK_ANSWER_ADAPTED = 1,
	SHADOWK_ANSWER_OFF = 2,
	SHADOWK_ANSWER_REFUSED = 3,
};

/**
 * struct shadowk_property - what the module has found this machine to be
 * @size:	sizeof(struct shadowk_property), set by the caller
 * @cursor:	place in the walk; 0 to begin
 * @answer:	enum shadowk_answer: all is well; shadows do something else; features are refused;
 *		the module does not load
 * @name:	for programs, such as "lazy-tlb"
 * @detail:	what was found, and what follows, for people
 */
struct shadowk_property {
	size_t size;
	uint64_t cursor;
	uint32_t answer;
	char name[32];
	char detail[192];
};

/**
 * shadowk_property_next() - walk what the module has found this machine to be
 * @dev:      the device
 * @property: in: @cursor 0 to begin, or as the last call left it; out: the next
 *
 * Return: 1; 0 at the end; -errno.
 */
int shadowk_property_next(struct shadowk *dev, struct shadowk_property *property);

/* ---- shadows ------------------------------------------------------------ */

/**
 * shadowk_name_check() - is this a name for a shadow or a probe?
 * @name: the name
 *
 * Return: 0; -EINVAL if it is empty, "." or "..", or has a character that is
 * not of [A-Za-z0-9._:-]; -ENAMETOOLONG if it has more than 63.
 */
int shadowk_name_check(const char *name);

/**
 * shadowk_shadow_create() - make a shadow, equal to the base
 * @dev:    the device
 * @name:   its name; NULL or "" for a shadow that only handles and processes
 *	    inside keep alive
 * @shadow: out: a handle; release it by shadowk_shadow_close()
 *
 * A named shadow outlives the handle and the program, until
 * shadowk_shadow_destroy(). Needs CAP_SYS_MODULE.
 *
 * Return: 0, -EEXIST (the name is taken), -EINVAL or -ENAMETOOLONG (see
 * shadowk_name_check()), -EPERM.
 */
int shadowk_shadow_create(struct shadowk *dev, const char *name, struct shadowk_shadow **shadow);

/* Interrupts and softirqs that land on a process inside execute the shadow, too. */
#define SHADOWK_ASYNC_INHERIT (1U << 0)
/* Who holds a handle may attach and detach its own process, and read the probes. */
#define SHADOWK_DELEGABLE (1U << 1)
/* It may own lines of interrupts and kernel threads. */
#define SHADOWK_ASYNC_OWNER (1U << 2)
/* Work items, timers and softirqs that a process inside raises itself execute it. */
#define SHADOWK_ASYNC_CAUSAL (1U << 3)
/* Its probes count what is executed in interrupts, softirqs and work items of nobody, too. */
#define SHADOWK_ASYNC_UNION (1U << 4)

/**
 * shadowk_shadow_create_flags() - make a shadow of another kind
 * @dev:    the device
 * @name:   as for shadowk_shadow_create()
 * @flags:  one of SHADOWK_ASYNC_*, SHADOWK_DELEGABLE; or 0
 * @shadow: as for shadowk_shadow_create()
 *
 * Without SHADOWK_ASYNC_INHERIT interrupts and softirqs execute the base,
 * whomever they land on; with SHADOWK_ASYNC_OWNER, but for those that the shadow
 * owns; with SHADOWK_ASYNC_CAUSAL, but for those that a process inside has raised. With
 * SHADOWK_ASYNC_UNION the probes count, as async_hits, all of the machine's interrupts,
 * softirqs and work items that belong to no shadow otherwise.
 *
 * With SHADOWK_DELEGABLE a process without capabilities that was passed the
 * handle may attach itself. It leaves when it executes a program that gains
 * privileges thereby (set-id, file capabilities). The probes' numbers, which it
 * may read, are those of everybody inside.
 *
 * Return: as shadowk_shadow_create(); -EINVAL also for unknown flags; -EOPNOTSUPP for
 * SHADOWK_ASYNC_CAUSAL and SHADOWK_ASYNC_UNION in a Xen PV guest or without
 * CONFIG_PREEMPT_NOTIFIERS.
 */
int shadowk_shadow_create_flags(struct shadowk *dev, const char *name, uint32_t flags,
				struct shadowk_shadow **shadow);

/**
 * shadowk_shadow_open() - get a handle of a named shadow
 * @dev:    the device
 * @name:   its name
 * @shadow: out: a handle; release it by shadowk_shadow_close()
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0, -ENOENT (no shadow has that name), -EINVAL, -ENAMETOOLONG, -EPERM.
 */
int shadowk_shadow_open(struct shadowk *dev, const char *name, struct shadowk_shadow **shadow);

/**
 * shadowk_shadow_from_fd() - adopt a descriptor that was inherited or received
 * @fd:     descriptor of a shadow; belongs to @shadow if the call succeeds
 * @shadow: out: the handle; release it by shadowk_shadow_close()
 *
 * Return: 0, -EBADF, -ENOTTY (it is not a shadow's).
 */
int shadowk_shadow_from_fd(int fd, struct shadowk_shadow **shadow);

/**
 * shadowk_shadow_fd() - the handle's descriptor, to pass on
 * @shadow: the handle
 *
 * It stays the handle's own and is close-on-exec.
 *
 * Return: the descriptor.
 */
int shadowk_shadow_fd(const struct shadowk_shadow *shadow);

/**
 * shadowk_shadow_close() - release a handle
 * @shadow: the handle, or NULL
 */
void shadowk_shadow_close(struct shadowk_shadow *shadow);

/**
 * struct shadowk_shadow_info - one shadow
 * @size:		sizeof(struct shadowk_shadow_info), set by the caller
 * @id:			its number, from 1 on; never used twice
 * @nr_grafts:		processes (address spaces) inside
 * @nr_probes:		its probes
 * @private_pages:	4 KB pages of text of its own
 * @diverged_ranges:	2 MB ranges of text that it does not map as the base does
 * @huge_ranges:	those of them that are one private page of 2 MB; all 512
 *			pages count as private
 * @memory:		bytes of its page tables and private pages
 * @name:		its name, "" if it has none
 * @flags:		SHADOWK_ASYNC_*, SHADOWK_DELEGABLE
 * @nr_unfollowed:	SHADOWK_ASYNC_CAUSAL: what processes inside have raised and
 *			executes the base, since others raised it too, or for lack of room;
 *			SHADOWK_ASYNC_UNION: work items that executed it for lack of memory
 * @target:		id of the shadow that its processes are in during some system calls
 *			(shadowk_syscalls_create()), or 0
 */
struct shadowk_shadow_info {
	size_t size;
	uint64_t id;
	uint32_t nr_grafts;
	uint32_t nr_probes;
	uint32_t private_pages;
	uint32_t diverged_ranges;
	uint32_t huge_ranges;
	uint64_t memory;
	char name[SHADOWK_NAME_LEN];
	uint32_t flags;
	uint64_t nr_unfollowed;
	uint64_t target;
};

/**
 * shadowk_shadow_info() - describe a handle's shadow
 * @shadow: the handle
 * @info:   out
 *
 * Return: 0 or -errno.
 */
int shadowk_shadow_info(struct shadowk_shadow *shadow, struct shadowk_shadow_info *info);

/**
 * shadowk_shadow_next() - walk all shadows in the order of their ids
 * @dev:  the device
 * @info: in: @id 0 to begin, or as the last call left it; out: the next shadow
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 1; 0 at the end; -EPERM.
 */
int shadowk_shadow_next(struct shadowk *dev, struct shadowk_shadow_info *info);

/**
 * shadowk_shadow_destroy() - give up a shadow's name and its probes
 * @shadow: the handle, which is still to be closed
 *
 * The name is free and the probes are gone at once, the rest goes with the
 * last handle. Needs CAP_SYS_MODULE.
 *
 * Return: 0, -EBUSY (processes are inside, or cgroups are attached), -ESTALE (it was destroyed
 * before), -EPERM.
 */
int shadowk_shadow_destroy(struct shadowk_shadow *shadow);

/* ---- processes ---------------------------------------------------------- */

/**
 * shadowk_busy() - the thread that is in the way of what was just tried
 *
 * As errno, of the calling thread: set by what attaches and detaches processes and
 * cgroups, by shadowk_enter() and shadowk_leave(), and by shadowk_patch_add() and
 * shadowk_patch_remove().
 *
 * Return: its id; -1 if it is not visible from here; 0 if there is none.
 */
pid_t shadowk_busy(void);

/**
 * shadowk_process_attach() - put a process into a shadow
 * @shadow: the handle
 * @pid:    any thread of the process; 0 is the caller
 *
 * When it returns, all threads of the process execute the shadow's text; so
 * will what it forks and executes from then on. A process that is in another
 * shadow moves. Needs CAP_SYS_ADMIN, or that the shadow is SHADOWK_DELEGABLE and
 * @pid the caller's own process, which CAP_SYS_ADMIN has not put elsewhere.
 *
 * Return: 0, -ESRCH (no such process, or a zombie), -EOPNOTSUPP (a kernel
 * thread), -EBUSY (it is in another shadow by its cgroup, kernel.ftrace_enabled is 0, or
 * shadowk_busy() is in a function that a shadow has in place or livepatched, and was waited
 * for), -ENODEV (ftrace has stopped after a fault, see dmesg), -ESTALE (the shadow was
 * destroyed), -EINTR, -EPERM. A thread that sleeps with the process's memory map locked, in a
 * fault of a frozen file system say, is waited for; a signal that kills the caller ends that.
 */
int shadowk_process_attach(struct shadowk_shadow *shadow, pid_t pid);

/**
 * shadowk_process_detach() - let a process run the base again
 * @dev: the device
 * @pid: any thread of the process; 0 is the caller
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0, -ENOENT (it is in no shadow), -ESRCH, -EOPNOTSUPP, -EBUSY (it is inside
 * by its cgroup; or as above, or shadowk_busy() is in fork or exec), -EINTR, -EPERM.
 */
int shadowk_process_detach(struct shadowk *dev, pid_t pid);

/**
 * shadowk_process_detach_from() - the same for a process inside one shadow
 * @shadow: the handle
 * @pid:    any thread of the process; 0 is the caller
 *
 * Needs CAP_SYS_ADMIN, or that the process is the caller's own, and attached
 * itself without it.
 *
 * Return: 0, -ENOENT (it is not in that shadow), -ESRCH, -EOPNOTSUPP, -EPERM.
 */
int shadowk_process_detach_from(struct shadowk_shadow *shadow, pid_t pid);

/**
 * shadowk_enter() - begin a stretch of system calls inside a shadow
 * @shadow: the handle
 *
 * From its return until shadowk_leave() returns, the process, which means all its
 * threads, executes the shadow's text. Stretches nest, and may be in different
 * shadows. A child that is forked within one is in it and leaves it by itself; a
 * program that is executed stays in the shadow, as if it had been attached.
 * Attaching or detaching the process ends all its stretches. Signals do not
 * disturb it. Needs what shadowk_process_attach() of the caller's own process
 * needs.
 *
 * Return: 0, -ENOSPC (64 stretches in each other), -ESTALE (the shadow was
 * destroyed), -EBUSY (another thread, shadowk_busy(), is in a function that a shadow
 * has in place or livepatched, and was waited for; or kernel.ftrace_enabled is 0),
 * -ENODEV (ftrace has stopped), -EPERM.
 */
int shadowk_enter(struct shadowk_shadow *shadow);

#define SHADOWK_THREAD (1U << 0) /* the calling thread alone acts on the shadow's edits */

/**
 * shadowk_enter_flags() - the same, in another way
 * @shadow: the handle
 * @flags:  0, or SHADOWK_THREAD
 *
 * With SHADOWK_THREAD, probes and patches have no effect for the other threads of the
 * process, but for those that enter likewise; coming by one costs them a little more than a
 * hit. Each thread leaves by itself.
 *
 * Return: as shadowk_enter(); with SHADOWK_THREAD also -EBUSY (the process is in a stretch of
 * this kind in another shadow; without, in any), -EXDEV (the shadow has raw edits, calls that
 * are left out, bodies in place, or other thunks, which concern all threads), -EOPNOTSUPP (it
 * was made by shadowk_syscalls_create()), -EMEDIUMTYPE (it is SHADOWK_ASYNC_OWNER or
 * SHADOWK_ASYNC_CAUSAL).
 */
int shadowk_enter_flags(struct shadowk_shadow *shadow, uint32_t flags);

/**
 * shadowk_leave() - end the innermost stretch of system calls
 * @shadow: a handle of the shadow that was entered
 *
 * The process is where it was before: in the base, or in the same or another
 * shadow. Signals do not disturb it. Needs no capability.
 *
 * Return: 0, -ENOENT (the process is in no stretch, or its innermost one is in
 * another shadow), -EBUSY (as shadowk_enter()).
 */
int shadowk_leave(struct shadowk_shadow *shadow);

/**
 * shadowk_syscall_number() - which system call has that name
 * @name: as in the first column of syscalls(2), or the number itself
 *
 * Return: its number, or -ENOENT (no such name when the library was built).
 */
int shadowk_syscall_number(const char *name);

/**
 * shadowk_syscalls_create() - a shadow that is another one during some system calls
 * @shadow:  the handle of that other one
 * @numbers: the system calls
 * @count:   how many these are
 * @during:  out: the handle of the new one, without a name; shadowk_shadow_close() it
 * @refused: out, with an error about one of them: its place in @numbers; or NULL
 *
 * Processes and cgroups are attached to @during, enter and leave it, as with any other
 * shadow. They execute @shadow's text while one of their threads is in one of these
 * system calls, and else the base's. It lives as long as its handle, or somebody in it.
 * Needs CAP_SYS_MODULE.
 *
 * Return: 0, -ENXIO (this kernel has no place that all calls pass; its features lack
 * SHADOWK_FEATURE_SYSCALLS), -EINVAL (@count is 0), -ENOSYS (no such call), -EOPNOTSUPP
 * (exit, exit_group, execve, execveat), -ELOOP (@shadow was made by this function),
 * -EADDRINUSE (it has an edit at the entry of x64_sys_call()), -EMEDIUMTYPE (it is
 * SHADOWK_ASYNC_OWNER or SHADOWK_ASYNC_CAUSAL), -ETXTBSY (it has bodies in place or a LIVEPATCH), -EBUSY
 * (kernel.ftrace_enabled is 0), -ESTALE, -EPERM.
 */
int shadowk_syscalls_create(struct shadowk_shadow *shadow, const unsigned int *numbers,
			    size_t count, struct shadowk_shadow **during, size_t *refused);

/**
 * struct shadowk_process_info - where a process is
 * @size:   sizeof(struct shadowk_process_info), set by the caller
 * @shadow: id of its shadow
 * @name:   name of its shadow, "" if that has none
 */
struct shadowk_process_info {
	size_t size;
	uint64_t shadow;
	char name[SHADOWK_NAME_LEN];
};

/**
 * shadowk_process_info() - in which shadow is a process?
 * @dev:  the device
 * @pid:  any thread of the process; 0 is the caller
 * @info: out
 *
 * Needs CAP_SYS_ADMIN, but for the caller's own process.
 *
 * Return: 0, -ENOENT (it runs the base), -ESRCH, -EOPNOTSUPP, -EPERM.
 */
int shadowk_process_info(struct shadowk *dev, pid_t pid, struct shadowk_process_info *info);

/**
 * struct shadowk_process - a process inside a shadow
 * @size:   sizeof(struct shadowk_process), set by the caller
 * @cursor: place in the walk; 0 to begin
 * @pid:    its process id, 0 if the caller's pid namespace cannot see it
 * @comm:   its command name
 */
struct shadowk_process {
	size_t size;
	uint64_t cursor;
	pid_t pid;
	char comm[SHADOWK_COMM_LEN];
};

/**
 * shadowk_process_next() - walk the processes inside a shadow
 * @shadow:  the handle
 * @process: in: @cursor 0 to begin, or as the last call left it; out: the next
 *
 * Processes that come or go meanwhile may be missed or seen. Needs
 * CAP_SYS_ADMIN.
 *
 * Return: 1; 0 at the end; -EPERM.
 */
int shadowk_process_next(struct shadowk_shadow *shadow, struct shadowk_process *process);

/* ---- cgroups ------------------------------------------------------------ */

/**
 * shadowk_cgroup_attach() - put all that are in a cgroup into a shadow
 * @shadow: the handle
 * @path:   the cgroup's folder (/sys/fs/cgroup/...), or its path as in
 *	    /proc/PID/cgroup; of the unified hierarchy, cgroup2
 *
 * When it returns, the cgroup's processes and those of the cgroups below it are
 * inside; so is who is born there or moved there later, until
 * shadowk_cgroup_detach() or until the cgroup is removed. Of several cgroups above
 * each other, the nearest to a process decides. Needs CAP_SYS_ADMIN.
 *
 * Return: 0, -ENOENT or another error of open(2), -EBADF (no cgroup2), -ENODATA
 * (the cgroup was just removed), -EBUSY (it is attached to another shadow,
 * kernel.ftrace_enabled is 0, or shadowk_busy() is in a function that a shadow has in place
 * or livepatched, or in fork or exec, or has its memory map locked, and was waited for),
 * -ESTALE (the shadow was destroyed), -EPERM. With an error all are where they were, or
 * will be as soon as they can.
 */
int shadowk_cgroup_attach(struct shadowk_shadow *shadow, const char *path);

/**
 * shadowk_cgroup_detach() - the cgroup's processes are no longer inside by it
 * @dev:  the device
 * @path: as above
 *
 * They go where the next cgroup above wants them, or run the base. Needs
 * CAP_SYS_ADMIN.
 *
 * Return: as shadowk_cgroup_attach(); -ENODATA: it is not attached.
 */
int shadowk_cgroup_detach(struct shadowk *dev, const char *path);

/**
 * shadowk_cgroup_split() - share the processes of a cgroup out between two shadows
 * @shadow:  a handle of one
 * @other:   a handle of the other
 * @path:    as above
 * @percent: of the processes, how many are in @other; 1 to 99
 *
 * Each process that is there, or comes there, or is born there, takes its turn: of each
 * hundred exactly @percent are in @other, spread evenly. It stays where it is when it
 * executes; a child of vfork() takes its turn when it executes. Ends with
 * shadowk_cgroup_detach(). Needs CAP_SYS_ADMIN.
 *
 * Return: as shadowk_cgroup_attach(); -EINVAL: @percent, or both are one shadow.
 */
int shadowk_cgroup_split(struct shadowk_shadow *shadow, struct shadowk_shadow *other,
			 const char *path, unsigned int percent);

#define SHADOWK_CGROUP_PATH_LEN 2048

/**
 * struct shadowk_cgroup - a cgroup that is attached to a shadow
 * @size:   sizeof(struct shadowk_cgroup), set by the caller
 * @cursor: place in the walk; 0 to begin
 * @path:   its path as in /proc/PID/cgroup, "" if that is longer
 * @percent: of its processes, those in this shadow; 100, unless it is split
 */
struct shadowk_cgroup {
	size_t size;
	uint64_t cursor;
	char path[SHADOWK_CGROUP_PATH_LEN];
	uint32_t percent;
};

/**
 * shadowk_cgroup_next() - walk the cgroups that are attached to a shadow
 * @shadow: the handle
 * @cgroup: in: @cursor 0 to begin, or as the last call left it; out: the next
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 1; 0 at the end; -EPERM.
 */
int shadowk_cgroup_next(struct shadowk_shadow *shadow, struct shadowk_cgroup *cgroup);

/* ---- interrupts and kernel threads -------------------------------------- */

/**
 * shadowk_own_irq() - the handlers of a line of interrupts execute the shadow
 * @shadow: the handle; made with SHADOWK_ASYNC_OWNER
 * @irq:    number of the line, as /proc/interrupts has it
 *
 * On whatever CPU they land. Their hits count as async_hits. Until
 * shadowk_disown_irq(), or until the shadow is destroyed. Needs CAP_SYS_ADMIN.
 *
 * Return: 0, -ENOENT (there is no such line), -EBUSY (another shadow owns it),
 * -EMEDIUMTYPE (the shadow was made without SHADOWK_ASYNC_OWNER), -EOPNOTSUPP (not in
 * a Xen PV guest), -ESTALE (the shadow was destroyed), -EPERM.
 */
int shadowk_own_irq(struct shadowk_shadow *shadow, uint32_t irq);

#define SHADOWK_PATTERN_LEN 64

/**
 * shadowk_own_kthreads() - kernel threads execute the shadow
 * @shadow:  the handle; made with SHADOWK_ASYNC_OWNER
 * @pattern: what their names are like: *, ?, [a-z]
 *
 * Each from when it next gets a CPU; those that come later, from soon after they have
 * come. Of two patterns that match the older one decides. Not by interrupts and
 * softirqs that land on them. Needs CAP_SYS_ADMIN.
 *
 * Return: as above; -EOPNOTSUPP also in a kernel without CONFIG_PREEMPT_NOTIFIERS;
 * -ENAMETOOLONG; -EINVAL (@pattern is "").
 */
int shadowk_own_kthreads(struct shadowk_shadow *shadow, const char *pattern);

/**
 * shadowk_disown_irq() - they execute the base
 * @shadow: the handle
 * @irq:    as above
 *
 * Return: 0, -ENOENT (the shadow does not own it), -EPERM.
 */
int shadowk_disown_irq(struct shadowk_shadow *shadow, uint32_t irq);

/**
 * shadowk_disown_kthreads() - they execute the base
 * @shadow:  the handle
 * @pattern: the very one that they are owned by
 *
 * Return: as shadowk_disown_irq().
 */
int shadowk_disown_kthreads(struct shadowk_shadow *shadow, const char *pattern);

enum shadowk_own_kind {
	SHADOWK_OWN_IRQ = 1,
	SHADOWK_OWN_KTHREAD = 2,
};

/**
 * struct shadowk_own - what a shadow owns
 * @size:	sizeof(struct shadowk_own), set by the caller
 * @cursor:	place in the walk; 0 to begin
 * @kind:	enum shadowk_own_kind
 * @irq:	the line
 * @nr_threads: kernel threads that are inside by that pattern now
 * @pattern:	of the kernel threads
 */
struct shadowk_own {
	size_t size;
	uint64_t cursor;
	uint32_t kind;
	uint32_t irq;
	uint32_t nr_threads;
	char pattern[SHADOWK_PATTERN_LEN];
};

/**
 * shadowk_own_next() - walk what a shadow owns
 * @shadow: the handle
 * @own:    in: @cursor 0 to begin, or as the last call left it; out: the next
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 1; 0 at the end; -EPERM.
 */
int shadowk_own_next(struct shadowk_shadow *shadow, struct shadowk_own *own);

/* ---- probes ------------------------------------------------------------- */

/* What a probe does with a hit. */
enum shadowk_probe_kind {
	SHADOWK_PROBE_COUNT = 1,   /* count it */
	SHADOWK_PROBE_LATENCY = 2, /* function entry to return, histogram */
	SHADOWK_PROBE_EVENT = 3,   /* fire the tracepoint shadowk:shadowk_probe */
};

/* How the kernel armed it. */
enum shadowk_probe_arm {
	SHADOWK_ARM_INT3 = 1, /* breakpoint */
	SHADOWK_ARM_CALL = 2, /* call, at a function's entry */
	SHADOWK_ARM_JUMP = 3, /* jump, over an instruction */
};

#define SHADOWK_PROBE_RETURN	 (1U << 0) /* at the function's return (COUNT, EVENT) */
#define SHADOWK_PROBE_FORCE_INT3 (1U << 1) /* a breakpoint even where a faster arm exists */

/**
 * struct shadowk_probe_spec - a probe wished for
 * @size:   sizeof(struct shadowk_probe_spec), set by the caller
 * @flags:  SHADOWK_PROBE_*
 * @kind:   enum shadowk_probe_kind
 * @addr:   address of the instruction, or 0 if @symbol is given
 * @offset: bytes from @symbol
 * @id:     out: see struct shadowk_probe_info
 * @name:   its name, or "" to let the kernel choose one
 * @symbol: function as in /proc/kallsyms, or "" if @addr is given
 */
struct shadowk_probe_spec {
	size_t size;
	uint32_t flags;
	uint32_t kind;
	uint64_t addr;
	uint64_t offset;
	uint64_t id;
	char name[SHADOWK_NAME_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_probe_parse() - read a place in the kernel's text
 * @text: SYMBOL, SYMBOL+OFFSET (decimal, or hexadecimal with 0x), 0xADDRESS;
 *	  SYMBOL may be MODULE:SYMBOL
 * @spec: out: @addr, @offset and @symbol; the rest is left alone
 *
 * Return: 0, -EINVAL (none of these), -ERANGE (a number of more than 64 bits),
 * -ENAMETOOLONG (no symbol is that long).
 */
int shadowk_probe_parse(const char *text, struct shadowk_probe_spec *spec);

/**
 * shadowk_probe_add() - place a probe in a shadow
 * @shadow: the handle
 * @spec:   in: what and where; out: @id, and @name where the kernel chose it
 *
 * When it returns, each execution of the instruction by the processes inside
 * is a hit. Needs CAP_SYS_MODULE.
 *
 * Return: 0, -ENOENT (unknown symbol), -ENOTUNIQ (several functions have that
 * name, in the kernel image or, if that has none, in modules: give MODULE:SYMBOL or
 * the address), -ERANGE (outside the text of the kernel and its
 * modules, or past the end of the symbol), -EBUSY (kernel.ftrace_enabled is 0, or
 * the module comes or goes), -EILSEQ (not the first byte of an instruction), -EADDRNOTAVAIL (the
 * kernel forbids probes there), -EADDRINUSE (an optimised kprobe of somebody
 * else is there), -EOPNOTSUPP (an instruction that cannot be stepped; LATENCY
 * or RETURN other than at the entry of a function that is called, which .cold parts
 * and ret_from_fork are not), -EEXIST (@name is taken),
 * -ENOSPC (too many probes), -ESTALE (the shadow was destroyed), -EPERM.
 */
int shadowk_probe_add(struct shadowk_shadow *shadow, struct shadowk_probe_spec *spec);

/**
 * shadowk_probe_hint() - what a probe at a function's entry will not see
 * @buf:  out: one line, "" if there is nothing to say
 * @len:  size of @buf
 * @spec: where the probe is
 *
 * The compiler makes variants of functions (NAME.isra.0, NAME.constprop.0, NAME.part.0), which
 * callers call in place of NAME. Reads /proc/kallsyms.
 *
 * Return: 1 if there is such a variant, else 0.
 */
int shadowk_probe_hint(char *buf, size_t len, const struct shadowk_probe_spec *spec);

/**
 * shadowk_probe_remove() - take a probe away
 * @shadow: the handle
 * @name:   the probe's name
 *
 * When it returns, no CPU executes the probe's code. Needs CAP_SYS_MODULE.
 *
 * Return: 0, -ENOENT (no such probe), -EINVAL, -ENAMETOOLONG, -EPERM.
 */
int shadowk_probe_remove(struct shadowk_shadow *shadow, const char *name);

/**
 * struct shadowk_probe_info - one probe and what it has seen
 * @size:	 sizeof(struct shadowk_probe_info), set by the caller
 * @id:		 unique in the shadow, from 1 on
 * @flags:	 SHADOWK_PROBE_*
 * @kind:	 enum shadowk_probe_kind
 * @arm:	 enum shadowk_probe_arm
 * @addr:	 address of the edit, 0 if the caller may not see it
 * @offset:	 bytes from @symbol
 * @hits:	 executions by the processes inside, in their own context
 * @async_hits:	 executions in interrupts that landed on them; not in @hits. With
 *		 SHADOWK_ASYNC_UNION, and in those of nobody, in softirqs and work items
 * @missed:	 executions seen but not measured
 * @created_ns:	 CLOCK_MONOTONIC when it was added
 * @now_ns:	 CLOCK_MONOTONIC when the numbers were read
 * @latency_sum: sum of all latencies
 * @histogram:	 latencies, see SHADOWK_HISTOGRAM_LEN
 * @name:	 its name
 * @symbol:	 function that holds the address
 * @unreturned:	 LATENCY, RETURN: calls that were entered and have not returned: in
 *		 flight now, or their task ended inside. In neither @hits nor @missed
 */
struct shadowk_probe_info {
	size_t size;
	uint64_t id;
	uint32_t flags;
	uint32_t kind;
	uint32_t arm;
	uint32_t reserved;
	uint64_t addr;
	uint64_t offset;
	uint64_t hits;
	uint64_t async_hits;
	uint64_t missed;
	uint64_t created_ns;
	uint64_t now_ns;
	uint64_t latency_sum;
	uint64_t histogram[SHADOWK_HISTOGRAM_LEN];
	char name[SHADOWK_NAME_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
	uint64_t unreturned;
};

/**
 * shadowk_probe_next() - walk the probes of a shadow in the order of their ids
 * @shadow: the handle
 * @info:   in: @id 0 to begin, or as the last call left it; out: the next probe
 *
 * Return: 1; 0 at the end; -errno.
 */
int shadowk_probe_next(struct shadowk_shadow *shadow, struct shadowk_probe_info *info);

/**
 * shadowk_kind_name() - "count", "latency", "event"; "unknown" for others
 * @kind: enum shadowk_probe_kind
 */
const char *shadowk_kind_name(uint32_t kind);

/**
 * shadowk_kind_parse() - the reverse
 * @name: the name
 *
 * Return: enum shadowk_probe_kind, or -EINVAL.
 */
int shadowk_kind_parse(const char *name);

/**
 * shadowk_arm_name() - "int3", "call", "jump"; "unknown" for others
 * @arm: enum shadowk_probe_arm
 */
const char *shadowk_arm_name(uint32_t arm);

/* ---- patches ------------------------------------------------------------ */

/* What a patch does. */
enum shadowk_patch_kind {
	SHADOWK_PATCH_NOP = 1,	      /* the function returns at once, rax as it was */
	SHADOWK_PATCH_RETURN = 2,     /* the function returns a constant at once */
	SHADOWK_PATCH_SKIP_CALL = 3,  /* one direct call in the function is left out */
	SHADOWK_PATCH_MODULE = 4,     /* functions have bodies in a patch module */
	SHADOWK_PATCH_LIVEPATCH = 5,  /* in a module of shadowk_livepatch_load() */
	SHADOWK_PATCH_CAPTURE = 6,    /* see shadowk_livepatch_load() */
	SHADOWK_PATCH_RETPOLINES = 7, /* indirect branches without retpolines */
	SHADOWK_PATCH_RETURNS = 8,    /* returns without the thunk against SRSO */
};

#define SHADOWK_PATCH_VALUE	 (1U << 0) /* SKIP_CALL: @value is what the call returns */
#define SHADOWK_PATCH_CALLBACKS	 (1U << 1) /* LIVEPATCH: call its callbacks, which concern all */
#define SHADOWK_PATCH_IN_PLACE	 (1U << 2) /* NOP, RETURN, MODULE: where the old body is */
#define SHADOWK_PATCH_UNSAFE_NOW (1U << 3) /* LIVEPATCH: wait for no thread in its bodies */
#define SHADOWK_PATCH_PROMOTED	 (1U << 4) /* of struct shadowk_patch_info only */

/**
 * struct shadowk_patch_spec - a patch wished for
 * @size:   sizeof(struct shadowk_patch_spec), set by the caller
 * @flags:  SHADOWK_PATCH_*
 * @kind:   enum shadowk_patch_kind
 * @addr:   address of the function, or 0 if @symbol is given
 * @offset: SKIP_CALL: bytes from the function to the call, 0 for the only one
 * @value:  what is returned
 * @id:     out: see struct shadowk_patch_info
 * @name:   its name, or "" to let the kernel choose one
 * @symbol: function as in /proc/kallsyms, or "" if @addr is given, and for MODULE,
 *	    LIVEPATCH, CAPTURE
 * @object: SKIP_CALL: the function called; MODULE, LIVEPATCH: the module, which
 *	    is loaded
 */
struct shadowk_patch_spec {
	size_t size;
	uint32_t flags;
	uint32_t kind;
	uint64_t addr;
	uint64_t offset;
	uint64_t value;
	uint64_t id;
	char name[SHADOWK_NAME_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
	char object[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_patch_add() - give a function another body in a shadow
 * @shadow: the handle
 * @spec:   in: which and what; out: @id, and @name where the kernel chose it
 *
 * When it returns, processes inside that enter the function find the new body.
 * What that means for locks, results and waiting is for the caller to know; see
 * struct shk_patch_add in <linux/shadowk.h>. If a function of a module is the
 * reason for an error, its name is in @symbol then. Needs CAP_SYS_MODULE.
 *
 * Return: 0, -ENOENT (unknown symbol), -ENOTUNIQ (several functions have that
 * name: give the address), -ERANGE (no text there), -EILSEQ
 * (not the first byte of a function, or of an instruction), -EOPNOTSUPP (the
 * function has no __fentry__ site), -EADDRNOTAVAIL (the kernel forbids it),
 * -ENXIO (no such call), -EMLINK (several, give @offset), -EADDRINUSE (an edit
 * is there), -EBUSY (a kprobe is there, kernel.ftrace_enabled is 0, or
 * shadowk_busy() is in what would be replaced in place or in an old body of a LIVEPATCH, and
 * was waited for), -EEXIST (@name is taken), -ENOSPC (too many patches), -EFBIG, -EOVERFLOW, -EPROTO, -EPROTOTYPE (a body that cannot be in
 * place, see there), -EINTR, -ENODEV (no such patch module is loaded), -ENOEXEC (it is for
 * another version), -EXDEV (a LIVEPATCH has what @symbol names, "callbacks" or
 * functions of that module, which one shadow alone cannot have), an error of a livepatch's
 * callback, -ESTALE (the shadow was destroyed), -EPERM.
 */
int shadowk_patch_add(struct shadowk_shadow *shadow, struct shadowk_patch_spec *spec);

/**
 * shadowk_patch_remove() - take a patch back
 * @shadow: the handle
 * @name:   the patch's name
 *
 * Calls in progress end in the body that they entered. Needs CAP_SYS_MODULE.
 *
 * Return: 0, -ENOENT (no such patch), -EBUSY (processes inside execute a thunk, or
 * shadowk_busy() is in a body in place or of a LIVEPATCH, and was waited for), -EINTR,
 * -EINVAL, -ENAMETOOLONG, -EPERM.
 */
int shadowk_patch_remove(struct shadowk_shadow *shadow, const char *name);

/**
 * shadowk_patch_remove_flags() - take a patch back
 * @shadow: the handle
 * @name:   the patch's name
 * @flags:  0, or SHADOWK_PATCH_UNSAFE_NOW: of a LIVEPATCH, whatever threads are in its bodies
 *
 * Return: as shadowk_patch_remove(); -EINVAL (the patch is no LIVEPATCH).
 */
int shadowk_patch_remove_flags(struct shadowk_shadow *shadow, const char *name, uint32_t flags);

/**
 * shadowk_livepatch_load() - load a livepatch module, so that it patches nothing
 * @dev: the device
 * @fd:  descriptor of the file
 *
 * A child process loads it in a shadow of its own, in which klp_enable_patch()
 * keeps the patch for SHADOWK_PATCH_LIVEPATCH. Needs CAP_SYS_MODULE and
 * CAP_SYS_ADMIN.
 *
 * Return: 0 or an error of finit_module(2): -EEXIST (it is loaded already),
 * -ENOEXEC, -ENOKEY; or -EOPNOTSUPP (this kernel has no livepatch).
 */
int shadowk_livepatch_load(struct shadowk *dev, int fd);

/**
 * shadowk_patch_promote() - make a LIVEPATCH the kernel's own, for all
 * @shadow: the handle
 * @name:   the patch's name
 *
 * The kernel's transition begins. The shadow keeps the patch until it is
 * removed, which is due when /sys/kernel/livepatch/MODULE/transition is 0.
 *
 * Return: 0, -ENOENT (no such patch), -EMEDIUMTYPE (it is no LIVEPATCH),
 * -EALREADY (it was promoted before), -EBUSY (another transition goes on), another error of
 * livepatch, -EPERM.
 */
int shadowk_patch_promote(struct shadowk_shadow *shadow, const char *name);

/**
 * struct shadowk_patch_info - one function of a patch
 * @size:	  sizeof(struct shadowk_patch_info), set by the caller
 * @id:		  of the patch, unique in the shadow, from 1 on
 * @flags:	  SHADOWK_PATCH_*
 * @kind:	  enum shadowk_patch_kind
 * @index:	  which of the patch's functions
 * @nr_functions: how many it has
 * @addr:	  address of the edit, 0 if the caller may not see it
 * @offset:	  bytes from @symbol to the call, 0 for a function
 * @value:	  what is returned
 * @name:	  the patch's name
 * @symbol:	  the function
 * @object:	  SKIP_CALL: the function that is not called; MODULE, LIVEPATCH: the
 *		  module
 */
struct shadowk_patch_info {
	size_t size;
	uint64_t id;
	uint32_t flags;
	uint32_t kind;
	uint32_t index;
	uint32_t nr_functions;
	uint64_t addr;
	uint64_t offset;
	uint64_t value;
	char name[SHADOWK_NAME_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
	char object[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_patch_next() - walk the patches of a shadow and their functions
 * @shadow: the handle
 * @info:   in: @id 0 to begin, or as the last call left it; out: the next
 *
 * Return: 1; 0 at the end; -errno.
 */
int shadowk_patch_next(struct shadowk_shadow *shadow, struct shadowk_patch_info *info);

/**
 * shadowk_patch_kind_name() - "nop", "return", "skip-call", "module", "livepatch",
 *			       "capture"; "unknown" for others
 * @kind: enum shadowk_patch_kind
 */
const char *shadowk_patch_kind_name(uint32_t kind);

/* ---- raw edits ---------------------------------------------------------- */

#define SHADOWK_RAW_LEN	     16
#define SHADOWK_RAW_IDENTITY (1U << 0) /* pages are private, their bytes stay the base's */

/**
 * struct shadowk_raw - a raw edit: text of the caller's own
 * @size:   sizeof(struct shadowk_raw), set by the caller
 * @id:	    unique in the shadow, from 1 on; shadowk_raw_add() sets it
 * @flags:  SHADOWK_RAW_IDENTITY
 * @addr:   address of the first byte; 0 to add it by @symbol, or where hidden
 * @offset: bytes from @symbol
 * @len:    bytes; with SHADOWK_RAW_IDENTITY, 0 adds up to the end of the
 *	    function, or, without a place, the whole text
 * @bytes:  what the shadow has there
 * @symbol: the function, or "" where @addr is given
 */
struct shadowk_raw {
	size_t size;
	uint64_t id;
	uint32_t flags;
	uint64_t addr;
	uint64_t offset;
	uint64_t len;
	uint8_t bytes[SHADOWK_RAW_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_raw_parse() - read a place in the kernel's text
 * @text: as of shadowk_probe_parse()
 * @raw:  out: @addr, @offset and @symbol; the rest is left alone
 *
 * Return: 0, -EINVAL, -ERANGE, -ENAMETOOLONG.
 */
int shadowk_raw_parse(const char *text, struct shadowk_raw *raw);

/**
 * shadowk_raw_add() - put bytes into a shadow's text, or make pages private
 * @shadow: the shadow
 * @raw:    what is wished for; its @id is set
 *
 * One instruction in the place of one of the same length; nobody checks what it
 * does. With SHADOWK_RAW_IDENTITY nothing differs, now or later: the pages of
 * the range are the shadow's own, and follow the base. Needs CAP_SYS_MODULE.
 *
 * Return: 0, -ENOENT (no such function), -ENOTUNIQ (several, give the address),
 * -ERANGE (not the kernel's own text), -EILSEQ (not one instruction for one),
 * -EADDRNOTAVAIL (the kernel or the module depends on that text), -EADDRINUSE
 * (an edit or a kprobe is there), -EOPNOTSUPP (the instruction lies across two
 * pages), -EBUSY (kernel.ftrace_enabled is 0), -ESTALE (the shadow was
 * destroyed), -EINVAL, -ENOMEM, -EPERM.
 */
int shadowk_raw_add(struct shadowk_shadow *shadow, struct shadowk_raw *raw);

/**
 * shadowk_raw_remove() - take a raw edit away
 * @shadow: the shadow
 * @id:	    the raw edit's id
 *
 * When it returns, no CPU executes it. Needs CAP_SYS_MODULE.
 *
 * Return: 0, -ENOENT (no such raw edit), -EPERM.
 */
int shadowk_raw_remove(struct shadowk_shadow *shadow, uint64_t id);

/**
 * shadowk_raw_next() - walk the raw edits of a shadow in the order of their ids
 * @shadow: the shadow
 * @raw:    in: @id 0 to begin, or as the last call left it; out: the next one
 *
 * Needs CAP_SYS_ADMIN or CAP_SYS_MODULE, unless the shadow is delegable.
 *
 * Return: 1; 0 at the end; -EPERM.
 */
int shadowk_raw_next(struct shadowk_shadow *shadow, struct shadowk_raw *raw);

/* ---- text --------------------------------------------------------------- */

#define SHADOWK_EDIT_LEN 16   /* bytes of an edit, at most */
#define SHADOWK_TEXT_LEN 1024 /* bytes of text told at a time, at most */

#define SHADOWK_EDIT_HOOK  (1U << 0) /* the module's own, which every shadow has */
#define SHADOWK_EDIT_STRAY (1U << 1) /* the bytes are not what an edit is to have there */

/**
 * struct shadowk_edit_info - bytes that a shadow has for its own
 * @size:   sizeof(struct shadowk_edit_info), set by the caller
 * @cursor: where the walk is
 * @addr:   where they are, 0 if the caller may not see it
 * @offset: bytes from @symbol to there
 * @flags:  SHADOWK_EDIT_*
 * @len:    how many
 * @base:   what the base has there; zeros if the caller may not see addresses
 * @bytes:  what the shadow has there; likewise
 * @symbol: function that holds the address, "MODULE:FUNCTION" in a module; "" if
 *	    none does
 */
struct shadowk_edit_info {
	size_t size;
	uint64_t cursor;
	uint64_t addr;
	uint64_t offset;
	uint32_t flags;
	uint32_t len;
	uint8_t base[SHADOWK_EDIT_LEN];
	uint8_t bytes[SHADOWK_EDIT_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_edit_next() - walk what a shadow's text has that is not the base's
 * @shadow: the handle
 * @info:   in: @cursor 0 to begin, or as the last call left it; out: the next
 *
 * The kernel compares all bytes of the shadow's private pages.
 *
 * Return: 1; 0 at the end; -errno.
 */
int shadowk_edit_next(struct shadowk_shadow *shadow, struct shadowk_edit_info *info);

/**
 * struct shadowk_text - bytes of the base's text and of a shadow's
 * @size:	sizeof(struct shadowk_text), set by the caller
 * @addr:	in: an address, if @symbol is ""; out: of the first byte
 * @offset:	in: bytes to go on from there; out: from @symbol to the first byte
 * @symbol_len: out: bytes of @symbol
 * @len:	out: of the bytes told, 1 or more
 * @base:	out: the base's
 * @bytes:	out: the shadow's
 * @symbol:	in: function, or ""; out: what holds the address
 */
struct shadowk_text {
	size_t size;
	uint64_t addr;
	uint64_t offset;
	uint64_t symbol_len;
	uint32_t len;
	uint8_t base[SHADOWK_TEXT_LEN];
	uint8_t bytes[SHADOWK_TEXT_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_text_read() - read the base's text and a shadow's
 * @shadow: the handle
 * @text:   what to read, and what was read
 *
 * Return: 0, -ENOENT, -ENOTUNIQ, -ERANGE (no text there), -EPERM (or addresses of
 * the kernel are hidden from the caller).
 */
int shadowk_text_read(struct shadowk_shadow *shadow, struct shadowk_text *text);

/* ---- errors ------------------------------------------------------------- */

/* What was tried when an error came back; named after the functions. */
enum shadowk_op {
	SHADOWK_OP_OPEN,
	SHADOWK_OP_INFO,
	SHADOWK_OP_SHADOW_CREATE,
	SHADOWK_OP_SHADOW_OPEN,
	SHADOWK_OP_SHADOW_FROM_FD,
	SHADOWK_OP_SHADOW_INFO,
	SHADOWK_OP_SHADOW_NEXT,
	SHADOWK_OP_SHADOW_DESTROY,
	SHADOWK_OP_PROCESS_ATTACH,
	SHADOWK_OP_PROCESS_DETACH,
	SHADOWK_OP_PROCESS_INFO,
	SHADOWK_OP_PROCESS_NEXT,
	SHADOWK_OP_PROBE_PARSE,
	SHADOWK_OP_PROBE_ADD,
	SHADOWK_OP_PROBE_REMOVE,
	SHADOWK_OP_PROBE_NEXT,
	SHADOWK_OP_PROCESS_DETACH_FROM,
	SHADOWK_OP_PATCH_ADD,
	SHADOWK_OP_PATCH_REMOVE,
	SHADOWK_OP_PATCH_NEXT,
	SHADOWK_OP_PATCH_PROMOTE,
	SHADOWK_OP_RAW_PARSE,
	SHADOWK_OP_RAW_ADD,
	SHADOWK_OP_RAW_REMOVE,
	SHADOWK_OP_RAW_NEXT,
	SHADOWK_OP_EDIT_NEXT,
	SHADOWK_OP_TEXT_READ,
	SHADOWK_OP_ENTER,
	SHADOWK_OP_LEAVE,
	SHADOWK_OP_CGROUP_ATTACH,
	SHADOWK_OP_CGROUP_DETACH,
	SHADOWK_OP_CGROUP_NEXT,
	SHADOWK_OP_OWN,
	SHADOWK_OP_DISOWN,
	SHADOWK_OP_OWN_NEXT,
	SHADOWK_OP_SYSCALL_NUMBER,
	SHADOWK_OP_SYSCALLS_CREATE,
	SHADOWK_OP_CGROUP_SPLIT,
	SHADOWK_OP_PROPERTY_NEXT,
};

/**
 * struct shadowk_subject - what a call was about, as far as it is known
 * @size:   sizeof(struct shadowk_subject), set by the caller
 * @shadow: name of the shadow, or NULL
 * @probe:  name of the probe, or what shadowk_probe_parse() or
 *	    shadowk_raw_parse() was to read, or the id of a raw edit; or NULL
 * @spec:   what shadowk_probe_add() was given; or shadowk_text_read(), of which it has
 *	    @symbol and @addr; or NULL
 * @pid:    the process, or 0
 * @patch:  name of the patch, or NULL
 * @patch_spec: what shadowk_patch_add() was given, or NULL
 * @cgroup: path of the cgroup, or NULL
 * @owned:  "irq 24", "kernel threads 'PATTERN'", or NULL
 * @syscall: name of the system call, or NULL
 */
struct shadowk_subject {
	size_t size;
	const char *shadow;
	const char *probe;
	const struct shadowk_probe_spec *spec;
	pid_t pid;
	const char *patch;
	const struct shadowk_patch_spec *patch_spec;
	const char *cgroup;
	const char *owned;
	const char *syscall;
};

/**
 * shadowk_explain() - say in one line what was wrong and what to do
 * @buf:     out: the line, without a newline, cut off where it does not fit
 * @len:     size of @buf
 * @op:      what was tried
 * @err:     the error, of either sign
 * @subject: what it was about, or NULL
 *
 * May read /proc to be more precise; call it before the world has moved on.
 * Control characters of names appear as '?'.
 *
 * Return: @buf.
 */
const char *shadowk_explain(char *buf, size_t len, enum shadowk_op op, int err,
			    const struct shadowk_subject *subject);

#ifdef __cplusplus
}
#endif

#endif /* SHADOWK_H */
