// SPDX-License-Identifier: GPL-2.0-only
/* Calls a function of the kernel, or of its own, in the contexts that victim.h lists. */
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/kvm_types.h>
#include <linux/math.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include <asm/irq.h>
#include <asm/irq_vectors.h>

#include "victim.h"

/* Names of later kernels for the same functions. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define del_timer_sync	       timer_delete_sync
#define destroy_timer_on_stack timer_destroy_on_stack
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define create_worker(cpu) kthread_run_worker_on_cpu(cpu, 0, "victim/%u")
#else
#define create_worker(cpu) kthread_create_worker_on_cpu(cpu, 0, "victim/%u", cpu)
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define setup_timer(timer, function, clock, mode) \
	hrtimer_setup_on_stack(timer, function, clock, mode)
#else
#define setup_timer(timer, call, clock, mode)              \
	do {                                               \
		hrtimer_init_on_stack(timer, clock, mode); \
		(timer)->function = call;                  \
	} while (0)
#endif

#define DELAY_NS (100 * NSEC_PER_USEC)

static DEFINE_PER_CPU(struct kthread_worker *, workers);

static unsigned long sink;

/* Calls VICTIM_SYMBOL @n times. */
static void call(unsigned long n)
{
	while (n--)
		sink += int_sqrt(123456789 + n);
}

/* ---- kernel threads and work items ---- */

/* Calls that another thread is to make. */
struct order {
	struct kthread_work kthread_work;
	struct work_struct work;
	unsigned int cmd;
	unsigned long n;
	struct mm_struct *mm;
};

static void on_kthread(struct kthread_work *work)
{
	struct order *order = container_of(work, struct order, kthread_work);

	if (order->cmd != VICTIM_KTHREAD) {
		kthread_use_mm(order->mm);
		/* The thread keeps the mm when it gets a CPU again. */
		schedule_timeout_uninterruptible(1);
	}
	if (order->cmd != VICTIM_UNUSE_MM)
		call(order->n);
	if (order->cmd != VICTIM_KTHREAD)
		kthread_unuse_mm(order->mm);
	if (order->cmd == VICTIM_UNUSE_MM)
		call(order->n);
}

static long by_kthread(unsigned int cmd, unsigned long n)
{
	struct kthread_worker *worker = per_cpu(workers, raw_smp_processor_id());
	struct order order = { .cmd = cmd, .n = n, .mm = current->mm };

	kthread_init_work(&order.kthread_work, on_kthread);
	kthread_queue_work(worker, &order.kthread_work);
	kthread_flush_work(&order.kthread_work);
	return n;
}

static void on_work(struct work_struct *work)
{
	call(container_of(work, struct order, work)->n);
}

static long by_work(unsigned long n)
{
	struct order order = { .n = n };

	INIT_WORK_ONSTACK(&order.work, on_work);
	queue_work_on(raw_smp_processor_id(), system_highpri_wq, &order.work);
	flush_work(&order.work);
	destroy_work_on_stack(&order.work);
	return n;
}

/* ---- delayed work items and timers ---- */

/* One item for all callers: another process may have queued it the last time. */
static void on_delayed(struct work_struct *work);
static DECLARE_DELAYED_WORK(delayed, on_delayed);
static unsigned long delayed_n;

static void on_delayed(struct work_struct *work)
{
	call(delayed_n);
}

static long by_delayed(unsigned int cmd, unsigned long n)
{
	delayed_n = n;
	if (cmd == VICTIM_CANCELED) {
		schedule_delayed_work(&delayed, 1000 * HZ);
		cancel_delayed_work_sync(&delayed);
		return 0;
	}
	schedule_delayed_work(&delayed, 1);
	/* flush_delayed_work() would queue the item at once instead of waiting for the timer. */
	while (timer_pending(&delayed.timer))
		schedule_timeout_uninterruptible(1);
	flush_work(&delayed.work);
	return n;
}

struct waker {
	struct timer_list timer;
	unsigned long n;
	struct completion done;
};

static void on_waker(struct timer_list *timer)
{
	struct waker *waker = container_of(timer, struct waker, timer);

	call(waker->n);
	complete(&waker->done);
}

