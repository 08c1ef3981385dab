/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own transition to a livepatch, or back: /sys/kernel/livepatch/MODULE. */
#ifndef SHADOWCTL_TRANSITION_H
#define SHADOWCTL_TRANSITION_H

#include <stdbool.h>

enum transition {
	TRANSITION_DONE,
	TRANSITION_REVERSED, /* the kernel goes, or went, the other way */
	TRANSITION_GOES_ON,  /* a signal came, or the time was up */
};

/* Does the kernel have a livepatch of that module? */
bool transition_exists(const char *module);
/* Does it have it on, or is about to? */
bool transition_is_forward(const char *module);
/* Have it taken back; false: reported. */
bool transition_reverse(const char *module);
/* Signals that end a program end the wait instead. */
void transition_catch_signals(void);
/* Until all tasks have the patch (@forward), or none has it; who is waited for is reported. */
enum transition transition_wait(const char *module, bool forward);

#endif /* SHADOWCTL_TRANSITION_H */
