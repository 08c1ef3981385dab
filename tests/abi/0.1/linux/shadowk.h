/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Shadow kernels: the interface between shadowk.ko and user space.
 *
 * One running Linux holds several kernel texts. The booted text is the base. A shadow is a
 * copy-on-write variant of it: the same data and the same addresses, but some pages of text are
 * private. A process whose mm is grafted to a shadow executes the shadow's text; all other
 * processes execute the base. (Chick et al., "Shadow Kernels", section 3.)
 *
 * Descriptors
 *
 *   device   /dev/shadowk, opened by open(2).
 *   handle   an anonymous inode that stands for one shadow. SHK_SHADOW_CREATE, SHK_SHADOW_OPEN
 *            and SHK_SYSCALLS_CREATE return an owner's handle, SHK_HANDLE_DERIVE one with fewer
 *            rights. It is close-on-exec. It can be duplicated, inherited and sent over a socket.
 *
 * A shadow lives as long as it has a name, a handle, a grafted process, or an attached cgroup. It
 * also lives while a stretch (SHK_ENTER) returns to it, or it is another shadow's target
 * (SHK_SYSCALLS_CREATE). SHK_SHADOW_DESTROY removes its name and its edits at once; the rest of it
 * lives on as long as it has handles.
 *
 * Terms: an edit is a difference of a shadow from the base: a probe, a patch or a raw edit. A
 * process is inside a shadow if its mm is grafted to it. A body is the code of a function.
 *
 * Arguments
 *
 * Every ioctl takes a pointer to a struct that begins with the same four members. It returns 0, or
 * the new descriptor where "Return:" says so; after an error -1, and errno is set.
 *
 *   size     in   sizeof(struct), as the caller knows it
 *   flags    in   flags of this call; an unknown flag is EINVAL
 *   reason   out  after an error: enum shk_reason, or 0 if errno says all; after success: 0. Not
 *                 written if @size is below that of these four members, or after EFAULT or ENOTTY
 *   busy     out  after EBUSY with SHK_REASON_TASK_BUSY: the thread that was in the way, as a
 *                 thread id of the caller's pid namespace; -1 if that namespace does not show it
 *
 * - Members marked "out" are ignored on entry. Reserved members and padding must be 0 (EINVAL).
 * - The kernel fills a shorter struct up with zeros. It accepts a longer one if all bytes that it
 *   does not know are 0 (E2BIG otherwise). A size below that of the struct's first release is
 *   EINVAL; one above 4096 is E2BIG. The kernel writes back as much as the caller's struct holds.
 * - A call that fails undoes its changes. Two kinds of calls take effect before they can fail:
 *   SHK_CGROUP_ATTACH, _SPLIT and _DETACH, and SHK_PATCH_ADD of IN_PLACE. If such a call fails,
 *   processes may have executed the other text for some seconds. A call that fails writes @reason,
 *   @busy, and those out members that are documented as valid after an error.
 * - The caller names a place in text by @symbol or @addr, and an existing object by @name or @id.
 *   The member that is not used is "" or 0. It is EINVAL to set both, and to set neither, unless
 *   the call says what that means.
 * - Strings end with a NUL within their arrays (EINVAL otherwise).
 *
 * Errors
 *
 * errno is the class of an error, and @reason is its cause; enum shk_reason below lists all causes,
 * each with its errno. These errors are common to all calls and are not repeated at each:
 *
 *   EACCES   SHK_REASON_RIGHTS, SHK_REASON_REVOKED: the handle does not permit the call, or not
 *            for that process
 *   EFAULT   a pointer cannot be read or written
 *   EINTR    a signal arrived while the call waited; what it had changed is undone, as after any
 *            error. The kernel restarts the call if the signal's handler has SA_RESTART
 *   EINVAL   size, an unknown kind or flag, a flag that the kind does not have, reserved and unused
 *            members, a string without NUL
 *   ENODEV   SHK_REASON_FTRACE_DEAD: wherever FTRACE_DISABLED is listed
 *   E2BIG    size; or bytes that the kernel does not know are not 0
 *   EMFILE   calls that return a handle: too many open files; also ENFILE
 *   ENOMEM   out of memory
 *   ENOTTY   no such ioctl, or one of the other kind of descriptor
 *   EPERM    SHK_REASON_CAPABILITY: a capability is missing
 *
 * Permissions
 *
 * Capabilities are checked at each call, not at open(2), and count in the initial user namespace
 * only. "Adds text" below marks the calls that the kernel also refuses (EPERM, LOCKDOWN) where it
 * accepts no unsigned module: under lockdown, with module.sig_enforce, and with
 * kernel.modules_disabled. docs/permissions.md has the whole table.
 *
 * Every call is available since release 0.1.
 */
/* The columns of the tables below are aligned by hand. */
/* clang-format off */
#ifndef _UAPI_LINUX_SHADOWK_H
#define _UAPI_LINUX_SHADOWK_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SHK_DEVICE		"/dev/shadowk"

/* Lengths of arrays, the terminating NUL included. */
#define SHK_NAME_LEN		64	/* name of a shadow, probe or patch: [A-Za-z0-9._:-]+ */
#define SHK_SYMBOL_LEN		512
#define SHK_MODULE_LEN		64
#define SHK_MMU_LEN		16

/*
 * The numbers 0xBD/00-7F; Documentation/userspace-api/ioctl/ioctl-number.rst has no other user.
 * The numbers are made by _IO(), as those of iommufd: the size is a member of each struct, since
 * structs grow.
 */
#define SHK_IOC			0xBD

/**
 * enum shk_reason - cause of an error
 *
 * A reason keeps its value and its errno in all releases. LIVEPATCH alone has no fixed errno. A
 * program that does not know a reason relies on errno alone.
 *
 * The caller and its descriptor:
 *   CAPABILITY          EPERM       a capability is missing
 *   LOCKDOWN            EPERM       the kernel accepts no unsigned module
 *   ADDRESSES_HIDDEN    EPERM       kptr_restrict hides addresses from the caller
 *   RIGHTS              EACCES      the handle was derived without the right to this call; or the
 *                                   process is not the caller's own; or @other was derived
 *                                   (SHK_CGROUP_SPLIT)
 *   REVOKED             EACCES      the handle was revoked
 *   NOT_DELEGATED       EPERM       the caller lacks CAP_SYS_ADMIN, and one that has it put
 *                                   the process into its shadow
 *   NAME_INVALID        EINVAL      a character is not of [A-Za-z0-9._:-], or "." or ".."
 *   NAME_TAKEN          EEXIST      a shadow, probe or patch has that name
 *
 * The machine:
 *   FTRACE_DISABLED     EBUSY       kernel.ftrace_enabled is 0
 *   FTRACE_DEAD         ENODEV      ftrace has stopped after a fault of its own
 *   XEN                 EIO         Xen refused a change of page tables
 *   NO_CARRIER          EOPNOTSUPP  interrupts and kernel threads cannot execute shadows here: Xen
 *                                   PV, or no CONFIG_PREEMPT_NOTIFIERS
 *   NO_STACKS           EOPNOTSUPP  no ORC unwinder, so no reliable stack traces
 *   NO_SYSCALL_ENTRY    EOPNOTSUPP  the kernel has no x64_sys_call()
 *   NO_THUNKS           EOPNOTSUPP  the CPU or the boot options use no such thunks
 *   NO_LIVEPATCH        EOPNOTSUPP  the kernel has no livepatch (CONFIG_LIVEPATCH)
 *   NO_MODULE_TEXT      EOPNOTSUPP  the kernel maps text of modules by pages of 2 MB
 *                                   (CONFIG_ARCH_HAS_EXECMEM_ROX)
 *
 * Shadows:
 *   SHADOW_UNKNOWN      ENOENT      no shadow has that name or id
 *   SHADOW_DESTROYED    ESTALE      the shadow, or its target, was destroyed
 *   SHADOW_IN_USE       EBUSY       processes are inside, or cgroups are attached
 *   POLICY              EOPNOTSUPP  the shadow's SHK_ASYNC_* policy excludes it
 *   SYSCALLS_ONLY       EOPNOTSUPP  the shadow was made by SHK_SYSCALLS_CREATE
 *   HAS_CALLERS         EOPNOTSUPP  the shadow is a target of SHK_SYSCALLS_CREATE
 *   SHARED              EOPNOTSUPP  a handle with SHK_RIGHT_ATTACH was derived, once
 *   EDITS_IN_PLACE      EBUSY       the shadow has an IN_PLACE patch, or a LIVEPATCH without
 *                                   SHK_PATCH_UNSAFE_NOW
 *   EDITS_FOR_ALL       EBUSY       the shadow has edits that cannot test the thread
 *   THREADS_INSIDE      EBUSY       threads are in SHK_THREAD stretches in the shadow
 *   PROCESSES_INSIDE    EBUSY       the patch can change only while nothing executes the shadow:
 *                                   no process, no cgroup, nothing owned, not CAUSAL
 *
 * Processes and threads:
 *   PROCESS_EXITED      ESRCH       the process is a zombie, or gone
 *   NOT_PIDFD           EBADF       the descriptor is no pidfd
 *   KERNEL_THREAD       EOPNOTSUPP  the process is a kernel thread
 *   NOT_INSIDE          ENOENT      the process is in no shadow, or in another one
 *   BOUND_BY_CGROUP     EBUSY       the process is in its shadow by SHK_CGROUP_ATTACH
 *   CAPTURED_TOOL       EBUSY       the process is in a helper (SHK_CAPTURE), where it stays
 *   TASK_BUSY           EBUSY       @busy was in fork, exec or a body that changes, for seconds
 *   STRETCHES_FULL      ENOSPC      SHK_ENTER_DEPTH stretches already
 *   THREAD_STRETCH      EBUSY       a SHK_THREAD stretch of the process excludes this stretch
 *   NO_STRETCH          ENOENT      the process is not in that shadow, or in no stretch; or only
 *                                   other threads of it are in SHK_THREAD stretches
 *
 * Cgroups, interrupts, kernel threads, system calls:
 *   NOT_CGROUP          EBADF       the descriptor is no folder of a cgroup2 file system
 *   CGROUP_REMOVED      ENOENT      the cgroup was removed
 *   CGROUP_ELSEWHERE    EBUSY       the cgroup is attached to another shadow, or split
 *   CGROUP_UNATTACHED   ENOENT      the cgroup is not attached
 *   NOT_HANDLE          EBADF       the descriptor is no handle
 *   IRQ_UNKNOWN         ENOENT      no interrupt line has that number
 *   OWNED_ELSEWHERE     EBUSY       another shadow owns that interrupt line or network interface
 *   NOT_OWNED           ENOENT      the shadow does not own it
 *   SYSCALL_UNKNOWN     EINVAL      the kernel has no system call @nr
 *   SYSCALL_NO_RETURN   EOPNOTSUPP  @nr does not return to its caller
 *   INTERFACE_UNKNOWN   ENODEV      no network interface of the caller's network namespace has that
 *                                   name
 *   NO_NAPI             EOPNOTSUPP  the network interface has no NAPI now
 *
 * Places in text:
 *   SYMBOL_UNKNOWN      ENOENT      no function has that name
 *   SYMBOL_AMBIGUOUS    EINVAL      several functions have that name
 *   NOT_TEXT            ERANGE      not in text of the kernel or of a module
 *   PAST_SYMBOL         ERANGE      past the end of the symbol
 *   NOT_INSTRUCTION     EINVAL      not the first byte of an instruction
 *   NOT_FUNCTION        EINVAL      not the first byte of a function
 *   FORBIDDEN           EOPNOTSUPP  the kernel or the module itself depends on that text
 *   PAGE_EDGE           EOPNOTSUPP  the edit would lie in two pages
 *   MODULE_END          EOPNOTSUPP  too near to the end of a module's text
 *   MODULE_BUSY         EBUSY       the module is being loaded or unloaded
 *   EDIT_THERE          EBUSY       the shadow has another edit there
 *   KPROBE_THERE        EBUSY       another user's kprobe is there
 *   NO_ROOM             ENOSPC      the module has no room for more edits
 *   ID_UNKNOWN          ENOENT      the shadow has no edit or derived handle of that id or name
 *
 * Probes and raw edits:
 *   CANNOT_STEP         EOPNOTSUPP  kprobes cannot step that instruction
 *   NOT_ENTRY           EOPNOTSUPP  returns are taken at a function's entry only
 *   NO_RETURN           EOPNOTSUPP  no return address is on the stack at that entry
 *   JUMP_THERE          EBUSY       a probe there is armed by a jump; add that one again with
 *                                   SHK_PROBE_FORCE_INT3
 *   TRACEPOINT_UNKNOWN  ENOENT      the kernel image has no tracepoint of that name
 *   TRACEPOINT_MODULE   EOPNOTSUPP  a module has the tracepoint, or places of it
 *   TRACEPOINT_REGFUNC  EOPNOTSUPP  the kernel prepares all processes, or all CPUs, when that
 *                                   tracepoint gets a user
 *   TRACEPOINT_UNUSED   EOPNOTSUPP  the kernel image does not execute that tracepoint
 *
 * Patches:
 *   NO_FENTRY           EOPNOTSUPP  the function has no __fentry__ site
 *   NO_CALL             ENOENT      the function does not call @callee, or not at @offset
 *   SEVERAL_CALLS       EINVAL      the function calls @callee at several places
 *   NO_PATCH_MODULE     ENODEV      no such patch or livepatch module is loaded
 *   PATCH_VERSION       ENOEXEC     the module was built for another release of shadowk
 *   OUT_OF_REACH        ENOEXEC     the module's text is out of reach of a jump
 *   NO_FUNCTIONS        ENOEXEC     the module replaces no function
 *   CALLBACKS           EOPNOTSUPP  the livepatch has callbacks, which act on all processes
 *   OBJECT_MISSING      ENODEV      the module that the livepatch changes is not loaded
 *   OBJECT_RELOCATIONS  EOPNOTSUPP  the livepatch has relocations that livepatch makes
 *   BODY_TOO_LONG       EOPNOTSUPP  the body is longer than the one that it replaces
 *   BODY_OUT_OF_REACH   EOPNOTSUPP  a branch or datum is out of reach from there
 *   BODY_FIXED          EOPNOTSUPP  a body cannot be moved: it has static keys or calls, WARN(),
 *                                   exceptions, or too many .cold parts. Or the function to patch
 *                                   is a module's, or its patch calls the old body
 *   BODY_FRAMES         EOPNOTSUPP  the stack frames differ from those of the old body
 *   CHANGES_TEXT        EOPNOTSUPP  tasks enter or leave shadows inside that function
 *   NOT_LIVEPATCH       EINVAL      the patch is no LIVEPATCH
 *   PROMOTED            EEXIST      the patch was promoted before
 *   PATCH_BUSY          EBUSY       another call adds, removes or promotes the patch
 *   LIVEPATCH           any         klp_enable_patch() or a callback returned the errno
 */
