/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * libshadowk: shadow kernels from C.
 *
 * A shadow is a variant of the running kernel's text. Processes that are attached to it execute
 * that text, with its probes and patches. All other processes execute the base, which is the booted
 * text. <linux/shadowk.h> specifies the effect of each call, and this header how to call it.
 *
 * Conventions
 *
 * - A function of type int returns a value >= 0, or -errno. It leaves errno undefined.
 * - After an error shadowk_reason() tells the cause, and shadowk_explain() writes a line for
 *   people that names the cause and the remedy.
 * - A call that fails undoes its changes. Calls about cgroups, and patches in place, act before
 *   they can fail, so processes may execute other text for some seconds.
 * - A call that fails does not write its output arguments, except where this header says so.
 * - Times are in nanoseconds, sizes of memory in bytes.
 * - Several threads may use an object at the same time. Close it when no call uses it.
 * - A call that must wait for a thread waits up to three seconds, then returns -EBUSY, TASK_BUSY.
 *   It waits for threads in fork, in exec, or in the body of a function that the call changes.
 *
 * Structs with a size
 *
 * A struct that begins with size_t size is set up by its caller:
 *
 *	struct shadowk_info info = { .size = sizeof(info) };
 *
 * So a program that was built against this release works with later ones. The library fills a
 * shorter struct up with zeros. It accepts a longer one if all bytes that it does not know are 0.
 *
 *   E2BIG   one of these bytes is not 0, or the size is above 4096
 *   EINVAL  the struct is shorter than in its first release
 *
 * Lists
 *
 * A function called shadowk_..._list() reads as many elements as fit into an array:
 *
 *	struct shadowk_process inside[64];
 *	uint64_t cursor = 0;
 *	int nr;
 *
 *	do {
 *		nr = shadowk_process_list(shadow, &cursor, inside, sizeof(inside[0]), 64);
 *		for (int i = 0; i < nr; i++)
 *			printf("%d %s\n", inside[i].pid, inside[i].comm);
 *	} while (nr >= 0 && cursor);
 *
 * The first call begins with a cursor of 0. Each call sets the cursor for the next call, and
 * returns the number of elements that it has written. Only a cursor of 0 means that the list has
 * ended: a call before the end can return 0. An element that is added or removed between two calls
 * may be missing. Each other element is listed once. Element structs grow in later releases, so
 * their size is an argument.
 *
 * After an error the cursor is unchanged, and elements may have been written.
 *
 *   EINVAL  the array has room for 0 elements, or their size is below 8 or above 4096
 *   EINVAL  the cursor is of another list, if the kernel notices that
 *
 * Errors
 *
 * Each function lists its errors, one a line, with the reasons (SHADOWK_REASON_*) that an errno
 * can have. enum shk_reason of <linux/shadowk.h> says what each means. Every call that reaches the
 * kernel can also return one of these errors:
 *
 *   EACCES   RIGHTS: the handle was derived without the right to this call, or the process is not
 *            the caller's own
 *   EACCES   REVOKED: the handle was revoked
 *   E2BIG    size of a struct; or the module is older than the library: load a newer one
 *   EINTR    a signal arrived while the call waited; the call has undone its changes. The kernel
 *            repeats the call if the signal's handler has SA_RESTART
 *   EINVAL   an argument is malformed: size of a struct, an unknown kind or flag, a string without
 *            NUL, both an address and a symbol, or neither
 *   EMFILE   calls that return a handle, or open a pidfd or a folder: too many open files; also
 *            ENFILE
 *   ENODEV   FTRACE_DEAD: wherever FTRACE_DISABLED is listed
 *   ENOMEM   out of memory
 *   ENOTTY   the module is older than the library, and does not know the call
 *   EPERM    CAPABILITY: a capability is missing
 *   EPERM    LOCKDOWN: the call adds text, and the kernel accepts no unsigned module
 *
 * "Adds text" below marks the calls that LOCKDOWN refuses.
 *
 * Every function is available since release 0.1.
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

/* Lengths of arrays, the terminating NUL included. */
#define SHADOWK_NAME_LEN   64
#define SHADOWK_SYMBOL_LEN 512
#define SHADOWK_COMM_LEN   16

struct shadowk;	       /* an open /dev/shadowk */
struct shadowk_shadow; /* a handle of one shadow */

/**
 * shadowk_version() - version of the linked library, such as "0.1.0"
 */
const char *shadowk_version(void);

/* ---- the last error ----------------------------------------------------- */

/*
 * enum shadowk_reason - cause of an error, with its errno
 *
 * The values are those of enum shk_reason in <linux/shadowk.h>, which says what each means.
 *
 * A reason keeps its value and its errno in all releases. A program that does not know a reason
 * relies on errno alone.
 */
enum shadowk_reason {
	SHADOWK_REASON_NONE = 0, /* errno says all */

	/* The caller and its descriptor */
	SHADOWK_REASON_CAPABILITY = 1,	     /* EPERM */
	SHADOWK_REASON_LOCKDOWN = 2,	     /* EPERM */
	SHADOWK_REASON_ADDRESSES_HIDDEN = 3, /* EPERM */
	SHADOWK_REASON_RIGHTS = 4,	     /* EACCES */
	SHADOWK_REASON_REVOKED = 5,	     /* EACCES */
	SHADOWK_REASON_NOT_DELEGATED = 6,    /* EPERM */
	SHADOWK_REASON_NAME_INVALID = 7,     /* EINVAL */
	SHADOWK_REASON_NAME_TAKEN = 8,	     /* EEXIST */

	/* The machine */
	SHADOWK_REASON_FTRACE_DISABLED = 16,  /* EBUSY */
	SHADOWK_REASON_FTRACE_DEAD = 17,      /* ENODEV */
	SHADOWK_REASON_XEN = 18,	      /* EIO */
	SHADOWK_REASON_NO_CARRIER = 19,	      /* EOPNOTSUPP */
	SHADOWK_REASON_NO_STACKS = 20,	      /* EOPNOTSUPP */
	SHADOWK_REASON_NO_SYSCALL_ENTRY = 21, /* EOPNOTSUPP */
	SHADOWK_REASON_NO_THUNKS = 22,	      /* EOPNOTSUPP */
	SHADOWK_REASON_NO_LIVEPATCH = 23,     /* EOPNOTSUPP */

	/* Shadows */
	SHADOWK_REASON_SHADOW_UNKNOWN = 32,   /* ENOENT */
	SHADOWK_REASON_SHADOW_DESTROYED = 33, /* ESTALE */
	SHADOWK_REASON_SHADOW_IN_USE = 34,    /* EBUSY */
	SHADOWK_REASON_POLICY = 35,	      /* EOPNOTSUPP */
	SHADOWK_REASON_SYSCALLS_ONLY = 36,    /* EOPNOTSUPP */
	SHADOWK_REASON_HAS_CALLERS = 37,      /* EOPNOTSUPP */
	SHADOWK_REASON_SHARED = 38,	      /* EOPNOTSUPP */
	SHADOWK_REASON_EDITS_IN_PLACE = 39,   /* EBUSY */
	SHADOWK_REASON_EDITS_FOR_ALL = 40,    /* EBUSY */
	SHADOWK_REASON_THREADS_INSIDE = 41,   /* EBUSY */
	SHADOWK_REASON_PROCESSES_INSIDE = 42, /* EBUSY */

	/* Processes and threads */
	SHADOWK_REASON_PROCESS_EXITED = 48,  /* ESRCH */
	SHADOWK_REASON_NOT_PIDFD = 49,	     /* EBADF */
	SHADOWK_REASON_KERNEL_THREAD = 50,   /* EOPNOTSUPP */
	SHADOWK_REASON_NOT_INSIDE = 51,	     /* ENOENT */
	SHADOWK_REASON_BOUND_BY_CGROUP = 52, /* EBUSY */
	SHADOWK_REASON_TASK_BUSY = 53,	     /* EBUSY */
	SHADOWK_REASON_STRETCHES_FULL = 54,  /* ENOSPC */
	SHADOWK_REASON_THREAD_STRETCH = 55,  /* EBUSY */
	SHADOWK_REASON_NO_STRETCH = 56,	     /* ENOENT */
	SHADOWK_REASON_CAPTURED_TOOL = 57,   /* EBUSY */

	/* Cgroups, interrupts, kernel threads, system calls */
	SHADOWK_REASON_NOT_CGROUP = 64,	       /* EBADF */
	SHADOWK_REASON_CGROUP_REMOVED = 65,    /* ENOENT */
	SHADOWK_REASON_CGROUP_ELSEWHERE = 66,  /* EBUSY */
	SHADOWK_REASON_CGROUP_UNATTACHED = 67, /* ENOENT */
	SHADOWK_REASON_NOT_HANDLE = 68,	       /* EBADF */
	SHADOWK_REASON_IRQ_UNKNOWN = 69,       /* ENOENT */
	SHADOWK_REASON_OWNED_ELSEWHERE = 70,   /* EBUSY */
	SHADOWK_REASON_NOT_OWNED = 71,	       /* ENOENT */
	SHADOWK_REASON_SYSCALL_UNKNOWN = 72,   /* EINVAL */
	SHADOWK_REASON_SYSCALL_NO_RETURN = 73, /* EOPNOTSUPP */
	SHADOWK_REASON_INTERFACE_UNKNOWN = 74, /* ENODEV */
	SHADOWK_REASON_NO_NAPI = 75,	       /* EOPNOTSUPP */

	/* Places in text */
	SHADOWK_REASON_SYMBOL_UNKNOWN = 80,   /* ENOENT */
	SHADOWK_REASON_SYMBOL_AMBIGUOUS = 81, /* EINVAL */
	SHADOWK_REASON_NOT_TEXT = 82,	      /* ERANGE */
	SHADOWK_REASON_PAST_SYMBOL = 83,      /* ERANGE */
	SHADOWK_REASON_NOT_INSTRUCTION = 84,  /* EINVAL */
	SHADOWK_REASON_NOT_FUNCTION = 85,     /* EINVAL */
	SHADOWK_REASON_FORBIDDEN = 86,	      /* EOPNOTSUPP */
	SHADOWK_REASON_PAGE_EDGE = 87,	      /* EOPNOTSUPP */
	SHADOWK_REASON_MODULE_END = 88,	      /* EOPNOTSUPP */
	SHADOWK_REASON_MODULE_BUSY = 89,      /* EBUSY */
	SHADOWK_REASON_EDIT_THERE = 90,	      /* EBUSY */
	SHADOWK_REASON_KPROBE_THERE = 91,     /* EBUSY */
	SHADOWK_REASON_NO_ROOM = 92,	      /* ENOSPC */
	SHADOWK_REASON_ID_UNKNOWN = 93,	      /* ENOENT */

	/* Probes and raw edits */
	SHADOWK_REASON_CANNOT_STEP = 96,	 /* EOPNOTSUPP */
	SHADOWK_REASON_NOT_ENTRY = 97,		 /* EOPNOTSUPP */
	SHADOWK_REASON_NO_RETURN = 98,		 /* EOPNOTSUPP */
	SHADOWK_REASON_JUMP_THERE = 99,		 /* EBUSY */
	SHADOWK_REASON_TRACEPOINT_UNKNOWN = 100, /* ENOENT */
	SHADOWK_REASON_TRACEPOINT_MODULE = 101,	 /* EOPNOTSUPP */
	SHADOWK_REASON_TRACEPOINT_REGFUNC = 102, /* EOPNOTSUPP */
	SHADOWK_REASON_TRACEPOINT_UNUSED = 103,	 /* EOPNOTSUPP */

