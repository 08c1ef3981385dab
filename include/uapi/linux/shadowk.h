/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Shadow kernels: the only file that shadowk.ko and user space share.
 *
 * One running Linux, many kernel texts. The booted text is the "base". A
 * "shadow" is a copy-on-write variant of it; a process whose mm is grafted to
 * a shadow executes the shadow's text, everybody else the base. (Chick et al.,
 * "Shadow Kernels", section 3.)
 *
 * Conventions
 *
 * - Every argument is a struct whose first member is its size as the caller
 *   knows it. A shorter struct than the kernel's is filled up with zeros, a
 *   longer one is taken if what the kernel does not know is zero (E2BIG
 *   otherwise), as copy_struct_from_user() does. A size below that of the
 *   first release of the struct is EINVAL, one above 4096 E2BIG. What comes
 *   back is as long as the caller's struct; its size is as it was.
 * - Unknown flags, and reserved members that are not zero, are EINVAL.
 * - A call that fails changes nothing.
 * - Strings are NUL-terminated inside their arrays; EINVAL otherwise.
 * - Errors common to all calls: EFAULT (a pointer that cannot be read or
 *   written), EINVAL (size, flags, reserved, string), ENOTTY (an ioctl number
 *   this file does not define, or one of the other kind of descriptor),
 *   ENOMEM, EPERM (see each call).
 * - Capabilities are asked for at each call, whoever opened the descriptor, and
 *   count in the initial user namespace only. docs/permissions.md has the table
 *   of who may call what.
 * - EIO: Xen refused a change of page tables (attach, SHK_PROBE_ADD).
 *
 * Two kinds of descriptor: the device /dev/shadowk, and the handle of one
 * shadow (an anonymous inode), which SHK_SHADOW_CREATE and SHK_SHADOW_OPEN
 * return. A handle can be dup'ed, inherited and passed over a socket. The
 * shadow lives while it is named, held by a handle, grafted, come back to
 * (SHK_LEAVE), or has a cgroup attached.
 */
/* Columns are part of what a reader looks for here. */
/* clang-format off */
#ifndef _UAPI_LINUX_SHADOWK_H
#define _UAPI_LINUX_SHADOWK_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SHK_DEVICE		"/dev/shadowk"

/* Lengths of the arrays that carry names, the terminating NUL included. */
#define SHK_NAME_LEN		64	/* of a shadow, of a probe: [A-Za-z0-9._:-]+ */
#define SHK_SYMBOL_LEN		512
#define SHK_MMU_LEN		16
#define SHK_HISTOGRAM_LEN	64	/* slot n counts latencies in [2^n, 2^(n+1)) ns; 0 and 1 ns in slot 0 */

#define SHK_IOC			0xB5

/* ---- on /dev/shadowk ---------------------------------------------------- */

/**
 * struct shk_info - SHK_INFO: what the module can do and what it holds
 * @size:	sizeof(struct shk_info)
 * @flags:	0
 * @features:	SHK_FEATURE_* of this module
 * @nr_shadows:	shadows that live now
 * @nr_grafts:	processes (address spaces) inside a shadow now
 * @memory:	bytes of page tables and private text pages, all shadows
 * @mmu:	backend: "native", "xenpv"
 * @version:	the module's version
 */
struct shk_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 features;
	__u32 nr_shadows;
	__u32 nr_grafts;
	__aligned_u64 memory;
	char mmu[SHK_MMU_LEN];
	char version[32];
};
#define SHK_INFO		_IO(SHK_IOC, 0x00)

#define SHK_FEATURE_PROCESS	(1ULL << 0)	/* attach and detach processes */
#define SHK_FEATURE_PROBE	(1ULL << 1)	/* probes */
#define SHK_FEATURE_RAW		(1ULL << 2)	/* raw edits */
#define SHK_FEATURE_PATCH	(1ULL << 8)	/* patches */
#define SHK_FEATURE_ENTER	(1ULL << 9)	/* stretches of system calls */
#define SHK_FEATURE_CGROUP	(1ULL << 10)	/* attach and detach cgroups */
#define SHK_FEATURE_SYSCALLS	(1ULL << 11)	/* inside during some system calls only */
#define SHK_FEATURE_OWN		(1ULL << 12)	/* own interrupts and kernel threads */

/* What follows from a property of the machine (struct shk_property.answer). */
enum shk_answer {
	SHK_ANSWER_FINE = 0,	/* all is as shadows want it */
	SHK_ANSWER_ADAPTED = 1,	/* what shadows do instead is in the detail */
	SHK_ANSWER_OFF = 2,	/* the features that the detail names are refused */
	SHK_ANSWER_REFUSED = 3,	/* the module does not load */
};

#define SHK_PROPERTY_LEN	32	/* longest name of a property, with its NUL */
#define SHK_DETAIL_LEN		192

/**
 * struct shk_property - SHK_PROPERTY_NEXT: what the module has found this machine to be
 * @size:	sizeof(struct shk_property)
 * @flags:	0
 * @cursor:	in: 0, or what the last call returned; out: for the next call
 * @answer:	out: enum shk_answer, as it is now
 * @reserved:	0
 * @name:	out: for programs, such as "lazy-tlb"
 * @detail:	out: what was found, and what follows, for people
 *
 * Needs no capability. If the module does not load, the kernel's log names the property.
 * ENOENT: there are no more.
 * EINVAL: @flags or @reserved is not 0.
 */
struct shk_property {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__u32 answer;
	__u32 reserved;
	char name[SHK_PROPERTY_LEN];
	char detail[SHK_DETAIL_LEN];
};
#define SHK_PROPERTY_NEXT	_IO(SHK_IOC, 0x06)

/**
 * struct shk_shadow_create - SHK_SHADOW_CREATE: a new shadow, equal to the base
 * @size:	sizeof(struct shk_shadow_create)
 * @flags:	SHK_ASYNC_INHERIT: interrupts and softirqs that land on a process
 *		inside execute the shadow's text too. Otherwise they execute the
 *		base, at the cost of two page-table switches each, and their user
 *		stacks cannot be sampled from within them.
 *		SHK_ASYNC_OWNER: as without it, and the shadow may own lines of
 *		interrupts and kernel threads, which execute its text (SHK_OWN).
 *		SHK_ASYNC_CAUSAL: as without it, but for work items, timers and softirqs
 *		that a process inside has raised itself: these execute the shadow's text,
 *		wherever and whenever they run. A work item or timer that is pending
 *		already belongs to who queued it first; a softirq that others have
 *		raised on that CPU as well executes the base. What they raise in turn is
 *		not followed, but for the work item of a delayed one. Hits in work items
 *		count as hits, others as async_hits. While there is such a shadow, every
 *		work item, timer and softirq costs everybody a look. EOPNOTSUPP in a
 *		Xen PV guest and in a kernel without CONFIG_PREEMPT_NOTIFIERS.
 *		SHK_ASYNC_UNION: as without it, and the probes count what is executed on
 *		the whole machine, whoever raised it and whomever it lands on, by
 *		work items, softirqs and handlers of interrupts: also if nobody is inside,
 *		from SHK_PROBE_ADD on. That is async_hits, in work items, too, and in no
 *		histogram or event. Not so what is another shadow's: by SHK_ASYNC_OWNER, by
 *		SHK_ASYNC_CAUSAL, or because it lands on a process in one that is
 *		SHK_ASYNC_INHERIT. Not other kernel threads, threads of interrupts among
 *		them, nor NMIs. Patches and raw edits have no effect there, nor is a
 *		thread asked for (SHK_THREAD). While such a shadow has a probe, each of
 *		these costs everybody two page-table switches. Not possible where
 *		SHK_ASYNC_CAUSAL is not.
 *		One SHK_ASYNC_* at most.
 *		SHK_DELEGABLE: whoever holds a handle may attach itself, detach
 *		itself, and read the probes: their hits are those of everybody
 *		inside. For good; there is no way to take it back but closing all
 *		handles.
 * @name:	its name, or "" for a shadow that only handles keep alive
 *
 * Constant time: no text is copied until the first edit or graft (SHK_ASYNC_CAUSAL: or
 * then). Needs CAP_SYS_MODULE; refused (EPERM) where the kernel takes no unsigned module:
 * under lockdown, with module.sig_enforce or kernel.modules_disabled. So is whatever else is
 * "refused under lockdown" here.
 *
 * Return: the handle (close-on-exec), or EEXIST (@name is taken), EINVAL
 * (@name has a character that is not of [A-Za-z0-9._:-], or is "." or ".."),
 * EPERM.
 */
