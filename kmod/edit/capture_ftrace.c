// SPDX-License-Identifier: GPL-2.0-only
/* Captured fprobes; see capture_ftrace.h. */
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <asm/ibt.h>

#include "edit/capture.h"
#include "edit/capture_ftrace.h"

/* Flags of a struct ftrace_ops that does more than observe calls. */
#define OPS_FLAGS_REFUSED (FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_DIRECT | FTRACE_OPS_FL_ENABLED)

/* The most addresses of one fprobe; BPF has the same limit. */
#define SITES_MAX (1U << 20)

/* ftrace_ops.func of fprobes: without and with FPROBE_FL_KPROBE_SHARED. 0: not found. */
static unsigned long fprobe_funcs[2];

/*
 * A struct ftrace_hash and its elements, as far as they are needed. They are private to ftrace, so
 * sites_read() checks what it finds.
 */
struct hash_head {
	unsigned long size_bits; /* the number of buckets is 1 << size_bits */
	struct hlist_head *buckets;
	unsigned long count; /* elements of all buckets */
};

struct hash_element {
	struct hlist_node node;
	unsigned long ip; /* an ftrace site */
};

void shk_capture_ftrace_init(unsigned long arm_all_site)
{
	/* The file kprobes/enabled of debugfs could disarm unregister_probe unseen. */
	if (IS_ENABLED(CONFIG_DEBUG_FS) && !arm_all_site)
		return;
	fprobe_funcs[0] = shk_symbol_lookup("fprobe_handler");
	fprobe_funcs[1] = shk_symbol_lookup("fprobe_kprobe_handler");
}

bool shk_fprobes_are_capturable(void)
{
	return fprobe_funcs[0];
}

bool shk_ops_is_fprobe(const struct ftrace_ops *ops)
{
	unsigned long func = (unsigned long)ops->func;

	return func && (func == fprobe_funcs[0] || func == fprobe_funcs[1]) &&
	       !(ops->flags & OPS_FLAGS_REFUSED);
}

/*
 * Stores the sites of the bucket whose first element is @node in @addrs, from index @*nr on, and
 * advances *@nr up to @room. Returns false if the bucket has no elements as expected.
 */
static bool bucket_read(const struct hlist_node *node, unsigned long *addrs, unsigned long *nr,
			unsigned long room)
{
	struct hash_element element;

	for (; node; node = element.node.next) {
		if (*nr == room || copy_from_kernel_nofault(&element, node, sizeof(element)) ||
		    shk_call(ftrace_location)(element.ip) != element.ip)
			return false;
		addrs[(*nr)++] = element.ip;
	}
	return true;
}

/*
 * Stores the sites of @hash, a struct ftrace_hash or NULL, in *@addrs, an array that the caller
 * frees by kvfree(), also after an error. Sleeps. Returns their number, -ENOMEM, or -EOPNOTSUPP: it
 * is no table as expected.
 */
static int sites_read(const void *hash, unsigned long **addrs)
{
	const struct hlist_node *first;
	unsigned long i, nr = 0;
	struct hash_head head;

	*addrs = NULL;
	if (!hash)
		return 0;
	if (copy_from_kernel_nofault(&head, hash, sizeof(head)) || head.size_bits > 20 ||
	    head.count > SITES_MAX)
		return -EOPNOTSUPP;
	if (!head.count)
		return 0;
	*addrs = kvmalloc_array(head.count, sizeof(**addrs), GFP_KERNEL);
	if (!*addrs)
		return -ENOMEM;
	for (i = 0; i < 1UL << head.size_bits; i++)
		if (copy_from_kernel_nofault(&first, &head.buckets[i].first, sizeof(first)) ||
		    !bucket_read(first, *addrs, &nr, head.count))
			return -EOPNOTSUPP;
	return nr == head.count ? nr : -EOPNOTSUPP;
}