static long by_timer(unsigned long n)
{
	struct waker waker = { .n = n };

	init_completion(&waker.done);
	timer_setup_on_stack(&waker.timer, on_waker, 0);
	mod_timer(&waker.timer, jiffies + 1);
	wait_for_completion(&waker.done);
	del_timer_sync(&waker.timer);
	destroy_timer_on_stack(&waker.timer);
	return n;
}

/* ---- interrupts ---- */

/* Calls that an interrupt, softirq or IPI is to make. */
struct interrupt {
	struct hrtimer timer;
	struct irq_work irq_work;
	struct kthread_work sender;
	int cpu;
	struct tasklet_struct tasklet;
	struct task_struct *caller;
	bool soft;
	unsigned long n;
	long landed; /* calls made while the caller was current */
	bool done;
};

static void interrupt_call(struct interrupt *interrupt)
{
	call(interrupt->n);
	if (current == interrupt->caller)
		interrupt->landed += interrupt->n;
	smp_store_release(&interrupt->done, true); /* pairs with is_done() */
}

static void on_tasklet(struct tasklet_struct *tasklet)
{
	interrupt_call(container_of(tasklet, struct interrupt, tasklet));
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct interrupt *interrupt = container_of(timer, struct interrupt, timer);

	if (interrupt->soft)
		tasklet_schedule(&interrupt->tasklet);
	else
		interrupt_call(interrupt);
	return HRTIMER_NORESTART;
}

static void on_irq_work(struct irq_work *work)
{
	interrupt_call(container_of(work, struct interrupt, irq_work));
}

static void on_ipi(void *interrupt)
{
	interrupt_call(interrupt);
}

/* Runs on another CPU than the caller. */
static void send_ipi(struct kthread_work *work)
{
	struct interrupt *interrupt = container_of(work, struct interrupt, sender);

	smp_call_function_single(interrupt->cpu, on_ipi, interrupt, 1);
}

static bool is_done(struct interrupt *interrupt)
{
	return smp_load_acquire(&interrupt->done); /* pairs with interrupt_call() */
}