struct shk_shadow_create {
	__u32 size;
	__u32 flags;
	char name[SHK_NAME_LEN];
};
#define SHK_ASYNC_INHERIT	(1U << 0)
#define SHK_DELEGABLE		(1U << 1)
#define SHK_ASYNC_OWNER		(1U << 2)
#define SHK_ASYNC_CAUSAL	(1U << 3)
#define SHK_ASYNC_UNION		(1U << 4)
#define SHK_SHADOW_CREATE	_IO(SHK_IOC, 0x01)

/**
 * struct shk_shadow_open - SHK_SHADOW_OPEN: a handle of a named shadow
 * @size:	sizeof(struct shk_shadow_open)
 * @flags:	0
 * @name:	name of the shadow
 *
 * Needs CAP_SYS_ADMIN. Return: the handle (close-on-exec), or ENOENT (no
 * shadow has that name), EPERM.
 */
struct shk_shadow_open {
	__u32 size;
	__u32 flags;
	char name[SHK_NAME_LEN];
};
#define SHK_SHADOW_OPEN		_IO(SHK_IOC, 0x02)

/**
 * struct shk_shadow_info - SHK_SHADOW_NEXT, SHK_SHADOW_INFO: one shadow
 * @size:		sizeof(struct shk_shadow_info)
 * @flags:		in: 0; out: those of struct shk_shadow_create
 * @id:			SHK_SHADOW_NEXT: in, the lowest id of interest; out,
 *			the id of the shadow described. Ids start at 1, grow,
 *			and are never used twice while the module is loaded.
 *			SHK_SHADOW_INFO: out.
 * @nr_grafts:		processes (address spaces) inside it
 * @nr_probes:		its probes
 * @private_pages:	4 KB text pages of its own
 * @diverged_ranges:	2 MB ranges of text that it does not map as the base does
 * @huge_ranges:	those of them that are one private page of 2 MB; all 512
 *			pages count as private
 * @reserved:		0
 * @memory:		bytes of its page tables and private pages
 * @nr_unfollowed:	SHK_ASYNC_CAUSAL: what processes inside have raised and executes the
 *			base: softirqs that others have raised as well, and what there
 *			was no room to note. SHK_ASYNC_UNION: work items that memory was
 *			lacking for, so they executed the base, since the first of all such
 *			shadows' probes
 * @name:		its name, "" if it has none
 * @target:		id of the shadow that its processes are in during some system
 *			calls (SHK_SYSCALLS_CREATE), which counts them in @nr_grafts,
 *			too; 0: it is no such shadow
 *
 * SHK_SHADOW_NEXT on the device walks all shadows and ends with ENOENT; it
 * needs CAP_SYS_ADMIN. SHK_SHADOW_INFO on a handle describes its shadow.
 */
struct shk_shadow_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	__u32 nr_grafts;
	__u32 nr_probes;
	__u32 private_pages;
	__u32 diverged_ranges;
	__u32 huge_ranges;
	__u32 reserved;
	__aligned_u64 memory;
	__aligned_u64 nr_unfollowed;
	char name[SHK_NAME_LEN];
	__aligned_u64 target;
};
#define SHK_SHADOW_NEXT		_IO(SHK_IOC, 0x03)

/**
 * struct shk_process - SHK_PROCESS_*: one process
 * @size:	sizeof(struct shk_process)
 * @flags:	0
 * @pid:	any thread of the process, in the caller's pid namespace;
 *		0 is the caller
 * @busy:	out: with EBUSY, the thread that is in the way, -1 if it is not
 *		visible there; 0 on entry
 *
 * SHK_PROCESS_DETACH on the device: the process runs the base again. Needs
 * CAP_SYS_ADMIN. ENOENT: it is in no shadow. ESRCH: there is no such process
 * (a negative @pid is none), or it is a zombie. EOPNOTSUPP: it is a kernel
 * thread. On a handle: the same, but only if it is in that shadow, else ENOENT.
 * EINTR: a signal came for the caller, who waited; nothing was done. EBUSY with @busy: the
 * process was in the first steps of a fork, or in exec, for some seconds, behind a tracer say.
 * EBUSY: it is inside by its cgroup (SHK_CGROUP_ATTACH; @busy is 0).
 *
 * SHK_PROCESS_ATTACH on a handle: from its return on, every thread of the
 * process executes the shadow's text, as will its children (fork, vfork,
 * clone) and what it executes. If it was in another shadow, it moves. If it is
 * in this one already, nothing changes but that its stretches (SHK_ENTER) are
 * over. Needs CAP_SYS_ADMIN. ESRCH,
 * EOPNOTSUPP as above. ESTALE: the shadow was destroyed, or its target. EBUSY with @busy: the process
 * was in exec for some seconds. EBUSY: kernel.ftrace_enabled is 0 (@busy is 0). EINTR: a signal came
 * for the caller before anything was done. A task that sleeps with the process's memory map
 * locked, in a fault of a frozen file system say, is waited for: a signal that kills ends
 * that. EBUSY: it is in another shadow by its
 * cgroup (SHK_CGROUP_ATTACH; @busy is 0). Processes that share the address space (CLONE_VM
 * without CLONE_THREAD, a vfork child before it executes) come along.
 *
 * Where the shadow that is left or the one that is entered has patches with
 * SHK_PATCH_IN_PLACE, or a LIVEPATCH without SHK_PATCH_UNSAFE_NOW, both calls wait, for some
 * seconds, until no thread of the process sleeps or was preempted in a function that one of
 * them has in place, or in an old or new body of the livepatch, by its kernel stack, or is
 * in exec. EBUSY: @busy was all the time; nothing was done.
 *
 * Both calls on the handle of a SHK_DELEGABLE shadow need no capability if @pid
 * is the caller's own process. Who came in so, and whatever it forks and
 * executes, is there by delegation: it leaves the shadow when it executes a
 * program that gains privileges thereby (set-id, file capabilities), before
 * that program's first instruction. The right does not reach who was attached
 * by CAP_SYS_ADMIN: such a process cannot move or detach itself (EPERM).
 * CAP_SYS_ADMIN attaching a process that is inside by delegation ends that it
 * is.
 */
