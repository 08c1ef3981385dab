/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shk_victim.ko calls a function of the kernel's own text, for tests that probe it. The test
 * chooses how often, and in which context.
 */
#ifndef SHK_TEST_VICTIM_H
#define SHK_TEST_VICTIM_H

#include <linux/ioctl.h>

#define VICTIM_DEVICE "/dev/shk_victim"

/* An exported function. Nothing else calls it while a test runs. */
#define VICTIM_SYMBOL "int_sqrt"

/* A function of the module. */
#define VICTIM_TEXT "shk_victim_text"

/*
 * VICTIM_AT_EDGE has no __fentry__ site, and its second instruction begins 2 bytes before the end
 * of a page. The __fentry__ site of VICTIM_SPANS_PAGES lies in two pages.
 */
#define VICTIM_AT_EDGE	   "shk_victim_edge"
#define VICTIM_SPANS_PAGES "shk_victim_spans"

#ifdef __KERNEL__
unsigned long shk_victim_edge(unsigned long n);
unsigned long shk_victim_spans(unsigned long n);
unsigned long shk_victim_text(unsigned long n);
#endif

/*
 * The argument is the number of calls. The ioctl returns after the calls, and its result is the
 * number of calls that were made in the context. The caller should be bound to one CPU, on which
 * all of this happens.
 */
#define VICTIM_SELF	_IO('V', 0)  /* the caller, in this system call */
#define VICTIM_KTHREAD	_IO('V', 1)  /* a kernel thread on this CPU; the caller sleeps meanwhile */
#define VICTIM_WORK	_IO('V', 2)  /* a work item on this CPU; the caller sleeps meanwhile */
#define VICTIM_HARDIRQ	_IO('V', 3)  /* an interrupt that lands on the caller */
#define VICTIM_SOFTIRQ	_IO('V', 4)  /* a softirq after such an interrupt */
#define VICTIM_BH	_IO('V', 5)  /* a softirq that the caller raises and executes */
#define VICTIM_BH_OFF	_IO('V', 6)  /* the caller, with softirqs off */
#define VICTIM_IRQ_OFF	_IO('V', 7)  /* the caller, with interrupts off */
#define VICTIM_USE_MM	_IO('V', 8)  /* a kernel thread that uses the caller's mm */
#define VICTIM_UNUSE_MM _IO('V', 9)  /* a kernel thread that has just given up the caller's mm */
#define VICTIM_IRQ_WORK _IO('V', 10) /* an interrupt that the caller sends to its own CPU */
#define VICTIM_IPI	_IO('V', 11) /* an IPI from another CPU; 0 calls if there is none */
#define VICTIM_TIMER	_IO('V', 13) /* a timer that the caller starts */
#define VICTIM_DELAYED	_IO('V', 14) /* a work item that the caller queues with a delay */
#define VICTIM_CANCELED _IO('V', 15) /* the caller queues that work item and cancels it; 0 calls */
#define VICTIM_EDGE	_IO('V', 16) /* the caller calls VICTIM_AT_EDGE instead */
#define VICTIM_SPANS	_IO('V', 17) /* the caller calls VICTIM_SPANS_PAGES instead */
/* An interrupt of a vector that belongs to KVM. 0 calls if the kernel has no KVM. */
#define VICTIM_POSTED _IO('V', 18)
#define VICTIM_OWN    _IO('V', 12) /* the caller calls VICTIM_TEXT instead */

#endif /* SHK_TEST_VICTIM_H */