	/* Patches */
	SHADOWK_REASON_NO_FENTRY = 112,		 /* EOPNOTSUPP */
	SHADOWK_REASON_NO_CALL = 113,		 /* ENOENT */
	SHADOWK_REASON_SEVERAL_CALLS = 114,	 /* EINVAL */
	SHADOWK_REASON_NO_PATCH_MODULE = 115,	 /* ENODEV */
	SHADOWK_REASON_PATCH_VERSION = 116,	 /* ENOEXEC */
	SHADOWK_REASON_OUT_OF_REACH = 117,	 /* ENOEXEC */
	SHADOWK_REASON_NO_FUNCTIONS = 118,	 /* ENOEXEC */
	SHADOWK_REASON_CALLBACKS = 119,		 /* EOPNOTSUPP */
	SHADOWK_REASON_OBJECT_MISSING = 120,	 /* ENODEV */
	SHADOWK_REASON_OBJECT_RELOCATIONS = 121, /* EOPNOTSUPP */
	SHADOWK_REASON_BODY_TOO_LONG = 122,	 /* EOPNOTSUPP */
	SHADOWK_REASON_BODY_OUT_OF_REACH = 123,	 /* EOPNOTSUPP */
	SHADOWK_REASON_BODY_FIXED = 124,	 /* EOPNOTSUPP */
	SHADOWK_REASON_BODY_FRAMES = 125,	 /* EOPNOTSUPP */
	SHADOWK_REASON_CHANGES_TEXT = 126,	 /* EOPNOTSUPP */
	SHADOWK_REASON_NOT_LIVEPATCH = 127,	 /* EINVAL */
	SHADOWK_REASON_PROMOTED = 128,		 /* EEXIST */
	SHADOWK_REASON_PATCH_BUSY = 129,	 /* EBUSY */
	SHADOWK_REASON_LIVEPATCH = 130,		 /* any */
	SHADOWK_REASON_NO_MODULE_TEXT = 131,	 /* EOPNOTSUPP */
};

/**
 * shadowk_reason() - cause of the error that the calling thread's last call returned
 *
 * Every function that can return -errno sets the reason. It is 0 after success, and after an error
 * for which errno says all. If the library itself refuses a call, it sets the reason that the
 * kernel would set.
 *
 * Return: enum shadowk_reason, or a value of a later release.
 */
uint32_t shadowk_reason(void);

/**
 * shadowk_busy() - the thread that was in the way of the calling thread's last call
 *
 * It is set after -EBUSY with SHADOWK_REASON_TASK_BUSY, and 0 after every other result.
 *
 * Return: its thread id; -1 if the caller's pid namespace does not show it; 0 if there is none.
 */
pid_t shadowk_busy(void);

/**
 * shadowk_error_subject() - what the error of the calling thread's last call is about
 *
 * It is set after an error of shadowk_patch_add() about one function or module, and "" after
 * every other result.
 *
 * Return: name of the function or module, or "". The thread's next call overwrites it.
 */
const char *shadowk_error_subject(void);

/* ---- device ------------------------------------------------------------- */

/**
 * shadowk_open() - open the device /dev/shadowk
 * @dev: out: the device; release it by shadowk_close()
 *
 *   EACCES  the mode of the file forbids it, 0600 by default
 *   ENODEV  the module is not loaded, or /dev lacks the file
 *   another error of open(2)
 *
 * Return: 0 or -errno.
 */
int shadowk_open(struct shadowk **dev);

/**
 * shadowk_close() - close the device; handles stay valid
 * @dev: the device, or NULL
 */
void shadowk_close(struct shadowk *dev);

#define SHADOWK_FEATURE_PROCESS	 (1ULL << 0) /* attach and detach processes */
#define SHADOWK_FEATURE_PROBE	 (1ULL << 1) /* probes */
#define SHADOWK_FEATURE_RAW	 (1ULL << 2) /* raw edits */
#define SHADOWK_FEATURE_PATCH	 (1ULL << 3) /* patches */
#define SHADOWK_FEATURE_ENTER	 (1ULL << 4) /* shadowk_enter() */
#define SHADOWK_FEATURE_CGROUP	 (1ULL << 5) /* attach and detach cgroups */
#define SHADOWK_FEATURE_SYSCALLS (1ULL << 6) /* shadowk_syscalls_create() */
#define SHADOWK_FEATURE_OWN	 (1ULL << 7) /* SHADOWK_ASYNC_OWNER, _CAUSAL, _UNION */
#define SHADOWK_FEATURE_DERIVE	 (1ULL << 8) /* handles with fewer rights */

/**
 * struct shadowk_info - what the module can do and what it holds
 * @size:	sizeof(struct shadowk_info), set by the caller
 * @features:	SHADOWK_FEATURE_* that this machine supports
 * @nr_shadows:	number of shadows, including destroyed ones that are still in use
 * @nr_grafts:	mms (processes) that are grafted to a shadow
 * @memory:	bytes of page tables and private text pages of all shadows
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
 * shadowk_info() - read what the module can do and what it holds
 * @dev:  the device
 * @info: out
 *
 * Needs no capability.
 *
 * Return: 0 or -errno.
 */
int shadowk_info(struct shadowk *dev, struct shadowk_info *info);

/* Answer of the module to a property of the machine (struct shadowk_property.answer). */
enum shadowk_answer {
	SHADOWK_ANSWER_FINE = 0,    /* shadows work as described */
	SHADOWK_ANSWER_ADAPTED = 1, /* shadows work here in another way, which @detail describes */
	SHADOWK_ANSWER_OFF = 2,	    /* the module refuses the features that @detail names */
	SHADOWK_ANSWER_REFUSED = 3, /* the module does not load */
};

/**
 * struct shadowk_property - one thing that the module found about this machine
 * @answer:	enum shadowk_answer
 * @reserved:	0
 * @name:	short name for programs, such as "lazy-tlb"
 * @detail:	a sentence for people: what was found and what follows
 */
struct shadowk_property {
	uint32_t answer;
	uint32_t reserved;
	char name[32];
	char detail[192];
};

/**
 * shadowk_property_list() - list the properties of this machine that shadows depend on
 * @dev:	  the device
 * @cursor:	  in, out: see "Lists" above
 * @properties:	  out
 * @element_size: sizeof(struct shadowk_property)
 * @nr:		  room in @properties
 *
 * Needs no capability.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_property_list(struct shadowk *dev, uint64_t *cursor,
			  struct shadowk_property *properties, size_t element_size, size_t nr);

/* ---- shadows ------------------------------------------------------------ */

/**
 * shadowk_name_check() - test whether a text can name a shadow, probe or patch
 * @name: the text
 *
 *   EINVAL        NAME_INVALID: "", ".", "..", or a character is not of [A-Za-z0-9._:-]
 *   ENAMETOOLONG  more than 63 characters
 *
 * Return: 0 or -errno.
 */
int shadowk_name_check(const char *name);

/*
 * Policies: which text asynchronous work executes. Without one, interrupts, softirqs and work
 * items execute the base. <linux/shadowk.h> has a table.
 */
#define SHADOWK_ASYNC_INHERIT (1U << 0) /* interrupts execute the text of the task they land on */
#define SHADOWK_ASYNC_OWNER   (1U << 1) /* the shadow can own interrupts and kernel threads */
#define SHADOWK_ASYNC_CAUSAL  (1U << 2) /* work that a process inside starts executes the shadow */
#define SHADOWK_ASYNC_UNION   (1U << 3) /* its probes also count work that belongs to no shadow */

/**
 * shadowk_shadow_create() - make a shadow whose text equals the base
 * @dev:    the device
 * @name:   its name; NULL or "" for a shadow without a name
 * @shadow: out: an owner's handle; release it by shadowk_shadow_close()
 *
 * A shadow with a name lives until shadowk_shadow_destroy(). A shadow without a name lives while
 * one of these exists:
 *
 * - a handle, a process inside, or an attached cgroup
 * - a stretch (shadowk_enter()) that returns to it
 * - a shadow whose target it is (shadowk_syscalls_create())
 *
 *   EEXIST        NAME_TAKEN
 *   EINVAL        NAME_INVALID
 *   ENAMETOOLONG  @name
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_shadow_create(struct shadowk *dev, const char *name, struct shadowk_shadow **shadow);

/**
 * shadowk_shadow_create_flags() - make a shadow with a policy for asynchronous work
 * @dev:    the device
 * @name:   its name; NULL or "" for a shadow without a name
 * @flags:  one of SHADOWK_ASYNC_*, or 0
 * @shadow: out: an owner's handle; release it by shadowk_shadow_close()
 *
 *   errors of shadowk_shadow_create(), and
 *   EBUSY       FTRACE_DISABLED: SHADOWK_ASYNC_CAUSAL
 *   EINVAL      several policies
 *   EOPNOTSUPP  NO_CARRIER: SHADOWK_ASYNC_CAUSAL and _UNION are not possible here
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_shadow_create_flags(struct shadowk *dev, const char *name, uint32_t flags,
				struct shadowk_shadow **shadow);

/**
 * shadowk_shadow_open() - get a handle of a shadow by its name
 * @dev:    the device
 * @name:   its name
 * @shadow: out: an owner's handle; release it by shadowk_shadow_close()
 *
 *   EINVAL        NAME_INVALID
 *   ENAMETOOLONG  @name
 *   ENOENT        SHADOW_UNKNOWN
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_shadow_open(struct shadowk *dev, const char *name, struct shadowk_shadow **shadow);

/**
 * shadowk_shadow_open_id() - get a handle of a shadow by its id
 * @dev:    the device
 * @id:	    its id
 * @shadow: out: an owner's handle; release it by shadowk_shadow_close()
 *
 *   EINVAL  @id is 0
 *   ENOENT  SHADOW_UNKNOWN
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_shadow_open_id(struct shadowk *dev, uint64_t id, struct shadowk_shadow **shadow);

/**
 * shadowk_shadow_from_fd() - make a handle of a descriptor that was inherited or received
 * @fd:	    the descriptor; shadowk_shadow_close() closes it. After an error the caller closes it
 * @shadow: out: the handle; release it by shadowk_shadow_close()
 *
 *   EBADF   @fd is not open
 *   ENOTTY  @fd is not a handle; ioctl(2) of some other files returns another error
 *
 * Return: 0 or -errno.
 */
int shadowk_shadow_from_fd(int fd, struct shadowk_shadow **shadow);

/**
 * shadowk_shadow_fd() - the handle's descriptor, to pass on
 * @shadow: the handle
 *
 * The descriptor belongs to the handle: do not close it. It is close-on-exec, except a descriptor
 * that was given to shadowk_shadow_from_fd(): that keeps its flag.
 *
 * Return: the descriptor.
 */
int shadowk_shadow_fd(const struct shadowk_shadow *shadow);

/**
 * shadowk_shadow_close() - release a handle
 * @shadow: the handle, or NULL
 *
 * Processes stay inside. A shadow without a name ends if nothing else that shadowk_shadow_create()
 * lists keeps it alive.
 */
void shadowk_shadow_close(struct shadowk_shadow *shadow);

