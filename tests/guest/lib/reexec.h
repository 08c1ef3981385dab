/* SPDX-License-Identifier: GPL-2.0-only */
/* A test that executes itself, to do some calls of getppid() and exit. */
#ifndef SHADOWK_TEST_REEXEC_H
#define SHADOWK_TEST_REEXEC_H

/* First in main(): this may be such a program, and does not return then. */
void reexec_main(int argc, char **argv);
/* The arguments that make it one; free nothing. Path: /proc/self/exe. */
char **reexec_argv(long calls);

#endif /* SHADOWK_TEST_REEXEC_H */