struct shk_process {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__s32 busy;
};
#define SHK_PROCESS_DETACH	_IO(SHK_IOC, 0x04)

/**
 * struct shk_process_info - SHK_PROCESS_INFO: in which shadow a process is
 * @size:	sizeof(struct shk_process_info)
 * @flags:	0
 * @pid:	as in struct shk_process
 * @reserved:	0
 * @shadow:	out: id of the shadow
 * @name:	out: its name, "" if it has none
 *
 * Needs CAP_SYS_ADMIN, but for the caller's own process. ENOENT: it runs the base.
 * ESRCH, EOPNOTSUPP: as in struct shk_process.
 */
struct shk_process_info {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 reserved;
	__aligned_u64 shadow;
	char name[SHK_NAME_LEN];
};
#define SHK_PROCESS_INFO	_IO(SHK_IOC, 0x05)

/* ---- on a handle -------------------------------------------------------- */

#define SHK_SHADOW_INFO		_IO(SHK_IOC, 0x40)

/**
 * struct shk_shadow_destroy - SHK_SHADOW_DESTROY: give up the name
 * @size:	sizeof(struct shk_shadow_destroy)
 * @flags:	0
 *
 * The name is free at once and no process can be attached any more (ESTALE);
 * the shadow is gone when the last handle is closed. Its probes are removed at
 * once; at the call's return the room that they took in the module is free for others.
 * That takes a grace period, in which the caller can be killed. EBUSY: processes are inside, or cgroups are attached, to it or to a shadow that is it during some system calls. Needs CAP_SYS_MODULE; not refused under
 * lockdown, as module unloading is not.
 */
struct shk_shadow_destroy {
	__u32 size;
	__u32 flags;
};
#define SHK_SHADOW_DESTROY	_IO(SHK_IOC, 0x41)

#define SHK_PROCESS_ATTACH	_IO(SHK_IOC, 0x42)

/**
 * struct shk_process_next - SHK_PROCESS_NEXT: the processes of a shadow
 * @size:	sizeof(struct shk_process_next)
 * @flags:	0
 * @cursor:	in: 0, or what the last call returned; out: for the next call
 * @pid:	out: thread group id in the caller's pid namespace, 0 if it is
 *		not visible there
 * @reserved:	0
 * @comm:	out: command name of that process
 *
 * ENOENT at the end. A process that comes or goes between two calls may be
 * missed or seen; all others are seen once. Needs CAP_SYS_ADMIN.
 */
struct shk_process_next {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__s32 pid;
	__u32 reserved;
	char comm[16];
};
#define SHK_PROCESS_NEXT	_IO(SHK_IOC, 0x43)

#define SHK_ENTER_DEPTH		64	/* stretches in each other, at most */

/**
 * struct shk_enter - SHK_ENTER, SHK_LEAVE: a stretch of system calls
 * @size:	sizeof(struct shk_enter)
 * @flags:	SHK_ENTER: SHK_THREAD, or 0
 * @busy:	out: with EBUSY, as in struct shk_process; 0 on entry
 * @reserved:	0
 *
 * SHK_ENTER: the caller's process is in the handle's shadow, as by
 * SHK_PROCESS_ATTACH and by the same rights, all its threads, until SHK_LEAVE on
 * a handle of the same shadow by any of them, which needs no right. Then it is
 * where it was before: in the base or in a shadow, which may be the same one.
 * Stretches nest, across different shadows, too. The time that either takes does
 * not depend on how many pages the shadow has for itself.
 *
 * A child that is forked within a stretch is in it, and leaves it by itself. A
 * program that is executed is in the shadow and in no stretch: it stays, as if
 * it had been attached. SHK_PROCESS_ATTACH and SHK_PROCESS_DETACH of the process,
 * whoever calls them, end all its stretches; it is where they say. What is
 * destroyed while nobody is in it cannot be come back to: SHK_LEAVE comes to what
 * was before that instead, and the stretch that began in it is over, too.
 *
 * With SHK_THREAD the calling thread alone acts on the shadow's edits, until it leaves.
 * The others of its process execute the same text and come by probes and patches, which
 * cost them a little more than a hit and do nothing, unless they have entered likewise;
 * nor do they act on edits of the shadow that the process was in before. What such a
 * thread forks and executes is where the process was before the first stretch of this
 * kind, if that was the base, and else acts on nothing, either. What one that has entered forks
 * (not vfork, whose child is as another thread) is inside with all its threads. If the process is in the shadow already, otherwise than
 * so, this is a stretch as any other. A thread that ends without leaving leaves
 * its process behind in the shadow, acting on nothing. From the first such call on, patched
 * functions of the shadow ask for the thread, which slows their calls down for all.
 *
 * SHK_THREAD: EBUSY: the process is in such a stretch in another shadow, or, without the
 * flag, in any. EXDEV: the shadow has raw edits, calls left out, bodies in place or other
 * thunks, which cannot ask for the thread; such are ETXTBSY while a thread is in. EOPNOTSUPP:
 * the shadow was made by SHK_SYSCALLS_CREATE. EMEDIUMTYPE: it is SHK_ASYNC_OWNER or
 * SHK_ASYNC_CAUSAL. SHK_LEAVE: ENOENT: the thread is in no stretch of its own.
 *
 * SHK_ENTER: errors as SHK_PROCESS_ATTACH. ENOSPC: SHK_ENTER_DEPTH stretches
 * already. SHK_LEAVE: ENOENT: the process is in no stretch, or its innermost one
 * is in another shadow. Both: EINTR: a signal came first, nothing was done. EBUSY:
 * @busy, another thread, was in a function that one of the shadows has in place, or in a
 * body of a LIVEPATCH, for as long as SHK_PROCESS_ATTACH waits; nothing was done.
 */
struct shk_enter {
	__u32 size;
	__u32 flags;
	__s32 busy;
	__u32 reserved;
};
#define SHK_THREAD		(1U << 0)
#define SHK_ENTER		_IO(SHK_IOC, 0x70)
#define SHK_LEAVE		_IO(SHK_IOC, 0x71)

#define SHK_SYSCALLS_WORDS	8

