/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that lie at the edge of a page: both return their argument plus one. */
#include <linux/linkage.h>

	.text
/* Instructions of two bytes before the edge, at it and behind it; no __fentry__ site. */
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
	test	%eax, %eax	/* from +12 on: three under one jump of 5 bytes */
	test	%eax, %eax
	test	%eax, %eax
	test	%eax, %eax
	RET
	.size	shk_victim_edge, . - shk_victim_edge

/* Its __fentry__ site lies in two pages, as in functions that the compiler thinks cold. */
	.balign 4096, 0xcc
	.fill	4093, 1, 0xcc
	.globl	shk_victim_spans
	.type	shk_victim_spans, @function
shk_victim_spans:
/* What the compiler puts there, which ftrace looks at when the module is loaded. */
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