enum shk_reason {
	SHK_REASON_NONE = 0,
	SHK_REASON_CAPABILITY = 1,
	SHK_REASON_LOCKDOWN = 2,
	SHK_REASON_ADDRESSES_HIDDEN = 3,
	SHK_REASON_RIGHTS = 4,
	SHK_REASON_REVOKED = 5,
	SHK_REASON_NOT_DELEGATED = 6,
	SHK_REASON_NAME_INVALID = 7,
	SHK_REASON_NAME_TAKEN = 8,
	SHK_REASON_FTRACE_DISABLED = 16,
	SHK_REASON_FTRACE_DEAD = 17,
	SHK_REASON_XEN = 18,
	SHK_REASON_NO_CARRIER = 19,
	SHK_REASON_NO_STACKS = 20,
	SHK_REASON_NO_SYSCALL_ENTRY = 21,
	SHK_REASON_NO_THUNKS = 22,
	SHK_REASON_NO_LIVEPATCH = 23,
	SHK_REASON_SHADOW_UNKNOWN = 32,
	SHK_REASON_SHADOW_DESTROYED = 33,
	SHK_REASON_SHADOW_IN_USE = 34,
	SHK_REASON_POLICY = 35,
	SHK_REASON_SYSCALLS_ONLY = 36,
	SHK_REASON_HAS_CALLERS = 37,
	SHK_REASON_SHARED = 38,
	SHK_REASON_EDITS_IN_PLACE = 39,
	SHK_REASON_EDITS_FOR_ALL = 40,
	SHK_REASON_THREADS_INSIDE = 41,
	SHK_REASON_PROCESSES_INSIDE = 42,
	SHK_REASON_PROCESS_EXITED = 48,
	SHK_REASON_NOT_PIDFD = 49,
	SHK_REASON_KERNEL_THREAD = 50,
	SHK_REASON_NOT_INSIDE = 51,
	SHK_REASON_BOUND_BY_CGROUP = 52,
	SHK_REASON_TASK_BUSY = 53,
	SHK_REASON_STRETCHES_FULL = 54,
	SHK_REASON_THREAD_STRETCH = 55,
	SHK_REASON_NO_STRETCH = 56,
	SHK_REASON_CAPTURED_TOOL = 57,
	SHK_REASON_NOT_CGROUP = 64,
	SHK_REASON_CGROUP_REMOVED = 65,
	SHK_REASON_CGROUP_ELSEWHERE = 66,
	SHK_REASON_CGROUP_UNATTACHED = 67,
	SHK_REASON_NOT_HANDLE = 68,
	SHK_REASON_IRQ_UNKNOWN = 69,
	SHK_REASON_OWNED_ELSEWHERE = 70,
	SHK_REASON_NOT_OWNED = 71,
	SHK_REASON_SYSCALL_UNKNOWN = 72,
	SHK_REASON_SYSCALL_NO_RETURN = 73,
	SHK_REASON_INTERFACE_UNKNOWN = 74,
	SHK_REASON_NO_NAPI = 75,
	SHK_REASON_SYMBOL_UNKNOWN = 80,
	SHK_REASON_SYMBOL_AMBIGUOUS = 81,
	SHK_REASON_NOT_TEXT = 82,
	SHK_REASON_PAST_SYMBOL = 83,
	SHK_REASON_NOT_INSTRUCTION = 84,
	SHK_REASON_NOT_FUNCTION = 85,
	SHK_REASON_FORBIDDEN = 86,
	SHK_REASON_PAGE_EDGE = 87,
	SHK_REASON_MODULE_END = 88,
	SHK_REASON_MODULE_BUSY = 89,
	SHK_REASON_EDIT_THERE = 90,
	SHK_REASON_KPROBE_THERE = 91,
	SHK_REASON_NO_ROOM = 92,
	SHK_REASON_ID_UNKNOWN = 93,
	SHK_REASON_CANNOT_STEP = 96,
	SHK_REASON_NOT_ENTRY = 97,
	SHK_REASON_NO_RETURN = 98,
	SHK_REASON_JUMP_THERE = 99,
	SHK_REASON_TRACEPOINT_UNKNOWN = 100,
	SHK_REASON_TRACEPOINT_MODULE = 101,
	SHK_REASON_TRACEPOINT_REGFUNC = 102,
	SHK_REASON_TRACEPOINT_UNUSED = 103,
	SHK_REASON_NO_FENTRY = 112,
	SHK_REASON_NO_CALL = 113,
	SHK_REASON_SEVERAL_CALLS = 114,
	SHK_REASON_NO_PATCH_MODULE = 115,
	SHK_REASON_PATCH_VERSION = 116,
	SHK_REASON_OUT_OF_REACH = 117,
	SHK_REASON_NO_FUNCTIONS = 118,
	SHK_REASON_CALLBACKS = 119,
	SHK_REASON_OBJECT_MISSING = 120,
	SHK_REASON_OBJECT_RELOCATIONS = 121,
	SHK_REASON_BODY_TOO_LONG = 122,
	SHK_REASON_BODY_OUT_OF_REACH = 123,
	SHK_REASON_BODY_FIXED = 124,
	SHK_REASON_BODY_FRAMES = 125,
	SHK_REASON_CHANGES_TEXT = 126,
	SHK_REASON_NOT_LIVEPATCH = 127,
	SHK_REASON_PROMOTED = 128,
	SHK_REASON_PATCH_BUSY = 129,
	SHK_REASON_LIVEPATCH = 130,
	SHK_REASON_NO_MODULE_TEXT = 131,
};

/**
 * struct shk_list - SHK_*_LIST: read the elements of a list
 * @size:		sizeof(struct shk_list)
 * @flags:		0
 * @reason:		out
 * @busy:		out
 * @element_size:	size of one element, as the caller knows it: 8 or more, at most 4096
 * @nr:			in: elements that @elements has room for, 1 or more; out: elements written
 * @cursor:		in: 0 to begin, or as the last call left it; out: 0 after the last element
 * @elements:		pointer to the array
 *
 * Each list has an element struct, named below where the list is described. The kernel writes
 * @element_size bytes per element: it cuts off members that the caller does not know, and fills
 * members that it does not know itself with zeros.
 *
 * A caller repeats the call until @cursor is 0. One call may return fewer elements than there is
 * room for, also none. An element that is added or removed between two calls may or may not be
 * seen; each other element is seen once. A cursor serves only to resume the same list, and reveals
 * no address.
 *
 * An @nr of 0 and an @element_size out of bounds are EINVAL. So is a @cursor that the kernel has
 * not made, if it notices.
 */
struct shk_list {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__u32 element_size;
	__u32 nr;
	__aligned_u64 cursor;
	__aligned_u64 elements;
};

/* ---- device: the module ---------------------------------------------------------------------- */

#define SHK_FEATURE_PROCESS	(1ULL << 0)	/* attach and detach processes */
#define SHK_FEATURE_PROBE	(1ULL << 1)	/* probes */
#define SHK_FEATURE_RAW		(1ULL << 2)	/* raw edits */
#define SHK_FEATURE_PATCH	(1ULL << 3)	/* patches */
#define SHK_FEATURE_ENTER	(1ULL << 4)	/* stretches */
#define SHK_FEATURE_CGROUP	(1ULL << 5)	/* attach and detach cgroups */
#define SHK_FEATURE_SYSCALLS	(1ULL << 6)	/* SHK_SYSCALLS_CREATE */
#define SHK_FEATURE_OWN		(1ULL << 7)	/* SHK_ASYNC_OWNER, _CAUSAL, _UNION */
#define SHK_FEATURE_DERIVE	(1ULL << 8)	/* handles with fewer rights */

/**
 * struct shk_info - SHK_INFO: what the module can do and what it holds
 * @size:	sizeof(struct shk_info)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @features:	out: SHK_FEATURE_* that this machine supports
 * @nr_shadows:	out: shadows
 * @nr_grafts:	out: mms (processes) that are grafted to a shadow
 * @memory:	out: bytes of page tables and private text pages of all shadows
 * @mmu:	out: backend, "native" or "xenpv"
 * @version:	out: version of the module
 *
 * Needs no capability.
 */
struct shk_info {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 features;
	__u32 nr_shadows;
	__u32 nr_grafts;
	__aligned_u64 memory;
	char mmu[SHK_MMU_LEN];
	char version[32];
};
#define SHK_INFO		_IO(SHK_IOC, 0x00)

/* The module's answer to a property of the machine (struct shk_property.answer). */
enum shk_answer {
	SHK_ANSWER_FINE = 0,	/* shadows work as described */
	SHK_ANSWER_ADAPTED = 1,	/* shadows work in another way, which @detail describes */
	SHK_ANSWER_OFF = 2,	/* the module refuses the features that @detail names */
	SHK_ANSWER_REFUSED = 3,	/* the module does not load; only the kernel log has this */
};

#define SHK_PROPERTY_LEN	32
#define SHK_DETAIL_LEN		192

/**
 * struct shk_property - SHK_PROPERTY_LIST: what the module found this machine to be
 * @answer:	enum shk_answer
 * @reserved:	0
 * @name:	short name for programs, such as "lazy-tlb"
 * @detail:	a sentence for people: what was found and what follows
 *
 * Needs no capability. If the module does not load, the kernel log names the property.
 */