/**
 * struct shk_syscalls - SHK_SYSCALLS_CREATE: inside during some system calls only
 * @size:	sizeof(struct shk_syscalls)
 * @flags:	0
 * @nr:		out, with an error: the system call that it is about
 * @reserved:	0
 * @calls:	system call n of x86-64 is bit n % 64 of @calls[n / 64]
 *
 * A new shadow without a name, the flags of the handle's, and one edit: whoever is in it
 * executes the text of the handle's shadow, its target, during these system calls,
 * and else the base's. Processes and cgroups are attached to it, enter and leave it, by
 * its handle; it lives until that is closed and nobody is in it.
 *
 * It is the process that is in the target, with all its threads, while at least one of
 * them is in such a call: no such call is partly outside, and a call of another thread may
 * be inside meanwhile. A child that is forked by such a call begins outside. The kernel's
 * own steps into the target and out of it are executed there in part. Entries of 32-bit
 * programs (int 0x80) are no such calls.
 *
 * Edits of the target come and go as always. Whoever is in such a shadow counts as
 * inside its target, which cannot be destroyed meanwhile. When it is destroyed,
 * attaching to this one is ESTALE.
 *
 * Return: the handle (close-on-exec). Needs CAP_SYS_MODULE; refused under lockdown (EPERM).
 * ENXIO: this kernel has no x64_sys_call(), which all system calls pass. EINVAL: @calls
 * is empty. ENOSYS: the kernel has no call @nr. EOPNOTSUPP: @nr is exit,
 * exit_group, execve or execveat, which do not return to where they were called. ELOOP: the
 * handle's shadow was made by this call. EADDRINUSE: it has an edit at the entry of
 * x64_sys_call(). EMEDIUMTYPE: it is SHK_ASYNC_OWNER or SHK_ASYNC_CAUSAL. ETXTBSY: it has
 * bodies in place, or a LIVEPATCH without SHK_PATCH_UNSAFE_NOW; as long as one like this has
 * it as its target it gets none. EBUSY:
 * kernel.ftrace_enabled is 0. ESTALE: it was destroyed.
 */
struct shk_syscalls {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 reserved;
	__aligned_u64 calls[SHK_SYSCALLS_WORDS];
};
#define SHK_SYSCALLS_CREATE	_IO(SHK_IOC, 0x75)

/**
 * struct shk_cgroup - SHK_CGROUP_*: all that are in a cgroup
 * @size:	sizeof(struct shk_cgroup)
 * @flags:	0
 * @fd:		the cgroup: a descriptor of its folder in the unified hierarchy
 *		(cgroup2), which may be O_PATH
 * @busy:	out: with EBUSY, as in struct shk_process; 0 on entry
 *
 * SHK_CGROUP_ATTACH on a handle: from its return on the processes of the cgroup,
 * and of those below it, are in the handle's shadow, in whatever shadow they were
 * before. Who is moved in is inside when the write() that moves it returns, and
 * outside when one that moves it out does; a child that is born in it (fork,
 * CLONE_INTO_CGROUP) is inside before its first instruction. The nearest cgroup
 * that is attached decides, from the process's own upwards. Of a process whose
 * threads are in several cgroups, that of its first thread that lives does. A vfork
 * child that shares its parent's address space is where that is until it executes.
 * Stretches (SHK_ENTER) are over when a process moves, and otherwise go on.
 * Kernel threads run the base.
 *
 * Such a process cannot be detached, or attached elsewhere, by itself: EBUSY. The
 * shadow cannot be destroyed: EBUSY. Both end with SHK_CGROUP_DETACH, after which
 * the processes are in the shadow of the next cgroup above that is attached, or
 * run the base; and with the cgroup, if that is removed.
 *
 * SHK_CGROUP_DETACH on the device: from any shadow. On a handle: only if the cgroup
 * is attached to that shadow. ENOENT: it is not.
 *
 * Both wait, for some seconds in all, for a process that is in fork or exec, whose
 * memory is locked, or a thread of which is in a function which a shadow has in place
 * (SHK_PATCH_IN_PLACE), or in a body of a
 * LIVEPATCH. EBUSY: @busy, that process or thread, was so all the time. The
 * caller that moves a process between cgroups waits for a tenth of a second. Then the
 * move returns, and the process follows when it can: one in exec before the program's first
 * instruction. A process that no attached cgroup concerns is not waited for.
 *
 * If SHK_CGROUP_ATTACH fails, all processes go back to where they were, and to the
 * stretches that they were in, but for those of single threads (SHK_THREAD), which are
 * over; who cannot yet, as soon as it can. So do their children that were born meanwhile.
 * If SHK_CGROUP_DETACH fails they are, or soon will be, where the cgroup wants them again.
 *
 * Need CAP_SYS_ADMIN. Both: EBADF: @fd is no cgroup of the unified hierarchy.
 * ENOENT: the cgroup was removed. EINTR. SHK_CGROUP_ATTACH: EBUSY: the cgroup is
 * attached to another shadow, or kernel.ftrace_enabled is 0. ESTALE: the shadow was
 * destroyed. If it is attached to this one already, nothing changes. While any cgroup is attached, forks, execs and moves between cgroups
 * cost everybody a look at which.
 */
struct shk_cgroup {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__s32 busy;
};
#define SHK_CGROUP_ATTACH	_IO(SHK_IOC, 0x72)
#define SHK_CGROUP_DETACH	_IO(SHK_IOC, 0x73)

/**
 * struct shk_cgroup_split - SHK_CGROUP_SPLIT: a cgroup between two shadows
 * @size:	sizeof(struct shk_cgroup_split)
 * @flags:	0
 * @fd:		the cgroup, as in struct shk_cgroup
 * @other:	a handle of another shadow
 * @percent:	of the processes that come, those that are in @other's shadow; 1 to 99
 * @busy:	as in struct shk_cgroup
 *
 * SHK_CGROUP_ATTACH, but each process that comes into the cgroup is in the handle's
 * shadow or in @other's by its turn: of each hundred of them exactly @percent are in
 * @other's, spread evenly. All that are there already come, as does who is moved there
 * from outside, and who is born there, whatever shadow its parent is in, before
 * its first instruction; a child of vfork when it executes for the first time, until which it
 * shares its parent's address space. Threads, and what is executed later, stay where the
 * process is, and so does who moves within the cgroup. A child that is forked within a
 * stretch (SHK_ENTER) takes its turn and stays in that.
 *
 * SHK_CGROUP_DETACH ends it, on a handle of either shadow, too. Both shadows have the
 * cgroup attached meanwhile. Errors as SHK_CGROUP_ATTACH; EINVAL also: @percent, or both
 * shadows are the same. EBADFD: @other is no handle. Needs CAP_SYS_ADMIN.
 */
struct shk_cgroup_split {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__s32 other;
	__u32 percent;
	__s32 busy;
};
#define SHK_CGROUP_SPLIT	_IO(SHK_IOC, 0x76)

#define SHK_CGROUP_PATH_LEN	2048

/**
 * struct shk_cgroup_next - SHK_CGROUP_NEXT: the cgroups attached to a shadow
 * @size:	sizeof(struct shk_cgroup_next)
 * @flags:	0
 * @cursor:	in: 0, or what the last call returned; out: for the next call, the
 *		cgroup's id, which is the inode number of its folder
 * @path:	out: from the root of the caller's cgroup namespace; "" if it is
 *		longer than that
 * @percent:	out: of its processes, those that are in this shadow: 100, unless it is
 *		split (SHK_CGROUP_SPLIT)
 * @reserved:	0
 *
 * ENOENT at the end. Needs CAP_SYS_ADMIN.
 */
