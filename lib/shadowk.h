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

#define SHADOWK_FEATURE_PROCESS (1ULL << 0) /* attach and detach processes */
#define SHADOWK_FEATURE_PROBE	(1ULL << 1) /* probes */

/**
 * struct shadowk_info - what the module can do and what it holds
 * @size:	sizeof(struct shadowk_info), set by the caller
 * @features:	SHADOWK_FEATURE_*
 * @nr_shadows:	shadows that live now
 * @nr_grafts:	processes (address spaces) inside a shadow now
 * @memory:	bytes of page tables and private text, all shadows
 * @mmu:	backend, "native"
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

/**
 * shadowk_shadow_create_flags() - make a shadow of another kind
 * @dev:    the device
 * @name:   as for shadowk_shadow_create()
 * @flags:  any of SHADOWK_ASYNC_INHERIT, SHADOWK_DELEGABLE; or 0
 * @shadow: as for shadowk_shadow_create()
 *
 * Without SHADOWK_ASYNC_INHERIT interrupts and softirqs execute the base,
 * whomever they land on.
 *
 * With SHADOWK_DELEGABLE a process without capabilities that was passed the
 * handle may attach itself. It leaves when it executes a program that gains
 * privileges thereby (set-id, file capabilities). The probes' numbers, which it
 * may read, are those of everybody inside.
 *
 * Return: as shadowk_shadow_create(); -EINVAL also for unknown flags.
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
 * @diverged_ranges:	2 MB ranges of text that it maps by 4 KB pages
 * @memory:		bytes of its page tables and private pages
 * @name:		its name, "" if it has none
 * @flags:		SHADOWK_ASYNC_INHERIT, SHADOWK_DELEGABLE
 */
struct shadowk_shadow_info {
	size_t size;
	uint64_t id;
	uint32_t nr_grafts;
	uint32_t nr_probes;
	uint32_t private_pages;
	uint32_t diverged_ranges;
	uint64_t memory;
	char name[SHADOWK_NAME_LEN];
	uint32_t flags;
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
 * Return: 0, -EBUSY (processes are inside), -ESTALE (it was destroyed
 * before), -EPERM.
 */
int shadowk_shadow_destroy(struct shadowk_shadow *shadow);

/* ---- processes ---------------------------------------------------------- */

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
 * thread), -ESTALE (the shadow was destroyed), -EPERM.
 */
int shadowk_process_attach(struct shadowk_shadow *shadow, pid_t pid);

/**
 * shadowk_process_detach() - let a process run the base again
 * @dev: the device
 * @pid: any thread of the process; 0 is the caller
 *
 * Needs CAP_SYS_ADMIN.
 *
 * Return: 0, -ENOENT (it is in no shadow), -ESRCH, -EOPNOTSUPP, -EPERM.
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
 * name: give the address), -ERANGE (outside the text of the kernel and its
 * modules, or past the end of the symbol), -EBUSY (kernel.ftrace_enabled is 0, or
 * the module comes or goes), -EILSEQ (not the first byte of an instruction), -EADDRNOTAVAIL (the
 * kernel forbids probes there), -EADDRINUSE (an optimised kprobe of somebody
 * else is there), -EOPNOTSUPP (an instruction that cannot be stepped; LATENCY
 * or RETURN other than at a function's entry), -EEXIST (@name is taken),
 * -ENOSPC (too many probes), -ESTALE (the shadow was destroyed), -EPERM.
 */
int shadowk_probe_add(struct shadowk_shadow *shadow, struct shadowk_probe_spec *spec);

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
 * @async_hits:	 executions in interrupts that landed on them; not in @hits
 * @missed:	 executions seen but not measured
 * @created_ns:	 CLOCK_MONOTONIC when it was added
 * @now_ns:	 CLOCK_MONOTONIC when the numbers were read
 * @latency_sum: sum of all latencies
 * @histogram:	 latencies, see SHADOWK_HISTOGRAM_LEN
 * @name:	 its name
 * @symbol:	 function that holds the address
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
};

/**
 * struct shadowk_subject - what a call was about, as far as it is known
 * @size:   sizeof(struct shadowk_subject), set by the caller
 * @shadow: name of the shadow, or NULL
 * @probe:  name of the probe, or what shadowk_probe_parse() was to read; or NULL
 * @spec:   what shadowk_probe_add() was given, or NULL
 * @pid:    the process, or 0
 */
struct shadowk_subject {
	size_t size;
	const char *shadow;
	const char *probe;
	const struct shadowk_probe_spec *spec;
	pid_t pid;
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