struct shk_property {
	__u32 answer;
	__u32 reserved;
	char name[SHK_PROPERTY_LEN];
	char detail[SHK_DETAIL_LEN];
};
#define SHK_PROPERTY_LIST	_IO(SHK_IOC, 0x01)

/* ---- device: shadows ------------------------------------------------------------------------- */

/*
 * Policies: the text that asynchronous work executes, and the counter that a probe in that text
 * increments then ("async" is @async_hits, "-" is none):
 *
 * policy  process     hard interrupt  softirq         work item      kthread        NMI(1)
 * base    shadow hits base -          base -          base -         base -         shadow async
 * INHERIT shadow hits shadow async(1) shadow async(1) base -         base -         shadow async
 * OWNER   shadow hits shadow async(2) base -          base -(3)      shadow hits(2) shadow async
 * CAUSAL  shadow hits base -          shadow async(4) shadow hits(4) base -         shadow async
 * UNION   shadow hits union async(5)  union async(5)  union async(5) base -         shadow async
 *
 * (1) If the task on that CPU is inside the shadow; otherwise the base.
 * (2) If the shadow owns the interrupt line or the kernel thread; otherwise the base.
 * (3) A work item executes the shadow if the shadow owns the kworker by its name.
 * (4) If a process inside has queued the work item, raised the softirq, or armed the timer, which
 *     runs in a softirq. If a task outside has raised the same softirq on that CPU, too, it
 *     executes the base; @nr_unfollowed counts that if the process inside was the first. Work that
 *     work queues, raises or arms executes the base, except for the work item behind the timer of
 *     a delayed work item.
 * (5) The union is a text with the probes of all UNION shadows, without their patches and raw
 *     edits. The whole machine executes it in these contexts, also while no process is inside.
 *     Work that belongs to an OWNER, CAUSAL or INHERIT shadow executes that shadow instead. Union
 *     hits enter no histogram and fire no event.
 *
 * Interrupt entry code before and after the handlers executes the text of the task it landed on;
 * probes there increment @async_hits. Threads of interrupts are kernel threads.
 *
 * Costs: base, OWNER, CAUSAL and UNION switch page tables twice for each interrupt that lands on
 * a process inside. A CAUSAL shadow makes every work item, timer and softirq of the machine do a
 * look-up. A UNION shadow with a probe makes each of them, and each interrupt, switch page tables
 * twice.
 */
#define SHK_ASYNC_INHERIT	(1U << 0)
#define SHK_ASYNC_OWNER		(1U << 1)
#define SHK_ASYNC_CAUSAL	(1U << 2)
#define SHK_ASYNC_UNION		(1U << 3)

/**
 * struct shk_shadow_create - SHK_SHADOW_CREATE: make a shadow whose text equals the base
 * @size:	sizeof(struct shk_shadow_create)
 * @flags:	one SHK_ASYNC_* policy, or 0 for the policy "base"
 * @reason:	out
 * @busy:	out
 * @name:	its name, or "" for a shadow without a name
 *
 * Takes constant time, except with CAUSAL: page tables and private pages are made later, by the
 * first edit, graft or ownership. With CAUSAL this call makes them. It also registers tracepoint
 * probes if no other CAUSAL shadow exists.
 *
 * Return: an owner's handle.
 *   EBUSY       FTRACE_DISABLED: CAUSAL
 *   EEXIST      NAME_TAKEN
 *   EINVAL      NAME_INVALID; or several policies
 *   EOPNOTSUPP  NO_CARRIER: CAUSAL and UNION are not possible here
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 */
struct shk_shadow_create {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	char name[SHK_NAME_LEN];
};
#define SHK_SHADOW_CREATE	_IO(SHK_IOC, 0x02)

/**
 * struct shk_shadow_open - SHK_SHADOW_OPEN: get a handle of a shadow by name or id
 * @size:	sizeof(struct shk_shadow_open)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @id:		id of the shadow, or 0 if @name is given
 * @name:	name of the shadow, or "" if @id is given
 *
 * Return: an owner's handle.
 *   ENOENT      SHADOW_UNKNOWN
 *
 * Needs CAP_SYS_ADMIN.
 */
struct shk_shadow_open {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
};
#define SHK_SHADOW_OPEN		_IO(SHK_IOC, 0x03)

/**
 * struct shk_shadow_info - SHK_SHADOW_LIST: one shadow
 * @id:			its id: from 1 on, growing, never reused while the module is loaded
 * @target:		id of the target, if SHK_SYSCALLS_CREATE has made the shadow: its processes
 *			execute the target during some system calls. 0 otherwise
 * @flags:		its SHK_ASYNC_* policy
 * @nr_grafts:		mms (processes) inside, including those in shadows whose target it is
 * @nr_probes:		its probes
 * @private_pages:	private text pages of 4 KB
 * @diverged_ranges:	ranges of 2 MB that it maps otherwise than the base
 * @huge_ranges:	those of @diverged_ranges that one private page of 2 MB maps; each counts as
 *			512 in @private_pages
 * @nr_handles:		handles that were derived and neither closed nor revoked
 * @reserved:		0
 * @memory:		bytes of its page tables and private pages
 * @nr_unfollowed:	CAUSAL: work items, timers and softirqs that processes inside raised and
 *			that executed the base. A task outside had raised the same softirq, too, or
 *			the module had no room to record the work. UNION: work items that executed
 *			the base for lack of memory, or because they interrupted another UNION work
 *			item; counted for all UNION shadows together
 * @name:		its name, "" if it has none
 *
 * On the device: all shadows; needs CAP_SYS_ADMIN. On a handle: the handle's shadow alone; needs
 * no capability, and no right. A destroyed shadow that lives on is listed without a name.
 */
struct shk_shadow_info {
	__aligned_u64 id;
	__aligned_u64 target;
	__u32 flags;
	__u32 nr_grafts;
	__u32 nr_probes;
	__u32 private_pages;
	__u32 diverged_ranges;
	__u32 huge_ranges;
	__u32 nr_handles;
	__u32 reserved;
	__aligned_u64 memory;
	__aligned_u64 nr_unfollowed;
	char name[SHK_NAME_LEN];
};
#define SHK_SHADOW_LIST		_IO(SHK_IOC, 0x04)

/* ---- handle: its shadow and its rights ------------------------------------------------------- */

/**
 * struct shk_shadow_destroy - SHK_SHADOW_DESTROY: give up the name, remove all edits
 * @size:	sizeof(struct shk_shadow_destroy)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 *
 * On return the name is free, the edits are removed, and the room that they took in the module is
 * free for other shadows. Handles stay valid, but attaching and adding through them is ESTALE. The
 * last step waits for a grace period. If the caller is killed while it waits, the shadow is
 * destroyed nevertheless, and the room becomes free later.
 *
 *   EBUSY       SHADOW_IN_USE: processes are inside the shadow, or cgroups are attached to it. Both
 *               count for the target of SHK_SYSCALLS_CREATE, too
 *   ESTALE      SHADOW_DESTROYED
 *
 * Needs CAP_SYS_MODULE.
 */
struct shk_shadow_destroy {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
};
#define SHK_SHADOW_DESTROY	_IO(SHK_IOC, 0x10)

#define SHK_RIGHT_ATTACH	(1U << 0)	/* attach and detach the holder's own process */
#define SHK_RIGHT_READ		(1U << 1)	/* list probes, patches, edits, bytes that differ */

/**
 * struct shk_handle_derive - SHK_HANDLE_DERIVE: make a handle with fewer rights
 * @size:	sizeof(struct shk_handle_derive)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @rights:	SHK_RIGHT_*, one or both
 * @reserved:	0
 * @id:		out: id of the new handle, for SHK_HANDLE_REVOKE
 *
 * A derived handle grants its rights to a holder without capabilities. All else is EACCES on it,
 * also for root: calls that need another right, and calls about another process than the caller's
 * own. SHK_SHADOW_LIST and SHK_LEAVE need no right. The hits that the holder reads are those of all
 * processes inside, not only of its own.
 *
 * A process that attached itself by SHK_RIGHT_ATTACH without CAP_SYS_ADMIN is inside by
 * delegation, as are the children that it forks and the programs that it executes. It leaves
 * the shadow when it executes a program that gains privileges (set-id, file capabilities), before
 * that program's first instruction.
 *
 * Once a handle with SHK_RIGHT_ATTACH was derived, the shadow never again accepts a patch for
 * which threads are waited for (SHK_PATCH_IN_PLACE, LIVEPATCH without SHK_PATCH_UNSAFE_NOW). All
 * other edits of the shadow act on processes of the handle's holders, also edits that drop
 * protections (RETPOLINES, RETURNS). The owner decides whether to share such a shadow.
 *
 * Return: the handle.
 *   EBUSY       EDITS_IN_PLACE: @rights has SHK_RIGHT_ATTACH, and the shadow has a patch for which
 *               threads are waited for
 *   EIO         XEN: @rights has SHK_RIGHT_ATTACH, and Xen refused a change of page tables
 *   ESTALE      SHADOW_DESTROYED
 *
 * Needs CAP_SYS_ADMIN.
 */
struct shk_handle_derive {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__u32 rights;
	__u32 reserved;
	__aligned_u64 id;
};
#define SHK_HANDLE_DERIVE	_IO(SHK_IOC, 0x11)

/**
 * struct shk_handle_revoke - SHK_HANDLE_REVOKE: withdraw the rights of derived handles
 * @size:	sizeof(struct shk_handle_revoke)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @id:		id of one derived handle, or 0 for all of the shadow
 *
 * From the return on, every call on such a handle is EACCES, except for SHK_LEAVE and
 * SHK_SHADOW_LIST, which need no right. A call in progress ends as it would. Processes stay inside;
 * SHK_PROCESS_LIST and SHK_PROCESS_DETACH find and detach them.
 *
 *   ENOENT      ID_UNKNOWN: no open handle has that id
 *
 * Needs CAP_SYS_ADMIN.
 */
struct shk_handle_revoke {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 id;
};
#define SHK_HANDLE_REVOKE	_IO(SHK_IOC, 0x12)

/* ---- processes ------------------------------------------------------------------------------- */

/* flags of SHK_PROCESS_*: the caller's own process instead of a pidfd */
#define SHK_PROCESS_SELF	(1U << 0)

/**
 * struct shk_process - SHK_PROCESS_ATTACH, SHK_PROCESS_DETACH: one process
 * @size:	sizeof(struct shk_process)
 * @flags:	SHK_PROCESS_SELF, or 0
 * @reason:	out
 * @busy:	out
 * @pidfd:	a pidfd (pidfd_open(2)) of the process; 0 with SHK_PROCESS_SELF
 * @reserved:	0
 *
 * SHK_PROCESS_ATTACH, on a handle: from the return on, all threads of the process execute the
 * shadow's text. Its future children (fork, vfork, clone) and the programs that it executes do,
 * too. Processes that share its mm are attached with it: those of CLONE_VM without CLONE_THREAD,
 * and a vfork child before it executes a program. A process in another shadow moves. A process that
 * is in this shadow already stays there, and its stretches (SHK_ENTER) end.
 *
 * SHK_PROCESS_DETACH, on the device: the process executes the base again, whichever shadow it was
 * in. On a handle: the same, if it is in the handle's shadow. Its stretches end.
 *
 * Both calls wait, up to three seconds in all, for a process that is in fork or exec, and for
 * threads in bodies that change. These are the bodies of patches with
 * SHK_PATCH_IN_PLACE, and of LIVEPATCH without SHK_PATCH_UNSAFE_NOW, in the shadow that is left or
 * entered. The kernel stack of a thread that sleeps or was preempted says whether it is in one.
 * A process whose mmap_lock is held, in a page fault on a frozen file system for instance, is
 * waited for without a limit; a fatal signal ends that wait.
 *
 *   EBADF       NOT_PIDFD
 *   EBUSY       TASK_BUSY: @busy is the thread in the way
 *   EBUSY       BOUND_BY_CGROUP: the process is inside by SHK_CGROUP_ATTACH
 *   EBUSY       CAPTURED_TOOL: outside its helper the process would arm kprobes for all processes
 *   EBUSY       FTRACE_DISABLED (attach)
 *   EIO         XEN (attach)
 *   ENOENT      NOT_INSIDE (detach)
 *   EOPNOTSUPP  KERNEL_THREAD
 *   EPERM       NOT_DELEGATED: the call would take the process out of a shadow into which a caller
 *               with CAP_SYS_ADMIN has put it, and this caller lacks that
 *   ESRCH       PROCESS_EXITED
 *   ESTALE      SHADOW_DESTROYED (attach)
 *
 * Needs CAP_SYS_ADMIN, or a handle derived with SHK_RIGHT_ATTACH and the caller's own process. A
 * process that attached itself by SHK_RIGHT_ATTACH is inside by delegation. A caller with
 * CAP_SYS_ADMIN that attaches such a process ends the delegation: programs that gain privileges no
 * longer make it leave.
 */
