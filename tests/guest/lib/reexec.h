/* SPDX-License-Identifier: GPL-2.0-only */
/* Lets a test execute itself again, to make some calls of getppid() and exit. */
#ifndef SHADOWK_TEST_REEXEC_H
#define SHADOWK_TEST_REEXEC_H

/* Must come first in main(). Does not return if this process was executed in that way. */
void reexec_main(int argc, char **argv);
/* Arguments for exec of /proc/self/exe. The array is static. */
char **reexec_argv(long calls);

#endif /* SHADOWK_TEST_REEXEC_H */