static int site_compare(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* Removes the @nr_without elements of @without from @addrs. Both are sorted. Returns the rest. */
static int sites_subtract(unsigned long *addrs, int nr, const unsigned long *without,
			  int nr_without)
{
	int i, j = 0, rest = 0;

	for (i = 0; i < nr; i++) {
		while (j < nr_without && without[j] < addrs[i])
			j++;
		if (j == nr_without || without[j] != addrs[i])
			addrs[rest++] = addrs[i];
	}
	return rest;
}

int shk_ops_sites(const struct ftrace_ops *ops, unsigned long **addrs)
{
	unsigned long *without;
	int nr, nr_without;

	/* Without a filter it observes all functions. */
	nr = sites_read(rcu_access_pointer(ops->func_hash->filter_hash), addrs);
	nr_without = sites_read(rcu_access_pointer(ops->func_hash->notrace_hash), &without);
	if (nr > 0 && nr_without >= 0) {
		sort(*addrs, nr, sizeof(**addrs), site_compare, NULL);
		if (nr_without)
			sort(without, nr_without, sizeof(*without), site_compare, NULL);
		nr = sites_subtract(*addrs, nr, without, nr_without);
	}
	kvfree(without);
	if (nr > 0 && nr_without >= 0)
		return nr;
	kvfree(*addrs);
	*addrs = NULL;
	return nr < 0 ? nr : nr_without < 0 ? nr_without : -EINVAL;
}

/* ---- unregister_ftrace_function(), in the base ---- */

/*
 * Executed instead of unregister_ftrace_function() for a captured struct ftrace_ops, which
 * unregister_on_call() has released. Waits until no hit calls the function of the ops, so that the
 * caller of unregister_ftrace_function() may free it. @captured is then queued for the worker that
 * removes its probes. NULL: it is still being armed, and captured_arm() queues it. Drops the
 * reference to the module that unregister_on_call() took. Sleeps. Returns 0, for success.
 */
static int ops_unregister(struct shk_captured *captured)
{
	synchronize_rcu();
	if (captured)
		shk_captured_queue_release(captured);
	module_put(THIS_MODULE);
	return 0;
}

/*
 * Called at the entry of unregister_ftrace_function() with its registers @regs: if the ftrace_ops
 * is captured, releases it, and lets ops_unregister() be executed instead. Returns 1 then, else 0.
 */
static int unregister_on_call(struct kprobe *kp, struct pt_regs *regs)
{
	struct shk_captured *captured;

	if (!shk_captured_release_ops((const struct ftrace_ops *)regs->di, &captured))
		return 0;
	/* For this task: the worker drops the reference of the capture. */
	__module_get(THIS_MODULE);
	regs->di = (unsigned long)captured;
	regs->ip = (unsigned long)ops_unregister;
	return 1;
}
NOKPROBE_SYMBOL(unregister_on_call);

/* With a post handler the kernel does not optimise a kprobe, so its handler may change .ip. */
static void unregister_behind(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}
NOKPROBE_SYMBOL(unregister_behind);

/* Protects the next two. kprobe_mutex is taken inside. */
static DEFINE_MUTEX(unregister_lock);
/* Registered while .users is not 0. */
static struct kprobe unregister_probe;
static unsigned int unregister_users;

/*
 * Returns true if unregister_probe is armed. The administrator may have disarmed all kprobes by a
 * file of debugfs, before its first user came or by a write that was under way then.
 * unregister_lock is held.
 */
static bool unregister_probe_is_armed(void)
{
	unsigned long addr = (unsigned long)unregister_probe.addr;

	return *(const u8 *)shk_base_bytes(addr) == INT3_INSN_OPCODE;
}

/* Registers unregister_probe. unregister_lock is held; sleeps. Returns 0 or -errno. */
static int unregister_probe_register(void)
{
	unsigned long addr = shk_symbol_lookup("unregister_ftrace_function");
	int ret;

	if (!addr || shk_capture_in_helper())
		return -EOPNOTSUPP;
	if (shk_is_endbr(addr))
		addr += ENDBR_INSN_SIZE;
	unregister_probe = (struct kprobe){
		.addr = (kprobe_opcode_t *)addr,
		.pre_handler = unregister_on_call,
		.post_handler = unregister_behind,
	};
	ret = register_kprobe(&unregister_probe);
	if (ret)
		return ret;
	if (unregister_probe_is_armed())
		return 0;
	unregister_kprobe(&unregister_probe);
	return -EOPNOTSUPP;
}

int shk_unregister_probe_get(void)
{
	int ret = 0;

	mutex_lock(&unregister_lock);
	if (!unregister_users)
		ret = unregister_probe_register();
	else if (!unregister_probe_is_armed())
		ret = -EOPNOTSUPP;
	if (!ret)
		unregister_users++;
	mutex_unlock(&unregister_lock);
	return ret;
}

void shk_unregister_probe_put(void)
{
	mutex_lock(&unregister_lock);
	if (!--unregister_users)
		unregister_kprobe(&unregister_probe);
	mutex_unlock(&unregister_lock);
}
