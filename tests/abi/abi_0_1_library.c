// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=30 */
/* A program of release 0.1 that was linked to the library, with the library of today. */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"

#include "0.1/shadowk.h"

#define GETPPID "__x64_sys_getppid"

/* Sizes that programs of this release pass on. */
_Static_assert(sizeof(struct shadowk_info) == 80, "0.1");
_Static_assert(sizeof(struct shadowk_shadow_info) == 128, "0.1");
_Static_assert(sizeof(struct shadowk_process) == 24, "0.1");
_Static_assert(sizeof(struct shadowk_probe_spec) == 696, "0.1");
_Static_assert(sizeof(struct shadowk_probe_info) == 1184, "0.1");
_Static_assert(sizeof(struct shadowk_subject) == 112, "0.1");

static struct shadowk *dev;
static struct shadowk_shadow *shadow;

static void device_open(void)
{
	/* The library writes no further than the size says. */
	struct {
		struct shadowk_info info;
		char behind[64];
	} arg = { .info.size = sizeof(arg.info), .behind = "untouched" };

	expect(shadowk_open(&dev), 0);
	expect(shadowk_info(dev, &arg.info), 0);
	expect(!!(arg.info.features & SHADOWK_FEATURE_PROBE), 1);
	expect(strcmp(arg.behind, "untouched"), 0);
	expect(strcmp(shadowk_version(), "") > 0, 1);
}

static void shadow_create(void)
{
	struct shadowk_shadow *again;
	struct shadowk_shadow_info info;

	expect(shadowk_shadow_create(dev, "abi", &shadow), 0);
	expect(shadowk_shadow_create(dev, "abi", &again), -EEXIST);
	expect(shadowk_reason(), SHADOWK_REASON_NAME_TAKEN);
	expect(shadowk_shadow_info(shadow, &info, sizeof(info)), 0);
	expect(strcmp(info.name, "abi"), 0);
	expect(shadowk_shadow_open_id(dev, info.id, &again), 0);
	shadowk_shadow_close(again);
}

static void probe_add(void)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PROBE_COUNT };
	struct shadowk_subject subject = { .size = sizeof(subject), .shadow = "abi" };
	char line[256];

	expect(shadowk_probe_parse(GETPPID, &spec), 0);
	expect(shadowk_probe_add(shadow, &spec), 0);
	expect(spec.id, 1);
	expect(shadowk_probe_add(shadow, &spec), -EEXIST);
	expect(shadowk_reason(), SHADOWK_REASON_NAME_TAKEN);
	expect(shadowk_probe_parse("no_such_function_1", &spec), 0);
	spec.name[0] = '\0';
	expect(shadowk_probe_add(shadow, &spec), -ENOENT);
	subject.probe_spec = &spec;
	shadowk_explain(line, sizeof(line), SHADOWK_OP_PROBE_ADD, -ENOENT, &subject);
	expect(!!strstr(line, "no function named 'no_such_function_1'"), 1);
}

static void process_attach(void)
{
	struct shadowk_process inside[4];
	uint64_t cursor = 0;
	int status, ends[2];
	pid_t pid;
	char c;

	expect(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		expect(shadowk_process_attach(shadow, 0), 0);
		for (int i = 0; i < 10; i++)
			syscall(SYS_getppid);
		expect(shadowk_process_list(shadow, &cursor, inside, sizeof(inside[0]), 4), 1);
		expect(inside[0].pid, getpid());
		expect(write(ends[1], "", 1), 1);
		pause();
	}
	expect(read(ends[0], &c, 1), 1);
	expect(shadowk_process_detach(dev, pid), 0);
	expect(shadowk_process_detach_from(shadow, pid), -ENOENT);
	expect(shadowk_reason(), SHADOWK_REASON_NOT_INSIDE);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void probe_list(void)
{
	struct shadowk_probe_info probes[2];
	uint64_t cursor = 0;

	memset(probes, 0xff, sizeof(probes));
	expect(shadowk_probe_list(shadow, &cursor, probes, sizeof(probes[0]), 2), 1);
	expect(cursor, 0);
	expect(probes[0].hits, 10);
	expect(strcmp(probes[0].symbol, GETPPID), 0);
	expect(probes[1].id, -1);
}

int main(void)
{
	device_open();
	shadow_create();
	probe_add();
	process_attach();
	probe_list();
	expect(shadowk_shadow_destroy(shadow), 0);
	shadowk_shadow_close(shadow);
	shadowk_close(dev);
	return failures != 0;
}
