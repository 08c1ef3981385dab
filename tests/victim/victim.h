/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shk_victim.ko calls a function of the kernel's own text, for tests that probe
 * it: as often as it is told, and in the context it is told.
 */
#ifndef SHK_TEST_VICTIM_H
#define SHK_TEST_VICTIM_H

#include <linux/ioctl.h>

#define VICTIM_DEVICE "/dev/shk_victim"

/* Exported, and nobody calls it while a test runs. */
#define VICTIM_SYMBOL "int_sqrt"

/* A function of the module itself. */
#define VICTIM_TEXT "shk_victim_text"

/* One whose second instruction begins 2 bytes before the end of a page, and one whose __fentry__
   site lies in two. */
#define VICTIM_AT_EDGE	   "shk_victim_edge"
#define VICTIM_SPANS_PAGES "shk_victim_spans"

#ifdef __KERNEL__
unsigned long shk_victim_edge(unsigned long n);
unsigned long shk_victim_spans(unsigned long n);
unsigned long shk_victim_text(unsigned long n);
#endif

/*
 * The argument says how many calls; the ioctl returns, when they are done, how
 * many there were. The caller is to be bound to one CPU; it is the one that
 * all this happens on.
 */
#define VICTIM_SELF	_IO('V', 0)  /* the caller, in this system call */
#define VICTIM_KTHREAD	_IO('V', 1)  /* a kernel thread, for which the caller makes way */
#define VICTIM_WORK	_IO('V', 2)  /* a work item, likewise */
#define VICTIM_HARDIRQ	_IO('V', 3)  /* an interrupt that lands on the caller */
#define VICTIM_SOFTIRQ	_IO('V', 4)  /* a softirq after such an interrupt */
#define VICTIM_BH	_IO('V', 5)  /* a softirq that the caller itself goes into */
#define VICTIM_BH_OFF	_IO('V', 6)  /* the caller, softirqs off */
#define VICTIM_IRQ_OFF	_IO('V', 7)  /* the caller, interrupts off */
#define VICTIM_USE_MM	_IO('V', 8)  /* a kernel thread that has taken the caller's mm */
#define VICTIM_UNUSE_MM _IO('V', 9)  /* a kernel thread that has just given it back */
#define VICTIM_IRQ_WORK _IO('V', 10) /* an interrupt that the caller sends itself */
#define VICTIM_IPI	_IO('V', 11) /* one from another CPU; 0 calls if there is none */
#define VICTIM_TIMER	_IO('V', 13) /* a timer that the caller starts */
#define VICTIM_DELAYED	_IO('V', 14) /* a work item that the caller delays */
#define VICTIM_CANCELED _IO('V', 15) /* the caller delays that work item, and cancels it; 0 calls */
#define VICTIM_EDGE	_IO('V', 16) /* the caller, and it is VICTIM_AT_EDGE */
#define VICTIM_SPANS	_IO('V', 17) /* the caller, and it is VICTIM_SPANS_PAGES */
/* An interrupt of a vector that KVM has; 0 calls if the kernel has no such thing. */
#define VICTIM_POSTED _IO('V', 18)
#define VICTIM_OWN    _IO('V', 12) /* the caller, and it is VICTIM_TEXT that is called */

#endif /* SHK_TEST_VICTIM_H */