/**
 * struct shadowk_shadow_info - one shadow
 * @id:			its id: from 1 on, growing, never reused while the module is loaded
 * @target:		id of the shadow of which shadowk_syscalls_create() made this one; 0 if it
 *			was made otherwise
 * @flags:		its SHADOWK_ASYNC_* policy
 * @nr_grafts:		mms (processes) inside, including those in shadows whose target it is
 * @nr_probes:		number of its probes
 * @private_pages:	private text pages of 4 KB
 * @diverged_ranges:	ranges of 2 MB of text that it maps differently from the base
 * @huge_ranges:	number of these ranges that are one private page of 2 MB, which counts as
 *			512 in @private_pages
 * @nr_handles:		derived handles that are neither closed nor revoked
 * @reserved:		0
 * @memory:		bytes of its page tables and private pages
 * @nr_unfollowed:	SHADOWK_ASYNC_CAUSAL: work that a process inside started, but that executed
 *			the base. SHADOWK_ASYNC_UNION: work items that executed the base, counted
 *			for all such shadows together. <linux/shadowk.h> has the causes
 * @name:		its name, "" if it has none
 */
struct shadowk_shadow_info {
	uint64_t id;
	uint64_t target;
	uint32_t flags;
	uint32_t nr_grafts;
	uint32_t nr_probes;
	uint32_t private_pages;
	uint32_t diverged_ranges;
	uint32_t huge_ranges;
	uint32_t nr_handles;
	uint32_t reserved;
	uint64_t memory;
	uint64_t nr_unfollowed;
	char name[SHADOWK_NAME_LEN];
};

/**
 * shadowk_shadow_list() - list all shadows, in the order of their ids
 * @dev:	  the device
 * @cursor:	  in, out: see "Lists" above
 * @shadows:	  out
 * @element_size: sizeof(struct shadowk_shadow_info)
 * @nr:		  room in @shadows
 *
 * A destroyed shadow that is still in use is listed without a name. Needs CAP_SYS_ADMIN.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_shadow_list(struct shadowk *dev, uint64_t *cursor, struct shadowk_shadow_info *shadows,
			size_t element_size, size_t nr);

/**
 * shadowk_shadow_info() - describe a handle's shadow
 * @shadow: the handle
 * @info:   out
 * @size:   sizeof(struct shadowk_shadow_info)
 *
 * Needs no capability, and no right of the handle.
 *
 * Return: 0 or -errno.
 */
int shadowk_shadow_info(struct shadowk_shadow *shadow, struct shadowk_shadow_info *info,
			size_t size);

/**
 * shadowk_shadow_destroy() - give up a shadow's name and remove its edits
 * @shadow: the handle, which is still to be closed
 *
 * On return the name is free, the edits are removed, and the shadow owns nothing. Handles stay
 * valid, but calls that attach a process, or add an edit, return -ESTALE.
 *
 *   EBUSY   SHADOW_IN_USE
 *   ESTALE  SHADOW_DESTROYED
 *
 * Needs CAP_SYS_MODULE.
 *
 * Return: 0 or -errno.
 */
int shadowk_shadow_destroy(struct shadowk_shadow *shadow);

/* ---- rights ------------------------------------------------------------- */

#define SHADOWK_RIGHT_ATTACH (1U << 0) /* the holder attaches and detaches its own process */
#define SHADOWK_RIGHT_READ   (1U << 1) /* the holder lists probes, patches, raw edits and edits */

/**
 * shadowk_handle_derive() - make a handle with fewer rights, to pass on
 * @shadow:  an owner's handle
 * @rights:  SHADOWK_RIGHT_*, one or both
 * @derived: out: the handle; release it by shadowk_shadow_close()
 * @id:	     out: its id, for shadowk_handle_revoke(); or NULL
 *
 * The holder of the derived handle needs no capability for these rights. Calls that need another
 * right, or are about another process than the caller's own, return -EACCES, also to root. The hits
 * that the holder reads are those of all processes inside.
 *
 * A process that attached itself by SHADOWK_RIGHT_ATTACH without CAP_SYS_ADMIN leaves the shadow
 * when it executes a program that gains privileges (set-id, file capabilities).
 *
 * Once a handle with SHADOWK_RIGHT_ATTACH was derived, the shadow accepts no patch with
 * SHADOWK_PATCH_IN_PLACE, and no LIVEPATCH without SHADOWK_PATCH_UNSAFE_NOW.
 *
 *   EBUSY   EDITS_IN_PLACE: @rights has SHADOWK_RIGHT_ATTACH, and the shadow has a patch with
 *           SHADOWK_PATCH_IN_PLACE, or a LIVEPATCH without SHADOWK_PATCH_UNSAFE_NOW
 *   EINVAL  @rights is 0 or has an unknown bit
 *   EIO     XEN: @rights has SHADOWK_RIGHT_ATTACH, and Xen refused a change of page tables
 *   ESTALE  SHADOW_DESTROYED
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_handle_derive(struct shadowk_shadow *shadow, uint32_t rights,
			  struct shadowk_shadow **derived, uint64_t *id);

/**
 * shadowk_handle_revoke() - withdraw the rights of derived handles
 * @shadow: an owner's handle
 * @id:	    id of one derived handle, or 0 for all of the shadow
 *
 * From the return on, calls on such a handle that need a right return -EACCES. Processes stay
 * inside.
 *
 *   ENOENT  ID_UNKNOWN: no open handle has that id
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_handle_revoke(struct shadowk_shadow *shadow, uint64_t id);

/* ---- processes ---------------------------------------------------------- */

/*
 * A process is named by a pidfd (pidfd_open(2)) or by a pid. A pidfd always means the same process.
 * A pid can be given to another process as soon as its process has ended. A pid can be that of any
 * thread of the process, and 0 means the caller's own process. The functions that take a pid open a
 * pidfd for the call. If the thread is not the first of its process, they look it up in /proc.
 */

/**
 * shadowk_process_attach() - attach a process to a shadow
 * @shadow: the handle
 * @pid:    a thread of the process; 0: the caller's own process
 *
 * From the return on, all threads of the process execute the shadow's text. Its future children
 * and the programs that it executes do, too. A process in another shadow moves. The call also
 * waits, without a limit, while a thread holds the process's mmap_lock.
 *
 *   EBUSY       TASK_BUSY: shadowk_busy() is the thread in the way
 *   EBUSY       BOUND_BY_CGROUP: move the process to another cgroup, or detach the cgroup
 *   EBUSY       CAPTURED_TOOL: the process stays in its helper until it ends
 *   EBUSY       FTRACE_DISABLED
 *   EIO         XEN
 *   EOPNOTSUPP  KERNEL_THREAD
 *   EPERM       NOT_DELEGATED
 *   ESRCH       PROCESS_EXITED
 *   ESTALE      SHADOW_DESTROYED
 *   an error of pidfd_open(2)
 *
 * Needs CAP_SYS_ADMIN. On a handle derived with SHADOWK_RIGHT_ATTACH it needs none, but accepts
 * the caller's own process only (-EACCES, RIGHTS).
 *
 * Return: 0 or -errno.
 */
int shadowk_process_attach(struct shadowk_shadow *shadow, pid_t pid);

/**
 * shadowk_process_attach_pidfd() - attach a process to a shadow
 * @shadow: the handle
 * @pidfd:  a pidfd of the process
 *
 *   errors of shadowk_process_attach(), and
 *   EBADF  NOT_PIDFD
 *
 * Needs CAP_SYS_ADMIN. On a handle derived with SHADOWK_RIGHT_ATTACH it needs none, but accepts
 * the caller's own process only (-EACCES, RIGHTS).
 *
 * Return: 0 or -errno.
 */
int shadowk_process_attach_pidfd(struct shadowk_shadow *shadow, int pidfd);

/**
 * shadowk_process_detach() - let a process execute the base, whichever shadow it is in
 * @dev: the device
 * @pid: a thread of the process; 0: the caller's own process
 *
 *   EBUSY       TASK_BUSY: shadowk_busy() is the thread in the way
 *   EBUSY       BOUND_BY_CGROUP
 *   EBUSY       CAPTURED_TOOL
 *   ENOENT      NOT_INSIDE
 *   EOPNOTSUPP  KERNEL_THREAD
 *   ESRCH       PROCESS_EXITED
 *   an error of pidfd_open(2)
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_process_detach(struct shadowk *dev, pid_t pid);

/**
 * shadowk_process_detach_pidfd() - let a process execute the base, whichever shadow it is in
 * @dev:   the device
 * @pidfd: a pidfd of the process
 *
 *   errors of shadowk_process_detach(), and
 *   EBADF  NOT_PIDFD
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_process_detach_pidfd(struct shadowk *dev, int pidfd);

/**
 * shadowk_process_detach_from() - let a process execute the base if it is in one shadow
 * @shadow: the handle
 * @pid:    a thread of the process; 0: the caller's own process
 *
 *   errors of shadowk_process_detach(), and
 *   ENOENT  NOT_INSIDE: the process is in no shadow, or in another one
 *   EPERM   NOT_DELEGATED
 *
 * Needs CAP_SYS_ADMIN. On a handle derived with SHADOWK_RIGHT_ATTACH it needs none, but accepts
 * the caller's own process only (-EACCES, RIGHTS).
 *
 * Return: 0 or -errno.
 */
int shadowk_process_detach_from(struct shadowk_shadow *shadow, pid_t pid);

/**
 * shadowk_process_detach_from_pidfd() - let a process execute the base if it is in one shadow
 * @shadow: the handle
 * @pidfd:  a pidfd of the process
 *
 *   errors of shadowk_process_detach_from(), and
 *   EBADF  NOT_PIDFD
 *
 * Needs CAP_SYS_ADMIN. On a handle derived with SHADOWK_RIGHT_ATTACH it needs none, but accepts
 * the caller's own process only (-EACCES, RIGHTS).
 *
 * Return: 0 or -errno.
 */
int shadowk_process_detach_from_pidfd(struct shadowk_shadow *shadow, int pidfd);

/**
 * struct shadowk_process_info - the shadow of a process
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
 * shadowk_process_info() - find out in which shadow a process is
 * @dev:  the device
 * @pid:  a thread of the process; 0: the caller's own process
 * @info: out
 *
 *   ENOENT      NOT_INSIDE: the process executes the base
 *   EOPNOTSUPP  KERNEL_THREAD
 *   ESRCH       PROCESS_EXITED
 *   an error of pidfd_open(2)
 *
 * Needs CAP_SYS_ADMIN, except for the caller's own process.
 *
 * Return: 0 or -errno.
 */
int shadowk_process_info(struct shadowk *dev, pid_t pid, struct shadowk_process_info *info);

/**
 * shadowk_process_info_pidfd() - find out in which shadow a process is
 * @dev:   the device
 * @pidfd: a pidfd of the process
 * @info:  out
 *
 *   errors of shadowk_process_info(), and
 *   EBADF  NOT_PIDFD
 *
 * Needs CAP_SYS_ADMIN, except for the caller's own process.
 *
 * Return: 0 or -errno.
 */
int shadowk_process_info_pidfd(struct shadowk *dev, int pidfd, struct shadowk_process_info *info);

/**
 * struct shadowk_process - one process inside a shadow
 * @pid:	process id in the caller's pid namespace; 0 if that does not show it, or if the
 *		process has exited
 * @reserved:	0
 * @comm:	its command name
 */
struct shadowk_process {
	pid_t pid;
	uint32_t reserved;
	char comm[SHADOWK_COMM_LEN];
};

/**
 * shadowk_process_list() - list the processes inside a shadow
 * @shadow:	  the handle
 * @cursor:	  in, out: see "Lists" above
 * @processes:	  out
 * @element_size: sizeof(struct shadowk_process)
 * @nr:		  room in @processes
 *
 * Processes are in the order in which they came in. Of several processes that share an mm one is
 * listed. Needs CAP_SYS_ADMIN.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_process_list(struct shadowk_shadow *shadow, uint64_t *cursor,
			 struct shadowk_process *processes, size_t element_size, size_t nr);

/* ---- stretches of system calls ------------------------------------------ */