struct shk_process {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__s32 pidfd;
	__u32 reserved;
};
#define SHK_PROCESS_ATTACH	_IO(SHK_IOC, 0x18)
#define SHK_PROCESS_DETACH	_IO(SHK_IOC, 0x19)

/**
 * struct shk_process_info - SHK_PROCESS_INFO, on the device: the shadow of a process
 * @size:	sizeof(struct shk_process_info)
 * @flags:	SHK_PROCESS_SELF, or 0
 * @reason:	out
 * @busy:	out
 * @pidfd:	a pidfd of the process; 0 with SHK_PROCESS_SELF
 * @reserved:	0
 * @shadow:	out: id of its shadow
 * @name:	out: name of its shadow, "" if that has none
 *
 *   EBADF       NOT_PIDFD
 *   ENOENT      NOT_INSIDE: the process executes the base
 *   EOPNOTSUPP  KERNEL_THREAD
 *   ESRCH       PROCESS_EXITED
 *
 * Needs CAP_SYS_ADMIN, except for the caller's own process.
 */
struct shk_process_info {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__s32 pidfd;
	__u32 reserved;
	__aligned_u64 shadow;
	char name[SHK_NAME_LEN];
};
#define SHK_PROCESS_INFO	_IO(SHK_IOC, 0x1a)

/**
 * struct shk_process_entry - SHK_PROCESS_LIST, on a handle: one process inside the shadow
 * @pid:	process id in the caller's pid namespace, 0 if that does not show it
 * @reserved:	0
 * @comm:	its command name
 *
 * One element per mm: of several processes that share an mm one is listed.
 *
 * Needs CAP_SYS_ADMIN.
 */
struct shk_process_entry {
	__s32 pid;
	__u32 reserved;
	char comm[16];
};
#define SHK_PROCESS_LIST	_IO(SHK_IOC, 0x1b)

/* ---- stretches of system calls --------------------------------------------------------------- */

#define SHK_ENTER_DEPTH		64	/* stretches of one process that can be nested */

/* flag of SHK_ENTER: the edits act on the calling thread only */
#define SHK_THREAD		(1U << 0)

/**
 * struct shk_enter - SHK_ENTER, SHK_LEAVE, on a handle: begin and end a stretch
 * @size:	sizeof(struct shk_enter)
 * @flags:	SHK_ENTER: SHK_THREAD, or 0; SHK_LEAVE: 0
 * @reason:	out
 * @busy:	out
 *
 * A stretch lasts from SHK_ENTER to the SHK_LEAVE that ends it. SHK_ENTER attaches the caller's
 * process, as SHK_PROCESS_ATTACH does, and remembers its former place: the base, or a shadow and
 * the stretch that it was in. SHK_LEAVE by any of its threads, on a handle of the same shadow,
 * returns the process to that place. Stretches without SHK_THREAD nest, also across shadows. A
 * process that is in a shadow by an attached cgroup can enter and leave, too. The cost of both
 * calls does not grow with the number of private pages.
 *
 * - fork: a child that is forked in a stretch gets a copy of the stretch, and calls SHK_LEAVE for
 *   itself.
 * - exec: the new program is in the shadow, in no stretch.
 * - SHK_PROCESS_ATTACH and SHK_PROCESS_DETACH end all stretches of the process.
 * - If the shadow to return to was destroyed meanwhile, SHK_LEAVE returns to the place before that
 *   one, and the stretch in the destroyed shadow is over, too.
 *
 * SHK_THREAD: all threads of the process execute the shadow's text, but its probes and patches
 * act on the calling thread alone, until it leaves. Other threads pass the edits without effect,
 * unless they have entered with SHK_THREAD, too. Each of these threads leaves by itself: SHK_LEAVE
 * by another thread is NO_STRETCH. Edits of the shadow in which the process was before act on no
 * thread meanwhile.
 *
 * - fork by a thread that has entered: the child is inside with all its threads. A vfork child
 *   counts as another thread.
 * - fork and exec by another thread: if the process was in the base before its first thread
 *   entered, the child or program is in the base. Otherwise it is in the shadow of the stretch,
 *   whose edits do not act on it.
 * - A thread that exits without leaving leaves its process in the shadow, with edits that act on
 *   no thread.
 * - If the process is in the shadow already, by an attach or by a stretch without SHK_THREAD, the
 *   flag has no effect: the stretch is an ordinary one.
 * - From the first SHK_THREAD stretch on, each patched function of the shadow tests which thread
 *   calls it.
 *
 * SHK_ENTER
 *   errors of SHK_PROCESS_ATTACH, except BOUND_BY_CGROUP, CAPTURED_TOOL, NOT_PIDFD and
 *               KERNEL_THREAD, and
 *   EBUSY       EDITS_FOR_ALL: SHK_THREAD, and the shadow has raw edits without SHK_RAW_IDENTITY,
 *               or SKIP_CALL, IN_PLACE, RETPOLINES or RETURNS patches: these cannot test the thread
 *   EBUSY       THREAD_STRETCH: the process is in a SHK_THREAD stretch in another shadow, or,
 *               without the flag, in any
 *   ENOSPC      STRETCHES_FULL
 *   EOPNOTSUPP  POLICY: SHK_THREAD, and the shadow is OWNER or CAUSAL
 *   EOPNOTSUPP  SYSCALLS_ONLY: SHK_THREAD, and the shadow was made by SHK_SYSCALLS_CREATE
 * SHK_LEAVE
 *   EBUSY       TASK_BUSY: @busy is the thread in the way
 *   EIO         XEN
 *   ENOENT      NO_STRETCH
 *
 * SHK_ENTER needs what SHK_PROCESS_ATTACH needs; SHK_LEAVE needs nothing, not even a right.
 */
struct shk_enter {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
};
#define SHK_ENTER		_IO(SHK_IOC, 0x20)
#define SHK_LEAVE		_IO(SHK_IOC, 0x21)

#define SHK_SYSCALLS_WORDS	8

/**
 * struct shk_syscalls - SHK_SYSCALLS_CREATE, on a handle: a shadow for some system calls only
 * @size:	sizeof(struct shk_syscalls)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @nr:		out, after an error: the system call that the error is about
 * @reserved:	0
 * @calls:	bit n % 64 of @calls[n / 64] selects system call n of x86-64
 *
 * Makes a shadow without a name, here called the caller shadow. The handle's shadow becomes its
 * target. A process in the caller shadow executes the target's text during the selected system
 * calls, and the base otherwise. Processes and cgroups are attached to the caller shadow, and enter
 * it, by the handle that is returned. It has the target's policy, and lives as any shadow without a
 * name. Edits are added to the target.
 *
 * - The process is in the target, with all its threads, while at least one of them is in a
 *   selected call. So each selected call executes the target's text from its begin to its end. A
 *   call of another thread may execute it in part.
 * - If the selected call is a fork, the child begins outside of the target.
 * - The module's own code at the begin and the end of a selected call executes the target's text
 *   in part, so probes of functions that it calls may be hit.
 * - System calls of 32-bit programs (int 0x80) are not selected.
 * - Processes in the caller shadow count as inside the target, which cannot be destroyed
 *   meanwhile. A target that is destroyed makes attaching here ESTALE.
 * - As long as the caller shadow lives, the target accepts no patch for which threads are waited
 *   for (SHK_PATCH_IN_PLACE, LIVEPATCH without SHK_PATCH_UNSAFE_NOW).
 *
 * Return: an owner's handle of the caller shadow.
 *   EBUSY       EDIT_THERE: the target has an edit at the entry of x64_sys_call()
 *   EBUSY       EDITS_IN_PLACE: the target has an IN_PLACE patch, or a LIVEPATCH without
 *               SHK_PATCH_UNSAFE_NOW
 *   EBUSY       FTRACE_DISABLED
 *   EINVAL      @calls is empty
 *   EINVAL      SYSCALL_UNKNOWN: the kernel has no system call @nr
 *   EOPNOTSUPP  SYSCALL_NO_RETURN: @nr is exit, exit_group, execve or execveat
 *   EOPNOTSUPP  NO_SYSCALL_ENTRY
 *   EIO         XEN
 *   EOPNOTSUPP  POLICY: the target is OWNER or CAUSAL
 *   EOPNOTSUPP  SYSCALLS_ONLY: the target was made by this call
 *   ESTALE      SHADOW_DESTROYED
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 */
struct shk_syscalls {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__u32 nr;
	__u32 reserved;
	__aligned_u64 calls[SHK_SYSCALLS_WORDS];
};
#define SHK_SYSCALLS_CREATE	_IO(SHK_IOC, 0x22)

/* ---- cgroups --------------------------------------------------------------------------------- */

/**
 * struct shk_cgroup - SHK_CGROUP_ATTACH, SHK_CGROUP_DETACH: all processes of a cgroup
 * @size:	sizeof(struct shk_cgroup)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @fd:		descriptor of the cgroup's folder in the unified hierarchy (cgroup2); O_PATH will do
 * @reserved:	0
 *
 * SHK_CGROUP_ATTACH, on a handle: from the return on, all processes of the cgroup and of the
 * cgroups below it are in the handle's shadow, wherever they were before. The exception is a cgroup
 * below that is attached by itself.
 *
 * - A process that is moved in is inside when the write() that moves it returns; one that is
 *   moved out is outside. A process that is busy follows later, as said below. A child that is
 *   forked into the cgroup, also by CLONE_INTO_CGROUP, is inside before its first instruction.
 * - The nearest attached cgroup decides, upwards from the process's own. If the threads of a
 *   process are in several cgroups, the cgroup of its first living thread decides.
 * - A vfork child that shares its parent's mm stays where the parent is until it executes.
 * - Stretches end when a process moves, and go on otherwise.
 * - Kernel threads execute the base.
 * - SHK_PROCESS_ATTACH and SHK_PROCESS_DETACH of these processes are EBUSY meanwhile, as is
 *   SHK_SHADOW_DESTROY of the shadow.
 * - Processes in helpers, and workloads of these, stay where they are (SHK_CAPTURE).
 * - Costs: while any cgroup is attached, each fork, exec and move between cgroups on the machine
 *   does a look-up.
 *
 * SHK_CGROUP_DETACH, on the device: detaches the cgroup from its shadow, whichever that is. On a
 * handle: only if the cgroup is attached to the handle's shadow. The processes move to the shadow
 * of the next attached cgroup above, or to the base. Removal of the cgroup detaches it, too.
 *
 * Both calls wait up to three seconds in all for processes in fork or exec, or with mmap_lock held,
 * and for threads in bodies that change (see struct shk_process). A move between cgroups waits a
 * tenth of a second for such a process. Then it returns, and the process follows as soon as it can.
 * A process in exec follows before its first instruction.
 *
 * If SHK_CGROUP_ATTACH fails, each process returns to the shadow and the stretches that it came
 * from, as soon as it can; SHK_THREAD stretches end. Children that were forked meanwhile do so,
 * too. If SHK_CGROUP_DETACH fails, the processes return to the shadow of the cgroup.
 *
 *   EBADF       NOT_CGROUP
 *   EBUSY       TASK_BUSY: @busy is the thread in the way
 *   EBUSY       CGROUP_ELSEWHERE (attach)
 *   EIO         XEN (attach)
 *   EBUSY       FTRACE_DISABLED (attach)
 *   ENOENT      CGROUP_REMOVED
 *   ENOENT      CGROUP_UNATTACHED (detach)
 *   EOPNOTSUPP  POLICY: the shadow is a helper (attach)
 *   ESTALE      SHADOW_DESTROYED (attach)
 *
 * To attach a cgroup to the same shadow again is success.
 *
 * Need CAP_SYS_ADMIN.
 */
