// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entry of an interrupt, asm_sysvec_NAME(), leads to sysvec_NAME(), which calls __sysvec_NAME()
 * on the interrupt stack (DEFINE_IDTENTRY_SYSVEC). The latter is the handler: a function of its
 * own, with an __fentry__ site. The stubs of devices' vectors lead to __common_interrupt() and
 * __spurious_interrupt() in the same way.
 *
 * Entries made by DEFINE_IDTENTRY_SYSVEC_SIMPLE have no such function. They count, tell the APIC,
 * and set a flag at most. There are few, so they are listed by name.
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/irq_vectors.h>

#include "compat/symbols.h"
#include "hooks/vectors.h"

/* Entries without a handler of their own, which are not hooked. */
static const char *const simple[] = {
	"sysvec_reschedule_ipi",
	"sysvec_kvm_posted_intr_ipi",
	"sysvec_kvm_posted_intr_nested_ipi",
};

/* Entries that lead to a handler with another name. */
static const struct {
	const char *entry, *handler;
} stubs[] = {
	{ "irq_entries_start", "__common_interrupt" },
	{ "asm_common_interrupt", "__common_interrupt" },
	{ "spurious_entries_start", "__spurious_interrupt" },
	{ "asm_spurious_interrupt", "__spurious_interrupt" },
	{ "fred_handle_spurious_interrupt", "__spurious_interrupt" },
};

/*
 * Adds the handler @name to the first @nr elements of @vectors, unless it is among them. Returns
 * the new number of elements, or -EOPNOTSUPP, with the handler's name in the log: there is no room,
 * or no function has that name.
 */
static int __init vectors_add(struct shk_vector *vectors, int nr, const char *name)
{
	unsigned long addr;
	int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(vectors[i].name, name))
			return nr;
	if (nr < SHK_VECTORS_MAX && strscpy(vectors[nr].name, name, sizeof(vectors->name)) >= 0 &&
	    !shk_symbol_unique(name, &addr))
		return nr + 1;
	pr_err("interrupts: the handler %s cannot be hooked; please report it\n", name);
	return -EOPNOTSUPP;
}

/*
 * Adds the handler of the entry at @addr to the first @nr elements of @vectors, unless it is among
 * them or the entry has none. Returns the new number of elements, or an error of
 * shk_vectors_find().
 */
static int __init vectors_add_idt_entry(struct shk_vector *vectors, int nr, unsigned long addr)
{
	char name[KSYM_SYMBOL_LEN], handler[KSYM_SYMBOL_LEN + 2];
	const char *sysvec;
	unsigned int i;

	sprint_symbol_no_offset(name, addr);
	for (i = 0; i < ARRAY_SIZE(stubs); i++)
		if (!strcmp(name, stubs[i].entry))
			return vectors_add(vectors, nr, stubs[i].handler);
	sysvec = strstr(name, "sysvec_"); /* behind asm_ or fred_ */
	if (!sysvec) {
		pr_err("interrupts: the handler of %s is not known; please report it\n", name);
		return -EOPNOTSUPP;
	}
	for (i = 0; i < ARRAY_SIZE(simple); i++)
		if (!strcmp(sysvec, simple[i]))
			return nr;
	snprintf(handler, sizeof(handler), "__%s", sysvec);
	return vectors_add(vectors, nr, handler);
}

/*
 * Adds the handlers of all external vectors in this CPU's IDT to the first @nr elements of
 * @vectors. Leaves out int80, which is a system call. Returns the new number of elements, or an
 * error of shk_vectors_find().
 */
static int __init vectors_find_in_idt(struct shk_vector *vectors, int nr)
{
	struct desc_ptr idt;
	const gate_desc *gates;
	unsigned int i;

	store_idt(&idt);
	gates = (const gate_desc *)idt.address;
	for (i = FIRST_EXTERNAL_VECTOR; i < NR_VECTORS && nr >= 0; i++)
		if (i != IA32_SYSCALL_VECTOR && gates[i].bits.p)
			nr = vectors_add_idt_entry(vectors, nr, gate_offset(&gates[i]));
	return nr;
}

#ifdef CONFIG_X86_FRED
/*
 * Adds the handlers of all external vectors to the first @nr elements of @vectors, on CPUs with
 * FRED, which use no IDT. The kernel has a table of system vectors, and interrupts of devices lead
 * to common_interrupt(). Returns the new number of elements, or an error of shk_vectors_find().
 */
static int __init vectors_find_in_fred(struct shk_vector *vectors, int nr)
{
	void **table = (void **)shk_symbol_lookup("sysvec_table");
	unsigned int i;

	if (!table) {
		pr_err("symbols: this kernel has no sysvec_table; is CONFIG_KALLSYMS_ALL set?\n");
		return -EOPNOTSUPP;
	}
	nr = vectors_add(vectors, nr, "__common_interrupt");
	for (i = 0; i < NR_SYSTEM_VECTORS && nr >= 0; i++)
		if (table[i])
			nr = vectors_add_idt_entry(vectors, nr, (unsigned long)table[i]);
	return nr;
}
#endif

int __init shk_vectors_find(struct shk_vector *vectors)
{
#ifdef CONFIG_X86_FRED
	if (cpu_feature_enabled(X86_FEATURE_FRED))
		return vectors_find_in_fred(vectors, 0);
#endif
	return vectors_find_in_idt(vectors, 0);
}