struct shk_cgroup_next {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	char path[SHK_CGROUP_PATH_LEN];
	__u32 percent;
	__u32 reserved;
};
#define SHK_CGROUP_NEXT		_IO(SHK_IOC, 0x74)

/* What a shadow can own (struct shk_own_arg.kind). */
enum shk_own_kind {
	SHK_OWN_IRQ = 1,	/* a line of interrupts */
	SHK_OWN_KTHREAD = 2,	/* kernel threads, by their names */
};

#define SHK_PATTERN_LEN		64

/**
 * struct shk_own_arg - SHK_OWN, SHK_DISOWN: interrupts and kernel threads of a shadow
 * @size:	sizeof(struct shk_own_arg)
 * @flags:	0
 * @kind:	enum shk_own_kind
 * @irq:	IRQ: number of the line, as /proc/interrupts has it; else 0
 * @reserved:	0
 * @pattern:	KTHREAD: what their names are like: *, ?, [a-z]; else ""
 *
 * SHK_OWN: the handle's shadow, which is SHK_ASYNC_OWNER, is executed by
 *
 * - IRQ: the handlers of that line's interrupts, on whatever CPU and whomever they
 *   land, but not by the softirqs that they raise. It is the number that is owned,
 *   also if another device gets it. The line's thread, if it has one, is a kernel
 *   thread (irq/NUMBER-*).
 * - KTHREAD: the kernel threads that have such a name, from when they next get a
 *   CPU; those that come later, from soon after they have come. Not by the
 *   interrupts and softirqs that land on them, and not while they use a process's
 *   address space. Of two patterns that match a thread the older one decides.
 *
 * Hits in handlers count as async_hits, in kernel threads as hits. Own the same
 * twice, and nothing changes. What is owned counts as no process: the shadow can
 * be destroyed, which ends that it owns anything; so does closing the last handle
 * of one without a name.
 *
 * SHK_DISOWN: from its return on they execute the base. ENOENT: the shadow does not
 * own that.
 *
 * Need CAP_SYS_ADMIN. SHK_OWN: EMEDIUMTYPE: the shadow is not SHK_ASYNC_OWNER.
 * ENOENT: there is no such line. EBUSY: it is another shadow's, or
 * kernel.ftrace_enabled is 0. ESTALE: the shadow was destroyed. EOPNOTSUPP: not in
 * a Xen PV guest; KTHREAD: nor in a kernel without CONFIG_PREEMPT_NOTIFIERS. While any line is owned, each handler of an interrupt costs
 * everybody a look at whose it is; while any kernel thread is, each switch of tasks
 * a look at whether it tells somebody, and each new task or name of a task one, too.
 */
struct shk_own_arg {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 irq;
	__aligned_u64 reserved;
	char pattern[SHK_PATTERN_LEN];
};
#define SHK_OWN			_IO(SHK_IOC, 0x78)
#define SHK_DISOWN		_IO(SHK_IOC, 0x79)

/**
 * struct shk_own_info - SHK_OWN_NEXT: what a shadow owns
 * @size:	sizeof(struct shk_own_info)
 * @flags:	0
 * @cursor:	in: 0, or what the last call returned; out: for the next call
 * @kind:	out: as in struct shk_own_arg
 * @irq:	out: likewise
 * @nr_threads:	out: kernel threads that are inside by that pattern now
 * @reserved:	0
 * @pattern:	out: as in struct shk_own_arg
 *
 * ENOENT at the end. Needs CAP_SYS_ADMIN.
 */
struct shk_own_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__u32 kind;
	__u32 irq;
	__u32 nr_threads;
	__u32 reserved;
	char pattern[SHK_PATTERN_LEN];
};
#define SHK_OWN_NEXT		_IO(SHK_IOC, 0x7a)

/* What a probe does with a hit (struct shk_probe_add.kind). */
enum shk_probe_kind {
	SHK_PROBE_COUNT = 1,	/* count it */
	SHK_PROBE_LATENCY = 2,	/* function entry to return, log2 histogram in ns */
	SHK_PROBE_EVENT = 3,	/* fire the tracepoint shadowk:shadowk_probe */
};

/* How a probe is armed in the private text (struct shk_probe_info.arm). */
enum shk_probe_arm {
	SHK_ARM_INT3 = 1,	/* breakpoint: any instruction that kprobes take */
	SHK_ARM_CALL = 2,	/* call in the place of the function's __fentry__ nop */
	SHK_ARM_JUMP = 3,	/* jump in the place of an instruction of 5 bytes or more */
};

/* flags of struct shk_probe_add and struct shk_probe_info */
#define SHK_PROBE_RETURN	(1U << 0) /* report at the function's return, not at its entry (COUNT, EVENT) */
#define SHK_PROBE_FORCE_INT3	(1U << 1) /* arm by breakpoint even where a faster arm exists */

/**
 * struct shk_probe_add - SHK_PROBE_ADD: report that text was executed
 * @size:	sizeof(struct shk_probe_add)
 * @flags:	SHK_PROBE_RETURN, SHK_PROBE_FORCE_INT3
 * @kind:	enum shk_probe_kind
 * @reserved:	0
 * @addr:	address of the instruction; 0 if @symbol is given
 * @offset:	bytes from @symbol; 0 with @addr
 * @id:		out: the probe's id, unique in the shadow, from 1 on
 * @name:	its name, unique in the shadow; "" lets the kernel choose one
 *		after the symbol, which is returned here
 * @symbol:	function as in /proc/kallsyms, a module's also as
 *		"MODULE:FUNCTION"; "" if @addr is given
 *
 * From its return on, each execution of that instruction by a process inside
 * the shadow is a hit. Needs CAP_SYS_MODULE, as whoever may place probes reads
 * the kernel's registers; refused under lockdown. A module cannot be unloaded
 * while a probe is in it.
 *
 * ENOENT: unknown symbol. ENOTUNIQ: several functions have that name, in the kernel
 * image or, if that has none, in modules: give "MODULE:FUNCTION" or the address.
 * ERANGE: not an address of the kernel's text or a module's, or past
 * the end of the symbol. EILSEQ: not the first
 * byte of an instruction. EADDRNOTAVAIL: the kernel forbids probes there
 * (kprobe blacklist, noinstr, entry text, alternatives, static keys) or the
 * module itself depends on that text, or it is the scheduler's switch path, or
 * a thunk of returns or indirect branches, or the return is one that ends the
 * kernel's own handling of returns.
 * EADDRINUSE: this shadow has an edit there that cannot serve both, a jump
 * where a return is wanted. EOPNOTSUPP: kprobes cannot step that instruction,
 * or it is no function's entry and within 4 bytes of the edge of a page (an optimised
 * kprobe that reaches over it would lie in two pages), or LATENCY or RETURN anywhere but at a function's entry: the kernel's unwinder
 * must say that a return address is on top of the stack there, which it does not
 * of .cold parts, ret_from_fork and some assembly. EBUSY:
 * kernel.ftrace_enabled is 0, or the module is just coming or going.
 * EEXIST: @name is taken. ENOSPC: too many probes. ESTALE: the shadow was
 * destroyed.
 */
