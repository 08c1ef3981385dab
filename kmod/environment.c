// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of properties of this machine, with a check for each. If a property refuses the
 * module, a line of the log begins with its name. This file writes it, or the code that looks for
 * a symbol, a function to hook or an interrupt. shadowctl doctor reads these lines.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/efi.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pgtable.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/paravirt.h>

#include "compat/machine.h"
#include "environment.h"
#include "graft/stack_check.h"
#include "hooks/hooks.h"
#include "mmu/modules.h"
#include "mmu/small_pages.h"
#include "scope/syscalls.h"

/* The size that vmemmap may grow to when memory is added. */
#define VMEMMAP_SIZE (sizeof(struct page) << (MAX_PHYSMEM_BITS - PAGE_SHIFT))

/*
 * Reports the result of a check: writes the formatted sentence to @detail, which has SHK_DETAIL_LEN
 * bytes, and returns @answer.
 */
static __printf(3, 4) enum shk_answer
	found(char *detail, enum shk_answer answer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vscnprintf(detail, SHK_DETAIL_LEN, format, args);
	va_end(args);
	return answer;
}

/*
 * Writes @yes to @detail if @so is true; else writes @no, which names the feature that is off.
 * Returns SHK_ANSWER_FINE or SHK_ANSWER_OFF.
 */
static enum shk_answer found_or_off(char *detail, bool so, const char *yes, const char *no)
{
	return found(detail, so ? SHK_ANSWER_FINE : SHK_ANSWER_OFF, "%s", so ? yes : no);
}

/*
 * Refuses kernels with PREEMPT_RT, on which spinlocks sleep. The module takes some in tracepoints,
 * in faults and while the machine is stopped, where nothing may sleep.
 */
static enum shk_answer preempt_rt(char *detail)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return found(
			detail, SHK_ANSWER_REFUSED,
			"this kernel has CONFIG_PREEMPT_RT, which shadows do not support; boot another one");
	return found(detail, SHK_ANSWER_FINE, "spinlocks do not sleep");
}

/*
 * Refuses a boot in which vmemmap shares the top-level entry of text. A grafted mm has its own such
 * entry. When memory is added, the kernel compares the entries of vmemmap in all mms, and would
 * find changed ones.
 */
static enum shk_answer text_entry(char *detail)
{
	if (shk_shares_top_entry(VMEMMAP_START, VMEMMAP_SIZE, shk_symbols.text, PGDIR_SHIFT))
		return found(
			detail, SHK_ANSWER_REFUSED,
			"vmemmap shares a top-level entry with the kernel's text in this boot; boot again, or with nokaslr or no5lvl");
	return found(detail, SHK_ANSWER_FINE,
		     "vmemmap does not share the top-level entry of the kernel's text");
}

static enum shk_answer page_tables(char *detail)
{
	unsigned int levels = pgtable_l5_enabled() ? 5 : 4;

	if (!shk_mmu->carriers)
		return found(detail, SHK_ANSWER_OFF,
			     "%s, %u levels; off: --async owner, causal and union", shk_mmu->name,
			     levels);
	return found(detail, SHK_ANSWER_FINE, "%s, %u levels%s%s", shk_mmu->name, levels,
		     boot_cpu_has(X86_FEATURE_PTI) ? ", PTI" : "",
		     boot_cpu_has(X86_FEATURE_PCID) ? ", PCID" : "");
}

/*
 * Answers how the flush of an mm reaches its lazy TLB users, CPUs that borrow the mm for a kernel
 * thread. Writes that to @detail. The answer is always "fine": where the kernel's flush may leave
 * such CPUs out, the module sends them IPIs of its own.
 */
static enum shk_answer lazy_tlb(char *detail)
{
	if (!shk_mmu->carriers)
		return found(detail, SHK_ANSWER_FINE,
			     "a flush interrupts every CPU that has loaded the mm");
#ifdef CONFIG_PARAVIRT
	return found(detail, SHK_ANSWER_FINE,
		     "%ps() may leave lazy TLB users out, so shadowk interrupts them",
		     pv_ops.mmu.flush_tlb_multi);
#else
	return found(detail, SHK_ANSWER_FINE, "shadowk interrupts lazy TLB users");
#endif
}

static enum shk_answer instruction_tlb(char *detail)
{
	if (shk_small_pages_needed())
		return found(
			detail, SHK_ANSWER_ADAPTED,
			"itlb_multihit (CVE-2018-12207): shadows map all text by pages of 4 KB");
	return found(detail, SHK_ANSWER_FINE, "text may be mapped by pages of 4 KB and 2 MB");
}

static enum shk_answer module_text(char *detail)
{
	return found_or_off(
		detail, shk_modules_possible(), "text of modules may differ, too",
		"the kernel maps text of modules by pages of 2 MB (CONFIG_ARCH_HAS_EXECMEM_ROX); off: probes, patches and raw edits of modules");
}

static enum shk_answer interrupts(char *detail)
{
	return found(detail, SHK_ANSWER_FINE,
		     "the handler of each vector is known; a shadow has %u hooks",
		     shk_hooks_count());
}

