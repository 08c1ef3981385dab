// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers disabled kprobes at the instructions that this module probes (shk_site.kp).
 *
 * register_kprobe() takes millions of instructions, since it calls jump_label_text_reserved()
 * twice: to check the address, and to prepare the jump of an optimised kprobe. That function
 * decodes the instructions of all static keys. A disabled kprobe does not need the jump.
 *
 * A shadow may have thousands of kprobes at entries of functions. kprobe_register_entry() registers
 * these at less cost, as register_kprobe() registers a kprobe that cannot be optimised.
 */
#include <linux/cpu.h>
#include <linux/hash.h>
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/rculist.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <asm/text-patching.h>

#include "edit/probe.h"
#include "hooks/hooks.h"

/* Returns true if the byte at @addr can be read: its page is mapped. Any context. */
static bool is_mapped(unsigned long addr)
{
	u8 byte;
	bool mapped = false;

	pagefault_disable();
	__get_kernel_nofault(&byte, (void *)addr, u8, unmapped);
	mapped = true;
unmapped:
	pagefault_enable();
	return mapped;
}

/*
 * Returns true if register_kprobe() would read unmapped memory for a kprobe at @addr. The caller
 * holds a reference to the module that has the text. Does not sleep.
 *
 * can_optimize() decodes the function at @addr up to its end. In kallsyms, the last function of a
 * module's text ends with the last page, so can_optimize() also decodes the padding of that page.
 * The last instruction of the padding may need bytes of the next page, where 6.12 maps nothing.
 */
static bool is_decoded_too_far(unsigned long addr)
{
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];

	return !shk_is_kernel_text(addr) && !shk_symbol_of(addr, name, &offset, &size) &&
	       !is_mapped(addr - offset + size);
}

/*
 * Returns true if the kernel image has a static key at @addr, or if the kernel image or a module
 * has a static call there. Does not sleep.
 */
static bool is_static_key_or_call(unsigned long addr)
{
	const struct jump_entry *entry;
	bool ret;

	for (entry = shk_symbols.jump_table; entry < shk_symbols.jump_table_end; entry++)
		if (jump_entry_code(entry) == addr)
			return true;
	preempt_disable(); /* it looks at modules, too */
	ret = shk_call(static_call_text_reserved)((void *)addr, (void *)addr);
	preempt_enable();
	return ret;
}

/*
 * Returns true if the kernel may write to the base's instruction at @addr, or allows no kprobe
 * there. That is so for static keys, static calls, traps of BUG(), and padding. May also return
 * true for other instructions that begin with the same byte; then the caller leaves the decision to
 * register_kprobe(). The caller ensures that no kprobe is at @addr. text_mutex is held.
 */
static bool may_be_reserved(unsigned long addr)
{
	const u8 *base = shk_base_bytes(addr);

	lockdep_assert_held(shk_symbols.text_mutex);
	switch (base[0]) {
	case 0x2e: /* xor with prefixes: a static call that returns 0 */
	case 0x66: /* a nop of 2 bytes */
	case 0x67: /* ud1 with a prefix */
	case 0x90: /* padding before a function */
	case INT3_INSN_OPCODE:
		return true;
	case 0x0f: /* a nop of 5 bytes, a conditional jump, a trap, or a nop that was an endbr */
		return base[1] == 0x0b || base[1] == 0xb9 || is_static_key_or_call(addr);
	case CALL_INSN_OPCODE:
	case JMP32_INSN_OPCODE:
	case JMP8_INSN_OPCODE:
	case RET_INSN_OPCODE:
		return is_static_key_or_call(addr);
	default:
		return false;
	}
}

/*
 * Returns 1 if a kprobe at @addr would be at the entry of a function of the kernel image. That is
 * its first instruction, or the one behind an endbr. Returns 0 if it would not, or if that is not
 * known. Returns -EINVAL if @addr is in padding before a function, where no kprobe can be. Does not
 * sleep.
 */
