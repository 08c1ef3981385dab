// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "cli.h"

int session_open(struct session *session)
{
	int err = shadowk_open(&session->dev);

	return err ? refuse(SHADOWK_OP_OPEN, err, NULL) : STATUS_DONE;
}

int session_open_shadow(struct session *session, const char *name)
{
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = name };
	int err = shadow_name_check(name);

	/* Check the name first, so that a wrong one is reported without the module, too. */
	if (!err) {
		int status = session_open(session);

		if (status)
			return status;
		err = shadow_open(session->dev, name, &session->shadow);
	}
	return err ? refuse(SHADOWK_OP_SHADOW_OPEN, err, &subject) : STATUS_DONE;
}

void session_close(struct session *session)
{
	if (session->inside != session->shadow)
		shadowk_shadow_close(session->inside);
	shadowk_shadow_close(session->shadow);
	shadowk_close(session->dev);
}

void pids_add(struct pids *pids, pid_t pid)
{
	pids->pid = need_memory(reallocarray(pids->pid, pids->count + 1, sizeof(*pids->pid)));
	pids->pid[pids->count++] = pid;
}

void pids_free(struct pids *pids)
{
	free(pids->pid);
}