/**
 * shadowk_enter() - begin a stretch of system calls inside a shadow
 * @shadow: the handle
 *
 * Attaches the caller's process until shadowk_leave() returns it to the text that it executes now.
 * Stretches nest, also across shadows. A child that is forked in a stretch gets a copy of the
 * stretch, and calls shadowk_leave() for itself. A program that the process executes is in the
 * shadow, but in no stretch. Attaching or detaching the process ends all its stretches. Signals do
 * not interrupt the call.
 *
 *   EBUSY   TASK_BUSY: shadowk_busy() is the thread in the way
 *   EBUSY   FTRACE_DISABLED
 *   EBUSY   THREAD_STRETCH: a thread of the process is in a stretch with SHADOWK_THREAD
 *   EIO     XEN
 *   ENOSPC  STRETCHES_FULL: 64 stretches are nested
 *   EPERM   NOT_DELEGATED
 *   ESTALE  SHADOW_DESTROYED
 *
 * Needs CAP_SYS_ADMIN. On a handle derived with SHADOWK_RIGHT_ATTACH it needs none.
 *
 * Return: 0 or -errno.
 */
int shadowk_enter(struct shadowk_shadow *shadow);

#define SHADOWK_THREAD (1U << 0) /* the shadow's edits act on the calling thread only */

/**
 * shadowk_enter_flags() - begin a stretch for the process, or for the calling thread
 * @shadow: the handle
 * @flags:  0, or SHADOWK_THREAD
 *
 * With SHADOWK_THREAD, all threads of the process execute the shadow's text. Its probes and patches
 * act only on threads that have entered with that flag, until these leave. Each of them leaves by
 * itself. If the process is in the shadow already, and not by SHADOWK_THREAD, the flag has no
 * effect.
 *
 *   errors of shadowk_enter(). With SHADOWK_THREAD, THREAD_STRETCH has another cause:
 *   EBUSY       THREAD_STRETCH: the process is in a SHADOWK_THREAD stretch in another shadow
 *   EBUSY       EDITS_FOR_ALL: the shadow has edits that cannot test which thread executes
 *               them: raw edits without SHADOWK_RAW_IDENTITY, or SKIP_CALL, IN_PLACE,
 *               RETPOLINES or RETURNS patches
 *   EOPNOTSUPP  POLICY: the shadow is SHADOWK_ASYNC_OWNER or _CAUSAL
 *   EOPNOTSUPP  SYSCALLS_ONLY
 *
 * Needs CAP_SYS_ADMIN. On a handle derived with SHADOWK_RIGHT_ATTACH it needs none.
 *
 * Return: 0 or -errno.
 */
int shadowk_enter_flags(struct shadowk_shadow *shadow, uint32_t flags);

/**
 * shadowk_leave() - end the innermost stretch of system calls
 * @shadow: a handle of the shadow that was entered
 *
 * The process returns to the text and to the stretch in which it was before shadowk_enter(). Any of
 * its threads may call this. While some are in SHADOWK_THREAD stretches, only these may. Signals do
 * not interrupt the call.
 *
 *   EBUSY   TASK_BUSY: shadowk_busy() is the thread in the way
 *   EIO     XEN
 *   ENOENT  NO_STRETCH: the process is not in that shadow
 *   ENOENT  NO_STRETCH: the process is in no stretch; an attach or detach may have ended it
 *   ENOENT  NO_STRETCH: other threads are in SHADOWK_THREAD stretches, the caller is not
 *
 * Needs no capability, and no right of the handle.
 *
 * Return: 0 or -errno.
 */
int shadowk_leave(struct shadowk_shadow *shadow);

/**
 * shadowk_syscall_number() - number of a system call of x86-64
 * @name: as in the first column of syscalls(2), or the number itself
 *
 *   ENOENT  @name is no number below 512, and no name that was known when the library was built
 *
 * Return: the number, or -errno.
 */
int shadowk_syscall_number(const char *name);

/**
 * shadowk_syscalls_create() - make a shadow for some system calls only
 * @shadow:  handle of the target
 * @numbers: the system calls
 * @count:   number of elements of @numbers
 * @during:  out: owner's handle of the new shadow; release it by shadowk_shadow_close()
 * @refused: out, after an error with SYSCALL_UNKNOWN or SYSCALL_NO_RETURN: index in @numbers of
 *	     the call that the error is about; or NULL
 *
 * Makes a shadow without a name. A process in it executes the target's text while one of its
 * threads is in one of these system calls, and the base otherwise. Use @during to attach processes
 * and cgroups, and to enter. Add edits to the target.
 *
 *   EBUSY       EDIT_THERE: the target has an edit at the entry of x64_sys_call()
 *   EBUSY       EDITS_IN_PLACE: the target has a patch with SHADOWK_PATCH_IN_PLACE, or a
 *               LIVEPATCH without SHADOWK_PATCH_UNSAFE_NOW
 *   EBUSY       FTRACE_DISABLED
 *   EINVAL      @count is 0
 *   EINVAL      SYSCALL_UNKNOWN: the kernel has no such system call; sets @refused
 *   EIO         XEN
 *   EOPNOTSUPP  SYSCALL_NO_RETURN: exit, exit_group, execve or execveat; sets @refused
 *   EOPNOTSUPP  NO_SYSCALL_ENTRY
 *   EOPNOTSUPP  POLICY: the target is SHADOWK_ASYNC_OWNER or _CAUSAL
 *   EOPNOTSUPP  SYSCALLS_ONLY: the target was made by this call
 *   ESTALE      SHADOW_DESTROYED
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_syscalls_create(struct shadowk_shadow *shadow, const unsigned int *numbers,
			    size_t count, struct shadowk_shadow **during, size_t *refused);

/* ---- cgroups ------------------------------------------------------------ */

/*
 * A cgroup is named by its folder (/sys/fs/cgroup/...), or by its path as in /proc/PID/cgroup.
 * It is one of the unified hierarchy (cgroup2). If no file has that path, the functions look below
 * /sys/fs/cgroup. So the root cgroup is "/sys/fs/cgroup", not "/".
 */

/**
 * shadowk_cgroup_attach() - attach all processes of a cgroup to a shadow
 * @shadow: the handle
 * @path:   the cgroup
 *
 * From the return on, the processes of the cgroup and of the cgroups below it are in the shadow.
 * So are processes that are forked or moved there later, until shadowk_cgroup_detach() or the
 * cgroup's removal. The nearest attached cgroup above a process decides. If the cgroup is attached
 * to this shadow already, the call succeeds.
 *
 * If the call fails, each process returns to the text that it executed before, as soon as it can.
 *
 *   EBADF   NOT_CGROUP
 *   EBUSY   TASK_BUSY: shadowk_busy() is the thread in the way
 *   EBUSY   CGROUP_ELSEWHERE, FTRACE_DISABLED
 *   EIO     XEN
 *   ENOENT  CGROUP_REMOVED
 *   EOPNOTSUPP  POLICY: the shadow is a helper
 *   ESTALE  SHADOW_DESTROYED
 *   an error of open(2)
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_cgroup_attach(struct shadowk_shadow *shadow, const char *path);

/**
 * shadowk_cgroup_detach() - detach a cgroup, whichever shadow it is attached to
 * @dev:  the device
 * @path: the cgroup
 *
 * Its processes move to the shadow of the next attached cgroup above, or to the base. If the
 * call fails, they return to the shadow of the cgroup.
 *
 *   EBADF   NOT_CGROUP
 *   EBUSY   TASK_BUSY: shadowk_busy() is the thread in the way
 *   ENOENT  CGROUP_REMOVED, CGROUP_UNATTACHED
 *   an error of open(2)
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_cgroup_detach(struct shadowk *dev, const char *path);

/**
 * shadowk_cgroup_detach_from() - detach a cgroup if it is attached to one shadow
 * @shadow: the handle
 * @path:   the cgroup
 *
 *   errors of shadowk_cgroup_detach(), and
 *   ENOENT  CGROUP_UNATTACHED: the cgroup is not attached, or to another shadow
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_cgroup_detach_from(struct shadowk_shadow *shadow, const char *path);

/**
 * shadowk_cgroup_split() - split the processes of a cgroup between two shadows
 * @shadow:  owner's handle of one shadow
 * @other:   owner's handle of the other shadow
 * @path:    the cgroup
 * @percent: share of the processes that go to @other's shadow, 1 to 99
 *
 * Of each hundred processes exactly @percent are in @other's shadow, evenly spread. The call
 * distributes the processes that are in the cgroup. The shadows take turns: a process that is
 * forked or moved into the cgroup later goes to the shadow whose turn it is.
 * shadowk_cgroup_detach() ends the split.
 *
 *   errors of shadowk_cgroup_attach(), and
 *   EACCES  RIGHTS: @other was derived
 *   EINVAL  @percent; or both handles are of one shadow
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_cgroup_split(struct shadowk_shadow *shadow, struct shadowk_shadow *other,
			 const char *path, unsigned int percent);

#define SHADOWK_CGROUP_PATH_LEN 2048

/**
 * struct shadowk_cgroup - one cgroup that is attached to a shadow
 * @id:		its id: the inode number of its folder
 * @percent:	share of its processes that are in this shadow: 100, unless it is split
 * @reserved:	0
 * @path:	its path as in /proc/PID/cgroup, "" if it is too long
 */
struct shadowk_cgroup {
	uint64_t id;
	uint32_t percent;
	uint32_t reserved;
	char path[SHADOWK_CGROUP_PATH_LEN];
};

/**
 * shadowk_cgroup_list() - list the cgroups that are attached to a shadow
 * @shadow:	  the handle
 * @cursor:	  in, out: see "Lists" above
 * @cgroups:	  out
 * @element_size: sizeof(struct shadowk_cgroup)
 * @nr:		  room in @cgroups
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_cgroup_list(struct shadowk_shadow *shadow, uint64_t *cursor,
			struct shadowk_cgroup *cgroups, size_t element_size, size_t nr);

/* ---- interrupts and kernel threads -------------------------------------- */