struct shk_cgroup {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__s32 fd;
	__u32 reserved;
};
#define SHK_CGROUP_ATTACH	_IO(SHK_IOC, 0x28)
#define SHK_CGROUP_DETACH	_IO(SHK_IOC, 0x29)

/**
 * struct shk_cgroup_split - SHK_CGROUP_SPLIT, on a handle: a cgroup between two shadows
 * @size:	sizeof(struct shk_cgroup_split)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @fd:		the cgroup, as in struct shk_cgroup
 * @other:	an owner's handle of another shadow
 * @percent:	share of the processes that go to @other's shadow, 1 to 99
 * @reserved:	0
 *
 * Attaches the cgroup, as SHK_CGROUP_ATTACH does, to two shadows, between which its processes are
 * divided by turns. Of each hundred processes exactly @percent are in @other's shadow, evenly
 * spread, and the rest in the handle's.
 *
 * - Each process takes one turn: at the call, when it is moved in from outside, or when it is
 *   forked. The shadow of its parent does not matter. A vfork child takes its turn when it
 *   executes.
 * - Threads, later programs, and moves within the cgroup keep the shadow.
 * - A child that is forked in a stretch takes its turn, too, but stays in the stretch.
 *
 * Both shadows have the cgroup attached. SHK_CGROUP_DETACH ends the split, on the device or on a
 * handle of either shadow.
 *
 *   errors of SHK_CGROUP_ATTACH, and
 *   EBADF       NOT_HANDLE: @other
 *   EACCES      RIGHTS: @other was derived
 *   EINVAL      @percent; or both handles are of one shadow
 *
 * Needs CAP_SYS_ADMIN.
 */
struct shk_cgroup_split {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__s32 fd;
	__s32 other;
	__u32 percent;
	__u32 reserved;
};
#define SHK_CGROUP_SPLIT	_IO(SHK_IOC, 0x2a)

#define SHK_CGROUP_PATH_LEN	2048

/**
 * struct shk_cgroup_entry - SHK_CGROUP_LIST, on a handle: one cgroup attached to the shadow
 * @id:		id of the cgroup: the inode number of its folder
 * @percent:	share of its processes that are in this shadow: 100, unless it is split
 * @reserved:	0
 * @path:	path from the root of the caller's cgroup namespace; "" if it is too long
 *
 * Needs CAP_SYS_ADMIN.
 */
struct shk_cgroup_entry {
	__aligned_u64 id;
	__u32 percent;
	__u32 reserved;
	char path[SHK_CGROUP_PATH_LEN];
};
#define SHK_CGROUP_LIST		_IO(SHK_IOC, 0x2b)

/* ---- interrupts and kernel threads ----------------------------------------------------------- */

/* The kinds of things that a shadow owns (struct shk_own_arg.kind). */
enum shk_own_kind {
	SHK_OWN_IRQ = 1,	/* the handlers of an interrupt line */
	SHK_OWN_KTHREAD = 2,	/* kernel threads, selected by name */
	SHK_OWN_NAPI = 3,	/* NAPI threads of a network interface */
};

#define SHK_PATTERN_LEN		64

/**
 * struct shk_own_arg - SHK_OWN, SHK_DISOWN, on a handle: interrupts and kernel threads of a shadow
 * @size:	sizeof(struct shk_own_arg)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @kind:	enum shk_own_kind
 * @irq:	IRQ: number of the line, as in /proc/interrupts; otherwise 0
 * @pattern:	KTHREAD: pattern of their names with *, ? and [a-z]; NAPI: name of the interface in
 *		the caller's network namespace; otherwise ""
 *
 * SHK_OWN: from the return on, these execute the text of the handle's shadow (SHK_ASYNC_OWNER):
 *
 * IRQ      the handlers of that line, on any CPU, whichever task they land on. Not the softirqs
 *          that they raise, nor the line's thread (own that by its name, irq/NUMBER-*). The number
 *          is owned, also if another device gets it later.
 * KTHREAD  kernel threads whose name matches: existing ones from their next turn on a CPU, new
 *          ones soon after they are made. Not interrupts and softirqs that land on them, and not
 *          while they use a process's mm. If two patterns match a thread, the older one decides.
 * NAPI     the threads that receive the interface's packets. The interface's NAPI is threaded from
 *          now on (/sys/class/net/NAME/threaded). Threads of NAPIs that the driver adds later
 *          execute the shadow soon after they are made. If an older KTHREAD ownership matches a
 *          thread, that one decides. Softirqs execute the base, also those in which receive packet
 *          steering (RPS) continues.
 *
 * The ownership of an interface remains when the interface gets another name or another network
 * namespace. If the interface is removed, the ownership stays in the list without threads. When it
 * ends, "threaded" is 0 again if it was 0 at the begin, whatever other programs have written
 * meanwhile. If one of them writes 0, the packets are received in softirqs from then on, until one
 * writes 1, or the shadow owns the interface again.
 *
 * In the shadow's probes, handlers increment @async_hits, and kernel threads @hits. To own the same
 * again is success. A shadow that owns something can be destroyed, which ends the ownership. The
 * ownership of a shadow without a name also ends when its last handle is closed.
 *
 * SHK_DISOWN: from the return on the handlers or threads execute the base, and the setting of an
 * interface is restored. The same holds when the shadow is destroyed. If the caller is killed while
 * it waits for the lock of network interfaces, a worker restores the setting. A NAPI ownership is
 * found by the interface's name in the caller's network namespace. If the interface is gone, give
 * its last name.
 *
 * Costs: while a line is owned, each interrupt handler on the machine does a look-up. While a
 * kernel thread is owned, each context switch, new task and new task name runs a tracepoint probe.
 *
 *   EBUSY       OWNED_ELSEWHERE (own)
 *   EBUSY       FTRACE_DISABLED (own)
 *   EAGAIN      NAPI: the kernel has as many threads as it can have (own)
 *   ENODEV      INTERFACE_UNKNOWN (own)
 *   ENOENT      IRQ_UNKNOWN (own)
 *   ENOENT      NOT_OWNED (disown)
 *   EOPNOTSUPP  NO_NAPI (own)
 *   EOPNOTSUPP  POLICY: the shadow is not SHK_ASYNC_OWNER (own)
 *   EOPNOTSUPP  NO_CARRIER (own)
 *   EPERM       CAPABILITY: NAPI needs CAP_NET_ADMIN, too (own)
 *   ESTALE      SHADOW_DESTROYED (own)
 *
 * Need CAP_SYS_ADMIN.
 */
struct shk_own_arg {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__u32 kind;
	__u32 irq;
	char pattern[SHK_PATTERN_LEN];
};
#define SHK_OWN			_IO(SHK_IOC, 0x30)
#define SHK_DISOWN		_IO(SHK_IOC, 0x31)

/**
 * struct shk_own_info - SHK_OWN_LIST, on a handle: one thing that the shadow owns
 * @kind:	enum shk_own_kind
 * @irq:	IRQ: number of the line
 * @nr_threads:	KTHREAD, NAPI: kernel threads that execute the shadow by this ownership
 * @reserved:	0
 * @pattern:	KTHREAD: the pattern; NAPI: the interface's name, which may have changed
 *
 * Needs CAP_SYS_ADMIN.
 */
struct shk_own_info {
	__u32 kind;
	__u32 irq;
	__u32 nr_threads;
	__u32 reserved;
	char pattern[SHK_PATTERN_LEN];
};
#define SHK_OWN_LIST		_IO(SHK_IOC, 0x32)

/* ---- probes ---------------------------------------------------------------------------------- */

/* The use of a hit (struct shk_probe_add.kind). */
enum shk_probe_kind {
	SHK_PROBE_COUNT = 1,	/* counts it */
	SHK_PROBE_LATENCY = 2,	/* measures it from entry to return, in a histogram */
	SHK_PROBE_EVENT = 3,	/* fires the tracepoint shadowk:shadowk_probe */
	SHK_PROBE_CALL = 4,	/* fires shadowk:shadowk_call at the function's return */
};

/* The way from the private text to the probe (struct shk_probe_info.arm). */
enum shk_probe_arm {
	SHK_ARM_INT3 = 1,	/* breakpoint: any instruction that kprobes accept */
	SHK_ARM_CALL = 2,	/* call instead of the __fentry__ nop of a function */
	SHK_ARM_JUMP = 3,	/* jump instead of an instruction of 5 bytes or more */
};

/* flags of struct shk_probe_add and struct shk_probe_info */
#define SHK_PROBE_RETURN	(1U << 0)	/* COUNT, EVENT: at the function's return */
#define SHK_PROBE_FORCE_INT3	(1U << 1)	/* arm by a breakpoint in any case */
#define SHK_PROBE_BELOW		(1U << 2)	/* only in calls that a CALL probe reports */
#define SHK_PROBE_TRACEPOINT	(1U << 3)	/* COUNT: @symbol is the name of a tracepoint */
#define SHK_PROBE_CAPTURED	(1U << 4)	/* struct shk_probe_info only: see SHK_CAPTURE */

/* The value that a condition compares (struct shk_condition.of). */
enum shk_condition_of {
	SHK_OF_ARG1 = 0,	/* rdi at the hit, the first argument at a function's entry */
	SHK_OF_ARG2 = 1,	/* rsi */
	SHK_OF_ARG3 = 2,	/* rdx */
	SHK_OF_ARG4 = 3,	/* rcx */
	SHK_OF_ARG5 = 4,	/* r8 */
	SHK_OF_ARG6 = 5,	/* r9 */
	SHK_OF_RETURN = 6,	/* rax at the return: LATENCY, CALL, RETURN */
	SHK_OF_DURATION = 7,	/* ns from the entry to the return: LATENCY, CALL */
};

/* The comparison of a condition (struct shk_condition.op). */
enum shk_condition_op {
	SHK_OP_EQ = 1,
	SHK_OP_NE = 2,
	SHK_OP_LT = 3,
	SHK_OP_LE = 4,
	SHK_OP_GT = 5,
	SHK_OP_GE = 6,
	SHK_OP_AND = 7,		/* value & @value is not 0 */
};

/**
 * struct shk_condition - what an execution must fulfil to be a hit
 * @of:		enum shk_condition_of
 * @op:		enum shk_condition_op
 * @bytes:	bytes of the value that are compared, from the lowest on: 1, 2, 4 or 8
 * @is_signed:	1: the value is signed, 0: it is not
 * @reserved:	0
 * @value:	the value to compare with, extended to 64 bits
 */
struct shk_condition {
	__u8 of;
	__u8 op;
	__u8 bytes;
	__u8 is_signed;
	__u32 reserved;
	__aligned_u64 value;
};

#define SHK_CONDITIONS_MAX	4

/* Calls that are in progress and measured at once, at most. */
#define SHK_CALLS_MAX		65536