static enum shk_answer firmware(char *detail)
{
	if (efi_enabled(EFI_RUNTIME_SERVICES))
		return found(
			detail, SHK_ANSWER_ADAPTED,
			"EFI has page tables of its own; a hook returns kernel threads from there to the base");
	return found(detail, SHK_ANSWER_FINE, "the kernel makes no calls of EFI");
}

static enum shk_answer kernel_threads(char *detail)
{
	return found_or_off(
		detail, IS_ENABLED(CONFIG_PREEMPT_NOTIFIERS),
		"preempt notifiers report when one gets a CPU",
		"no CONFIG_PREEMPT_NOTIFIERS (kernels with KVM have it); off: owned kernel threads, --async causal and union");
}

static enum shk_answer stacks(char *detail)
{
	if (!shk_stack_check_possible())
		return found(
			detail, SHK_ANSWER_OFF,
			"no reliable stack traces (CONFIG_UNWINDER_ORC); off: patches in place, livepatches that wait for threads");
	return found(detail, SHK_ANSWER_FINE,
		     "the ORC unwinder tells in which functions a task is");
}

static enum shk_answer system_calls(char *detail)
{
	return found_or_off(detail, shk_syscalls_possible(),
			    "each system call passes x64_sys_call()",
			    "no x64_sys_call() that each system call passes; off: --syscalls");
}

static enum shk_answer livepatch(char *detail)
{
	return found_or_off(detail, IS_ENABLED(CONFIG_LIVEPATCH),
			    "the kernel has livepatch (CONFIG_LIVEPATCH)",
			    "no CONFIG_LIVEPATCH; off: livepatches");
}

/*
 * Says whether ftrace is switched on. The kernel's variable ftrace_enabled is 0 also after
 * ftrace_kill(), which disables ftrace permanently. User space can tell these apart: after
 * ftrace_kill() it can no longer read the file kernel.ftrace_enabled.
 */
static enum shk_answer ftrace(char *detail)
{
	return found_or_off(
		detail, READ_ONCE(*shk_symbols.ftrace_enabled),
		"it reports each change of the kernel's text",
		"kernel.ftrace_enabled is 0; off until it is 1: attaching, probes, patches, raw edits");
}

/*
 * Says whether the kernel accepts unsigned modules. Does not check lockdown, since the kernel would
 * log that as an attempt to break it. User space can read the state of lockdown from its file.
 */
static enum shk_answer signatures(char *detail)
{
	if (READ_ONCE(*shk_symbols.modules_disabled))
		return found(
			detail, SHK_ANSWER_OFF,
			"kernel.modules_disabled is 1; off: new shadows, probes, patches, raw edits");
	if (is_module_sig_enforced())
		return found(
			detail, SHK_ANSWER_OFF,
			"the kernel accepts signed modules only; off: new shadows, probes, patches, raw edits");
	return found(detail, SHK_ANSWER_FINE, "the kernel accepts unsigned modules");
}

static enum shk_answer symbols(char *detail)
{
	return found(detail, SHK_ANSWER_FINE, "the kernel has each symbol that the module needs");
}

/* SHK_PROPERTY_LIST lists them in this order; a cursor is an index. */
static const struct {
	const char *name;
	/*
	 * Writes a sentence to @detail. Process context; may be called at any time after the
	 * load.
	 */
	enum shk_answer (*check)(char *detail);
	bool early; /* checked before code runs that would fail on a machine that it refuses */
} properties[] = {
	{ "preempt-rt", preempt_rt, true },
	{ "text-entry", text_entry, true },
	{ "symbols", symbols },
	{ "page-tables", page_tables },
	{ "lazy-tlb", lazy_tlb },
	{ "instruction-tlb", instruction_tlb },
	{ "module-text", module_text },
	{ "interrupts", interrupts },
	{ "firmware", firmware },
	{ "kernel-threads", kernel_threads },
	{ "stacks", stacks },
	{ "system-calls", system_calls },
	{ "livepatch", livepatch },
	{ "ftrace", ftrace },
	{ "signatures", signatures },
};

int __init shk_environment_check(bool early)
{
	char detail[SHK_DETAIL_LEN];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(properties); i++) {
		enum shk_answer answer;

		if (properties[i].early != early)
			continue;
		answer = properties[i].check(detail);
		if (answer == SHK_ANSWER_REFUSED) {
			pr_err("%s: %s\n", properties[i].name, detail);
			ret = -EOPNOTSUPP;
		} else if (answer == SHK_ANSWER_OFF) {
			pr_info("%s: %s\n", properties[i].name, detail);
		}
	}
	return ret;
}

int shk_property_next(u64 *cursor, struct shk_property *property)
{
	u64 at = *cursor;

	BUILD_BUG_ON(sizeof(property->detail) != SHK_DETAIL_LEN);
	if (at >= ARRAY_SIZE(properties))
		return -ENOENT;
	at = array_index_nospec(at, ARRAY_SIZE(properties));
	strscpy(property->name, properties[at].name, sizeof(property->name));
	property->answer = properties[at].check(property->detail);
	*cursor = at + 1;
	return 0;
}