/**
 * shadowk_own_irq() - let the handlers of an interrupt line execute the shadow
 * @shadow: the handle; made with SHADOWK_ASYNC_OWNER
 * @irq:    number of the line, as in /proc/interrupts
 *
 * The handlers execute the shadow on any CPU, and their hits increment @async_hits of its probes.
 * The ownership ends by shadowk_disown_irq(), or when the shadow is destroyed. If the shadow has no
 * name, the ownership also ends when its last handle is closed. If the shadow owns the line
 * already, the call succeeds.
 *
 *   EBUSY       OWNED_ELSEWHERE, FTRACE_DISABLED
 *   ENOENT      IRQ_UNKNOWN
 *   EOPNOTSUPP  POLICY: the shadow was made without SHADOWK_ASYNC_OWNER
 *   EOPNOTSUPP  NO_CARRIER
 *   ESTALE      SHADOW_DESTROYED
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_own_irq(struct shadowk_shadow *shadow, uint32_t irq);

#define SHADOWK_PATTERN_LEN 64

/**
 * shadowk_own_kthreads() - let kernel threads execute the shadow
 * @shadow:  the handle; made with SHADOWK_ASYNC_OWNER
 * @pattern: pattern of their names with *, ? and [a-z]
 *
 * Existing threads execute the shadow from their next turn on a CPU, new ones soon after they are
 * created. If several patterns, also of different shadows, match a thread, the oldest one decides.
 * Interrupts that land on the threads execute the base. The ownership ends by
 * shadowk_disown_kthreads(), or when the shadow is destroyed. If the shadow has no name, the
 * ownership also ends when its last handle is closed.
 *
 *   EBUSY         FTRACE_DISABLED
 *   EINVAL        @pattern is ""
 *   ENAMETOOLONG  @pattern has more than 63 characters
 *   EOPNOTSUPP    POLICY: the shadow was made without SHADOWK_ASYNC_OWNER
 *   EOPNOTSUPP    NO_CARRIER
 *   ESTALE        SHADOW_DESTROYED
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_own_kthreads(struct shadowk_shadow *shadow, const char *pattern);

/**
 * shadowk_own_napi() - let the NAPI threads of a network interface execute the shadow
 * @shadow:    the handle; made with SHADOWK_ASYNC_OWNER
 * @interface: name of the interface in the caller's network namespace
 *
 * Makes the NAPI of the interface threaded, so that its packets are received in kernel threads.
 * These threads, now and later, execute the shadow. The ownership ends by shadowk_disown_napi(), or
 * when the shadow is destroyed. If the shadow has no name, the ownership also ends when its last
 * handle is closed. After that, the interface is threaded only if it was so before the ownership.
 * struct shk_own_arg of <linux/shadowk.h> says what else changes the setting. If the shadow owns
 * the interface already, the call succeeds, and makes the interface threaded again.
 *
 *   EBUSY         OWNED_ELSEWHERE, FTRACE_DISABLED
 *   EINVAL        @interface is ""
 *   ENAMETOOLONG  @interface has more than 63 characters
 *   ENODEV        INTERFACE_UNKNOWN
 *   EOPNOTSUPP    NO_NAPI: the interface has no NAPI now
 *   EOPNOTSUPP    POLICY: the shadow was made without SHADOWK_ASYNC_OWNER
 *   EOPNOTSUPP    NO_CARRIER
 *   EPERM         CAPABILITY: the caller lacks CAP_NET_ADMIN, too
 *   ESTALE        SHADOW_DESTROYED
 *
 * Needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_own_napi(struct shadowk_shadow *shadow, const char *interface);

/**
 * shadowk_disown_irq() - let the handlers of an interrupt line execute the base
 * @shadow: the handle
 * @irq:    number of the line
 *
 *   ENOENT  NOT_OWNED
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_disown_irq(struct shadowk_shadow *shadow, uint32_t irq);

/**
 * shadowk_disown_kthreads() - let kernel threads execute the base
 * @shadow:  the handle
 * @pattern: the pattern, exactly as it was given to shadowk_own_kthreads()
 *
 *   ENAMETOOLONG  @pattern
 *   ENOENT        NOT_OWNED
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_disown_kthreads(struct shadowk_shadow *shadow, const char *pattern);

/**
 * shadowk_disown_napi() - let the NAPI threads of a network interface execute the base
 * @shadow:    the handle
 * @interface: name of the interface in the caller's network namespace. If the interface is gone:
 *             its last name
 *
 * On return the interface is threaded only if it was so before the ownership.
 *
 *   ENAMETOOLONG  @interface
 *   ENOENT        NOT_OWNED
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0 or -errno.
 */
int shadowk_disown_napi(struct shadowk_shadow *shadow, const char *interface);

/* Things that a shadow can own (struct shadowk_own.kind). */
enum shadowk_own_kind {
	SHADOWK_OWN_IRQ = 1,	 /* the handlers of an interrupt line */
	SHADOWK_OWN_KTHREAD = 2, /* kernel threads, selected by name */
	SHADOWK_OWN_NAPI = 3,	 /* NAPI threads of a network interface */
};

/**
 * struct shadowk_own - one thing that a shadow owns
 * @kind:	enum shadowk_own_kind
 * @irq:	IRQ: number of the line
 * @nr_threads:	KTHREAD, NAPI: kernel threads that execute the shadow by this ownership
 * @reserved:	0
 * @pattern:	KTHREAD: the pattern; NAPI: the interface's name
 */
struct shadowk_own {
	uint32_t kind;
	uint32_t irq;
	uint32_t nr_threads;
	uint32_t reserved;
	char pattern[SHADOWK_PATTERN_LEN];
};

/**
 * shadowk_own_list() - list what a shadow owns
 * @shadow:	  the handle
 * @cursor:	  in, out: see "Lists" above
 * @owns:	  out
 * @element_size: sizeof(struct shadowk_own)
 * @nr:		  room in @owns
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_own_list(struct shadowk_shadow *shadow, uint64_t *cursor, struct shadowk_own *owns,
		     size_t element_size, size_t nr);

/* ---- probes ------------------------------------------------------------- */

/* Action of a probe at a hit. */
enum shadowk_probe_kind {
	SHADOWK_PROBE_COUNT = 1,   /* counts it */
	SHADOWK_PROBE_LATENCY = 2, /* measures entry to return, in a histogram */
	SHADOWK_PROBE_EVENT = 3,   /* fires the tracepoint shadowk:shadowk_probe */
	SHADOWK_PROBE_CALL = 4,	   /* fires shadowk:shadowk_call at the function's return */
};

/* How the shadow's text reaches the probe. */
enum shadowk_probe_arm {
	SHADOWK_ARM_INT3 = 1, /* breakpoint: any instruction that kprobes accept */
	SHADOWK_ARM_CALL = 2, /* call instead of the __fentry__ nop of a function */
	SHADOWK_ARM_JUMP = 3, /* jump instead of an instruction of 5 bytes or more */
};

#define SHADOWK_PROBE_RETURN	 (1U << 0) /* COUNT, EVENT: at the function's return */
#define SHADOWK_PROBE_FORCE_INT3 (1U << 1) /* arm by a breakpoint also where a faster arm exists */
#define SHADOWK_PROBE_BELOW	 (1U << 2) /* only in calls that a CALL probe reports */
#define SHADOWK_PROBE_TRACEPOINT (1U << 3) /* COUNT: @symbol is the name of a tracepoint */
#define SHADOWK_PROBE_CAPTURED	 (1U << 4) /* struct shadowk_probe_info: see shadowk_capture() */

/* The value that a condition compares (struct shadowk_condition.of). */
enum shadowk_condition_of {
	SHADOWK_OF_ARG1 = 0,	 /* rdi at the hit, the first argument at a function's entry */
	SHADOWK_OF_ARG2 = 1,	 /* rsi */
	SHADOWK_OF_ARG3 = 2,	 /* rdx */
	SHADOWK_OF_ARG4 = 3,	 /* rcx */
	SHADOWK_OF_ARG5 = 4,	 /* r8 */
	SHADOWK_OF_ARG6 = 5,	 /* r9 */
	SHADOWK_OF_RETURN = 6,	 /* rax at the return: LATENCY, CALL, RETURN */
	SHADOWK_OF_DURATION = 7, /* ns from the entry to the return: LATENCY, CALL */
};

/* The comparison of a condition (struct shadowk_condition.op). */
enum shadowk_condition_op {
	SHADOWK_OP_EQ = 1,
	SHADOWK_OP_NE = 2,
	SHADOWK_OP_LT = 3,
	SHADOWK_OP_LE = 4,
	SHADOWK_OP_GT = 5,
	SHADOWK_OP_GE = 6,
	SHADOWK_OP_AND = 7, /* value & @value is not 0 */
};

/**
 * struct shadowk_condition - what an execution must fulfil to be a hit
 * @of:	       enum shadowk_condition_of
 * @op:	       enum shadowk_condition_op
 * @bytes:     bytes of the value that are compared, from the lowest on: 1, 2, 4 or 8
 * @is_signed: 1: the value is signed, 0: it is not
 * @reserved:  0
 * @value:     the value to compare with, extended to 64 bits
 */
struct shadowk_condition {
	uint8_t of;
	uint8_t op;
	uint8_t bytes;
	uint8_t is_signed;
	uint32_t reserved;
	uint64_t value;
};

#define SHADOWK_CONDITIONS_MAX 4

/**
 * struct shadowk_probe_spec - a probe that is to be added
 * @size:   sizeof(struct shadowk_probe_spec), set by the caller
 * @flags:  SHADOWK_PROBE_*
 * @kind:   enum shadowk_probe_kind
 * @calls:  LATENCY, CALL, RETURN: number of calls that can be in progress and measured at once, at
 *	    most 65536. 0: the probe shares the room for 65536 calls with the shadow's other probes
 *	    of that kind. Calls above that number increment @missed
 * @reason: out, by shadowk_probe_add_many(): enum shadowk_reason, or 0 if the probe was added
 * @addr:   address of the instruction; 0 if @symbol is given
 * @offset: bytes from @symbol; 0 with @addr
 * @id:	    out: id of the probe
 * @name:   in: its name, or "" to have one made from the symbol; out: its name
 * @symbol: function as in /proc/kallsyms; "MODULE:FUNCTION" for one of a module; "" with @addr.
 *	    With SHADOWK_PROBE_TRACEPOINT "SYSTEM:EVENT" as in tracefs, or the name of a tracepoint
 * @nr_conditions: number of conditions
 * @reserved: 0
 * @conditions: an execution is a hit only if it fulfils all of them
 */