static long by_interrupt(unsigned int cmd, unsigned long n)
{
	struct interrupt interrupt = {
		.caller = current,
		.n = n,
		.soft = cmd == VICTIM_SOFTIRQ,
		.cpu = raw_smp_processor_id(),
	};
	unsigned int other = cpumask_any_but(cpu_online_mask, interrupt.cpu);

	if (cmd == VICTIM_IPI && other >= nr_cpu_ids)
		return 0;
	init_irq_work(&interrupt.irq_work, on_irq_work);
	kthread_init_work(&interrupt.sender, send_ipi);
	tasklet_setup(&interrupt.tasklet, on_tasklet);
	setup_timer(&interrupt.timer, on_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	/*
	 * The caller keeps its CPU until the calls are made, except where ksoftirqd may have to
	 * make them.
	 */
	if (cmd != VICTIM_SOFTIRQ && cmd != VICTIM_BH)
		preempt_disable();
	switch (cmd) {
	case VICTIM_BH:
		local_bh_disable();
		tasklet_schedule(&interrupt.tasklet);
		local_bh_enable();
		break;
	case VICTIM_IRQ_WORK:
		irq_work_queue(&interrupt.irq_work);
		break;
	case VICTIM_IPI:
		kthread_queue_work(per_cpu(workers, other), &interrupt.sender);
		break;
	default:
		hrtimer_start(&interrupt.timer, ns_to_ktime(DELAY_NS),
			      HRTIMER_MODE_REL_PINNED_HARD);
	}
	if (cmd == VICTIM_SOFTIRQ || cmd == VICTIM_BH) {
		while (!is_done(&interrupt))
			cond_resched();
	} else {
		while (!is_done(&interrupt))
			cpu_relax();
		preempt_enable();
	}
	if (cmd == VICTIM_IPI)
		kthread_flush_work(&interrupt.sender);
	hrtimer_cancel(&interrupt.timer);
	destroy_hrtimer_on_stack(&interrupt.timer);
	tasklet_kill(&interrupt.tasklet);
	return interrupt.landed;
}

#if IS_ENABLED(CONFIG_KVM)
static struct interrupt *posted;

#ifdef EXPORT_SYMBOL_FOR_KVM
/* The function is exported to KVM only. A kprobe that is never enabled finds it. */
static void set_posted_handler(void (*handler)(void))
{
	struct kprobe kp = {
		.symbol_name = "kvm_set_posted_intr_wakeup_handler",
		.flags = KPROBE_FLAG_DISABLED,
	};
	void (*set)(void (*)(void));
	unsigned long offset, size;
	char name[KSYM_SYMBOL_LEN];

	if (WARN_ON_ONCE(register_kprobe(&kp)))
		return;
	set = (void *)kp.addr;
	unregister_kprobe(&kp);
	/* The kprobe is behind an ENDBR. sprint_symbol() prints "name+0xOFF/0xSIZE". */
	if (sprint_symbol(name, (unsigned long)set) > 0 &&
	    sscanf(name, "kvm_set_posted_intr_wakeup_handler+0x%lx/0x%lx", &offset, &size) == 2)
		set = (void *)set - offset;
	set(handler);
}
#else
#define set_posted_handler kvm_set_posted_intr_wakeup_handler
#endif

static void on_posted(void)
{
	interrupt_call(posted);
}

/*
 * The vector's handler calls a function that KVM sets. No guest loads KVM, so this module sets
 * it.
 */
static long by_posted(unsigned long n)
{
	struct interrupt interrupt = { .caller = current, .n = n };

	posted = &interrupt;
	set_posted_handler(on_posted);
	preempt_disable();
	asm volatile("int %0" : : "i"(POSTED_INTR_WAKEUP_VECTOR) : "memory");
	preempt_enable();
	set_posted_handler(NULL);
	return interrupt.landed;
}
#else
static long by_posted(unsigned long n)
{
	return 0;
}
#endif

/* ---- the device ---- */

static long victim_ioctl(struct file *file, unsigned int cmd, unsigned long n)
{
	unsigned long i;

	if (n > 100000)
		return -EINVAL;
	switch (cmd) {
	case VICTIM_SELF:
		call(n);
		return n;
	case VICTIM_OWN:
		for (i = 0; i < n;)
			i = shk_victim_text(i);
		return n;
	case VICTIM_EDGE:
		for (i = 0; i < n;)
			i = shk_victim_edge(i);
		return n;
	case VICTIM_SPANS:
		for (i = 0; i < n;)
			i = shk_victim_spans(i);
		return n;
	case VICTIM_BH_OFF:
		local_bh_disable();
		call(n);
		local_bh_enable();
		return n;
	case VICTIM_IRQ_OFF:
		local_irq_disable();
		call(n);
		local_irq_enable();
		return n;
	case VICTIM_KTHREAD:
	case VICTIM_USE_MM:
	case VICTIM_UNUSE_MM:
		return by_kthread(cmd, n);
	case VICTIM_WORK:
		return by_work(n);
	case VICTIM_DELAYED:
	case VICTIM_CANCELED:
		return by_delayed(cmd, n);
	case VICTIM_TIMER:
		return by_timer(n);
	case VICTIM_HARDIRQ:
	case VICTIM_SOFTIRQ:
	case VICTIM_BH:
	case VICTIM_IRQ_WORK:
	case VICTIM_IPI:
		return by_interrupt(cmd, n);
	case VICTIM_POSTED:
		return by_posted(n);
	}
	return -ENOTTY;
}

static const struct file_operations victim_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = victim_ioctl,
};

static struct miscdevice victim = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "shk_victim",
	.fops = &victim_fops,
};

static void workers_exit(void)
{
	int cpu;

	for_each_possible_cpu (cpu)
		if (per_cpu(workers, cpu))
			kthread_destroy_worker(per_cpu(workers, cpu));
}

static int __init workers_init(void)
{
	int cpu;

	for_each_online_cpu(cpu)
	{
		struct kthread_worker *worker = create_worker(cpu);

		if (IS_ERR(worker)) {
			workers_exit();
			return PTR_ERR(worker);
		}
		per_cpu(workers, cpu) = worker;
	}
	return 0;
}

static int __init victim_init(void)
{
	int ret = workers_init();

	if (ret)
		return ret;
	ret = misc_register(&victim);
	if (ret)
		workers_exit();
	return ret;
}

static void __exit victim_exit(void)
{
	misc_deregister(&victim);
	workers_exit();
}

module_init(victim_init);
module_exit(victim_exit);

MODULE_DESCRIPTION("Calls a function that tests probe");
MODULE_LICENSE("GPL");
