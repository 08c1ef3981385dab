/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patches whose bodies are in the place of the base's. Such a patch is as any
 * other while it comes and goes: its functions begin with jumps to bodies of a
 * module. So they all change at once, and nobody enters what is replaced. When
 * nobody is left in there, the bytes change; then the jumps go.
 *
 * What is replaced begins behind the __fentry__ site, which stays for probes and
 * tracers. The same body in the module is where one goes on who comes while the
 * bytes change.
 */
#ifndef SHK_INPLACE_H
#define SHK_INPLACE_H

#include "edit/patch.h"

/* What a compiler splits off a function, and from where it comes back. */
#define SHK_NR_COLD 4

struct shk_inplace {
	unsigned long start; /* of what is replaced */
	unsigned long end;
	unsigned long twin; /* of @start, in the module */
	struct shk_edit *edits;
	unsigned int nr_edits;
	struct shk_body bodies[1 + SHK_NR_COLD]; /* in shk_shadow.bodies while in place */
	unsigned int nr_bodies;
	bool pinned;
};

/* ---- relocate.c ---- */

struct shk_move {
	const struct module *mod;
	unsigned long from; /* in @mod's text */
	unsigned int from_len;
	unsigned long to;
	unsigned int room; /* there */
	u8 *bytes;	   /* @room of them, out */
	unsigned int len;  /* of the code, without what aligns; out */
};

/*
 * -EFBIG: no room. -EOVERFLOW: a branch or a datum is out of reach from there.
 * -EPROTO: it has what belongs to its address. -EPROTOTYPE: its frames are not
 * those of the base's body. -EBUSY: a kprobe is in it.
 */
int shk_relocate(struct shk_move *move);

/* ---- inplace.c ---- */

/* One more of @bodies, which have room for it and are *@nr. */
void shk_body_add(struct shk_body *bodies, unsigned int *nr, unsigned long from, unsigned long to);
/*
 * Adds what a compiler has split off, of all functions named @symbol: SHK_NR_COLD at the most.
 * -EPROTO: they are more.
 */
int shk_bodies_add_cold(struct shk_body *bodies, unsigned int *nr, const char *symbol);
/* May functions of @shadow have bodies in place? -EOPNOTSUPP. */
int shk_inplace_allowed(const struct shk_shadow *shadow);
/* Another body for each function of @patch, made to run in place. Errors of shk_relocate(). */
int shk_inplace_prepare(struct shk_patch *patch);
void shk_inplace_free(struct shk_func *func);
/* Pages of the bodies are private; nothing else is on them. -ENOMEM, -EADDRINUSE. */
int shk_inplace_pin(struct shk_patch *patch);
void shk_inplace_unpin(struct shk_patch *patch);
/*
 * The patch is on, or nobody is grafted: put the bodies in, or take them out. -EAGAIN:
 * @busy is in one. -EADDRINUSE; -EOPNOTSUPP: shk_inplace_allowed() says so.
 */
int shk_inplace_put(struct shk_patch *patch, bool in, pid_t *busy);
/* Has @shadow a body in place behind the __fentry__ site @site? */
bool shk_inplace_at(const struct shk_shadow *shadow, unsigned long site);

#endif /* SHK_INPLACE_H */
