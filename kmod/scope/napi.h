/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHK_OWN_NAPI: network interfaces whose NAPI is threaded while a shadow owns it. The kernel then
 * receives the interface's packets in kernel threads, which kthread.c makes execute the shadow.
 *
 * RTNL is the kernel's lock of all network interfaces, and its holders may keep it for seconds. So
 * no function waits for it with a lock of this module held: shk_napi_put() leaves that to a worker.
 */
#ifndef SHK_NAPI_H
#define SHK_NAPI_H

#include <linux/err.h>

#include "shadow/shadow.h"

struct shk_napi; /* a network interface that a shadow owns; see napi.c */
struct task_struct;

#ifdef CONFIG_PREEMPT_NOTIFIERS
/*
 * Registers a notifier of events of network interfaces, which learns of new names and of their
 * ends. Takes RTNL; sleeps. Returns 0 or -ENOMEM.
 */
int shk_napi_init(void);
/*
 * Waits until all settings of interfaces are restored, and unregisters the notifier of
 * shk_napi_init(). The caller has made sure that no shadow owns an interface. Takes RTNL; sleeps.
 */
void shk_napi_exit(void);
/*
 * Makes the NAPI of an interface threaded, on behalf of @shadow: the kernel receives its packets in
 * kernel threads. Returns a struct for the interface, whose count of users includes the caller
 * (shk_napi_put()). @name is the interface's name in the network namespace of current. The kernel
 * creates the interface's NAPI threads during this call. If the driver adds a NAPI later, the
 * kernel creates its thread then.
 *
 * Takes RTNL, and waits for it killably; sleeps. The caller holds no lock. Errors:
 *
 *   NO_CARRIER		this machine has no carrier mms
 *   INTERFACE_UNKNOWN	no interface has that name
 *   NO_NAPI		the interface has no NAPI now
 *   OWNED_ELSEWHERE	another shadow owns the interface
 *   -ENOMEM, -EAGAIN	the kernel created no threads
 *   -ERESTARTSYS	the caller was killed
 */
struct shk_napi *shk_napi_get(const struct shk_shadow *shadow, const char *name);
/*
 * Increments the count of users of @napi, which includes the caller already. Each user calls
 * shk_napi_put(). Any context but interrupts.
 */
void shk_napi_add_user(struct shk_napi *napi);
/*
 * Decrements the count of users of @napi. If it becomes 0, a worker restores the interface's
 * setting "threaded" and frees @napi. Any context but interrupts.
 */
void shk_napi_put(struct shk_napi *napi);
/*
 * Waits until a worker has restored the setting "threaded" of all interfaces that no shadow owns
 * any longer, or a fatal signal is pending. Sleeps; the caller holds no lock.
 */
void shk_napi_settle(void);
/*
 * Returns true if @name is the name of @napi's interface in the network namespace of current. If
 * the interface is gone, returns true if @name was its last name. Does not sleep.
 */
bool shk_napi_is_named(struct shk_napi *napi, const char *name);
/*
 * Copies the last known name of @napi's interface to @name, which has room for @len bytes. Does not
 * sleep.
 */
void shk_napi_name(struct shk_napi *napi, char *name, size_t len);
/*
 * Returns true if @task is a kernel thread that polls a NAPI of @napi's interface. The caller is in
 * an RCU read-side section in which @task was not PF_EXITING.
 */
bool shk_napi_is_served_by(const struct shk_napi *napi, struct task_struct *task);
#else
static inline int shk_napi_init(void)
{
	return 0;
}

static inline void shk_napi_exit(void)
{
}

static inline struct shk_napi *shk_napi_get(const struct shk_shadow *shadow, const char *name)
{
	return ERR_PTR(SHK_E(NO_CARRIER));
}

static inline void shk_napi_add_user(struct shk_napi *napi)
{
}

static inline void shk_napi_put(struct shk_napi *napi)
{
}

static inline void shk_napi_settle(void)
{
}

static inline bool shk_napi_is_named(struct shk_napi *napi, const char *name)
{
	return false;
}

static inline void shk_napi_name(struct shk_napi *napi, char *name, size_t len)
{
}
#endif

#endif /* SHK_NAPI_H */
