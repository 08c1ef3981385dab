// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads and unloads the module. Loading initialises the layers from the lowest to the device, and
 * ends them in reverse order if one fails. Unloading begins with the device. Its order:
 *
 *   shk_dev_exit()		no new handle; open handles hold the module
 *   shk_cgroups_exit()		no cgroup is bound, since bindings hold the module
 *   shk_pm_notifier_exit()
 *   shk_graft_exit()		frees parked grafts; other grafts hold the module
 *   shk_shadows_exit()		destroys shadows that only their names have kept
 *   shk_ownerships_exit()	no shadow owns anything
 *   shk_patches_exit()		frees what removed patches have left
 *   shk_livepatch_exit()
 *   shk_captures_exit()
 *   shk_sites_exit()		frees what removed probes and patched functions have left
 *   shk_hooks_exit()		waits until no task is in a hook
 *   shk_text_exit()		no private page is left
 *   shk_mmu_exit()
 */
#define pr_fmt(fmt) "shadowk: " fmt

#include <linux/module.h>

#include "dev.h"
#include "edit/capture.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/report.h"
#include "environment.h"
#include "graft/graft.h"
#include "graft/stack_check.h"
#include "hooks/hooks.h"
#include "scope/async.h"
#include "scope/causal.h"
#include "scope/cgroup.h"
#include "scope/ownership.h"
#include "scope/syscalls.h"
#include "scope/union.h"
#include "shadow/pm_notifier.h"
#include "shadow/shadow.h"

/*
 * Initialises the layers, from the lowest to the device. After an error nothing is left. Returns 0,
 * or an error, which may have a reason of the uapi header.
 */
static int __init bring_up(void)
{
	int ret;

	ret = shk_symbols_init();
	if (ret)
		return ret;
	ret = shk_environment_check(true);
	if (ret)
		return ret;
	ret = shk_mmu_init();
	if (ret)
		return ret;
	ret = shk_hooks_init();
	if (ret)
		goto mmu;
	shk_thunks_init();
	shk_syscalls_init();
	shk_stack_check_init();
	shk_cursors_init();
	shk_captures_init();
	ret = shk_environment_check(false);
	if (ret)
		goto mmu;
	ret = shk_graft_init();
	if (ret)
		goto mmu;
	ret = shk_livepatch_init();
	if (ret)
		goto graft;
	ret = shk_pm_notifier_init();
	if (ret)
		goto livepatch;
	ret = shk_cgroups_init();
	if (ret)
		goto power;
	ret = shk_async_init();
	if (ret)
		goto cgroups;
	ret = shk_causal_init();
	if (ret)
		goto cgroups;
	ret = shk_union_init();
	if (ret)
		goto cgroups;
	ret = shk_ownerships_init();
	if (ret)
		goto cgroups;
	/* The last step: from here on user space can call the module. */
	ret = shk_dev_init();
	if (ret)
		goto owns;
	/* shadowctl doctor looks for reasons behind the last of these lines. */
	pr_info("loaded\n");
	return 0;
owns:
	shk_ownerships_exit();
cgroups:
	shk_cgroups_exit();
power:
	shk_pm_notifier_exit();
livepatch:
	shk_livepatch_exit();
graft:
	shk_graft_exit();
mmu:
	shk_mmu_exit();
	return ret;
}

static int __init shadowk_init(void)
{
	return shk_errno(bring_up());
}

static void __exit shadowk_exit(void)
{
	shk_dev_exit();
	shk_cgroups_exit();
	shk_pm_notifier_exit();
	shk_graft_exit();
	shk_shadows_exit();
	shk_ownerships_exit();
	shk_patches_exit();
	shk_livepatch_exit();
	shk_captures_exit();
	shk_sites_exit();
	shk_hooks_exit();
	shk_text_exit();
	shk_mmu_exit();
}

module_init(shadowk_init);
module_exit(shadowk_exit);

MODULE_DESCRIPTION("Shadow kernels: processes that run their own copy of the kernel's text");
MODULE_AUTHOR("The shadow kernels project");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
