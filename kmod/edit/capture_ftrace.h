/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captured fprobes, which modules and BPF's kprobe_multi links register.
 *
 * register_fprobe() and its variants prepare a struct ftrace_ops, and call
 * register_ftrace_function(). That call is captured: the target gets probes at the addresses of the
 * filter of the ftrace_ops, and hits call its function, which is one of fprobe. So the kernel's own
 * code handles recursion, calls the entry handler, and hooks returns for the exit handler. If one
 * site takes no probe, all are removed, and register_fprobe() returns the error. Hits call the
 * function only when all sites have their probes.
 *
 * unregister_fprobe() ends in unregister_ftrace_function(). That has no ftrace site, so a kprobe in
 * the base intercepts it: for a captured ftrace_ops, the call releases the capture and returns 0.
 * Calls for others are executed. While that kprobe exists, writes to
 * kprobes/enabled of debugfs return EBUSY, since they could disarm it.
 *
 * From 6.14 on, fprobe uses ftrace in another way. These fprobes are refused:
 * shk_fprobes_are_capturable() returns false.
 */
#ifndef SHK_CAPTURE_FTRACE_H
#define SHK_CAPTURE_FTRACE_H

#include <linux/ftrace.h>

/*
 * Finds the functions of fprobe. @arm_all_site: ftrace site of write_enabled_file_bool(), by which
 * debugfs disarms all kprobes. If it is 0, that could happen unseen: finds none, so that fprobes
 * are refused. Called once, when the module is loaded.
 */
void shk_capture_ftrace_init(unsigned long arm_all_site);

/* Returns true if fprobes of this kernel can be captured. Needs no lock. */
bool shk_fprobes_are_capturable(void);

/*
 * Returns true if @ops belongs to an fprobe, and only observes calls, so that it can be captured.
 * The caller is about to register it.
 */
bool shk_ops_is_fprobe(const struct ftrace_ops *ops);

/*
 * Stores the ftrace sites that @ops is to observe in *@addrs, an array that the caller frees by
 * kvfree(). The caller has checked @ops by shk_ops_is_fprobe(), and nothing else changes @ops.
 * Sleeps. Returns their number; -ENOMEM; -EINVAL: there are none; or -EOPNOTSUPP: this kernel
 * stores them in another way.
 */
int shk_ops_sites(const struct ftrace_ops *ops, unsigned long **addrs);

/*
 * Lets a kprobe intercept unregister_ftrace_function() until the call of
 * shk_unregister_probe_put() that belongs to this one. The first user registers it, and must
 * execute the base: in a helper the kprobe would be captured. Later users may be in a helper.
 * Takes unregister_lock and kprobe_mutex; sleeps. Returns 0; -EOPNOTSUPP: the kernel lacks the
 * function, all kprobes are disarmed, or the first user is in a helper; or an error of
 * register_kprobe().
 */
int shk_unregister_probe_get(void);

/*
 * Ends the effect of shk_unregister_probe_get(). Takes unregister_lock and kprobe_mutex; sleeps.
 */
void shk_unregister_probe_put(void);

#endif /* SHK_CAPTURE_FTRACE_H */