static int entry_at(unsigned long addr)
{
	unsigned long offset, size;
	char name[SHK_SYMBOL_LEN];
	bool entry;

	if (!shk_is_kernel_text(addr) || shk_symbol_of(addr, name, &offset, &size))
		return 0;
	if (!strncmp(name, "__cfi_", 6) || !strncmp(name, "__pfx_", 6))
		return -EINVAL;
	return (unsigned long)shk_call(arch_adjust_kprobe_addr)(addr - offset, offset, &entry) ==
		       addr &&
	       entry;
}

/*
 * Adds @kp, which is disabled and prepared, to the hash table of kprobes. Returns true if
 * get_kprobe() finds it there. Otherwise removes it again, waits for a grace period, and returns
 * false: the table has another layout. The caller holds kprobe_mutex; sleeps.
 */
static bool kprobe_publish(struct kprobe *kp)
{
	INIT_HLIST_NODE(&kp->hlist);
	hlist_add_head_rcu(&kp->hlist,
			   &shk_symbols.kprobe_table[hash_ptr(kp->addr, SHK_KPROBE_TABLE_BITS)]);
	if (shk_call(get_kprobe)(kp->addr) == kp)
		return true;
	hlist_del_rcu(&kp->hlist);
	synchronize_rcu();
	return false;
}

/*
 * Registers @kp, a disabled kprobe at the entry of a function of the kernel image, at less cost
 * than register_kprobe(). Afterwards @kp is as after a register_kprobe() that cannot optimise it.
 * Takes kprobe_mutex and text_mutex; sleeps. Returns false if it is not registered, for example
 * since the kernel may write to its address. The caller then calls register_kprobe(), which may
 * succeed or tells the reason.
 */
static bool kprobe_register_entry(struct kprobe *kp)
{
	unsigned long addr = (unsigned long)kp->addr;
	bool ret = false;

	if (!shk_symbols.kprobe_table || shk_call(ftrace_location)(addr) ||
	    shk_call(within_kprobe_blacklist)(addr))
		return false;
	kp->flags |= KPROBE_FLAG_ON_FUNC_ENTRY;
	kp->nmissed = 0;
	INIT_LIST_HEAD(&kp->list);
	mutex_lock(shk_symbols.kprobe_mutex);
	if (shk_call(get_kprobe)(kp->addr))
		goto unlock;
	cpus_read_lock(); /* before text_mutex, as the kernel does */
	mutex_lock(shk_symbols.text_mutex);
	ret = !may_be_reserved(addr) && !shk_call(arch_prepare_kprobe)(kp);
	mutex_unlock(shk_symbols.text_mutex);
	cpus_read_unlock();
	if (ret && !kprobe_publish(kp)) {
		shk_call(arch_remove_kprobe)(kp);
		ret = false;
	}
unlock:
	mutex_unlock(shk_symbols.kprobe_mutex);
	return ret;
}

int shk_kprobe_register(struct kprobe *kp)
{
	int ret = entry_at((unsigned long)kp->addr);

	if (ret < 0)
		return ret;
	if (ret && kp->flags == KPROBE_FLAG_DISABLED && kprobe_register_entry(kp))
		return 0;
	return is_decoded_too_far((unsigned long)kp->addr) ? SHK_E(MODULE_END)
							   : register_kprobe(kp);
}

int shk_kprobe_refused(int err)
{
	switch (err) {
	case -EILSEQ:
		return SHK_E(NOT_INSTRUCTION);
	case -EOPNOTSUPP:
		return SHK_E(CANNOT_STEP);
	case -ENOMEM:
	case SHK_E(MODULE_END):
		return err;
	default: /* blacklist, reserved text */
		return SHK_E(FORBIDDEN);
	}
}

bool shk_kprobe_alone(unsigned long addr, const struct kprobe *except)
{
	bool alone = true;
	struct kprobe *kp;
	int i;

	rcu_read_lock();
	for (i = 1 - JMP32_INSN_SIZE; i < JMP32_INSN_SIZE && alone; i++) {
		kp = shk_call(get_kprobe)((void *)(addr + i));
		alone = !kp || kp == except || kprobe_disabled(kp);
	}
	rcu_read_unlock();
	return alone;
}