struct shadowk_probe_spec {
	size_t size;
	uint32_t flags;
	uint32_t kind;
	uint32_t calls;
	uint32_t reason;
	uint64_t addr;
	uint64_t offset;
	uint64_t id;
	char name[SHADOWK_NAME_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
	uint32_t nr_conditions;
	uint32_t reserved;
	struct shadowk_condition conditions[SHADOWK_CONDITIONS_MAX];
};

/**
 * shadowk_probe_parse() - read a place in the kernel's text
 * @text: SYMBOL, SYMBOL+OFFSET (decimal, or hexadecimal with 0x), or 0xADDRESS; SYMBOL can be
 *	  MODULE:SYMBOL. Or tracepoint:SYSTEM:EVENT, or tracepoint:NAME
 * @spec: out: @addr, @offset and @symbol, and SHADOWK_PROBE_TRACEPOINT in @flags: set for a
 *	  tracepoint, cleared for other places. The other members are not changed
 *
 *   EINVAL        @text is none of these
 *   ENAMETOOLONG  the symbol has more than 511 characters
 *   ERANGE        a number has more than 64 bits
 *
 * Return: 0 or -errno.
 */
int shadowk_probe_parse(const char *text, struct shadowk_probe_spec *spec);

/**
 * shadowk_probe_add() - add a probe to a shadow
 * @shadow: the handle
 * @spec:   in: the probe; out: @id and @name
 *
 * From the return on, each execution of the instruction by a process inside is a hit, if it fulfils
 * the conditions.
 *
 *   EBUSY       EDIT_THERE, JUMP_THERE, FTRACE_DISABLED, MODULE_BUSY
 *   EEXIST      NAME_TAKEN
 *   EINVAL      NAME_INVALID, NOT_INSTRUCTION, SYMBOL_AMBIGUOUS
 *   EIO         XEN
 *   ENOENT      SYMBOL_UNKNOWN, TRACEPOINT_UNKNOWN
 *   ENOSPC      NO_ROOM
 *   EOPNOTSUPP  FORBIDDEN, CANNOT_STEP, PAGE_EDGE, MODULE_END, NOT_ENTRY, NO_RETURN
 *   EOPNOTSUPP  TRACEPOINT_MODULE, TRACEPOINT_REGFUNC, TRACEPOINT_UNUSED
 *   EOPNOTSUPP  NO_MODULE_TEXT
 *   ERANGE      NOT_TEXT, PAST_SYMBOL
 *   ESTALE      SHADOW_DESTROYED
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_probe_add(struct shadowk_shadow *shadow, struct shadowk_probe_spec *spec);

/* flag of shadowk_probe_add_many() */
#define SHADOWK_PROBES_SKIP (1U << 0) /* leave out probes that cannot be added */

/**
 * shadowk_probe_add_many() - add many probes to a shadow by one call
 * @shadow:    the handle
 * @specs:     in: the probes; out, after success: @id, @name and @reason of each
 * @spec_size: sizeof(struct shadowk_probe_spec)
 * @nr:	       number of elements of @specs; 0 does nothing
 * @flags:     SHADOWK_PROBES_SKIP, or 0
 * @nr_done:   out: number of probes that were added; after an error of the kernel: the index of the
 *	       element that could not be added. NULL is allowed
 *
 * Adds each probe as shadowk_probe_add() does, and much faster: the text of many probes changes in
 * one step. Give addresses rather than symbols where they are known: the kernel searches for a
 * symbol.
 *
 * Without SHADOWK_PROBES_SKIP the first probe that cannot be added ends the call with its error,
 * and all others are removed. With the flag, such a probe gets the @id 0 and the @reason, and the
 * call goes on. Errors without a reason end the call in both cases.
 *
 *   errors of shadowk_probe_add()
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_probe_add_many(struct shadowk_shadow *shadow, struct shadowk_probe_spec *specs,
			   size_t spec_size, size_t nr, uint32_t flags, size_t *nr_done);

/**
 * shadowk_probe_remove_many() - remove many probes from a shadow by one call
 * @shadow: the handle
 * @ids:    the probes; NULL: all of the shadow
 * @nr:	    number of elements of @ids; 0 if that is NULL
 *
 * On return no CPU executes the code of these probes, and the memory that they took is free. An id
 * without a probe is ignored.
 *
 *   EINVAL  @nr is 0 and @ids is not NULL, or @nr is not 0 and @ids is NULL
 *
 * Needs CAP_SYS_MODULE.
 *
 * Return: number of probes that were removed, or -errno.
 */
int shadowk_probe_remove_many(struct shadowk_shadow *shadow, const uint64_t *ids, size_t nr);

/**
 * shadowk_probe_hint() - name a variant of the probed function, whose calls the probe does not hit
 * @buf:  out: a line for people that names a variant; "" if there is none
 * @len:  size of @buf
 * @spec: the probe; if it has no @symbol, or has an @offset, the result is 0
 *
 * The compiler makes variants of a function NAME (NAME.isra.0, NAME.constprop.0, NAME.part.0),
 * which some callers call instead of NAME. Reads /proc/kallsyms. Does not set shadowk_reason().
 *
 * Return: 1 if there is such a variant, else 0.
 */
int shadowk_probe_hint(char *buf, size_t len, const struct shadowk_probe_spec *spec);

/**
 * shadowk_probe_remove() - remove a probe
 * @shadow: the handle
 * @name:   the probe's name
 *
 * On return no CPU executes the probe's code.
 *
 *   EINVAL        NAME_INVALID
 *   ENAMETOOLONG  @name
 *   ENOENT        ID_UNKNOWN
 *
 * Needs CAP_SYS_MODULE.
 *
 * Return: 0 or -errno.
 */
int shadowk_probe_remove(struct shadowk_shadow *shadow, const char *name);

/* Slot n of a histogram counts latencies in [2^n, 2^(n+1)) ns; slot 0 also those below 1 ns. */
#define SHADOWK_HISTOGRAM_LEN 64

/**
 * struct shadowk_probe_info - one probe and its numbers
 * @id:		 its id, from 1 on, never reused in this shadow
 * @kind:	 enum shadowk_probe_kind
 * @arm:	 enum shadowk_probe_arm
 * @flags:	 SHADOWK_PROBE_*
 * @reserved:	 0
 * @addr:	 address of the edit, 0 if the caller may not see it
 * @offset:	 bytes from @symbol to the instruction
 * @hits:	 executions in process context: by processes inside, and by kernel threads and work
 *		 items that execute the shadow
 * @async_hits:	 executions in interrupts, softirqs, NMIs and, with SHADOWK_ASYNC_UNION, work
 *		 items; not in @hits
 * @missed:	 LATENCY, CALL, RETURN: calls that were seen and not measured, since too many were
 *		 in progress. Not in @hits
 * @unreturned:	 LATENCY, CALL, RETURN: calls that were entered and have not returned. They are in
 *		 progress, or their task has ended. They are in neither @hits nor @missed
 * @created_ns:	 CLOCK_MONOTONIC when the probe was added
 * @now_ns:	 CLOCK_MONOTONIC when the numbers were read
 * @latency_sum: LATENCY: sum of the latencies of @hits in ns
 * @histogram:	 LATENCY: @hits by their latency, see SHADOWK_HISTOGRAM_LEN
 * @name:	 its name
 * @symbol:	 function that contains the address, "MODULE:FUNCTION" in a module
 */
struct shadowk_probe_info {
	uint64_t id;
	uint32_t kind;
	uint32_t arm;
	uint32_t flags;
	uint32_t reserved;
	uint64_t addr;
	uint64_t offset;
	uint64_t hits;
	uint64_t async_hits;
	uint64_t missed;
	uint64_t unreturned;
	uint64_t created_ns;
	uint64_t now_ns;
	uint64_t latency_sum;
	uint64_t histogram[SHADOWK_HISTOGRAM_LEN];
	char name[SHADOWK_NAME_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_probe_list() - list the probes of a shadow in the order of their ids
 * @shadow:	  the handle
 * @cursor:	  in, out: see "Lists" above
 * @probes:	  out
 * @element_size: sizeof(struct shadowk_probe_info)
 * @nr:		  room in @probes
 *
 * Needs CAP_SYS_ADMIN, CAP_SYS_MODULE, or a handle derived with SHADOWK_RIGHT_READ.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_probe_list(struct shadowk_shadow *shadow, uint64_t *cursor,
		       struct shadowk_probe_info *probes, size_t element_size, size_t nr);

/**
 * shadowk_kind_name() - name of a kind of probes
 * @kind: enum shadowk_probe_kind
 *
 * Return: "count", "latency", "event", "call"; "unknown" for others.
 */
const char *shadowk_kind_name(uint32_t kind);

/**
 * shadowk_kind_parse() - read a name that shadowk_kind_name() returns
 * @name: the name
 *
 *   EINVAL  no kind has that name
 *
 * Return: enum shadowk_probe_kind, or -errno.
 */
int shadowk_kind_parse(const char *name);

/**
 * shadowk_arm_name() - name of a way in which the shadow's text reaches a probe
 * @arm: enum shadowk_probe_arm
 *
 * Return: "int3", "call", "jump"; "unknown" for others.
 */
const char *shadowk_arm_name(uint32_t arm);

/* ---- patches ------------------------------------------------------------ */

/* Kinds of patches. In brackets: members of struct shadowk_patch_spec that the kind uses. */
enum shadowk_patch_kind {
	/* the function returns at once, rax unchanged [addr, symbol] */
	SHADOWK_PATCH_NOP = 1,
	/* the function returns @value at once [addr, symbol, value] */
	SHADOWK_PATCH_RETURN = 2,
	/* one direct call in the function is skipped [addr, symbol, offset, value, object] */
	SHADOWK_PATCH_SKIP_CALL = 3,
	/* bodies of a patch module, shadowk_patch.h [object] */
	SHADOWK_PATCH_MODULE = 4,
	/* bodies of a livepatch module that shadowk_livepatch_load() has loaded [object] */
	SHADOWK_PATCH_LIVEPATCH = 5,
	/* a livepatch that a process inside loads is not enabled; LIVEPATCH can add it */
	SHADOWK_PATCH_CAPTURE = 6,
	/* indirect jumps and calls bypass their retpolines */
	SHADOWK_PATCH_RETPOLINES = 7,
	/* functions return without the thunk that mitigates SRSO */
	SHADOWK_PATCH_RETURNS = 8,
	/* shadowk_patch_list() only: functions that shadowk_capture() has replaced */
	SHADOWK_PATCH_DIVERT = 9,
};

#define SHADOWK_PATCH_VALUE	 (1U << 0) /* SKIP_CALL: the call yields @value */
#define SHADOWK_PATCH_CALLBACKS	 (1U << 1) /* LIVEPATCH: call its callbacks, for all processes */
#define SHADOWK_PATCH_IN_PLACE	 (1U << 2) /* NOP, RETURN, MODULE: overwrite the old body */
#define SHADOWK_PATCH_UNSAFE_NOW (1U << 3) /* LIVEPATCH: do not wait for threads in the bodies */
#define SHADOWK_PATCH_PROMOTED	 (1U << 4) /* in lists: shadowk_patch_promote() has succeeded */

/**
 * struct shadowk_patch_spec - a patch that is to be added
 * @size:   sizeof(struct shadowk_patch_spec), set by the caller
 * @flags:  SHADOWK_PATCH_*
 * @kind:   enum shadowk_patch_kind
 * @addr:   address of the function; 0 if @symbol is given
 * @offset: SKIP_CALL: bytes from the function's start to the call; 0 if it calls @object once only
 * @value:  RETURN, or SKIP_CALL with SHADOWK_PATCH_VALUE: rax
 * @id:	    out: id of the patch
 * @name:   in: its name, or "" to have one made from the symbol or module; out: its name
 * @symbol: function as in /proc/kallsyms; "MODULE:FUNCTION" for one of a module; "" with @addr
 * @object: SKIP_CALL: function called; MODULE, LIVEPATCH: the loaded module
 *
 * Members that the kind does not use are 0 or "".
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
 * shadowk_patch_add() - give functions another body in a shadow
 * @shadow: the handle
 * @spec:   in: the patch; out: @id and @name
 *
 * From the return on, a process inside that calls the function executes the new body. Some kinds
 * skip the function's body, or a call in it (NOP, RETURN, SKIP_CALL). Read struct shk_patch_add of
 * <linux/shadowk.h> before you use them for a function that takes locks or returns results. It also
 * says which kinds wait for threads. shadowk_error_subject() returns the function or module that an
 * error is about.
 *
 *   EBUSY       TASK_BUSY: shadowk_busy() is the thread in the way
 *   EBUSY       EDIT_THERE, KPROBE_THERE, FTRACE_DISABLED, MODULE_BUSY, THREADS_INSIDE,
 *               PROCESSES_INSIDE
 *   EEXIST      NAME_TAKEN
 *   EINVAL      NAME_INVALID, SYMBOL_AMBIGUOUS, NOT_FUNCTION, NOT_INSTRUCTION, SEVERAL_CALLS
 *   EINVAL      a member is set that the kind does not use; or the module's name is too long
 *   EIO         XEN
 *   ENODEV      NO_PATCH_MODULE, OBJECT_MISSING
 *   ENOENT      SYMBOL_UNKNOWN, NO_CALL
 *   ENOEXEC     PATCH_VERSION, OUT_OF_REACH, NO_FUNCTIONS
 *   ENOSPC      NO_ROOM
 *   EOPNOTSUPP  FORBIDDEN, PAGE_EDGE, MODULE_END, NO_FENTRY, NO_THUNKS, NO_MODULE_TEXT
 *   EOPNOTSUPP  NO_LIVEPATCH, CALLBACKS, OBJECT_RELOCATIONS
 *   EOPNOTSUPP  BODY_TOO_LONG, BODY_OUT_OF_REACH, BODY_FIXED, BODY_FRAMES, CHANGES_TEXT
 *   EOPNOTSUPP  POLICY, SHARED, SYSCALLS_ONLY, HAS_CALLERS, NO_STACKS
 *   ERANGE      NOT_TEXT
 *   ESTALE      SHADOW_DESTROYED
 *   any         LIVEPATCH: a callback of the livepatch failed
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_patch_add(struct shadowk_shadow *shadow, struct shadowk_patch_spec *spec);

/**
 * shadowk_patch_remove() - remove a patch
 * @shadow: the handle
 * @name:   the patch's name
 *
 * From the return on, processes inside enter the body that the function had before. Calls in
 * progress end in the body that they entered. For SHADOWK_PATCH_IN_PLACE and LIVEPATCH the call
 * waits until no thread is in the bodies that it changes, up to three seconds. It does not wait for
 * a LIVEPATCH that was added with SHADOWK_PATCH_UNSAFE_NOW, or was promoted.
 *
 *   EBUSY         TASK_BUSY: shadowk_busy() is the thread in the way
 *   EBUSY         PROCESSES_INSIDE: RETPOLINES, RETURNS
 *   EBUSY         PATCH_BUSY: another call adds, removes or promotes the patch
 *   EINVAL        NAME_INVALID
 *   EIO           XEN: SHADOWK_PATCH_IN_PLACE
 *   ENAMETOOLONG  @name
 *   ENOENT        ID_UNKNOWN
 *   ENOSPC        NO_ROOM: SHADOWK_PATCH_IN_PLACE
 *
 * Needs CAP_SYS_MODULE.
 *
 * Return: 0 or -errno.
 */
int shadowk_patch_remove(struct shadowk_shadow *shadow, const char *name);

/**
 * shadowk_patch_remove_flags() - remove a patch
 * @shadow: the handle
 * @name:   the patch's name
 * @flags:  SHADOWK_PATCH_UNSAFE_NOW (LIVEPATCH: do not wait for threads in its bodies), or 0
 *
 *   errors of shadowk_patch_remove(), and
 *   EINVAL  NOT_LIVEPATCH: SHADOWK_PATCH_UNSAFE_NOW
 *
 * Needs CAP_SYS_MODULE.
 *
 * Return: 0 or -errno.
 */
int shadowk_patch_remove_flags(struct shadowk_shadow *shadow, const char *name, uint32_t flags);

/**
 * shadowk_livepatch_load() - load a livepatch module without enabling it
 * @dev: the device
 * @fd:	 descriptor of the module's file
 *
 * The calling thread executes finit_module(2) in a SHADOWK_THREAD stretch inside a new shadow. In
 * that shadow klp_enable_patch() keeps the livepatch and does not enable it. Add the livepatch to
 * any shadow by SHADOWK_PATCH_LIVEPATCH.
 *
 * After TASK_BUSY or XEN the module may be loaded, if the stretch has begun but could not end. To
 * end it, open the shadow by its id (shadowk_process_info()), and call shadowk_leave().
 *
 *   EBUSY       THREAD_STRETCH: a thread of the process is in a SHADOWK_THREAD stretch
 *   EBUSY       FTRACE_DISABLED
 *   EBUSY       TASK_BUSY: shadowk_busy() is the thread in the way
 *   EIO         XEN
 *   ENOSPC      STRETCHES_FULL: 64 stretches are nested
 *   ENOSPC      NO_ROOM
 *   EOPNOTSUPP  NO_LIVEPATCH
 *   an error of finit_module(2): EEXIST (the module is loaded), ENOEXEC, ENOKEY
 *
 * Needs CAP_SYS_MODULE and CAP_SYS_ADMIN. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_livepatch_load(struct shadowk *dev, int fd);

/**
 * shadowk_patch_promote() - give a livepatch to the kernel, for all processes
 * @shadow: the handle
 * @name:   the patch's name
 *
 * Begins the kernel's transition, after which all processes execute the livepatch. The shadow keeps
 * its patch. Remove the shadow's patch when /sys/kernel/livepatch/MODULE/transition is 0.
 *
 *   EBUSY         PATCH_BUSY: another call adds, removes or promotes the patch
 *   EBUSY         LIVEPATCH: another transition is in progress
 *   EEXIST        PROMOTED: the patch was promoted before
 *   EINVAL        NAME_INVALID, NOT_LIVEPATCH
 *   ENAMETOOLONG  @name
 *   ENODEV        NO_PATCH_MODULE
 *   ENOENT        ID_UNKNOWN
 *   ENOSPC        NO_ROOM
 *   any           LIVEPATCH: klp_enable_patch() failed
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_patch_promote(struct shadowk_shadow *shadow, const char *name);

/**
 * struct shadowk_patch_info - one function of a patch
 * @id:		  id of the patch, from 1 on, never reused in this shadow
 * @kind:	  enum shadowk_patch_kind
 * @flags:	  SHADOWK_PATCH_*
 * @index:	  index of the function in the patch, from 0 on
 * @nr_functions: functions of the patch
 * @addr:	  address of the edit, 0 if the caller may not see it
 * @offset:	  SKIP_CALL: bytes from @symbol to the call; otherwise 0
 * @value:	  RETURN, SKIP_CALL: rax
 * @name:	  name of the patch
 * @symbol:	  the function, "MODULE:FUNCTION" in a module
 * @object:	  SKIP_CALL: the function called; MODULE, LIVEPATCH: the module
 */
struct shadowk_patch_info {
	uint64_t id;
	uint32_t kind;
	uint32_t flags;
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
 * shadowk_patch_list() - list the functions of a shadow's patches in the order of their ids
 * @shadow:	  the handle
 * @cursor:	  in, out: see "Lists" above
 * @patches:	  out
 * @element_size: sizeof(struct shadowk_patch_info)
 * @nr:		  room in @patches
 *
 * Needs CAP_SYS_ADMIN, CAP_SYS_MODULE, or a handle derived with SHADOWK_RIGHT_READ.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_patch_list(struct shadowk_shadow *shadow, uint64_t *cursor,
		       struct shadowk_patch_info *patches, size_t element_size, size_t nr);

/* flag of shadowk_capture(): exec moves programs that a tool traces to @target */
#define SHADOWK_CAPTURE_WORKLOAD (1U << 0)

/**
 * shadowk_capture() - let probes that the processes of a helper arm act on another shadow
 * @helper: handle of the helper, in which no process is yet
 * @target: handle of the shadow whose processes hit the probes
 * @flags: SHADOWK_CAPTURE_WORKLOAD, or 0
 *
 * Afterwards attach an unmodified tool to @helper, such as bpftrace or perf. A kprobe that it
 * enables stays disabled in the base, and gets a probe with SHADOWK_PROBE_CAPTURED in @target. So
 * does a registration at a tracepoint, of which the base does not know, and one of an fprobe, on
 * kernels whose fprobes have a struct ftrace_ops. Other tracers are refused: ftrace, BPF
 * trampolines, blktrace, mmiotrace, and events of fprobes in tracefs. @helper gets a patch of the
 * kind SHADOWK_PATCH_DIVERT, which replaces functions of the kernel. shadowk_patch_list() lists
 * them. @value of each is the number of its calls that were captured or refused. For
 * register_ftrace_function(), and functions that register at tracepoints, it is the number of
 * refused calls only.
 *
 * SHADOWK_CAPTURE_WORKLOAD: a process in @helper that has enabled a kprobe, or registered an fprobe
 * or at a tracepoint, is a tool. exec moves the children of a tool to @target. They cannot enable a
 * kprobe or register a tracer there. Other programs stay in @helper.
 *
 * Needs CAP_SYS_MODULE, and @target must be an owner's handle.
 *
 * Return: 0, or
 *   -EACCES      @target was derived (RIGHTS)
 *   -EBUSY       a process is in @helper (PROCESSES_INSIDE)
 *   -EBUSY       @helper has a target or such a patch (EDIT_THERE)
 *   -EBUSY       with SHADOWK_CAPTURE_WORKLOAD, @target has a patch or a probe of a function that
 *                @helper replaces (EDIT_THERE, JUMP_THERE)
 *   -EBUSY       ftrace is off (FTRACE_DISABLED)
 *   -EINVAL      @helper is @target
 *   -ENOENT      the kernel lacks a function that would have to be replaced (SYMBOL_UNKNOWN)
 *   -ENOSPC      NO_ROOM
 *   -EOPNOTSUPP  a function cannot be replaced (FORBIDDEN, NO_FENTRY, PAGE_EDGE)
 *   -EOPNOTSUPP  @helper has a policy or a cgroup, or @target has UNION (POLICY)
 *   -EOPNOTSUPP  @helper, or with SHADOWK_CAPTURE_WORKLOAD @target, was made for system calls
 *                (SYSCALLS_ONLY)
 *   -ESTALE      @helper was destroyed, or @target, with SHADOWK_CAPTURE_WORKLOAD
 *                (SHADOW_DESTROYED)
 */
int shadowk_capture(struct shadowk_shadow *helper, struct shadowk_shadow *target, uint32_t flags);

/**
 * shadowk_patch_kind_name() - name of a kind of patches
 * @kind: enum shadowk_patch_kind
 *
 * Return: "nop", "return", "skip-call", "module", "livepatch", "capture", "retpoline=jmp",
 * "return=ret"; "unknown" for others.
 */
const char *shadowk_patch_kind_name(uint32_t kind);

/* ---- raw edits ---------------------------------------------------------- */

#define SHADOWK_RAW_LEN	     16
#define SHADOWK_RAW_IDENTITY (1U << 0) /* pages become private, their bytes stay the base's */

/**
 * struct shadowk_raw_spec - a raw edit that is to be added
 * @size:   sizeof(struct shadowk_raw_spec), set by the caller
 * @flags:  SHADOWK_RAW_IDENTITY, or 0
 * @reserved: 0
 * @addr:   address of the first byte; 0 if @symbol is given
 * @offset: bytes from @symbol; 0 with @addr
 * @len:    number of bytes; with SHADOWK_RAW_IDENTITY, 0 extends to the end of the function, or
 *	    to the whole text if no place is given
 * @id:	    out: id of the raw edit
 * @bytes:  the shadow's bytes; 0 behind @len, and with SHADOWK_RAW_IDENTITY
 * @symbol: function as in /proc/kallsyms; "" with @addr
 */
struct shadowk_raw_spec {
	size_t size;
	uint32_t flags;
	uint32_t reserved;
	uint64_t addr;
	uint64_t offset;
	uint64_t len;
	uint64_t id;
	uint8_t bytes[SHADOWK_RAW_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_raw_parse() - read a place in the kernel's text
 * @text: see shadowk_probe_parse()
 * @spec: out: @addr, @offset and @symbol; the other members are not changed
 *
 *   errors of shadowk_probe_parse()
 *
 * Return: 0 or -errno.
 */
int shadowk_raw_parse(const char *text, struct shadowk_raw_spec *spec);

/**
 * shadowk_raw_add() - replace an instruction in a shadow, or make pages private
 * @shadow: the handle
 * @spec:   in: the raw edit; out: @id
 *
 * Without SHADOWK_RAW_IDENTITY, one instruction replaces another one of the same length. The kernel
 * does not check its effect. With SHADOWK_RAW_IDENTITY, the pages of the range become private, and
 * their bytes follow the base's.
 *
 *   EBUSY       FTRACE_DISABLED
 *   EINVAL      SYMBOL_AMBIGUOUS
 *   EIO         XEN
 *   ENOENT      SYMBOL_UNKNOWN
 *   ERANGE      NOT_TEXT: not in the kernel's own text; text of modules takes no raw edits
 *   ERANGE      PAST_SYMBOL
 *   ESTALE      SHADOW_DESTROYED
 * Without SHADOWK_RAW_IDENTITY
 *   EBUSY       EDIT_THERE, KPROBE_THERE, THREADS_INSIDE
 *   EINVAL      NOT_INSTRUCTION: the base, or @bytes, has no instruction of @len bytes there
 *   EOPNOTSUPP  FORBIDDEN, CANNOT_STEP, PAGE_EDGE, NO_MODULE_TEXT
 *
 * Needs CAP_SYS_MODULE. Adds text, which the kernel may refuse (EPERM, LOCKDOWN).
 *
 * Return: 0 or -errno.
 */
int shadowk_raw_add(struct shadowk_shadow *shadow, struct shadowk_raw_spec *spec);

/**
 * shadowk_raw_remove() - remove a raw edit
 * @shadow: the handle
 * @id:	    id of the raw edit
 *
 * On return no CPU executes the edit.
 *
 *   ENOENT  ID_UNKNOWN
 *
 * Needs CAP_SYS_MODULE.
 *
 * Return: 0 or -errno.
 */
int shadowk_raw_remove(struct shadowk_shadow *shadow, uint64_t id);

/**
 * struct shadowk_raw_info - one raw edit
 * @id:	      its id, from 1 on, never reused in this shadow
 * @flags:    SHADOWK_RAW_IDENTITY, or 0
 * @reserved: 0
 * @addr:     address of its first byte, 0 if the caller may not see addresses
 * @offset:   bytes from @symbol
 * @len:      number of bytes
 * @bytes:    the shadow's bytes; 0 with SHADOWK_RAW_IDENTITY, or if the caller may not see
 *	      addresses
 * @symbol:   function that contains the first byte; "" for the whole text
 */
struct shadowk_raw_info {
	uint64_t id;
	uint32_t flags;
	uint32_t reserved;
	uint64_t addr;
	uint64_t offset;
	uint64_t len;
	uint8_t bytes[SHADOWK_RAW_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_raw_list() - list the raw edits of a shadow in the order of their ids
 * @shadow:	  the handle
 * @cursor:	  in, out: see "Lists" above
 * @raws:	  out
 * @element_size: sizeof(struct shadowk_raw_info)
 * @nr:		  room in @raws
 *
 * Needs CAP_SYS_ADMIN, CAP_SYS_MODULE, or a handle derived with SHADOWK_RIGHT_READ.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_raw_list(struct shadowk_shadow *shadow, uint64_t *cursor, struct shadowk_raw_info *raws,
		     size_t element_size, size_t nr);

/* ---- text --------------------------------------------------------------- */

#define SHADOWK_EDIT_LEN 16   /* longest edit that is one element */
#define SHADOWK_TEXT_LEN 1024 /* bytes that one call returns at most */

#define SHADOWK_EDIT_HOOK  (1U << 0) /* an edit of the module itself, which every shadow has */
#define SHADOWK_EDIT_STRAY (1U << 1) /* bytes of no edit: a bug or an attack */

/**
 * struct shadowk_edit_info - bytes that differ from the base's
 * @flags:  SHADOWK_EDIT_*
 * @len:    number of bytes
 * @addr:   address of the first, 0 if the caller may not see it
 * @offset: bytes from @symbol
 * @base:   the base's bytes; 0 if the caller may not see addresses
 * @bytes:  the shadow's bytes; 0 if the caller may not see addresses
 * @symbol: function that contains the address, "MODULE:FUNCTION" in a module; "" between functions
 */
struct shadowk_edit_info {
	uint32_t flags;
	uint32_t len;
	uint64_t addr;
	uint64_t offset;
	uint8_t base[SHADOWK_EDIT_LEN];
	uint8_t bytes[SHADOWK_EDIT_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_edit_list() - list the bytes of a shadow's text that differ from the base's
 * @shadow:	  the handle
 * @cursor:	  in, out: see "Lists" above
 * @edits:	  out
 * @element_size: sizeof(struct shadowk_edit_info)
 * @nr:		  room in @edits
 *
 * The kernel compares every byte of the private pages, in the order of their addresses.
 * Needs CAP_SYS_ADMIN, CAP_SYS_MODULE, or a handle derived with SHADOWK_RIGHT_READ.
 *
 * Return: number of elements written, or -errno.
 */
int shadowk_edit_list(struct shadowk_shadow *shadow, uint64_t *cursor,
		      struct shadowk_edit_info *edits, size_t element_size, size_t nr);

/**
 * struct shadowk_text - bytes of the base's text and of a shadow's
 * @size:	sizeof(struct shadowk_text), set by the caller
 * @addr:	in: address, or 0 if @symbol is given; out: address of the first byte returned
 * @offset:	in: bytes from @addr or @symbol; out: bytes from @symbol to the first byte returned
 * @symbol_len: out: bytes of @symbol
 * @len:	out: bytes returned, 1 or more
 * @reserved:	0
 * @base:	out: the base's bytes
 * @bytes:	out: the shadow's bytes
 * @symbol:	in: function, "" with @addr; out: function that contains the address
 */
struct shadowk_text {
	size_t size;
	uint64_t addr;
	uint64_t offset;
	uint64_t symbol_len;
	uint32_t len;
	uint32_t reserved;
	uint8_t base[SHADOWK_TEXT_LEN];
	uint8_t bytes[SHADOWK_TEXT_LEN];
	char symbol[SHADOWK_SYMBOL_LEN];
};

/**
 * shadowk_text_read() - read the base's text and a shadow's
 * @shadow: the handle
 * @text:   in: the place; out: what was read
 *
 * Reads from the place to the end of its page, at most SHADOWK_TEXT_LEN bytes, also past the end of
 * the function. To read on, add .len of @text to its .addr, set .offset to 0 and .symbol to "".
 *
 *   EINVAL  SYMBOL_AMBIGUOUS
 *   ENOENT  SYMBOL_UNKNOWN
 *   EPERM   ADDRESSES_HIDDEN
 *   ERANGE  NOT_TEXT, PAST_SYMBOL
 *
 * Needs CAP_SYS_ADMIN or CAP_SYS_MODULE, and to see addresses of /proc/kallsyms.
 *
 * Return: 0 or -errno.
 */
int shadowk_text_read(struct shadowk_shadow *shadow, struct shadowk_text *text);

/* ---- explanations ------------------------------------------------------- */

/*
 * The function that returned an error: SHADOWK_OP_SHADOW_OPEN stands for shadowk_shadow_open(), and
 * for its variant shadowk_shadow_open_id(). SHADOWK_OP_OWN stands for shadowk_own_irq(),
 * shadowk_own_kthreads() and shadowk_own_napi(), and SHADOWK_OP_CGROUP_DETACH for
 * shadowk_cgroup_detach_from(), too.
 */
enum shadowk_op {
	SHADOWK_OP_OPEN,
	SHADOWK_OP_INFO,
	SHADOWK_OP_PROPERTY_LIST,
	SHADOWK_OP_SHADOW_CREATE,
	SHADOWK_OP_SHADOW_OPEN,
	SHADOWK_OP_SHADOW_FROM_FD,
	SHADOWK_OP_SHADOW_LIST,
	SHADOWK_OP_SHADOW_INFO,
	SHADOWK_OP_SHADOW_DESTROY,
	SHADOWK_OP_HANDLE_DERIVE,
	SHADOWK_OP_HANDLE_REVOKE,
	SHADOWK_OP_PROCESS_ATTACH,
	SHADOWK_OP_PROCESS_DETACH,
	SHADOWK_OP_PROCESS_DETACH_FROM,
	SHADOWK_OP_PROCESS_INFO,
	SHADOWK_OP_PROCESS_LIST,
	SHADOWK_OP_ENTER,
	SHADOWK_OP_LEAVE,
	SHADOWK_OP_SYSCALL_NUMBER,
	SHADOWK_OP_SYSCALLS_CREATE,
	SHADOWK_OP_CGROUP_ATTACH,
	SHADOWK_OP_CGROUP_DETACH,
	SHADOWK_OP_CGROUP_SPLIT,
	SHADOWK_OP_CGROUP_LIST,
	SHADOWK_OP_OWN,
	SHADOWK_OP_DISOWN,
	SHADOWK_OP_OWN_LIST,
	SHADOWK_OP_PROBE_PARSE,
	SHADOWK_OP_PROBE_ADD,
	SHADOWK_OP_PROBE_REMOVE,
	SHADOWK_OP_PROBE_LIST,
	SHADOWK_OP_PATCH_ADD,
	SHADOWK_OP_PATCH_REMOVE,
	SHADOWK_OP_PATCH_PROMOTE,
	SHADOWK_OP_PATCH_LIST,
	SHADOWK_OP_CAPTURE,
	SHADOWK_OP_LIVEPATCH_LOAD,
	SHADOWK_OP_RAW_PARSE,
	SHADOWK_OP_RAW_ADD,
	SHADOWK_OP_RAW_REMOVE,
	SHADOWK_OP_RAW_LIST,
	SHADOWK_OP_EDIT_LIST,
	SHADOWK_OP_TEXT_READ,
};

/**
 * struct shadowk_subject - objects of the call that failed; NULL or 0 if not known
 * @size:	sizeof(struct shadowk_subject), set by the caller
 * @shadow:	name of the shadow, or "#ID"
 * @pid:	the process; 0 is the caller's own
 * @reserved:	0
 * @cgroup:	path of the cgroup
 * @owned:	"irq 24", "kernel threads 'PATTERN'", or "NAPI threads of 'INTERFACE'"
 * @syscall:	name of the system call
 * @probe:	name of the probe
 * @probe_spec:	argument of shadowk_probe_add()
 * @patch:	name of the patch
 * @patch_spec:	argument of shadowk_patch_add()
 * @raw:	id of the raw edit
 * @raw_spec:	argument of shadowk_raw_add()
 * @text:	argument of shadowk_text_read()
 * @place:	text that shadowk_probe_parse() or shadowk_raw_parse() was to read
 */
struct shadowk_subject {
	size_t size;
	const char *shadow;
	pid_t pid;
	uint32_t reserved;
	const char *cgroup;
	const char *owned;
	const char *syscall;
	const char *probe;
	const struct shadowk_probe_spec *probe_spec;
	const char *patch;
	const struct shadowk_patch_spec *patch_spec;
	uint64_t raw;
	const struct shadowk_raw_spec *raw_spec;
	const struct shadowk_text *text;
	const char *place;
};

/**
 * shadowk_explain() - say in one line what was wrong and what to do
 * @buf:     out: the line, without a newline, cut off where it does not fit
 * @len:     size of @buf
 * @op:	     function that returned the error
 * @err:     the error, of either sign
 * @subject: subject of the call, or NULL
 *
 * Uses shadowk_reason(), shadowk_busy() and shadowk_error_subject() of the calling thread, and
 * does not change them: call it before the thread's next call. It may read /proc and /sys. Control
 * characters of names appear as '?'.
 *
 * Return: @buf.
 */
const char *shadowk_explain(char *buf, size_t len, enum shadowk_op op, int err,
			    const struct shadowk_subject *subject);

#ifdef __cplusplus
}
#endif

#endif /* SHADOWK_H */