struct shk_probe_add {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 reserved;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_PROBE_ADD		_IO(SHK_IOC, 0x44)

/**
 * struct shk_probe_remove - SHK_PROBE_REMOVE: take a probe away
 * @size:	sizeof(struct shk_probe_remove)
 * @flags:	0
 * @id:		the probe's id, or 0 if @name is given
 * @name:	the probe's name, or "" if @id is given
 *
 * At its return no CPU executes the probe's code. ENOENT: no such probe.
 * Needs CAP_SYS_MODULE.
 */
struct shk_probe_remove {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
};
#define SHK_PROBE_REMOVE	_IO(SHK_IOC, 0x45)

/**
 * struct shk_probe_info - SHK_PROBE_NEXT: one probe and what it has seen
 * @size:	sizeof(struct shk_probe_info)
 * @flags:	SHK_PROBE_* of the probe; 0 on entry
 * @id:		in: the lowest id of interest; out: id of the probe described
 * @kind:	enum shk_probe_kind
 * @arm:	enum shk_probe_arm
 * @addr:	address of the edit; 0 for who may not see /proc/kallsyms
 * @offset:	bytes from @symbol to the instruction asked for
 * @hits:	executions by the processes inside, in their own context
 * @async_hits:	executions in interrupts, softirqs and NMIs that landed on
 *		them; not part of @hits. Without SHK_ASYNC_INHERIT, few: NMIs, and
 *		what an interrupt executes before its handler and after it.
 *		SHK_ASYNC_UNION: and all of the machine that struct shk_shadow_create
 *		says.
 * @missed:	executions seen but not measured: returns that could not be
 *		hooked, or hits inside the handling of a hit. For COUNT and
 *		EVENT at entry, @hits includes what @missed counts.
 * @created_ns:	CLOCK_MONOTONIC when the probe was added
 * @now_ns:	CLOCK_MONOTONIC when the numbers above were read
 * @latency_sum: sum of all latencies in ns
 * @histogram:	latencies: see SHK_HISTOGRAM_LEN
 * @name:	the probe's name
 * @symbol:	function that holds the address, "MODULE:FUNCTION" in a module
 * @unreturned:	LATENCY, RETURN: calls that were entered and have not returned. They are
 *		in flight now, or their task has ended inside them, as each does that
 *		enters do_exit(). Neither in @hits nor in @missed.
 *
 * Walks the probes of the handle's shadow; ENOENT at the end. What others did
 * inside can be told from the numbers: needs CAP_SYS_ADMIN or CAP_SYS_MODULE,
 * unless the shadow is SHK_DELEGABLE.
 */
struct shk_probe_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	__u32 kind;
	__u32 arm;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 hits;
	__aligned_u64 async_hits;
	__aligned_u64 missed;
	__aligned_u64 created_ns;
	__aligned_u64 now_ns;
	__aligned_u64 latency_sum;
	__aligned_u64 histogram[SHK_HISTOGRAM_LEN];
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	__aligned_u64 unreturned;
};
#define SHK_PROBE_NEXT		_IO(SHK_IOC, 0x46)

/* What a patch does (struct shk_patch_add.kind). */
enum shk_patch_kind {
	SHK_PATCH_NOP = 1,	/* the function returns at once, rax as it was */
	SHK_PATCH_RETURN = 2,	/* the function returns @value at once */
	SHK_PATCH_SKIP_CALL = 3,/* one direct call in the function is left out */
	SHK_PATCH_MODULE = 4,	/* functions have bodies in a patch module (shadowk_patch.h) */
	SHK_PATCH_LIVEPATCH = 5,/* those of a livepatch module that was loaded as CAPTURE says */
	SHK_PATCH_CAPTURE = 6,	/* livepatch modules that a process inside loads are kept for LIVEPATCH */
	SHK_PATCH_RETPOLINES = 7,/* indirect jumps and calls go without retpolines */
	SHK_PATCH_RETURNS = 8,	/* functions return without the thunk that mitigates SRSO */
};

/* flags of struct shk_patch_add and struct shk_patch_info */
#define SHK_PATCH_VALUE	(1U << 0) /* SKIP_CALL: @value is what the call returns; else rax is as it was */
#define SHK_PATCH_CALLBACKS (1U << 1) /* LIVEPATCH: call its callbacks, whose effect is everybody's */
#define SHK_PATCH_IN_PLACE (1U << 2) /* NOP, RETURN, MODULE: the body is in the place of the base's */
#define SHK_PATCH_UNSAFE_NOW (1U << 3) /* LIVEPATCH: at once, whatever threads are in the bodies */
#define SHK_PATCH_PROMOTED (1U << 4) /* struct shk_patch_info only: SHK_PATCH_PROMOTE has succeeded */

