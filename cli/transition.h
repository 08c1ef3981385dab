/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's transition to a livepatch, or back from it: /sys/kernel/livepatch/MODULE. */
#ifndef SHADOWCTL_TRANSITION_H
#define SHADOWCTL_TRANSITION_H

#include <stdbool.h>

enum transition {
	TRANSITION_DONE,
	TRANSITION_REVERSED, /* another user has reversed its direction */
	TRANSITION_GOES_ON,  /* it has not ended; the time was up, or a signal arrived */
};

/* Returns true if the kernel has a livepatch of @module. */
bool transition_exists(const char *module);
/* Returns true if that livepatch is enabled, or a transition enables it. */
bool transition_is_forward(const char *module);
/*
 * Begins the transition back, unless that is in progress. Does not wait for its end. Returns false
 * after it has reported an error.
 */
bool transition_reverse(const char *module);
/* Makes SIGINT, SIGTERM and SIGHUP end transition_wait() instead of the program. */
void transition_catch_signals(void);
/*
 * Waits up to half a minute for the end of the transition to the livepatch (@forward), or back from
 * it. Reports the tasks that the kernel waits for. Returns the state at the end of the wait.
 */
enum transition transition_wait(const char *module, bool forward);

#endif /* SHADOWCTL_TRANSITION_H */