/**
 * struct shk_probe_add - SHK_PROBE_ADD, on a handle: report executions of an instruction
 * @size:	sizeof(struct shk_probe_add)
 * @flags:	SHK_PROBE_*
 * @reason:	out
 * @busy:	out
 * @kind:	enum shk_probe_kind
 * @calls:	LATENCY, CALL, RETURN: number of calls that can be in progress and measured at once,
 *		at most SHK_CALLS_MAX. 0: the probe shares the room for SHK_CALLS_MAX calls with the
 *		shadow's other probes of that kind; memory for it grows with the calls in progress.
 *		Further calls are counted as missed
 * @addr:	address of the instruction; 0 if @symbol is given
 * @offset:	bytes from @symbol; 0 with @addr
 * @id:		out: id of the probe, from 1 on, never reused in this shadow
 * @name:	in: its name, or "" to have one made from the symbol; out: its name
 * @symbol:	function as in /proc/kallsyms; "MODULE:FUNCTION" for one of a module; "" with @addr.
 *		With SHK_PROBE_TRACEPOINT "SYSTEM:EVENT" as in tracefs, or the name of a tracepoint
 * @nr_conditions: number of conditions
 * @reserved:	0
 * @conditions:	an execution is a hit only if it fulfils all of them; 0 behind @nr_conditions
 *
 * From the return on, each execution of the instruction by a process inside the shadow is a hit.
 * The policy table above lists other contexts. Several probes can be at one instruction; JUMP_THERE
 * is the exception. A module cannot be unloaded while a probe is in it.
 *
 * With SHK_PROBE_BELOW an execution is a hit only if the task is in a call of a function, not yet
 * returned, that a CALL probe of the shadow has hooked. A CALL probe of one function without the
 * flag, and CALL probes of all others with it, thus report the tree of calls below that function.
 *
 * With SHK_PROBE_TRACEPOINT each execution of the tracepoint by the kernel image is a hit. The
 * tracepoint is on in the shadow alone: the base's key, its users and tracefs do not change. Users
 * of the base get their events as without the probe, also from inside. @addr and @offset are 0,
 * there are no conditions, and SHK_PROBE_FORCE_INT3 is the only other flag. Executions in modules
 * that are loaded later are not seen.
 *
 * Executions by the listeners of the shadow's events, such as a BPF program's calls of the clock,
 * are no hits.
 *
 *   EBUSY       EDIT_THERE: the shadow has an edit there that cannot serve both
 *   EBUSY       JUMP_THERE: a return is wanted where an edit is armed by a jump
 *   EBUSY       FTRACE_DISABLED
 *   EBUSY       MODULE_BUSY
 *   EEXIST      NAME_TAKEN
 *   EINVAL      NAME_INVALID
 *   EINVAL      NOT_INSTRUCTION
 *   EINVAL      SYMBOL_AMBIGUOUS: give "MODULE:FUNCTION" or the address
 *   EIO         XEN
 *   ENOENT      SYMBOL_UNKNOWN
 *   ENOENT      TRACEPOINT_UNKNOWN
 *   ENOSPC      NO_ROOM
 *   EOPNOTSUPP  TRACEPOINT_MODULE, TRACEPOINT_REGFUNC, TRACEPOINT_UNUSED
 *   EOPNOTSUPP  FORBIDDEN: kprobe blacklist, noinstr and entry text, text that patches itself,
 *               the scheduler's switch path, thunks, text that the module itself relies on.
 *               COUNT and EVENT of entries of kprobes' own functions are allowed
 *   EOPNOTSUPP  CANNOT_STEP
 *   EOPNOTSUPP  PAGE_EDGE: within 4 bytes of the end of a page, and no function's entry
 *   EOPNOTSUPP  NO_MODULE_TEXT: in a module
 *   EOPNOTSUPP  MODULE_END: kprobes would read past the end of the module's text
 *   EOPNOTSUPP  NOT_ENTRY: LATENCY, CALL or RETURN, not at a function's entry
 *   EOPNOTSUPP  NO_RETURN: LATENCY, CALL or RETURN, and the unwinder knows of no return address
 *               there (.cold parts, ret_from_fork, some assembly)
 *   ERANGE      NOT_TEXT
 *   ERANGE      PAST_SYMBOL
 *   ESTALE      SHADOW_DESTROYED
 *
 * Needs CAP_SYS_MODULE, since SHK_PROBE_EVENT reports the kernel's registers.
 * Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 */
struct shk_probe_add {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__u32 kind;
	__u32 calls;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	__u32 nr_conditions;
	__u32 reserved;
	struct shk_condition conditions[SHK_CONDITIONS_MAX];
};
#define SHK_PROBE_ADD		_IO(SHK_IOC, 0x38)

#define SHK_PROBES_MAX		(1U << 20)	/* elements of one array */

/* flag of struct shk_probes_add */
#define SHK_PROBES_SKIP		(1U << 0)	/* leave out probes that cannot be added */

/**
 * struct shk_probes_add - SHK_PROBES_ADD, on a handle: add many probes by one call
 * @size:	sizeof(struct shk_probes_add)
 * @flags:	SHK_PROBES_SKIP, or 0
 * @reason:	out
 * @busy:	out
 * @element_size: sizeof(struct shk_probe_add), as the caller knows it
 * @nr:		number of elements, from 1 to SHK_PROBES_MAX
 * @elements:	pointer to an array of struct shk_probe_add
 * @nr_done:	out: probes that were added. After an error with a reason: the index of the element
 *		that could not be added. After another error: that index or a lower one
 *
 * Adds each element as SHK_PROBE_ADD would, and much faster: pages of text are made private
 * together, and change with one flush for many probes. The @size of each element is @element_size.
 * Writes @id, @name and @reason of each element; a @busy of an element is 0.
 *
 * Without SHK_PROBES_SKIP, the first element that cannot be added ends the call with its error, and
 * all others are removed. With it, such an element gets the @id 0, an empty @name and the
 * @reason, and the call goes on. Errors without a reason end the call in both cases.
 *
 * Until the call returns, some of the probes may be hit, and others not yet. After an error, @id,
 * @name and @reason of elements have no meaning.
 *
 *   any         errors of SHK_PROBE_ADD
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 */
struct shk_probes_add {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__u32 element_size;
	__u32 nr;
	__aligned_u64 elements;
	__aligned_u64 nr_done;
};
#define SHK_PROBES_ADD		_IO(SHK_IOC, 0x3b)

/**
 * struct shk_probes_remove - SHK_PROBES_REMOVE, on a handle: remove many probes by one call
 * @size:	sizeof(struct shk_probes_remove)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @nr:		number of ids, at most SHK_PROBES_MAX; 0: all probes of the shadow
 * @reserved:	0
 * @ids:	pointer to an array of __u64, the ids; 0 if @nr is 0
 * @nr_done:	out: probes that were removed
 *
 * On return no CPU executes the code of these probes, and the memory that they took is free. An id
 * without a probe is left out. The last step waits for a grace period. If the caller is killed
 * while it waits, the probes are removed nevertheless, and their memory becomes free later.
 *
 * Needs CAP_SYS_MODULE.
 */
struct shk_probes_remove {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__u32 nr;
	__u32 reserved;
	__aligned_u64 ids;
	__aligned_u64 nr_done;
};
#define SHK_PROBES_REMOVE	_IO(SHK_IOC, 0x3c)

/**
 * struct shk_probe_remove - SHK_PROBE_REMOVE, on a handle: remove a probe
 * @size:	sizeof(struct shk_probe_remove)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @id:		id of the probe, or 0 if @name is given
 * @name:	name of the probe, or "" if @id is given
 *
 * On return no CPU executes the probe's code.
 *
 *   ENOENT      ID_UNKNOWN
 *
 * Needs CAP_SYS_MODULE.
 */
struct shk_probe_remove {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
};
#define SHK_PROBE_REMOVE	_IO(SHK_IOC, 0x39)

/* Slot n of a histogram counts latencies in [2^n, 2^(n+1)) ns; slot 0 also those below 1 ns. */
#define SHK_HISTOGRAM_LEN	64

/**
 * struct shk_probe_info - SHK_PROBE_LIST, on a handle: one probe and its numbers
 * @id:		id of the probe
 * @kind:	enum shk_probe_kind
 * @arm:	enum shk_probe_arm
 * @flags:	SHK_PROBE_*
 * @reserved:	0
 * @addr:	address of the edit, which at a function's entry is its __fentry__ site; 0 if the
 *		caller may not see addresses of /proc/kallsyms
 * @offset:	bytes from @symbol to the instruction that was asked for
 * @hits:	executions by processes inside, in process context. The policy table tells the rest
 * @async_hits:	executions in interrupts, softirqs, NMIs and, with UNION, work items; not in @hits
 * @missed:	LATENCY, CALL, RETURN: calls that were seen and not measured. Too many were in
 *		progress, or the kernel's handling of returns would have hooked itself again. Not
 *		in @hits
 * @unreturned:	LATENCY, CALL, RETURN: calls that were entered and have not returned. They are in
 *		progress, or their task has ended. In neither @hits nor @missed
 * @created_ns:	CLOCK_MONOTONIC when the probe was added
 * @now_ns:	CLOCK_MONOTONIC when the numbers were read
 * @latency_sum: LATENCY: sum of the latencies of @hits in ns
 * @histogram:	LATENCY: @hits by their latency, see SHK_HISTOGRAM_LEN
 * @name:	name of the probe
 * @symbol:	function that contains @addr, "MODULE:FUNCTION" in a module
 *
 * Needs CAP_SYS_ADMIN, CAP_SYS_MODULE, or a handle derived with SHK_RIGHT_READ.
 */
