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
 *
 * Two kinds of descriptor: the device /dev/shadowk, and the handle of one
 * shadow (an anonymous inode), which SHK_SHADOW_CREATE and SHK_SHADOW_OPEN
 * return. A handle can be dup'ed, inherited and passed over a socket. The
 * shadow lives while it is named, held by a handle, or grafted.
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
 * @mmu:	backend: "native"
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

/**
 * struct shk_shadow_create - SHK_SHADOW_CREATE: a new shadow, equal to the base
 * @size:	sizeof(struct shk_shadow_create)
 * @flags:	SHK_ASYNC_INHERIT: interrupts and softirqs that land on a process
 *		inside execute the shadow's text too. Otherwise they execute the
 *		base, at the cost of two page-table switches each, and their user
 *		stacks cannot be sampled from within them.
 *		SHK_DELEGABLE: whoever holds a handle may attach itself, detach
 *		itself, and read the probes: their hits are those of everybody
 *		inside. For good; there is no way to take it back but closing all
 *		handles.
 * @name:	its name, or "" for a shadow that only handles keep alive
 *
 * Constant time: no text is copied until the first edit or graft. Needs
 * CAP_SYS_MODULE; refused under lockdown (EPERM) as module loading is.
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
 * @diverged_ranges:	2 MB ranges of text that it maps by 4 KB pages
 * @memory:		bytes of its page tables and private pages
 * @name:		its name, "" if it has none
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
	__aligned_u64 memory;
	char name[SHK_NAME_LEN];
};
#define SHK_SHADOW_NEXT		_IO(SHK_IOC, 0x03)

/**
 * struct shk_process - SHK_PROCESS_*: one process
 * @size:	sizeof(struct shk_process)
 * @flags:	0
 * @pid:	any thread of the process, in the caller's pid namespace;
 *		0 is the caller
 * @reserved:	0
 *
 * SHK_PROCESS_DETACH on the device: the process runs the base again. Needs
 * CAP_SYS_ADMIN. ENOENT: it is in no shadow. ESRCH: there is no such process
 * (a negative @pid is none), or it is a zombie. EOPNOTSUPP: it is a kernel
 * thread. On a handle: the same, but only if it is in that shadow, else ENOENT.
 * EINTR: a signal came for the caller, who waited for the process to get
 * through the first steps of a fork or exec; nothing was done.
 *
 * SHK_PROCESS_ATTACH on a handle: from its return on, every thread of the
 * process executes the shadow's text, as will its children (fork, vfork,
 * clone) and what it executes. If it was in another shadow, it moves. If it is
 * in this one already, nothing changes. Needs CAP_SYS_ADMIN. ESRCH,
 * EOPNOTSUPP as above. ESTALE: the shadow was destroyed. EBUSY: kernel.ftrace_enabled is 0. EINTR: a signal came
 * for the caller before anything was done. Processes that share the address space (CLONE_VM
 * without CLONE_THREAD, a vfork child before it executes) come along.
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
	__u32 reserved;
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
 * once. EBUSY: processes are inside. Needs CAP_SYS_MODULE; not refused under
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
 * ENOENT: unknown symbol. ENOTUNIQ: several functions have that name, give the
 * address. ERANGE: not an address of the kernel's text or a module's, or past
 * the end of the symbol. EILSEQ: not the first
 * byte of an instruction. EADDRNOTAVAIL: the kernel forbids probes there
 * (kprobe blacklist, noinstr, entry text, alternatives, static keys) or the
 * module itself depends on that text, or it is the scheduler's switch path.
 * EADDRINUSE: this shadow has an edit there that cannot serve both, a jump
 * where a return is wanted. EOPNOTSUPP: kprobes cannot step that instruction,
 * or LATENCY or RETURN anywhere but at a function's entry. EBUSY:
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
 * @missed:	executions seen but not measured: returns that could not be
 *		hooked, or hits inside the probe's own handling. For COUNT and
 *		EVENT at entry, @hits includes what @missed counts.
 * @created_ns:	CLOCK_MONOTONIC when the probe was added
 * @now_ns:	CLOCK_MONOTONIC when the numbers above were read
 * @latency_sum: sum of all latencies in ns
 * @histogram:	latencies: see SHK_HISTOGRAM_LEN
 * @name:	the probe's name
 * @symbol:	function that holds the address, "MODULE:FUNCTION" in a module
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
};
#define SHK_PROBE_NEXT		_IO(SHK_IOC, 0x46)

#endif /* _UAPI_LINUX_SHADOWK_H */
