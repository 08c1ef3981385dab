// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kprobes of the kernel, with which the benchmarks compare. Their handlers do as little as
 * possible.
 *
 *   insmod bench_kprobes.ko at=SYMBOL+OFFSET[,...] handler=empty|count|none
 *
 * none: without a handler. The kernel may optimise all of these kprobes to jumps, since they have
 * no post handlers and do not change the flow. /sys/kernel/debug/kprobes/list shows how it arms
 * them.
 */
#define pr_fmt(fmt) "bench_kprobes: " fmt

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>

#define MOST 64

static char *at[MOST];
static int nr;
module_param_array(at, charp, &nr, 0444);

static char *handler = "empty";
module_param(handler, charp, 0444);

static struct kprobe probes[MOST];
static DEFINE_PER_CPU(unsigned long, hits);

static int on_hit_empty(struct kprobe *p, struct pt_regs *regs)
{
	return 0;
}

static int on_hit_count(struct kprobe *p, struct pt_regs *regs)
{
	this_cpu_inc(hits);
	return 0;
}

static int hits_get(char *buffer, const struct kernel_param *param)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu (cpu)
		sum += per_cpu(hits, cpu);
	return sysfs_emit(buffer, "%lu\n", sum);
}
static const struct kernel_param_ops hits_ops = { .get = hits_get };
module_param_cb(hits, &hits_ops, NULL, 0444);

static int parse(struct kprobe *p, char *text)
{
	char *plus = strchr(text, '+');

	if (plus) {
		*plus = 0;
		if (kstrtouint(plus + 1, 0, &p->offset))
			return -EINVAL;
	}
	p->symbol_name = text;
	if (!strcmp(handler, "empty"))
		p->pre_handler = on_hit_empty;
	else if (!strcmp(handler, "count"))
		p->pre_handler = on_hit_count;
	else if (strcmp(handler, "none"))
		return -EINVAL;
	return 0;
}

static int __init bench_init(void)
{
	int i, ret;

	for (i = 0; i < nr; i++) {
		ret = parse(&probes[i], at[i]);
		if (!ret)
			ret = register_kprobe(&probes[i]);
		if (ret) {
			pr_err("%s: %d\n", at[i], ret);
			while (i--)
				unregister_kprobe(&probes[i]);
			return ret;
		}
	}
	return 0;
}

static void __exit bench_exit(void)
{
	int i;

	for (i = 0; i < nr; i++)
		unregister_kprobe(&probes[i]);
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("kprobes with handlers that do nothing");
MODULE_LICENSE("GPL");
