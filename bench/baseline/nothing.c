// SPDX-License-Identifier: GPL-2.0
/* The smallest program that can be executed: no library, no loader, one page. */
void _start(void);
void _start(void)
{
	__asm__ volatile("syscall" : : "a"(60), "D"(0) : "rcx", "r11", "memory");
	__builtin_unreachable();
}