/**
 * struct shk_patch_add - SHK_PATCH_ADD: another function body in this shadow
 * @size:	sizeof(struct shk_patch_add)
 * @flags:	SHK_PATCH_VALUE (SKIP_CALL only), SHK_PATCH_CALLBACKS (LIVEPATCH
 *		only), SHK_PATCH_IN_PLACE (NOP, RETURN, MODULE), SHK_PATCH_UNSAFE_NOW
 *		(LIVEPATCH only)
 * @kind:	enum shk_patch_kind
 * @busy:	out: with EBUSY of IN_PLACE or LIVEPATCH, the thread that is in the way, -1
 *		if it is not visible in the caller's pid namespace; 0 on entry
 * @addr:	address of the function; 0 if @symbol is given
 * @offset:	SKIP_CALL: bytes from the function's start to the call, where it
 *		has several of that callee; else 0
 * @value:	RETURN, and SKIP_CALL with SHK_PATCH_VALUE: rax; else 0
 * @id:		out: the patch's id, unique in the shadow, from 1 on
 * @name:	its name, unique among the shadow's patches; "" lets the kernel
 *		choose one after the symbol, which is returned here
 * @symbol:	function as in /proc/kallsyms, a module's also as "MODULE:FUNCTION"
 *		(NOP, RETURN); "" if @addr is given, and for MODULE and LIVEPATCH,
 *		where an error puts the name of the function that it is about here, if
 *		it is about one; and for CAPTURE, RETPOLINES, RETURNS
 * @object:	SKIP_CALL: the function called, as in /proc/kallsyms; MODULE,
 *		LIVEPATCH: the module, which is loaded; else ""
 *
 * From its return on, the function (MODULE, LIVEPATCH: all of them, since one
 * instant) has that body whenever a process inside enters it. Calls in progress end in the body that they entered.
 * Probes at the function's entry are hit before; those in its old body only
 * when that executes. Of several patches of one function the last that was
 * added has effect. Tracers of the base (ftrace, kprobes at the entry) see the
 * calls; what changes the function there (livepatch, BPF trampolines) has no
 * effect inside. A function that sleeps, takes or gives locks, or fills in a
 * result elsewhere than in rax does none of it when it is patched: whether its
 * callers can live with that is for the caller of this to know. Needs
 * CAP_SYS_MODULE; refused under lockdown (EPERM), signed modules' patches, too:
 * who signed one did not mean it for some processes only.
 *
 * ENOENT: unknown symbol. ENOTUNIQ: several functions have that name, give the
 * address. ERANGE: not in the kernel's own text or a module's, which cannot be
 * unloaded meanwhile. EILSEQ: not the first byte of
 * a function, or @offset is not the first byte of an instruction. EOPNOTSUPP:
 * the function has no __fentry__ site, so its entry cannot be redirected.
 * EADDRNOTAVAIL: the kernel forbids probes there, or the module itself depends
 * on that function, or it belongs to the scheduler. ENXIO: the function does
 * not call @object directly, or not at @offset. EMLINK: it does so several
 * times, give @offset. EADDRINUSE: this shadow has an edit on the call already.
 * EBUSY: somebody else's kprobe is on the call, or kernel.ftrace_enabled is 0.
 * EEXIST: @name is taken. ENOSPC: too many patches. ENODEV: no patch module
 * @object is loaded. ENOEXEC: it is one for another version of this interface,
 * or its text is out of reach. EXDEV: a LIVEPATCH does what cannot be had by one
 * shadow alone; @symbol says what: "callbacks", without SHK_PATCH_CALLBACKS, or
 * the module whose functions it changes, which is not loaded, or for which it has
 * relocations that livepatch makes; it counts as loaded when it has started, and cannot
 * be unloaded as long as the patch is there. ESTALE: the shadow was destroyed. Errors of
 * a pre_patch callback are returned.
 *
 * A LIVEPATCH takes effect at one moment in which no thread of the processes inside sleeps
 * or was preempted in an old body of its functions, by its kernel stack, or is in exec. That
 * is waited for, for some seconds. As long as it is there, processes come into the shadow and
 * leave it by the same rule, see struct shk_process. EBUSY: @busy was in a body all the time.
 * EOPNOTSUPP: the shadow is one where that cannot be waited for, as for IN_PLACE. EINTR: a
 * signal came first. With SHK_PATCH_UNSAFE_NOW nothing is waited for: threads end in the old
 * body what they began there, and call new bodies of the other functions, which the author
 * of a livepatch need not have thought of.
 *
 * RETPOLINES and RETURNS drop what protects the kernel's secrets from the
 * processes inside. EOPNOTSUPP: this CPU, or how it was booted, has no use for
 * those thunks, so there is nothing to drop. EBUSY: processes are inside, which
 * execute them.
 *
 * IN_PLACE: the body is copied to where the base's is, behind the __fentry__ site,
 * and relocated. It takes effect at once, by a jump, which goes when no thread of
 * the processes inside sleeps or was preempted in what is replaced, by its kernel
 * stack, or is in exec. That is waited for, for some seconds. EBUSY: @busy was
 * all the time. EFBIG: the body is longer than the base's. EOVERFLOW: a branch
 * or a datum of it is out of reach from there. EPROTO: it cannot come along, for
 * something is known by its address (static keys and calls, WARN(), exceptions), or
 * the old body is to stay callable, or has exceptions. EPROTOTYPE: its frames
 * on the stack are not the base's, and the unwinder would be lost. EADDRINUSE:
 * this shadow has another patch of the function, or an edit in its body, and as
 * long as this one lives it gets none. EADDRNOTAVAIL: in it a task changes its
 * text. EOPNOTSUPP: the shadow is SHK_DELEGABLE, SHK_ASYNC_OWNER or SHK_ASYNC_CAUSAL,
 * or a target of SHK_SYSCALLS_CREATE or made by it, the function is a module's, or this
 * kernel's stacks cannot be relied on. EINTR: a signal came first. If it fails nothing
 * has changed.
 */
struct shk_patch_add {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__s32 busy;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 value;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	char object[SHK_SYMBOL_LEN];
};
#define SHK_PATCH_ADD		_IO(SHK_IOC, 0x60)

/**
 * struct shk_patch_remove - SHK_PATCH_REMOVE: take a patch back
 * @size:	sizeof(struct shk_patch_remove)
 * @flags:	SHK_PATCH_UNSAFE_NOW (LIVEPATCH only), or 0
 * @id:		the patch's id, or 0 if @name is given
 * @name:	the patch's name, or "" if @id is given
 * @busy:	out: with EBUSY of IN_PLACE or LIVEPATCH, the thread that is in the way, as
 *		in struct shk_patch_add; 0 on entry
 * @reserved:	0
 *
 * From its return on, processes inside enter the body that the function had
 * before. The module of a patch is held until no task is in its text any more.
 * ENOENT: no such patch. EBUSY: RETPOLINES or RETURNS, and processes are inside;
 * or IN_PLACE or LIVEPATCH, and @busy was in the body for some seconds, which this waits
 * for, unless a LIVEPATCH was added or is removed with SHK_PATCH_UNSAFE_NOW, or is the
 * kernel's by SHK_PATCH_PROMOTE; or another call is adding or removing it (@busy is 0).
 * EINTR: IN_PLACE and LIVEPATCH only. ENOMEM: IN_PLACE only. Needs CAP_SYS_MODULE; not refused
 * under lockdown.
 */
struct shk_patch_remove {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
	__s32 busy;
	__u32 reserved;
};
#define SHK_PATCH_REMOVE	_IO(SHK_IOC, 0x61)

/**
 * struct shk_patch_info - SHK_PATCH_NEXT: one function of a patch
 * @size:	sizeof(struct shk_patch_info)
 * @flags:	SHK_PATCH_*; 0 on entry
 * @id:		in: the lowest id of interest; out: id of the patch described
 * @index:	in: which of its functions, from 0 on, of those with that id;
 *		out: of the function described
 * @nr_functions: functions of the patch
 * @kind:	enum shk_patch_kind
 * @reserved:	0
 * @addr:	address of the edit; 0 for who may not see /proc/kallsyms
 * @offset:	bytes from @symbol to the call, 0 for a function
 * @value:	as in struct shk_patch_add
 * @name:	the patch's name
 * @symbol:	the function
 * @object:	as in struct shk_patch_add
 *
 * Walks the patches of the handle's shadow and the functions of each; an @index
 * beyond a patch's last function goes on with the next patch. ENOENT at the end.
 * Needs CAP_SYS_ADMIN or CAP_SYS_MODULE, unless the shadow is SHK_DELEGABLE.
 */
struct shk_patch_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	__u32 index;
	__u32 nr_functions;
	__u32 kind;
	__u32 reserved;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 value;
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	char object[SHK_SYMBOL_LEN];
};
#define SHK_PATCH_NEXT		_IO(SHK_IOC, 0x62)

/**
 * struct shk_patch_promote - SHK_PATCH_PROMOTE: the kernel's livepatch from now on
 * @size:	sizeof(struct shk_patch_promote)
 * @flags:	0
 * @id:		the patch's id, or 0 if @name is given
 * @name:	the patch's name, or "" if @id is given
 *
 * What klp_enable_patch() does: a transition begins, after which all tasks run
 * the patch, and /sys/kernel/livepatch has it. The shadow keeps it, too, until
 * SHK_PATCH_REMOVE, which is due when the transition has ended. A caller inside a shadow that
 * has a CAPTURE may promote, too. EBUSY: another call is adding or removing the patch, or
 * another transition goes on. ENOENT: no such patch. EMEDIUMTYPE: it is no LIVEPATCH. EALREADY: it was promoted before, and
 * the kernel takes a module's patch once. Others: what livepatch says. Needs
 * CAP_SYS_MODULE; refused under lockdown (EPERM), for the module may have been
 * loaded before it.
 */
