// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/shadowk and handles: what include/uapi/linux/shadowk.h says, copied in
 * and out and handed on. No policy but who may call what.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dev.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/raw.h"
#include "edit/report.h"
#include "environment.h"
#include "graft/graft.h"
#include "scope/causal.h"
#include "scope/cgroup.h"
#include "scope/ownership.h"
#include "scope/process.h"
#include "scope/syscalls.h"
#include "scope/union.h"

struct ioctl_call {
	unsigned int cmd;
	u32 min_size; /* of the struct in the first release */
	u32 size;     /* now */
	int cap;      /* -1: none, or the function's to check */
	bool undoes;  /* text becomes the base's: as unloading a module, fine under lockdown */
	/* @shadow is NULL on the device. Returns a descriptor, 0, or an error. */
	int (*func)(struct shk_shadow *shadow, void *arg);
	bool out;    /* copy the struct back */
	bool blames; /* also when it fails, to say what was wrong */
};

static const struct file_operations handle_fops;

static int handle_create(struct shk_shadow *shadow)
{
	/* O_CLOEXEC: a handle reaches another program only on purpose. */
	int fd = anon_inode_getfd("[shadowk]", &handle_fops, shadow, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		shk_shadow_put(shadow);
	return fd;
}

static bool is_terminated(const char *name)
{
	return strnlen(name, SHK_NAME_LEN) < SHK_NAME_LEN;
}

static int do_info(struct shk_shadow *shadow, void *arg)
{
	struct shk_info *info = arg;

	if (info->flags)
		return -EINVAL;
	*info = (struct shk_info){
		.size = info->size,
		.features = SHK_FEATURE_PROCESS | SHK_FEATURE_PROBE | SHK_FEATURE_RAW |
			    SHK_FEATURE_PATCH | SHK_FEATURE_ENTER | SHK_FEATURE_CGROUP |
			    (shk_syscalls_possible() ? SHK_FEATURE_SYSCALLS : 0) |
			    (shk_mmu->carriers ? SHK_FEATURE_OWN : 0),
	};
	return shk_shadows_info(info);
}

static int do_property_next(struct shk_shadow *shadow, void *arg)
{
	return shk_property_next(arg);
}

static void dev_teardown(struct shk_shadow *shadow)
{
	shk_ownerships_teardown(shadow);
	shk_causal_end(shadow);
	shk_patches_teardown(shadow);
	shk_probes_teardown(shadow);
	if (shadow->flags & SHK_ASYNC_UNION)
		shk_union_settle();
	shk_raws_teardown(shadow);
	shk_syscalls_teardown(shadow);
}

/* One policy at most; without, interrupts execute the base. */
#define ASYNC_FLAGS (SHK_ASYNC_INHERIT | SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL | SHK_ASYNC_UNION)

static int do_shadow_create(struct shk_shadow *unused, void *arg)
{
	struct shk_shadow_create *create = arg;
	struct shk_shadow *shadow;
	int fd;

	if (create->flags & ~(ASYNC_FLAGS | SHK_DELEGABLE) || !is_terminated(create->name) ||
	    hweight32(create->flags & ASYNC_FLAGS) > 1)
		return -EINVAL;
	if (create->flags & SHK_ASYNC_UNION && !shk_union_possible())
		return -EOPNOTSUPP;
	shadow = shk_shadow_create(create->name, create->flags, dev_teardown, NULL);
	if (IS_ERR(shadow))
		return PTR_ERR(shadow);
	shk_shadow_get(shadow);
	fd = create->flags & SHK_ASYNC_CAUSAL ? shk_causal_begin(shadow) : 0;
	if (fd)
		shk_shadow_put(shadow);
	else
		fd = handle_create(shadow);
	if (fd < 0)
		shk_shadow_abort(shadow);
	shk_shadow_put(shadow);
	return fd;
}

static int do_shadow_open(struct shk_shadow *unused, void *arg)
{
	struct shk_shadow_open *open = arg;
	struct shk_shadow *shadow;

	if (open->flags || !is_terminated(open->name))
		return -EINVAL;
	shadow = shk_shadow_find(open->name);
	return IS_ERR(shadow) ? PTR_ERR(shadow) : handle_create(shadow);
}

static int do_shadow_info(struct shk_shadow *shadow, void *arg)
{
	struct shk_shadow_info *info = arg;

	return info->flags ? -EINVAL : shk_shadow_info(shadow, info);
}

static int do_shadow_next(struct shk_shadow *unused, void *arg)
{
	struct shk_shadow_info *info = arg;
	struct shk_shadow *shadow;
	int ret;

	if (info->flags)
		return -EINVAL;
	shadow = shk_shadow_next(info->id);
	if (IS_ERR(shadow))
		return PTR_ERR(shadow);
	ret = do_shadow_info(shadow, info);
	shk_shadow_put(shadow);
	return ret;
}

static int do_shadow_destroy(struct shk_shadow *shadow, void *arg)
{
	struct shk_shadow_destroy *destroy = arg;
	int ret;

	if (destroy->flags)
		return -EINVAL;
	/* A cgroup that was just removed? */
	if (READ_ONCE(shadow->nr_cgroups))
		shk_cgroups_settle();
	ret = shk_shadow_destroy(shadow);
	shk_graft_drain();
	shk_patches_settle(true);
	shk_sites_settle(true);
	return ret;
}

static int do_process_attach(struct shk_shadow *shadow, void *arg)
{
	struct shk_process *process = arg;

	if (process->flags || process->busy)
		return -EINVAL;
	return shk_process_attach(shadow, process->pid, &process->busy);
}

/* From any shadow on the device, from that one on a handle. */
static int do_process_detach(struct shk_shadow *from, void *arg)
{
	struct shk_process *process = arg;

	if (process->flags || process->busy)
		return -EINVAL;
	return shk_process_detach(from, process->pid, &process->busy);
}

static int do_process_info(struct shk_shadow *unused, void *arg)
{
	struct shk_process_info *info = arg;

	return info->flags || info->reserved ? -EINVAL : shk_process_info(info);
}

static int do_process_next(struct shk_shadow *shadow, void *arg)
{
	struct shk_process_next *next = arg;

	return next->flags || next->reserved ? -EINVAL : shk_process_next(shadow, next);
}

static int do_enter(struct shk_shadow *shadow, void *arg)
{
	struct shk_enter *enter = arg;

	if (enter->flags & ~SHK_THREAD || enter->busy || enter->reserved)
		return -EINVAL;
	return shk_process_enter(shadow, enter->flags & SHK_THREAD ? shk_sites_ask_threads : NULL,
				 &enter->busy);
}

static int do_leave(struct shk_shadow *shadow, void *arg)
{
	struct shk_enter *enter = arg;

	if (enter->flags || enter->busy || enter->reserved)
		return -EINVAL;
	return shk_process_leave(shadow, &enter->busy);
}

static int do_syscalls_create(struct shk_shadow *target, void *arg)
{
	/* What may fail first: the target stays as it was. */
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct shk_shadow *shadow;
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_getfile("[shadowk]", &handle_fops, NULL, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	shadow = shk_syscalls_create(target, arg);
	if (IS_ERR(shadow)) {
		fput(file);
		put_unused_fd(fd);
		return PTR_ERR(shadow);
	}
	file->private_data = shadow;
	fd_install(fd, file);
	return fd;
}

static int do_cgroup_attach(struct shk_shadow *shadow, void *arg)
{
	struct shk_cgroup *cgroup = arg;

	if (cgroup->flags || cgroup->busy)
		return -EINVAL;
	return shk_cgroup_attach(&(struct shk_split){ .shadow = shadow }, cgroup->fd,
				 &cgroup->busy);
}

static int do_cgroup_split(struct shk_shadow *shadow, void *arg)
{
	struct shk_cgroup_split *cgroup = arg;
	struct shk_split split = { .shadow = shadow, .percent = cgroup->percent };
	struct file *other;
	int ret = -EINVAL;

	if (cgroup->flags || cgroup->busy || !cgroup->percent || cgroup->percent > 99)
		return -EINVAL;
	other = fget(cgroup->other);
	if (!other)
		return -EBADFD;
	split.other = other->private_data;
	if (other->f_op != &handle_fops)
		ret = -EBADFD;
	else if (split.other != shadow)
		ret = shk_cgroup_attach(&split, cgroup->fd, &cgroup->busy);
	fput(other);
	return ret;
}

/* From any shadow on the device, from that one on a handle. */
static int do_cgroup_detach(struct shk_shadow *from, void *arg)
{
	struct shk_cgroup *cgroup = arg;

	if (cgroup->flags || cgroup->busy)
		return -EINVAL;
	return shk_cgroup_detach(from, cgroup->fd, &cgroup->busy);
}

static int do_cgroup_next(struct shk_shadow *shadow, void *arg)
{
	struct shk_cgroup_next *next = arg;

	return next->flags || next->reserved ? -EINVAL : shk_cgroup_next(shadow, next);
}

static int do_own(struct shk_shadow *shadow, void *arg)
{
	return shk_own_add(shadow, arg);
}

static int do_disown(struct shk_shadow *shadow, void *arg)
{
	return shk_own_remove(shadow, arg);
}

static int do_own_next(struct shk_shadow *shadow, void *arg)
{
	struct shk_own_info *info = arg;

	return info->flags || info->reserved ? -EINVAL : shk_own_next(shadow, info);
}

static int add_probe(struct shk_shadow *shadow, struct shk_probe_add *arg)
{
	int ret;

	if (!(shadow->flags & SHK_ASYNC_UNION))
		return shk_probe_add(shadow, arg);
	if (READ_ONCE(shadow->dead))
		return -ESTALE;
	/* To make the union and give it up again takes long. */
	ret = READ_ONCE(shk_union) ? 0 : shk_probe_check(arg);
	if (ret)
		return ret;
	ret = shk_union_get();
	if (ret)
		return ret;
	ret = shk_probe_add(shadow, arg);
	shk_union_put();
	return ret;
}

/* Removed probes keep their slots for a grace period. */
static int do_probe_add(struct shk_shadow *shadow, void *arg)
{
	int ret = add_probe(shadow, arg);

	return ret == -ENOSPC && shk_sites_settle(true) ? add_probe(shadow, arg) : ret;
}

static int do_probe_remove(struct shk_shadow *shadow, void *arg)
{
	int ret = shk_probe_remove(shadow, arg);

	if (shadow->flags & SHK_ASYNC_UNION)
		shk_union_settle();
	shk_sites_settle(false);
	return ret;
}

/* One of two will do, so only the last is audited if it is missing. */
static bool has_either_right(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN) || capable(CAP_SYS_MODULE);
}

/* What others did inside is told to who could have placed the probe, and to who was let in. */
static bool may_read(const struct shk_shadow *shadow)
{
	return shadow->flags & SHK_DELEGABLE || has_either_right();
}

/* As /proc/kallsyms decides, for whoever asks now. */
static bool sees_addresses(void)
{
	return shk_call(kallsyms_show_value)(current_cred());
}

static int do_probe_next(struct shk_shadow *shadow, void *arg)
{
	if (!may_read(shadow))
		return -EPERM;
	return shk_probe_next(shadow, arg, sees_addresses());
}

/* Likewise removed patches. */
static int do_patch_add(struct shk_shadow *shadow, void *arg)
{
	struct shk_patch_add *add = arg;
	bool names_symbol = *add->symbol;
	int ret = shk_patch_add(shadow, add);

	if (ret != -ENOSPC || !(shk_patches_settle(true) | shk_sites_settle(true)))
		return ret;
	/* It says which function there was no room for. */
	if (!names_symbol)
		*add->symbol = 0;
	return shk_patch_add(shadow, add);
}

static int do_patch_remove(struct shk_shadow *shadow, void *arg)
{
	int ret = shk_patch_remove(shadow, arg);

	shk_patches_settle(false);
	shk_sites_settle(false);
	return ret;
}

static int do_patch_promote(struct shk_shadow *shadow, void *arg)
{
	return shk_patch_promote(shadow, arg);
}

static int do_patch_next(struct shk_shadow *shadow, void *arg)
{
	if (!may_read(shadow))
		return -EPERM;
	return shk_patch_next(shadow, arg, sees_addresses());
}

static int do_raw_add(struct shk_shadow *shadow, void *arg)
{
	return shk_raw_add(shadow, arg);
}

static int do_raw_remove(struct shk_shadow *shadow, void *arg)
{
	return shk_raw_remove(shadow, arg);
}

static int do_raw_next(struct shk_shadow *shadow, void *arg)
{
	if (!may_read(shadow))
		return -EPERM;
	return shk_raw_next(shadow, arg, sees_addresses());
}

static int do_edit_next(struct shk_shadow *shadow, void *arg)
{
	if (!may_read(shadow))
		return -EPERM;
	return shk_edit_next(shadow, arg, sees_addresses());
}

static int do_text_read(struct shk_shadow *shadow, void *arg)
{
	if (!has_either_right())
		return -EPERM;
	if (!sees_addresses())
		return -EPERM;
	return shk_text_report(shadow, arg);
}

#define CALL(_cmd, _type, _last, _cap, _func, _out, ...)                                  \
	{                                                                                 \
		.cmd = _cmd, .size = sizeof(struct _type),                                \
		.min_size = offsetofend(struct _type, _last), .cap = _cap, .func = _func, \
		.out = _out, ##__VA_ARGS__                                                \
	}

/* What makes or edits a shadow is as powerful as loading a module. */
static const struct ioctl_call device_calls[] = {
	CALL(SHK_INFO, shk_info, version, -1, do_info, true),
	CALL(SHK_PROPERTY_NEXT, shk_property, detail, -1, do_property_next, true),
	CALL(SHK_SHADOW_CREATE, shk_shadow_create, name, CAP_SYS_MODULE, do_shadow_create, false),
	CALL(SHK_SHADOW_OPEN, shk_shadow_open, name, CAP_SYS_ADMIN, do_shadow_open, false),
	CALL(SHK_SHADOW_NEXT, shk_shadow_info, target, CAP_SYS_ADMIN, do_shadow_next, true),
	CALL(SHK_PROCESS_DETACH, shk_process, busy, -1, do_process_detach, true, .blames = true),
	CALL(SHK_PROCESS_INFO, shk_process_info, name, -1, do_process_info, true),
	CALL(SHK_CGROUP_DETACH, shk_cgroup, busy, CAP_SYS_ADMIN, do_cgroup_detach, true,
	     .blames = true),
};

static const struct ioctl_call handle_calls[] = {
	CALL(SHK_SHADOW_INFO, shk_shadow_info, target, -1, do_shadow_info, true),
	CALL(SHK_SHADOW_DESTROY, shk_shadow_destroy, flags, CAP_SYS_MODULE, do_shadow_destroy,
	     false, .undoes = true),
	CALL(SHK_PROCESS_DETACH, shk_process, busy, -1, do_process_detach, true, .blames = true),
	CALL(SHK_PROCESS_ATTACH, shk_process, busy, -1, do_process_attach, true, .blames = true),
	CALL(SHK_PROCESS_NEXT, shk_process_next, comm, CAP_SYS_ADMIN, do_process_next, true),
	CALL(SHK_ENTER, shk_enter, reserved, -1, do_enter, true, .blames = true),
	CALL(SHK_LEAVE, shk_enter, reserved, -1, do_leave, true, .blames = true),
	CALL(SHK_SYSCALLS_CREATE, shk_syscalls, calls, CAP_SYS_MODULE, do_syscalls_create, true,
	     .blames = true),
	CALL(SHK_CGROUP_ATTACH, shk_cgroup, busy, CAP_SYS_ADMIN, do_cgroup_attach, true,
	     .blames = true),
	CALL(SHK_CGROUP_DETACH, shk_cgroup, busy, CAP_SYS_ADMIN, do_cgroup_detach, true,
	     .blames = true),
	CALL(SHK_CGROUP_SPLIT, shk_cgroup_split, busy, CAP_SYS_ADMIN, do_cgroup_split, true,
	     .blames = true),
	CALL(SHK_CGROUP_NEXT, shk_cgroup_next, reserved, CAP_SYS_ADMIN, do_cgroup_next, true),
	CALL(SHK_OWN, shk_own_arg, pattern, CAP_SYS_ADMIN, do_own, false),
	CALL(SHK_DISOWN, shk_own_arg, pattern, CAP_SYS_ADMIN, do_disown, false),
	CALL(SHK_OWN_NEXT, shk_own_info, pattern, CAP_SYS_ADMIN, do_own_next, true),
	CALL(SHK_PROBE_ADD, shk_probe_add, symbol, CAP_SYS_MODULE, do_probe_add, true),
	CALL(SHK_PROBE_REMOVE, shk_probe_remove, name, CAP_SYS_MODULE, do_probe_remove, false,
	     .undoes = true),
	CALL(SHK_PROBE_NEXT, shk_probe_info, unreturned, -1, do_probe_next, true),
	CALL(SHK_PATCH_ADD, shk_patch_add, object, CAP_SYS_MODULE, do_patch_add, true,
	     .blames = true),
	CALL(SHK_PATCH_REMOVE, shk_patch_remove, reserved, CAP_SYS_MODULE, do_patch_remove, true,
	     .undoes = true, .blames = true),
	CALL(SHK_PATCH_NEXT, shk_patch_info, object, -1, do_patch_next, true),
	CALL(SHK_EDIT_NEXT, shk_edit_info, symbol, -1, do_edit_next, true),
	CALL(SHK_TEXT_READ, shk_text_info, symbol, -1, do_text_read, true),
	CALL(SHK_PATCH_PROMOTE, shk_patch_promote, name, CAP_SYS_MODULE, do_patch_promote, false),
	CALL(SHK_RAW_ADD, shk_raw_add, symbol, CAP_SYS_MODULE, do_raw_add, true),
	CALL(SHK_RAW_REMOVE, shk_raw_remove, id, CAP_SYS_MODULE, do_raw_remove, false,
	     .undoes = true),
	CALL(SHK_RAW_NEXT, shk_raw_info, symbol, -1, do_raw_next, true),
};

/* Whoever gives the kernel other text may do so where it takes a module that nobody has signed. */
static int call_check_rights(const struct ioctl_call *call)
{
	if (call->cap >= 0 && !capable(call->cap))
		return -EPERM;
	if (call->cap != CAP_SYS_MODULE || call->undoes)
		return 0;
	if (READ_ONCE(*shk_symbols.modules_disabled) || is_module_sig_enforced())
		return -EPERM;
	return shk_call(security_locked_down)(LOCKDOWN_MODULE_SIGNATURE);
}

static const struct ioctl_call *call_find(const struct ioctl_call *calls, unsigned int nr,
					  unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (calls[i].cmd == cmd)
			return &calls[i];
	return NULL;
}

/* Most arguments are small: those need no allocation, which a call costs as much as the rest. */
#define SMALL 128

/* Can @size bytes at @user, which @arg was read from, be written, too? They stay as they are. */
static bool is_writable(void __user *user, const void *arg, u32 size)
{
	if (offset_in_page(user) + size > PAGE_SIZE)
		return !copy_to_user(user, arg, size);
	return !put_user(*(const u32 *)arg, (u32 __user *)user);
}

static long call_dispatch(const struct ioctl_call *calls, unsigned int nr,
			  struct shk_shadow *shadow, unsigned int cmd, void __user *user)
{
	const struct ioctl_call *call = call_find(calls, nr, cmd);
	u8 small[SMALL] __aligned(8);
	u32 size;
	void *arg = small;
	long ret;

	if (!call)
		return -ENOTTY;
	ret = call_check_rights(call);
	if (ret)
		return ret;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < call->min_size || size > PAGE_SIZE)
		return size > PAGE_SIZE ? -E2BIG : -EINVAL;

	if (call->size > sizeof(small))
		arg = kzalloc(call->size, GFP_KERNEL_ACCOUNT);
	if (!arg)
		return -ENOMEM;
	ret = copy_struct_from_user(arg, call->size, user, size);
	if (ret)
		goto free;
	/* What cannot be told must not be done. */
	if (call->out && !is_writable(user, arg, min(size, call->size)))
		ret = -EFAULT;
	if (!ret)
		ret = call->func(shadow, arg);
	/* What is restarted after a signal begins with the argument as it was. */
	if (ret == -ERESTARTSYS || (ret < 0 && !call->blames))
		goto free;
	if (call->out && copy_to_user(user, arg, min(size, call->size)))
		ret = -EFAULT;
free:
	if (arg != small)
		kfree(arg);
	return ret;
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return call_dispatch(device_calls, ARRAY_SIZE(device_calls), NULL, cmd, (void __user *)arg);
}

static long handle_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return call_dispatch(handle_calls, ARRAY_SIZE(handle_calls), file->private_data, cmd,
			     (void __user *)arg);
}

static int handle_release(struct inode *inode, struct file *file)
{
	/* None yet, if what was to make it failed. */
	if (file->private_data)
		shk_shadow_put(file->private_data);
	return 0;
}

static const struct file_operations handle_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = handle_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = handle_release,
	.llseek = noop_llseek,
};

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "shadowk",
	.fops = &device_fops,
	.mode = 0600,
};

int __init shk_dev_init(void)
{
	return misc_register(&device);
}

void shk_dev_exit(void)
{
	misc_deregister(&device);
}
