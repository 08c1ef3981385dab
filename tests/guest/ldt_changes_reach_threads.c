// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A thread inside removes a segment from the process's LDT. Another thread, which runs at that
 * moment, must not keep the segment in a register.
 */
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <asm/ldt.h>

#include "actor.h"
#include "shadows.h"

#define ROUNDS	 20
#define SELECTOR 7 /* entry 0 of the LDT */
#define READ	 0
#define WRITE	 0x11

enum { IDLE, LOAD, LOADED, LOOK, SEEN, END };

static atomic_int step;
static atomic_int seen;

static unsigned int get_ds(void)
{
	unsigned int ds;

	asm volatile("mov %%ds, %0" : "=r"(ds));
	return ds;
}

static void set_ds(unsigned int ds)
{
	asm volatile("mov %0, %%ds" : : "r"(ds) : "memory");
}

/* This thread must not sleep, since a context switch reloads the registers. */
static void *looker(void *cpu)
{
	pin((int)(long)cpu);
	for (;;) {
		switch (step) {
		case LOAD:
			set_ds(SELECTOR);
			step = LOADED;
			break;
		case LOOK:
			seen = get_ds();
			set_ds(0);
			step = SEEN;
			break;
		case END:
			return NULL;
		}
	}
}

static void wait_step(int which)
{
	while (step != which)
		;
}

static void write_ldt(bool present)
{
	struct user_desc entry = {
		.limit = 0xfffff, .limit_in_pages = 1, .seg_32bit = 1, .useable = 1
	};

	if (!present)
		entry = (struct user_desc){ .seg_not_present = 1, .read_exec_only = 1 };
	need(!syscall(SYS_modify_ldt, WRITE, &entry, sizeof(entry)));
}

static long job_change_ldt(long cpu)
{
	pthread_t thread;
	long stale = 0;

	need(!pthread_create(&thread, NULL, looker, (void *)cpu));
	for (int i = 0; i < ROUNDS; i++) {
		write_ldt(true);
		step = LOAD;
		wait_step(LOADED);
		write_ldt(false);
		step = LOOK;
		wait_step(SEEN);
		stale += seen == SELECTOR;
	}
	step = END;
	pthread_join(thread, NULL);
	return stale;
}

int main(void)
{
	struct shadowk_shadow *shadow;
	struct actor actor;

	if (nr_cpus() < 2)
		skip("this guest has one CPU");
	if (syscall(SYS_modify_ldt, READ, NULL, 0) && errno == ENOSYS)
		skip("this kernel has no modify_ldt() (CONFIG_MODIFY_LDT_SYSCALL)");
	shadow = shadow_new(NULL);
	actor_start(&actor, 0);
	expect_eq(actor_do(&actor, job_change_ldt, 1), 0, "stale segments outside");
	attach(shadow, actor.pid);
	expect_eq(actor_do(&actor, job_change_ldt, 1), 0, "stale segments inside");
	actor_end(&actor);
	return finish();
}