struct shk_probe_info {
	__aligned_u64 id;
	__u32 kind;
	__u32 arm;
	__u32 flags;
	__u32 reserved;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 hits;
	__aligned_u64 async_hits;
	__aligned_u64 missed;
	__aligned_u64 unreturned;
	__aligned_u64 created_ns;
	__aligned_u64 now_ns;
	__aligned_u64 latency_sum;
	__aligned_u64 histogram[SHK_HISTOGRAM_LEN];
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_PROBE_LIST		_IO(SHK_IOC, 0x3a)

/* ---- patches --------------------------------------------------------------------------------- */

/* Kinds of patches (struct shk_patch_add.kind), and the union member that describes each. */
enum shk_patch_kind {
	SHK_PATCH_NOP = 1,	/* [function] the function returns at once, rax unchanged */
	SHK_PATCH_RETURN = 2,	/* [function] the function returns @value at once */
	SHK_PATCH_SKIP_CALL = 3,/* [call] one direct call in the function is skipped */
	SHK_PATCH_MODULE = 4,	/* [module] bodies of a patch module (shadowk_patch.h) */
	SHK_PATCH_LIVEPATCH = 5,/* [module] bodies of a livepatch module that CAPTURE has kept */
	SHK_PATCH_CAPTURE = 6,	/* livepatches loaded inside are not enabled; LIVEPATCH adds them */
	SHK_PATCH_RETPOLINES = 7,/* indirect jumps and calls bypass their retpolines */
	SHK_PATCH_RETURNS = 8,	/* functions return without the thunk that mitigates SRSO */
	SHK_PATCH_DIVERT = 9,	/* SHK_PATCH_LIST only: what SHK_CAPTURE has made */
};

/* flags of struct shk_patch_add and struct shk_patch_info */
#define SHK_PATCH_VALUE		(1U << 0)	/* SKIP_CALL: rax is @value after the call */
#define SHK_PATCH_CALLBACKS	(1U << 1)	/* LIVEPATCH: call its callbacks (machine-wide) */
#define SHK_PATCH_IN_PLACE	(1U << 2)	/* NOP, RETURN, MODULE: overwrite the old body */
#define SHK_PATCH_UNSAFE_NOW	(1U << 3)	/* LIVEPATCH: wait for no thread in old bodies */
#define SHK_PATCH_PROMOTED	(1U << 4)	/* in lists: SHK_PATCH_PROMOTE has succeeded */

/**
 * struct shk_patch_function - NOP, RETURN
 * @addr:	address of the function; 0 if @symbol is given
 * @value:	RETURN: rax; NOP: 0
 * @symbol:	function as in /proc/kallsyms; "MODULE:FUNCTION" for one of a module; "" with @addr
 */
struct shk_patch_function {
	__aligned_u64 addr;
	__aligned_u64 value;
	char symbol[SHK_SYMBOL_LEN];
};

/**
 * struct shk_patch_call - SKIP_CALL
 * @addr:	address of the calling function; 0 if @symbol is given
 * @offset:	bytes from the function's start to the call; 0 if it calls @callee once only
 * @value:	with SHK_PATCH_VALUE: rax after the call; otherwise 0
 * @symbol:	calling function as in /proc/kallsyms; "" with @addr
 * @callee:	function called, as in /proc/kallsyms
 */
struct shk_patch_call {
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 value;
	char symbol[SHK_SYMBOL_LEN];
	char callee[SHK_SYMBOL_LEN];
};

/**
 * struct shk_patch_module - MODULE, LIVEPATCH
 * @name:	name of the loaded module, as in /proc/modules
 */
struct shk_patch_module {
	char name[SHK_MODULE_LEN];
};

/**
 * struct shk_patch_add - SHK_PATCH_ADD, on a handle: give functions another body
 * @size:	sizeof(struct shk_patch_add)
 * @flags:	SHK_PATCH_*
 * @reason:	out
 * @busy:	out
 * @kind:	enum shk_patch_kind
 * @reserved:	0
 * @id:		out: id of the patch, from 1 on, never reused in this shadow
 * @name:	in: its name, or "" to have one made from the symbol or module; out: its name
 * @subject:	out, after an error: the function or module that the error is about, or ""
 * @function:	NOP, RETURN
 * @call:	SKIP_CALL
 * @module:	MODULE, LIVEPATCH
 * @space:	bytes that @kind does not use are 0
 *
 * From the return on, a process inside that calls the function executes the new body. All
 * functions of a MODULE or LIVEPATCH change at one instant. Calls in progress end in the body
 * that they entered. SKIP_CALL changes one instruction of the old body; CAPTURE, RETPOLINES and
 * RETURNS are described below.
 *
 * - Of several patches of one function the one added last has effect.
 * - Probes at the function's entry are hit before the new body; probes in the old body are hit
 *   only if that is executed.
 * - Tracers of the base (ftrace, kprobes at the entry) see the calls. A livepatch or a BPF
 *   trampoline that the base has at the same function has no effect inside.
 * - NOP, RETURN and SKIP_CALL do nothing of what the function does: it takes no lock, frees
 *   nothing, fills in no result. The caller of this ioctl decides whether callers can bear that.
 *
 * IN_PLACE copies and relocates the body to the place of the base's body, behind the __fentry__
 * site. The call first makes the patch effective by a jump. Then it waits, up to three seconds,
 * until no thread of the processes inside is in the bytes to be replaced, copies the body, and
 * removes the jump. If it waits in vain, it removes the patch again. As long as the patch lives,
 * the function takes no other patch, and its body no other edit.
 *
 * CAPTURE changes the function klp_enable_patch(). A process inside, or a thread in a SHK_THREAD
 * stretch, then loads a livepatch module by finit_module(2): the kernel loads the module and does
 * not apply it. The module's patch is kept until the module is unloaded, and any shadow can add it
 * by LIVEPATCH. shadowk_livepatch_load() of libshadowk does all of this.
 *
 * LIVEPATCH takes effect at an instant in which the kernel stack of no thread of the processes
 * inside has an old body. The call waits for that up to three seconds, in which the patch has no
 * effect. As long as the patch lives, processes enter and leave the shadow by the same rule. With
 * UNSAFE_NOW threads are not waited for: a call in progress may execute old and new functions
 * together.
 *
 * RETPOLINES and RETURNS drop protections of the kernel's secrets against the processes inside.
 *
 * All kinds
 *   EEXIST      NAME_TAKEN
 *   EINVAL      NAME_INVALID
 *   EBUSY       FTRACE_DISABLED
 *   EBUSY       THREADS_INSIDE: SKIP_CALL, IN_PLACE
 *   EIO         XEN
 *   ENOSPC      NO_ROOM
 *   ESTALE      SHADOW_DESTROYED
 * Errors about one function, which @subject names
 *   EINVAL      SYMBOL_AMBIGUOUS: give "MODULE:FUNCTION" or the address
 *   EINVAL      NOT_FUNCTION
 *   ENOENT      SYMBOL_UNKNOWN
 *   ERANGE      NOT_TEXT
 *   EOPNOTSUPP  FORBIDDEN, PAGE_EDGE, MODULE_END: see struct shk_probe_add
 *   EOPNOTSUPP  NO_FENTRY
 *   EOPNOTSUPP  NO_MODULE_TEXT: the function of a module
 *   EBUSY       EDIT_THERE: an IN_PLACE patch, or SHK_SYSCALLS_CREATE, has the function
 *   EBUSY       MODULE_BUSY
 * SKIP_CALL
 *   EBUSY       EDIT_THERE, KPROBE_THERE: at the call
 *   EINVAL      NOT_INSTRUCTION: @offset
 *   EINVAL      SEVERAL_CALLS: give @offset
 *   ENOENT      NO_CALL
 * MODULE, LIVEPATCH
 *   ENODEV      NO_PATCH_MODULE
 *   EOPNOTSUPP  NO_LIVEPATCH: LIVEPATCH, CAPTURE
 *   ENOEXEC     PATCH_VERSION, OUT_OF_REACH, NO_FUNCTIONS
 * LIVEPATCH
 *   EBUSY       TASK_BUSY: @busy is the thread in the way
 *   ENODEV      OBJECT_MISSING: sets @subject
 *   EOPNOTSUPP  OBJECT_RELOCATIONS: sets @subject
 *   EOPNOTSUPP  CALLBACKS: without SHK_PATCH_CALLBACKS
 *   EOPNOTSUPP  POLICY (OWNER, CAUSAL), SHARED, SYSCALLS_ONLY, HAS_CALLERS, NO_STACKS: threads
 *               cannot be waited for; not with SHK_PATCH_UNSAFE_NOW
 *   EOPNOTSUPP  BODY_FIXED: .cold parts
 *   any         LIVEPATCH: a pre_patch callback failed; EINVAL if it did not return an errno
 * IN_PLACE
 *   EBUSY       TASK_BUSY: @busy is the thread in the way
 *   EBUSY       EDIT_THERE: the shadow has another patch of the function, or an edit in its body
 *   EBUSY       KPROBE_THERE: a kprobe is in the new body, so that cannot be copied
 *   EOPNOTSUPP  BODY_TOO_LONG, BODY_OUT_OF_REACH, BODY_FIXED, BODY_FRAMES, CHANGES_TEXT
 *   EOPNOTSUPP  POLICY (OWNER, CAUSAL), SHARED, SYSCALLS_ONLY, HAS_CALLERS, NO_STACKS: threads
 *               cannot be waited for
 * RETPOLINES, RETURNS
 *   EBUSY       EDIT_THERE: the shadow has such a patch
 *   EBUSY       PROCESSES_INSIDE
 *   EOPNOTSUPP  NO_THUNKS
 *
 * Needs CAP_SYS_MODULE. Adds text. Where that is refused, bodies of signed modules are refused,
 * too, since a signature says nothing about their use by some processes only.
 */
struct shk_patch_add {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__u32 kind;
	__u32 reserved;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
	char subject[SHK_SYMBOL_LEN];
	union {
		struct shk_patch_function function;
		struct shk_patch_call call;
		struct shk_patch_module module;
		__u8 space[1152];
	};
};
#define SHK_PATCH_ADD		_IO(SHK_IOC, 0x40)

/**
 * struct shk_patch_remove - SHK_PATCH_REMOVE, on a handle: remove a patch
 * @size:	sizeof(struct shk_patch_remove)
 * @flags:	SHK_PATCH_UNSAFE_NOW (LIVEPATCH), or 0
 * @reason:	out
 * @busy:	out
 * @id:		id of the patch, or 0 if @name is given
 * @name:	name of the patch, or "" if @id is given
 *
 * From the return on, processes inside enter the body that the function had before. The module of
 * the patch is held until no task is in its text. IN_PLACE and LIVEPATCH wait up to three seconds
 * for threads in the bodies, unless a LIVEPATCH was added or is removed with UNSAFE_NOW or was
 * promoted.
 *
 *   EBUSY       TASK_BUSY: @busy is the thread in the way
 *   EBUSY       PROCESSES_INSIDE: RETPOLINES, RETURNS, DIVERT
 *   EBUSY       PATCH_BUSY: another call adds, removes or promotes the patch
 *   ENOSPC      NO_ROOM: IN_PLACE, whose removal makes jumps for the time that it waits
 *   EIO         XEN: IN_PLACE
 *   EINVAL      NOT_LIVEPATCH: SHK_PATCH_UNSAFE_NOW for a patch of another kind
 *   ENOENT      ID_UNKNOWN
 *
 * Needs CAP_SYS_MODULE.
 */
struct shk_patch_remove {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
};
#define SHK_PATCH_REMOVE	_IO(SHK_IOC, 0x41)

/**
 * struct shk_patch_promote - SHK_PATCH_PROMOTE, on a handle: give a livepatch to the kernel
 * @size:	sizeof(struct shk_patch_promote)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @id:		id of the patch, or 0 if @name is given
 * @name:	name of the patch, or "" if @id is given
 *
 * Applies the livepatch to the base, as klp_enable_patch() does. A transition begins, after which
 * all tasks execute the patch, and /sys/kernel/livepatch lists it. Processes inside execute the
 * shadow's patch until that is removed, and the base's after that. Remove the shadow's patch when
 * /sys/kernel/livepatch/NAME/transition is 0.
 *
 *   EBUSY       PATCH_BUSY: another call adds, removes or promotes the patch
 *   EBUSY       LIVEPATCH: another transition is in progress
 *   EEXIST      PROMOTED: the kernel accepts a module's patch once
 *   ENODEV      NO_PATCH_MODULE
 *   ENOSPC      NO_ROOM
 *   EINVAL      NOT_LIVEPATCH
 *   ENOENT      ID_UNKNOWN
 *   any         LIVEPATCH: klp_enable_patch() failed
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 */
struct shk_patch_promote {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 id;
	char name[SHK_NAME_LEN];
};
#define SHK_PATCH_PROMOTE	_IO(SHK_IOC, 0x42)

/**
 * struct shk_patch_info - SHK_PATCH_LIST, on a handle: one function of a patch
 * @id:		id of the patch
 * @kind:	enum shk_patch_kind
 * @flags:	SHK_PATCH_*
 * @index:	which of the patch's functions, from 0 on
 * @nr_functions: functions of the patch
 * @addr:	address of the edit; 0 if the caller may not see addresses of /proc/kallsyms
 * @offset:	SKIP_CALL: bytes from @symbol to the call; otherwise 0
 * @value:	RETURN, SKIP_CALL: rax
 * @name:	name of the patch
 * @symbol:	the function, "MODULE:FUNCTION" in a module
 * @object:	SKIP_CALL: the function called; MODULE, LIVEPATCH: the module
 *
 * Needs CAP_SYS_ADMIN, CAP_SYS_MODULE, or a handle derived with SHK_RIGHT_READ.
 */
struct shk_patch_info {
	__aligned_u64 id;
	__u32 kind;
	__u32 flags;
	__u32 index;
	__u32 nr_functions;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 value;
	char name[SHK_NAME_LEN];
	char symbol[SHK_SYMBOL_LEN];
	char object[SHK_SYMBOL_LEN];
};
#define SHK_PATCH_LIST		_IO(SHK_IOC, 0x43)

/* flag of struct shk_capture: exec moves programs that a tool traces to @target */
#define SHK_CAPTURE_WORKLOAD	(1U << 0)

/**
 * struct shk_capture - SHK_CAPTURE, on a handle: probes of processes inside act on another shadow
 * @size:	sizeof(struct shk_capture)
 * @flags:	SHK_CAPTURE_WORKLOAD, or 0
 * @reason:	out
 * @busy:	out
 * @target:	handle of the shadow whose processes hit the probes; an owner's
 * @reserved:	0
 *
 * The shadow of the handle becomes a helper, in which unmodified tools run. It gets a patch of the
 * kind SHK_PATCH_DIVERT, which replaces functions that register kprobes and tracers. From the
 * return on, these rules hold for a process inside the helper:
 *
 * - A kprobe that the process enables, or registers enabled, stays disabled in the base. @target
 *   gets a probe with SHK_PROBE_CAPTURED, whose hits call the handler of the kprobe. This includes
 *   kretprobes, kprobe events of tracefs, and kprobes of perf_event_open(2).
 * - If the process registers at a tracepoint, @target gets a probe with SHK_PROBE_CAPTURED and
 *   SHK_PROBE_TRACEPOINT, whose hits call the function that was registered. This includes events of
 *   tracefs and BPF programs. The kernel does not get the registration.
 * - If the process registers an fprobe, or a kprobe_multi link of BPF, @target gets a probe with
 *   SHK_PROBE_CAPTURED at the entry of each function, whose hits call its handlers. ftrace does not
 *   get the registration. On kernels whose fprobes have no struct ftrace_ops it is refused.
 * - Registration of a tracer of another kind fails (EOPNOTSUPP): ftrace, BPF trampolines, blktrace,
 *   mmiotrace, and events of fprobes in tracefs.
 * - Hardware events, uprobes, timers and security modules are not affected.
 * - The process stays in the helper until it ends. SHK_PROCESS_ATTACH to another shadow and
 *   SHK_PROCESS_DETACH are refused, and rules of cgroups do not apply to it.
 *
 * SHK_CAPTURE_WORKLOAD: a process inside that has enabled a kprobe, or registered an fprobe or at a
 * tracepoint, is a tool. When a child of a tool executes a program, exec moves the child to
 * @target. The child may be older than the kprobe. It and its own children are workloads: they
 * cannot enable a kprobe, nor register at a tracepoint or another tracer (EOPNOTSUPP). The tool
 * stays in the helper, and so do programs that the process executed in children before it became a
 * tool. All programs stay if @target was destroyed, or has bodies of patches in place. A workload
 * that is attached to another shadow, or detached, is a workload no longer.
 *
 * A captured kprobe or registration belongs to no process. It lasts until the kernel code that has
 * enabled or registered it disables or unregisters it, also outside the helper. If its probe in
 * @target is removed, or @target is destroyed, its handler is no longer called.
 *
 * If enabling or registering fails, the caller gets one of these errors, and nothing is armed:
 *   EBUSY       the kprobe is enabled in the base, or captured for another target; the fprobe is
 *               captured; or @target has another edit at that instruction
 *   EINVAL      the kprobe is not registered, or is of a module that is not loaded; or the fprobe
 *               observes no function
 *   ENODEV      the helper has no target
 *   EEXIST      the function is registered at the tracepoint, with the same data
 *   EOPNOTSUPP  the kprobe has a post_handler, or @target can have no probe there
 *   EOPNOTSUPP  the tracepoint is of a module, or the kernel prepares all processes or CPUs for it
 *   ESTALE      @target was destroyed
 *   any         errors of SHK_PROBE_ADD
 *
 * SHK_PATCH_LIST lists the functions that are replaced. The value of each is the number of its
 * calls that were captured or refused. For register_ftrace_function(), and functions that register
 * at tracepoints, it is the number of refused calls only. SHK_PATCH_REMOVE removes the patch. After
 * that the module cannot be unloaded before a grace period has passed.
 *
 * The call itself fails with
 *   EACCES      RIGHTS: @target was derived
 *   EBADF       NOT_HANDLE
 *   EBUSY       EDIT_THERE: the helper has a target, or another patch of such a function
 *   EBUSY       EDIT_THERE, JUMP_THERE: with SHK_CAPTURE_WORKLOAD, @target has a patch or probe of
 *               a function that the helper replaces
 *   EBUSY       FTRACE_DISABLED
 *   EBUSY       PROCESSES_INSIDE: the helper
 *   EINVAL      @target is the helper, or has a target itself
 *   EIO         XEN
 *   ENOENT      SYMBOL_UNKNOWN: this kernel lacks a function that would have to be replaced
 *   ENOSPC      NO_ROOM
 *   EOPNOTSUPP  FORBIDDEN, NO_FENTRY, PAGE_EDGE: such a function cannot be replaced
 *   EOPNOTSUPP  POLICY: the helper has a policy or a cgroup, or @target has SHK_ASYNC_UNION
 *   EOPNOTSUPP  SYSCALLS_ONLY: the helper, or with SHK_CAPTURE_WORKLOAD @target, was made by
 *               SHK_SYSCALLS_CREATE
 *   ESTALE      SHADOW_DESTROYED: the helper; with SHK_CAPTURE_WORKLOAD, @target
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 */
struct shk_capture {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__s32 target;
	__u32 reserved;
};
#define SHK_CAPTURE		_IO(SHK_IOC, 0x44)

/* ---- raw edits ------------------------------------------------------------------------------- */

#define SHK_RAW_LEN		16

/* flag of struct shk_raw_add and struct shk_raw_info: private pages with the base's bytes */
#define SHK_RAW_IDENTITY	(1U << 0)

/**
 * struct shk_raw_add - SHK_RAW_ADD, on a handle: replace an instruction, or make pages private
 * @size:	sizeof(struct shk_raw_add)
 * @flags:	SHK_RAW_IDENTITY, or 0
 * @reason:	out
 * @busy:	out
 * @addr:	address of the first byte; 0 if @symbol is given
 * @offset:	bytes from @symbol; 0 with @addr
 * @len:	number of bytes
 * @id:		out: id of the raw edit, from 1 on, never reused in this shadow
 * @bytes:	the shadow's bytes; 0 behind @len
 * @symbol:	function as in /proc/kallsyms; "" with @addr
 *
 * Without SHK_RAW_IDENTITY: replaces one instruction by one of the same length. From the return on
 * the processes inside execute it. The kernel checks nothing about its effect. A kprobe that is
 * added later at that instruction is not hit by the processes inside. An optimised
 * kprobe at a lower address replaces several instructions. If the raw edit is at one of these,
 * processes inside that pass the kprobe execute the base's instruction.
 *
 * With SHK_RAW_IDENTITY: makes all pages private that hold a byte of the range. Their bytes are the
 * base's, also when those change later. Other edits may be in the range. @bytes is 0. A @len of 0
 * extends to the end of the function. With @addr, @symbol and @len all empty the range is the
 * whole text.
 *
 *   EBUSY       EDIT_THERE, KPROBE_THERE, THREADS_INSIDE: without SHK_RAW_IDENTITY
 *   EBUSY       FTRACE_DISABLED
 *   EINVAL      NOT_INSTRUCTION: no instruction of @len bytes begins at @addr, or @bytes are no
 *               instruction
 *   EINVAL      SYMBOL_AMBIGUOUS
 *   EIO         XEN
 *   ENOENT      SYMBOL_UNKNOWN
 *   EOPNOTSUPP  NO_MODULE_TEXT: in a module
 *   EOPNOTSUPP  FORBIDDEN, CANNOT_STEP, PAGE_EDGE: without SHK_RAW_IDENTITY, as SHK_PROBE_ADD; also
 *               FORBIDDEN at a function's __fentry__ site
 *   ERANGE      NOT_TEXT: not in the kernel's own text; text of modules takes no raw edits
 *   ERANGE      PAST_SYMBOL
 *   ESTALE      SHADOW_DESTROYED
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 */
struct shk_raw_add {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 len;
	__aligned_u64 id;
	__u8 bytes[SHK_RAW_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_RAW_ADD		_IO(SHK_IOC, 0x48)

/**
 * struct shk_raw_remove - SHK_RAW_REMOVE, on a handle: remove a raw edit
 * @size:	sizeof(struct shk_raw_remove)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @id:		id of the raw edit
 *
 * On return no CPU executes it, and pages that no other edit needs are the base's again.
 *
 *   ENOENT      ID_UNKNOWN
 *
 * Needs CAP_SYS_MODULE.
 */
struct shk_raw_remove {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 id;
};
#define SHK_RAW_REMOVE		_IO(SHK_IOC, 0x49)

/**
 * struct shk_raw_info - SHK_RAW_LIST, on a handle: one raw edit
 * @id:		id of the raw edit
 * @flags:	SHK_RAW_IDENTITY, or 0
 * @reserved:	0
 * @addr:	address of its first byte; 0 if the caller may not see addresses of /proc/kallsyms
 * @offset:	bytes from @symbol
 * @len:	number of bytes
 * @bytes:	the shadow's bytes; 0 with SHK_RAW_IDENTITY, or if the caller may not see addresses
 * @symbol:	function that contains the first byte; "" for the whole text
 *
 * Needs CAP_SYS_ADMIN, CAP_SYS_MODULE, or a handle derived with SHK_RIGHT_READ.
 */
struct shk_raw_info {
	__aligned_u64 id;
	__u32 flags;
	__u32 reserved;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 len;
	__u8 bytes[SHK_RAW_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_RAW_LIST		_IO(SHK_IOC, 0x4a)

/* ---- the text of a shadow -------------------------------------------------------------------- */

#define SHK_EDIT_LEN		16	/* bytes of an element; a longer difference is several */

/* flags of struct shk_edit_info */
#define SHK_EDIT_HOOK		(1U << 0)	/* the module's own; every shadow has it */
#define SHK_EDIT_STRAY		(1U << 1)	/* bytes of no edit: a bug or an attack */

/**
 * struct shk_edit_info - SHK_EDIT_LIST, on a handle: bytes that differ from the base's
 * @flags:	SHK_EDIT_*
 * @len:	number of bytes
 * @addr:	address of the first; 0 if the caller may not see addresses of /proc/kallsyms
 * @offset:	bytes from @symbol
 * @base:	the base's bytes; 0 if the caller may not see addresses
 * @bytes:	the shadow's bytes; 0 if the caller may not see addresses
 * @symbol:	function that contains the address, "MODULE:FUNCTION" in a module, or ""
 *
 * Lists the differences in the shadow's private pages in the order of their addresses. The kernel
 * compares every byte.
 *
 * Needs CAP_SYS_ADMIN, CAP_SYS_MODULE, or a handle derived with SHK_RIGHT_READ.
 */
struct shk_edit_info {
	__u32 flags;
	__u32 len;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__u8 base[SHK_EDIT_LEN];
	__u8 bytes[SHK_EDIT_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_EDIT_LIST		_IO(SHK_IOC, 0x50)

#define SHK_TEXT_LEN		1024	/* bytes that one call returns at most */

/**
 * struct shk_text_read - SHK_TEXT_READ, on a handle: the base's text and the shadow's
 * @size:	sizeof(struct shk_text_read)
 * @flags:	0
 * @reason:	out
 * @busy:	out
 * @addr:	in: address, or 0 if @symbol is given; out: address of the first byte returned
 * @offset:	in: bytes from @addr or @symbol; out: bytes from @symbol to the first byte returned
 * @symbol_len:	out: bytes of @symbol
 * @len:	out: bytes returned, 1 or more
 * @reserved:	0
 * @base:	out: the base's bytes
 * @bytes:	out: the shadow's bytes
 * @symbol:	in: function as in /proc/kallsyms, "" with @addr; out: function that contains the
 *		address, "MODULE:FUNCTION" in a module
 *
 * Reads from the place to the end of its page, SHK_TEXT_LEN bytes at most, also past the end of the
 * function. To go on, add @len to @addr, set @offset to 0 and @symbol to "".
 *
 *   EINVAL      SYMBOL_AMBIGUOUS
 *   ENOENT      SYMBOL_UNKNOWN
 *   EPERM       ADDRESSES_HIDDEN: text reveals addresses
 *   ERANGE      NOT_TEXT, PAST_SYMBOL
 *
 * Needs CAP_SYS_ADMIN or CAP_SYS_MODULE, and to see addresses of /proc/kallsyms.
 */
struct shk_text_read {
	__u32 size;
	__u32 flags;
	__u32 reason;
	__s32 busy;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 symbol_len;
	__u32 len;
	__u32 reserved;
	__u8 base[SHK_TEXT_LEN];
	__u8 bytes[SHK_TEXT_LEN];
	char symbol[SHK_SYMBOL_LEN];
};
#define SHK_TEXT_READ		_IO(SHK_IOC, 0x51)

#endif /* _UAPI_LINUX_SHADOWK_H */
