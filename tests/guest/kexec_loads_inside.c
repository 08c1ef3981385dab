// SPDX-License-Identifier: GPL-2.0-only
/* test: timeout=60 */
/*
 * A process inside a shadow whose text is all private loads another kernel by kexec, and unloads
 * it.
 */
#include <linux/kexec.h>
#include <sys/syscall.h>

#include "actor.h"
#include "shadows.h"

#define AT 0x1000000UL

static char image[4096];

static long job_load(long load)
{
	struct kexec_segment segment = {
		.buf = image,
		.bufsz = sizeof(image),
		.mem = (void *)AT,
		.memsz = sizeof(image),
	};

	return syscall(SYS_kexec_load, AT, load, &segment, KEXEC_ARCH_DEFAULT) ? -errno : 0;
}

int main(void)
{
	struct shadowk_raw_spec all = { .size = sizeof(all), .flags = SHADOWK_RAW_IDENTITY };
	struct shadowk_shadow *shadow;
	struct actor inside;

	if (access("/sys/kernel/kexec_loaded", R_OK))
		skip("this kernel has no kexec");
	if (is_xen_pv())
		skip("Linux 6.1 as a Xen PV guest crashes in kexec_load(), also without shadowk");
	shadow = shadow_new(NULL);
	need_ok(shadowk_raw_add(shadow, &all));
	actor_start(&inside, -1);
	attach(shadow, inside.pid);
	expect_ret(actor_do(&inside, job_load, 1), 0, "kexec_load() inside");
	expect_eq(read_number("/sys/kernel/kexec_loaded"), 1, "kernels loaded");
	expect_ret(actor_do(&inside, job_load, 0), 0, "unloading the kernel inside");
	expect_eq(read_number("/sys/kernel/kexec_loaded"), 0, "kernels loaded");
	actor_end(&inside);
	return finish();
}
