/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions at the edge of a page. Each returns its argument plus one. */
#include <linux/linkage.h>

	.text
/*
 * shk_victim_edge has no __fentry__ site. Its instructions of two bytes lie in front of the edge,
 * at it and behind it.
 */
	.balign 4096, 0xcc
	.fill	4090, 1, 0xcc
	.globl	shk_victim_edge
	.type	shk_victim_edge, @function
shk_victim_edge:
	lea	1(%rdi), %rax
	test	%eax, %eax
	test	%eax, %eax
	test	%eax, %eax
	test	%eax, %eax
	test	%eax, %eax	/* a jump of 5 bytes at +12 would cover three of them */
	test	%eax, %eax
	test	%eax, %eax
	test	%eax, %eax
	RET
	.size	shk_victim_edge, . - shk_victim_edge

/*
 * The __fentry__ site of shk_victim_spans lies in two pages. The compiler does not align functions
 * that it takes for cold, so their sites may do that, too.
 */
	.balign 4096, 0xcc
	.fill	4093, 1, 0xcc
	.globl	shk_victim_spans
	.type	shk_victim_spans, @function
shk_victim_spans:
/*
 * The site has the bytes that the compiler would put there. ftrace checks them when it loads the
 * module.
 */
#ifdef CC_USING_NOP_MCOUNT
1:	.byte	0x0f, 0x1f, 0x44, 0x00, 0x00
#else
1:	call	__fentry__
#endif
	lea	1(%rdi), %rax
	test	%eax, %eax
	RET
	.size	shk_victim_spans, . - shk_victim_spans

	.pushsection __mcount_loc, "a", @progbits
	.balign	8
	.quad	1b
	.popsection