struct shk_patch_promote {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
};
#define SHK_PATCH_PROMOTE	_IO(SHK_IOC, 0x63)

#define SHK_RAW_LEN		16

/* flags of struct shk_raw_add and struct shk_raw_info */
#define SHK_RAW_IDENTITY	(1U << 0) /* pages are private, their bytes stay the base's */

/**
 * struct shk_raw_add - SHK_RAW_ADD: text of the caller's own
 * @size:	sizeof(struct shk_raw_add)
 * @flags:	SHK_RAW_IDENTITY
 * @addr:	address of the first byte; 0 if @symbol is given
 * @offset:	bytes from @symbol; 0 with @addr
 * @len:	bytes
 * @id:		out: the raw edit's id, unique in the shadow, from 1 on
 * @bytes:	what the shadow has there; behind @len, 0
 * @symbol:	function as in /proc/kallsyms; "" if @addr is given
 *
 * Without SHK_RAW_IDENTITY: one instruction in the place of one of the same
 * length. From its return on the processes inside execute it. Nobody checks
 * what it does. A kprobe that comes to that instruction later is not hit by the
 * processes inside; one that is optimised and begins before it makes them
 * execute the base's instruction, when they come to it by way of that kprobe.
 *
 * With SHK_RAW_IDENTITY: all pages that have a byte of the range are private
 * while this lives. Their bytes are the base's, and follow it; other edits may
 * come and go there. @bytes is 0; a @len of 0 means up to the end of the
 * function; neither @addr nor @symbol nor @len means the whole text.
 *
 * Needs CAP_SYS_MODULE. ENOENT: unknown symbol. ENOTUNIQ: several functions have
 * that name, give the address. ERANGE: not within the kernel's own text, or past
 * the end of the symbol. EILSEQ: @addr is not the first byte of an instruction,
 * or that is not of @len bytes, or @bytes are not one instruction of @len bytes.
 * EADDRNOTAVAIL: as for SHK_PROBE_ADD; also a function's __fentry__ site.
 * EADDRINUSE: an edit of this shadow, or a kprobe, is there. EOPNOTSUPP: the
 * instruction lies across two pages, or kprobes cannot step it. EBUSY:
 * kernel.ftrace_enabled is 0. ESTALE: the shadow was destroyed.
 */
struct shk_raw_add {
	__u32 size;
	__u32 flags;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 len;
	__aligned_u64 id;
	__u8 bytes[SHK_RAW_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_RAW_ADD		_IO(SHK_IOC, 0x50)

/**
 * struct shk_raw_remove - SHK_RAW_REMOVE: take a raw edit away
 * @size:	sizeof(struct shk_raw_remove)
 * @flags:	0
 * @id:		its id
 *
 * At its return no CPU executes it, and its pages are the base's again if no
 * other edit wants them. ENOENT: no such raw edit. Needs CAP_SYS_MODULE.
 */
struct shk_raw_remove {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
};
#define SHK_RAW_REMOVE		_IO(SHK_IOC, 0x51)

/**
 * struct shk_raw_info - SHK_RAW_NEXT: one raw edit
 * @size:	sizeof(struct shk_raw_info)
 * @flags:	SHK_RAW_* of the raw edit; 0 on entry
 * @id:		in: the lowest id of interest; out: id of the one described
 * @addr:	its first byte; 0 for who may not see /proc/kallsyms
 * @offset:	bytes from @symbol
 * @len:	bytes
 * @bytes:	what the shadow has there; 0 with SHK_RAW_IDENTITY
 * @symbol:	function that holds its first byte; "" for the whole text
 *
 * Walks the raw edits of the handle's shadow; ENOENT at the end. Needs
 * CAP_SYS_ADMIN or CAP_SYS_MODULE, unless the shadow is SHK_DELEGABLE.
 */
struct shk_raw_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 len;
	__u8 bytes[SHK_RAW_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_RAW_NEXT		_IO(SHK_IOC, 0x52)

#define SHK_EDIT_LEN	16	/* bytes of an edit, at most */

/* flags of struct shk_edit_info */
#define SHK_EDIT_HOOK	(1U << 0) /* the module's own, which every shadow has */
#define SHK_EDIT_STRAY	(1U << 1) /* the bytes are not what an edit is to have there */

/**
 * struct shk_edit_info - SHK_EDIT_NEXT: bytes that a shadow has for its own
 * @size:	sizeof(struct shk_edit_info)
 * @flags:	out: SHK_EDIT_*; 0 on entry
 * @cursor:	in: 0 to begin, or as the last call left it
 * @addr:	where they are; 0 for who may not see /proc/kallsyms
 * @offset:	bytes from @symbol to there
 * @len:	how many
 * @reserved:	0
 * @base:	what the base has there; zeros for who may not see /proc/kallsyms
 * @bytes:	what the shadow has there; likewise
 * @symbol:	function that holds the address, "MODULE:FUNCTION" in a module
 *
 * Walks what the private pages of the handle's shadow have that is not the base's,
 * in the order of addresses. The kernel compares every byte: what no edit
 * accounts for is SHK_EDIT_STRAY, and would be a bug or an attack. ENOENT at the
 * end. Needs CAP_SYS_ADMIN or CAP_SYS_MODULE, unless the shadow is
 * SHK_DELEGABLE.
 */
struct shk_edit_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__u32 len;
	__u32 reserved;
	__u8 base[SHK_EDIT_LEN];
	__u8 bytes[SHK_EDIT_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_EDIT_NEXT		_IO(SHK_IOC, 0x64)

#define SHK_TEXT_LEN	1024	/* bytes told at a time, at most */

/**
 * struct shk_text_info - SHK_TEXT_READ: the base's text, and the shadow's
 * @size:	sizeof(struct shk_text_info)
 * @flags:	0
 * @addr:	address in text; 0 if @symbol is given; out: of the first byte told
 * @offset:	bytes to go on from there; out: from @symbol to the first byte told
 * @symbol_len: out: bytes of @symbol
 * @len:	out: bytes told, 1 or more
 * @reserved:	0
 * @base:	out: the base's
 * @bytes:	out: the shadow's
 * @symbol:	function as in /proc/kallsyms, "" if @addr is given; out: function
 *		that holds the address, "MODULE:FUNCTION" in a module
 *
 * Needs CAP_SYS_ADMIN or CAP_SYS_MODULE, and that the caller may see the addresses
 * of /proc/kallsyms, for the text tells them (EPERM). Errors of @addr, @offset
 * and @symbol: as struct shk_probe_add.
 */
struct shk_text_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 symbol_len;
	__u32 len;
	__u32 reserved;
	__u8 base[SHK_TEXT_LEN];
	__u8 bytes[SHK_TEXT_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_TEXT_READ		_IO(SHK_IOC, 0x65)

#endif /* _UAPI_LINUX_SHADOWK_H */
