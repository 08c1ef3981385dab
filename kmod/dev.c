// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of /dev/shadowk and of handles: permissions, arguments in, results and reasons out.
 * include/uapi/linux/shadowk.h specifies them; the layers below do the work.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dev.h"
#include "edit/capture.h"
#include "edit/patch.h"
#include "edit/probe.h"
#include "edit/raw.h"
#include "edit/report.h"
#include "environment.h"
#include "graft/graft.h"
#include "handle.h"
#include "scope/causal.h"
#include "scope/cgroup.h"
#include "scope/napi.h"
#include "scope/ownership.h"
#include "scope/process.h"
#include "scope/syscalls.h"
#include "scope/union.h"

/* The members that every argument begins with, as the uapi header says. */
struct head {
	u32 size;
	u32 flags;
	u32 reason;
	s32 busy;
};

/* ioctl_call.right of calls that every handle permits, derived or revoked ones too. */
#define ANY_RIGHT ~0U

/* A row of the tables of ioctls. */
struct ioctl_call {
	unsigned int cmd;
	u32 min_size; /* of the struct in its first release */
	u32 size;     /* of the struct now */
	int cap;      /* CAP_* that the caller needs, or -1: none, or @func checks it */
	u32 right;    /* SHK_RIGHT_* that permits a derived handle the call; 0: none does */
	bool undoes;  /* removes edits: permitted under lockdown, too */
	bool out;     /* the struct has out members besides reason and busy */
	/* Offset and length of an out member that is valid after an error; length 0: none is. */
	u32 error_from;
	u32 error_len;
	/*
	 * Does the call. @handle is NULL on the device; @arg is the struct, in kernel memory.
	 * Sleeps. Returns a descriptor, 0, or an error, which may have a reason.
	 */
	int (*func)(struct shk_handle *handle, void *arg);
};

static const struct file_operations handle_fops;

/* Returns true if @name, an array of SHK_NAME_LEN bytes, has a NUL. */
static bool is_terminated(const char *name)
{
	return strnlen(name, SHK_NAME_LEN) < SHK_NAME_LEN;
}

/* Returns true if /proc/kallsyms shows addresses to the caller. */
static bool dev_sees_addresses(void)
{
	return shk_call(kallsyms_show_value)(current_cred());
}

/* ---- lists ---- */

/*
 * Writes the element after *@cursor (0: the first) to @element, which the caller has zeroed, and
 * moves *@cursor to it. @handle is NULL on the device. Sleeps. Returns 0, or -ENOENT: there is no
 * further element.
 */
typedef int (*next_fn)(struct shk_handle *handle, u64 *cursor, void *element);

/*
 * Writes @element, of @size bytes, to @elements in user space, where an element has @element_size
 * bytes: cuts it off, or fills it up with zeros. Sleeps. Returns 0 or -EFAULT.
 */
static int dev_element_put(u64 elements, u32 element_size, const void *element, u32 size)
{
	void __user *to = u64_to_user_ptr(elements);

	if (copy_to_user(to, element, min(element_size, size)))
		return -EFAULT;
	if (element_size > size && clear_user(to + size, element_size - size))
		return -EFAULT;
	return 0;
}

/*
 * Writes elements that @next returns to user space, until @room elements are written, the list ends
 * or a signal comes. Moves @arg->cursor, to 0 at the end of the list, and counts the elements in
 * @arg->nr. @element is the caller's buffer of @size bytes for one of them. Returns 0, an error of
 * @next, or -EFAULT.
 */
static int dev_list_fill(struct shk_handle *handle, struct shk_list *arg, u32 room, next_fn next,
			 void *element, u32 size)
{
	while (arg->nr < room) {
		u64 cursor = arg->cursor;
		int ret;

		memset(element, 0, size);
		ret = next(handle, &cursor, element);
		if (ret == -ENOENT) {
			arg->cursor = 0;
			return 0;
		}
		ret = ret
			      ?: dev_element_put(arg->elements + (u64)arg->nr * arg->element_size,
						 arg->element_size, element, size);
		if (ret)
			return ret;
		arg->cursor = cursor;
		arg->nr++;
		/* A list may be long: a caller that gets a signal comes again with the cursor. */
		if (signal_pending(current))
			return 0;
		cond_resched();
	}
	return 0;
}

/*
 * Does a SHK_*_LIST call, whose elements have @size bytes in the kernel: @next returns one after
 * the other. @handle is NULL on the device. Sleeps. Returns 0, -EINVAL (@arg is malformed),
 * -ENOMEM, or an error of dev_list_fill().
 */
static int dev_list(struct shk_handle *handle, struct shk_list *arg, next_fn next, u32 size)
{
	u32 room = arg->nr;
	void *element;
	int ret;

	if (arg->flags || !room || arg->element_size < sizeof(u64) || arg->element_size > PAGE_SIZE)
		return -EINVAL;
	element = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!element)
		return -ENOMEM;
	arg->nr = 0;
	ret = dev_list_fill(handle, arg, room, next, element, size);
	kfree(element);
	return ret;
}

/*
 * Defines do_NAME_list(), the function of a SHK_*_LIST call. _call is an expression with the effect
 * of next_fn, of handle, cursor and info, the element.
 */
#define LIST(_name, _type, _call)                                                           \
	static int do_##_name##_next(struct shk_handle *handle, u64 *cursor, void *element) \
	{                                                                                   \
		struct _type *info = element;                                               \
                                                                                            \
		return _call;                                                               \
	}                                                                                   \
	static int do_##_name##_list(struct shk_handle *handle, void *arg)                  \
	{                                                                                   \
		return dev_list(handle, arg, do_##_name##_next, sizeof(struct _type));      \
	}

static int do_info(struct shk_handle *handle, void *arg)
{
	struct shk_info *info = arg;

	if (info->flags)
		return -EINVAL;
	*info = (struct shk_info){
		.size = info->size,
		.features = SHK_FEATURE_PROCESS | SHK_FEATURE_PROBE | SHK_FEATURE_RAW |
			    SHK_FEATURE_PATCH | SHK_FEATURE_ENTER | SHK_FEATURE_CGROUP |
			    SHK_FEATURE_DERIVE |
			    (shk_syscalls_possible() ? SHK_FEATURE_SYSCALLS : 0) |
			    (shk_mmu->carriers ? SHK_FEATURE_OWN : 0),
	};
	return shk_shadows_info(info);
}

LIST(property, shk_property, shk_property_next(cursor, info))

/* ---- shadows and handles ---- */

/*
 * Removes all edits of @shadow, and makes interrupts and kernel threads that execute it execute the
 * base: callback shk_shadow.teardown. The locks of @shadow and its target are held; sleeps.
 */
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

#define ASYNC_FLAGS (SHK_ASYNC_INHERIT | SHK_ASYNC_OWNER | SHK_ASYNC_CAUSAL | SHK_ASYNC_UNION)

static int do_shadow_create(struct shk_handle *unused, void *arg)
{
	struct shk_shadow_create *create = arg;
	struct shk_new_handle new;
	struct shk_shadow *shadow;
	int ret;

	if (create->flags & ~ASYNC_FLAGS || !is_terminated(create->name) ||
	    hweight32(create->flags & ASYNC_FLAGS) > 1)
		return -EINVAL;
	if (create->flags & SHK_ASYNC_UNION && !shk_union_possible())
		return SHK_E(NO_CARRIER);
	ret = shk_new_handle(&new, &handle_fops);
	if (ret)
		return ret;
	shadow = shk_shadow_create(create->name, create->flags, dev_teardown, NULL);
	if (IS_ERR(shadow)) {
		ret = PTR_ERR(shadow);
		goto cancel;
	}
	ret = create->flags & SHK_ASYNC_CAUSAL ? shk_causal_begin(shadow) : 0;
	/* Last: from here on other tasks find the shadow. */
	ret = ret ?: shk_shadow_publish(shadow);
	if (ret)
		goto put;
	return shk_new_handle_install(&new, shadow);
put:
	shk_shadow_put(shadow);
cancel:
	shk_new_handle_cancel(&new);
	return ret;
}

static int do_shadow_open(struct shk_handle *unused, void *arg)
{
	struct shk_shadow_open *open = arg;
	struct shk_new_handle new;
	struct shk_shadow *shadow;
	int ret;

	if (open->flags || !is_terminated(open->name) || !open->id == !*open->name)
		return -EINVAL;
	shadow = shk_shadow_find(open->id, open->name);
	if (IS_ERR(shadow))
		return PTR_ERR(shadow);
	ret = shk_new_handle(&new, &handle_fops);
	if (!ret)
		return shk_new_handle_install(&new, shadow);
	shk_shadow_put(shadow);
	return ret;
}

/*
 * Describes the next shadow in @info, for SHK_SHADOW_LIST on the device. *@cursor is the id at
 * which the search begins. Sleeps. Returns 0; -ENOENT: there is no further shadow; -ERESTARTSYS:
 * the caller was killed.
 */
static int dev_shadow_next(u64 *cursor, struct shk_shadow_info *info)
{
	struct shk_shadow *shadow = shk_shadow_next(*cursor);
	int ret;

	if (IS_ERR(shadow))
		return PTR_ERR(shadow);
	*cursor = shadow->id + 1;
	ret = shk_shadow_info(shadow, info);
	shk_shadow_put(shadow);
	return ret;
}

/*
 * Describes @shadow in @info, for SHK_SHADOW_LIST on a handle, which lists only that shadow.
 * *@cursor is 1 afterwards. Sleeps. Returns 0; -ENOENT: it was listed already; -ERESTARTSYS: the
 * caller was killed.
 */
static int dev_shadow_next_of(struct shk_shadow *shadow, u64 *cursor, struct shk_shadow_info *info)
{
	return (*cursor)++ ? -ENOENT : shk_shadow_info(shadow, info);
}

LIST(shadow, shk_shadow_info,
     handle ? dev_shadow_next_of(handle->shadow, cursor, info) : dev_shadow_next(cursor, info))

static int do_shadow_destroy(struct shk_handle *handle, void *arg)
{
	struct shk_shadow_destroy *destroy = arg;
	struct shk_shadow *shadow = handle->shadow;
	int ret;

	if (destroy->flags)
		return -EINVAL;
	/* The binding of a cgroup that was just removed may still count. */
	if (READ_ONCE(shadow->nr_cgroups))
		shk_cgroups_settle();
	ret = shk_shadow_destroy(shadow);
	shk_napi_settle();
	shk_graft_drain();
	shk_patches_settle(true);
	shk_sites_settle(true);
	return ret;
}

static int do_handle_derive(struct shk_handle *handle, void *arg)
{
	return shk_handle_derive(handle->shadow, arg, &handle_fops);
}

static int do_handle_revoke(struct shk_handle *handle, void *arg)
{
	return shk_handle_revoke(handle->shadow, arg);
}

/* ---- processes ---- */

static int do_process_attach(struct shk_handle *handle, void *arg)
{
	return shk_process_attach(handle->shadow, handle->derived, arg);
}

static int do_process_detach(struct shk_handle *handle, void *arg)
{
	return shk_process_detach(handle ? handle->shadow : NULL, handle && handle->derived, arg);
}

static int do_process_info(struct shk_handle *unused, void *arg)
{
	return shk_process_info(arg);
}

LIST(process, shk_process_entry, shk_process_next(handle->shadow, cursor, info))

static int do_enter(struct shk_handle *handle, void *arg)
{
	struct shk_enter *enter = arg;

	if (enter->flags & ~SHK_THREAD)
		return -EINVAL;
	return shk_process_enter(handle->shadow, handle->derived,
				 enter->flags & SHK_THREAD ? shk_sites_ask_threads : NULL,
				 &enter->busy);
}

static int do_leave(struct shk_handle *handle, void *arg)
{
	struct shk_enter *enter = arg;

	return enter->flags ? -EINVAL : shk_process_leave(handle->shadow, &enter->busy);
}

static int do_syscalls_create(struct shk_handle *target, void *arg)
{
	struct shk_new_handle new;
	struct shk_shadow *shadow;
	/* First what may fail, so that the target stays as it was. */
	int ret = shk_new_handle(&new, &handle_fops);

	if (ret)
		return ret;
	shadow = shk_syscalls_create(target->shadow, arg);
	if (!IS_ERR(shadow))
		return shk_new_handle_install(&new, shadow);
	shk_new_handle_cancel(&new);
	return PTR_ERR(shadow);
}

/* ---- cgroups ---- */

static int do_cgroup_attach(struct shk_handle *handle, void *arg)
{
	struct shk_cgroup *cgroup = arg;

	if (cgroup->flags || cgroup->reserved)
		return -EINVAL;
	return shk_cgroup_attach(&(struct shk_split){ .shadow = handle->shadow }, cgroup->fd,
				 &cgroup->busy);
}

/*
 * Sets *@shadow to the shadow of @file, which has to be an owner's handle. Takes no reference.
 * Returns 0; NOT_HANDLE: @file is no handle; RIGHTS: it is a derived handle.
 */
static int dev_owners_shadow(const struct file *file, struct shk_shadow **shadow)
{
	const struct shk_handle *handle = file->private_data;

	if (file->f_op != &handle_fops)
		return SHK_E(NOT_HANDLE);
	if (handle->derived)
		return SHK_E(RIGHTS);
	*shadow = handle->shadow;
	return 0;
}

static int do_cgroup_split(struct shk_handle *handle, void *arg)
{
	struct shk_cgroup_split *cgroup = arg;
	struct shk_split split = { .shadow = handle->shadow, .percent = cgroup->percent };
	struct file *other;
	int ret;

	if (cgroup->flags || cgroup->reserved || !cgroup->percent || cgroup->percent > 99)
		return -EINVAL;
	other = fget(cgroup->other);
	if (!other)
		return SHK_E(NOT_HANDLE);
	ret = dev_owners_shadow(other, &split.other);
	if (!ret)
		ret = split.other == split.shadow
			      ? -EINVAL
			      : shk_cgroup_attach(&split, cgroup->fd, &cgroup->busy);
	fput(other);
	return ret;
}

static int do_cgroup_detach(struct shk_handle *handle, void *arg)
{
	struct shk_cgroup *cgroup = arg;

	if (cgroup->flags || cgroup->reserved)
		return -EINVAL;
	return shk_cgroup_detach(handle ? handle->shadow : NULL, cgroup->fd, &cgroup->busy);
}

LIST(cgroup, shk_cgroup_entry, shk_cgroup_next(handle->shadow, cursor, info))

/* ---- interrupts and kernel threads ---- */

static int do_own(struct shk_handle *handle, void *arg)
{
	return shk_own_add(handle->shadow, arg);
}

static int do_disown(struct shk_handle *handle, void *arg)
{
	return shk_own_remove(handle->shadow, arg);
}

LIST(own, shk_own_info, shk_own_next(handle->shadow, cursor, info))

/* ---- edits ---- */

/*
 * Adds the probe that @arg describes to @shadow. If @shadow's policy is SHK_ASYNC_UNION, makes the
 * union (scope/union.h) exist meanwhile, so that the probe is added to both texts. Sleeps. Returns
 * 0, or an error of struct shk_probe_add or of shk_union_get().
 */
static int dev_probe_add(struct shk_shadow *shadow, struct shk_probe_add *arg)
{
	int ret;

	if (!(shadow->flags & SHK_ASYNC_UNION))
		return shk_probe_add(shadow, arg);
	if (READ_ONCE(shadow->dead))
		return SHK_E(SHADOW_DESTROYED);
	/* The union is created and destroyed slowly, so refuse bad input before that. */
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

/*
 * Does SHK_PROBE_ADD. All slots or detours may be taken: code of the module to which edits lead.
 * Then waits until those of removed probes are free, which takes a grace period, and tries once
 * more.
 */
static int do_probe_add(struct shk_handle *handle, void *arg)
{
	int ret = dev_probe_add(handle->shadow, arg);

	return ret == SHK_E(NO_ROOM) && shk_sites_settle(true) ? dev_probe_add(handle->shadow, arg)
							       : ret;
}

static int do_probe_remove(struct shk_handle *handle, void *arg)
{
	int ret = shk_probe_remove(handle->shadow, arg);

	if (handle->shadow->flags & SHK_ASYNC_UNION)
		shk_union_settle();
	shk_sites_settle(false);
	return ret;
}

/*
 * Reads @nr elements of @add->elements, from index @from on, to @args. Sleeps. Returns 0, -EINVAL,
 * -E2BIG or -EFAULT.
 */
static int dev_elements_get(const struct shk_probes_add *add, u32 from, struct shk_probe_add *args,
			    u32 nr)
{
	u32 i, size = add->element_size;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = copy_struct_from_user(&args[i], sizeof(args[i]),
					    u64_to_user_ptr(add->elements + (u64)(from + i) * size),
					    size);
		if (ret)
			return ret;
		if (args[i].size != size)
			return -EINVAL;
	}
	return 0;
}

/*
 * Writes @args back to the @nr elements of @add->elements from index @from on. Sleeps. Returns 0 or
 * -EFAULT.
 */
static int dev_elements_put(const struct shk_probes_add *add, u32 from,
			    const struct shk_probe_add *args, u32 nr)
{
	u32 i, size = add->element_size;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = dev_element_put(add->elements + (u64)(from + i) * size, size, &args[i],
				      sizeof(args[i]));
	return ret;
}

/*
 * Returns the error of the first of the @nr @args that was not added, and stores its index in *@at.
 * Returns 0 if all were added.
 */
static int dev_first_refused(const struct shk_probe_add *args, u32 nr, u32 *at)
{
	for (*at = 0; *at < nr; ++*at)
		if (args[*at].reason)
			return -(int)(SHK_REASON_BASE + args[*at].reason);
	return 0;
}

/*
 * Returns true if one of the @nr @args was refused since all slots or detours were taken (NO_ROOM).
 */
static bool dev_lacks_room(const struct shk_probe_add *args, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (args[i].reason == SHK_REASON_NO_ROOM)
			return true;
	return false;
}

/* The probes that one SHK_PROBES_ADD call has added. */
struct probes_added {
	u64 *ids;
	u32 nr;
};

/*
 * Adds the @nr probes of @add from index @from on to @shadow, and their ids to @added. @args:
 * buffer for their elements. After an error sets @add->nr_done to the index of the element that was
 * refused. Sleeps. Returns 0, or an error of shk_probes_add() or of an element.
 */
static int dev_probes_add_chunk(struct shk_shadow *shadow, struct shk_probes_add *add, u32 from,
				struct shk_probe_add *args, u32 nr, struct probes_added *added)
{
	u32 i, refused;
	int ret = dev_elements_get(add, from, args, nr);

	add->nr_done = from;
	ret = ret ?: shk_probes_add(shadow, args, nr);
	/* As do_probe_add(). */
	if (!ret && dev_lacks_room(args, nr) && shk_sites_settle(true))
		ret = shk_probes_add(shadow, args, nr);
	if (ret < 0)
		return ret;
	for (i = 0; i < nr; i++) {
		if (args[i].id)
			added->ids[added->nr++] = args[i].id;
		else
			memset(args[i].name, 0, sizeof(args[i].name));
	}
	ret = add->flags & SHK_PROBES_SKIP ? 0 : dev_first_refused(args, nr, &refused);
	if (ret)
		add->nr_done = from + refused;
	return ret ?: dev_elements_put(add, from, args, nr);
}

/*
 * Adds all probes of @add. The caller has checked its members, and has allocated @args with
 * SHK_PROBES_CHUNK elements. Sleeps. Returns 0, an error of dev_probes_add_chunk(), or
 * -ERESTARTSYS. After an error the caller removes the probes of @added.
 */
static int dev_probes_add_all(struct shk_shadow *shadow, struct shk_probes_add *add,
			      struct shk_probe_add *args, struct probes_added *added)
{
	u32 from, nr;
	int ret = 0;

	for (from = 0; from < add->nr && !ret; from += nr) {
		nr = min_t(u32, add->nr - from, SHK_PROBES_CHUNK);
		ret = dev_probes_add_chunk(shadow, add, from, args, nr, added);
		if (!ret && fatal_signal_pending(current))
			ret = -ERESTARTSYS;
		cond_resched();
	}
	if (!ret)
		add->nr_done = added->nr;
	return ret;
}

/*
 * Removes the probes of @added from @shadow, after SHK_PROBES_ADD has failed; also if the caller is
 * being killed. Takes the shadow's lock; sleeps.
 */
static void dev_probes_undo(struct shk_shadow *shadow, const struct probes_added *added)
{
	shk_shadow_lock_always(shadow, NULL);
	shk_probes_remove_locked(shadow, added->ids, added->nr);
	shk_shadow_unlock(shadow);
	/* As do_probe_remove(): removed sites hold their modules. */
	shk_sites_settle(false);
}

static int dev_probes_add(struct shk_shadow *shadow, struct shk_probes_add *add)
{
	struct shk_probe_add *args = kvmalloc_array(min_t(u32, add->nr, SHK_PROBES_CHUNK),
						    sizeof(*args), GFP_KERNEL_ACCOUNT);
	struct probes_added added = {
		.ids = kvmalloc_array(add->nr, sizeof(*added.ids), GFP_KERNEL_ACCOUNT),
	};
	int ret = args && added.ids ? 0 : -ENOMEM;

	if (!ret && shadow->flags & SHK_ASYNC_UNION)
		ret = shk_union_get();
	if (ret)
		goto free;
	ret = dev_probes_add_all(shadow, add, args, &added);
	if (ret)
		dev_probes_undo(shadow, &added);
	if (shadow->flags & SHK_ASYNC_UNION)
		shk_union_put();
free:
	kvfree(added.ids);
	kvfree(args);
	return ret;
}

static int do_probes_add(struct shk_handle *handle, void *arg)
{
	struct shk_probes_add *add = arg;
	u32 least = offsetofend(struct shk_probe_add, conditions);

	if (add->flags & ~SHK_PROBES_SKIP || !add->nr || add->nr > SHK_PROBES_MAX ||
	    add->element_size < least)
		return -EINVAL;
	if (add->element_size > PAGE_SIZE)
		return -E2BIG;
	return dev_probes_add(handle->shadow, add);
}

static int do_probes_remove(struct shk_handle *handle, void *arg)
{
	struct shk_probes_remove *remove = arg;
	u64 *ids = NULL;
	int ret;

	if (remove->flags || remove->reserved || !remove->nr != !remove->ids ||
	    remove->nr > SHK_PROBES_MAX)
		return -EINVAL;
	if (remove->nr)
		ids = vmemdup_user(u64_to_user_ptr(remove->ids), remove->nr * sizeof(*ids));
	if (IS_ERR(ids))
		return PTR_ERR(ids);
	ret = shk_probes_remove(handle->shadow, ids, remove->nr);
	kvfree(ids);
	if (ret < 0)
		return ret;
	remove->nr_done = ret;
	if (handle->shadow->flags & SHK_ASYNC_UNION)
		shk_union_settle();
	shk_sites_settle(true);
	return 0;
}

/*
 * Returns true if the caller has CAP_SYS_ADMIN or CAP_SYS_MODULE. Either suffices, so the lack of
 * the first is not audited.
 */
static bool dev_has_either_capability(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN) || capable(CAP_SYS_MODULE);
}

/*
 * Does a SHK_*_LIST call for edits or hits. Permitted to callers with CAP_SYS_ADMIN or
 * CAP_SYS_MODULE, and on handles derived with SHK_RIGHT_READ, which dev_check_permission() has
 * checked. Sleeps. Returns 0, CAPABILITY, or an error of dev_list().
 */
static int dev_list_edits(struct shk_handle *handle, void *arg, next_fn next, u32 size)
{
	if (!handle->derived && !dev_has_either_capability())
		return SHK_E(CAPABILITY);
	return dev_list(handle, arg, next, size);
}

/*
 * Defines do_NAME_list() as LIST() does, by shk_NAME_next(), which hides addresses from some
 * callers.
 */
#define LIST_EDITS(_name, _type)                                                                  \
	static int do_##_name##_next(struct shk_handle *handle, u64 *cursor, void *element)       \
	{                                                                                         \
		return shk_##_name##_next(handle->shadow, cursor, element, dev_sees_addresses()); \
	}                                                                                         \
	static int do_##_name##_list(struct shk_handle *handle, void *arg)                        \
	{                                                                                         \
		return dev_list_edits(handle, arg, do_##_name##_next, sizeof(struct _type));      \
	}

LIST_EDITS(probe, shk_probe_info)
LIST_EDITS(patch, shk_patch_info)
LIST_EDITS(raw, shk_raw_info)
LIST_EDITS(edit, shk_edit_info)

/*
 * Does SHK_PATCH_ADD. All slots or stubs may be taken: code of the module to which edits lead. Then
 * waits until those of removed patches and probes are free, which takes a grace period, and tries
 * once more.
 */
static int do_patch_add(struct shk_handle *handle, void *arg)
{
	int ret = shk_patch_add(handle->shadow, arg);

	if (ret != SHK_E(NO_ROOM) || !(shk_patches_settle(true) | shk_sites_settle(true)))
		return ret;
	return shk_patch_add(handle->shadow, arg);
}

static int do_patch_remove(struct shk_handle *handle, void *arg)
{
	int ret = shk_patch_remove(handle->shadow, arg);

	if (ret == SHK_E(NO_ROOM) && (shk_patches_settle(true) | shk_sites_settle(true)))
		ret = shk_patch_remove(handle->shadow, arg);
	shk_patches_settle(false);
	shk_sites_settle(false);
	return ret;
}

static int do_patch_promote(struct shk_handle *handle, void *arg)
{
	return shk_patch_promote(handle->shadow, arg);
}

static int do_raw_add(struct shk_handle *handle, void *arg)
{
	return shk_raw_add(handle->shadow, arg);
}

static int do_raw_remove(struct shk_handle *handle, void *arg)
{
	return shk_raw_remove(handle->shadow, arg);
}

static int do_text_read(struct shk_handle *handle, void *arg)
{
	if (!dev_has_either_capability())
		return SHK_E(CAPABILITY);
	if (!dev_sees_addresses())
		return SHK_E(ADDRESSES_HIDDEN);
	return shk_text_report(handle->shadow, arg);
}

/* ---- capture ---- */

static int do_capture(struct shk_handle *handle, void *arg)
{
	struct shk_capture *capture = arg;
	struct shk_shadow *target;
	struct file *file;
	int ret;

	if (capture->flags & ~SHK_CAPTURE_WORKLOAD || capture->reserved)
		return -EINVAL;
	file = fget(capture->target);
	if (!file)
		return SHK_E(NOT_HANDLE);
	ret = dev_owners_shadow(file, &target)
		      ?: shk_capture_add(handle->shadow, target,
					 capture->flags & SHK_CAPTURE_WORKLOAD);
	fput(file);
	return ret;
}

/* ---- the tables ---- */

/* A row: @_last is the last member of the struct in its first release. */
#define CALL(_cmd, _type, _last, _cap, _func, ...)                                        \
	{                                                                                 \
		.cmd = _cmd, .size = sizeof(struct _type),                                \
		.min_size = offsetofend(struct _type, _last), .cap = _cap, .func = _func, \
		##__VA_ARGS__                                                             \
	}

#define LIST_CALL(_cmd, _cap, _func, ...) \
	CALL(_cmd, shk_list, elements, _cap, _func, .out = true, ##__VA_ARGS__)

#define ERROR_MEMBER(_type, _member)                   \
	.error_from = offsetof(struct _type, _member), \
	.error_len = sizeof_field(struct _type, _member)

static const struct ioctl_call device_calls[] = {
	CALL(SHK_INFO, shk_info, version, -1, do_info, .out = true),
	LIST_CALL(SHK_PROPERTY_LIST, -1, do_property_list),
	CALL(SHK_SHADOW_CREATE, shk_shadow_create, name, CAP_SYS_MODULE, do_shadow_create),
	CALL(SHK_SHADOW_OPEN, shk_shadow_open, name, CAP_SYS_ADMIN, do_shadow_open),
	LIST_CALL(SHK_SHADOW_LIST, CAP_SYS_ADMIN, do_shadow_list),
	CALL(SHK_PROCESS_DETACH, shk_process, reserved, -1, do_process_detach),
	CALL(SHK_PROCESS_INFO, shk_process_info, name, -1, do_process_info, .out = true),
	CALL(SHK_CGROUP_DETACH, shk_cgroup, reserved, CAP_SYS_ADMIN, do_cgroup_detach),
};

static const struct ioctl_call handle_calls[] = {
	LIST_CALL(SHK_SHADOW_LIST, -1, do_shadow_list, .right = ANY_RIGHT),
	CALL(SHK_SHADOW_DESTROY, shk_shadow_destroy, busy, CAP_SYS_MODULE, do_shadow_destroy,
	     .undoes = true),
	CALL(SHK_HANDLE_DERIVE, shk_handle_derive, id, CAP_SYS_ADMIN, do_handle_derive,
	     .out = true),
	CALL(SHK_HANDLE_REVOKE, shk_handle_revoke, id, CAP_SYS_ADMIN, do_handle_revoke),
	CALL(SHK_PROCESS_DETACH, shk_process, reserved, -1, do_process_detach,
	     .right = SHK_RIGHT_ATTACH),
	CALL(SHK_PROCESS_ATTACH, shk_process, reserved, -1, do_process_attach,
	     .right = SHK_RIGHT_ATTACH),
	LIST_CALL(SHK_PROCESS_LIST, CAP_SYS_ADMIN, do_process_list),
	CALL(SHK_ENTER, shk_enter, busy, -1, do_enter, .right = SHK_RIGHT_ATTACH),
	CALL(SHK_LEAVE, shk_enter, busy, -1, do_leave, .right = ANY_RIGHT),
	CALL(SHK_SYSCALLS_CREATE, shk_syscalls, calls, CAP_SYS_MODULE, do_syscalls_create,
	     .out = true, ERROR_MEMBER(shk_syscalls, nr)),
	CALL(SHK_CGROUP_ATTACH, shk_cgroup, reserved, CAP_SYS_ADMIN, do_cgroup_attach),
	CALL(SHK_CGROUP_DETACH, shk_cgroup, reserved, CAP_SYS_ADMIN, do_cgroup_detach),
	CALL(SHK_CGROUP_SPLIT, shk_cgroup_split, reserved, CAP_SYS_ADMIN, do_cgroup_split),
	LIST_CALL(SHK_CGROUP_LIST, CAP_SYS_ADMIN, do_cgroup_list),
	CALL(SHK_OWN, shk_own_arg, pattern, CAP_SYS_ADMIN, do_own),
	CALL(SHK_DISOWN, shk_own_arg, pattern, CAP_SYS_ADMIN, do_disown),
	LIST_CALL(SHK_OWN_LIST, CAP_SYS_ADMIN, do_own_list),
	CALL(SHK_PROBE_ADD, shk_probe_add, conditions, CAP_SYS_MODULE, do_probe_add, .out = true),
	CALL(SHK_PROBE_REMOVE, shk_probe_remove, name, CAP_SYS_MODULE, do_probe_remove,
	     .undoes = true),
	CALL(SHK_PROBES_ADD, shk_probes_add, nr_done, CAP_SYS_MODULE, do_probes_add, .out = true,
	     ERROR_MEMBER(shk_probes_add, nr_done)),
	CALL(SHK_PROBES_REMOVE, shk_probes_remove, nr_done, CAP_SYS_MODULE, do_probes_remove,
	     .undoes = true, .out = true),
	LIST_CALL(SHK_PROBE_LIST, -1, do_probe_list, .right = SHK_RIGHT_READ),
	CALL(SHK_PATCH_ADD, shk_patch_add, space, CAP_SYS_MODULE, do_patch_add, .out = true,
	     ERROR_MEMBER(shk_patch_add, subject)),
	CALL(SHK_PATCH_REMOVE, shk_patch_remove, name, CAP_SYS_MODULE, do_patch_remove,
	     .undoes = true),
	CALL(SHK_PATCH_PROMOTE, shk_patch_promote, name, CAP_SYS_MODULE, do_patch_promote),
	LIST_CALL(SHK_PATCH_LIST, -1, do_patch_list, .right = SHK_RIGHT_READ),
	CALL(SHK_CAPTURE, shk_capture, reserved, CAP_SYS_MODULE, do_capture),
	CALL(SHK_RAW_ADD, shk_raw_add, symbol, CAP_SYS_MODULE, do_raw_add, .out = true),
	CALL(SHK_RAW_REMOVE, shk_raw_remove, id, CAP_SYS_MODULE, do_raw_remove, .undoes = true),
	LIST_CALL(SHK_RAW_LIST, -1, do_raw_list, .right = SHK_RIGHT_READ),
	LIST_CALL(SHK_EDIT_LIST, -1, do_edit_list, .right = SHK_RIGHT_READ),
	CALL(SHK_TEXT_READ, shk_text_read, symbol, -1, do_text_read, .out = true),
};

/* Returns LOCKDOWN if @call adds text and the kernel accepts no unsigned module, else 0. */
static int dev_check_lockdown(const struct ioctl_call *call)
{
	if (call->cap != CAP_SYS_MODULE || call->undoes)
		return 0;
	if (READ_ONCE(*shk_symbols.modules_disabled) || is_module_sig_enforced() ||
	    shk_call(security_locked_down)(LOCKDOWN_MODULE_SIGNATURE))
		return SHK_E(LOCKDOWN);
	return 0;
}

/*
 * Checks that the caller may make @call: the right of the handle, the capability, and lockdown.
 * @handle is NULL on the device. Returns 0; RIGHTS or REVOKED: the handle does not permit it;
 * CAPABILITY; or LOCKDOWN: the kernel accepts no unsigned text.
 */
static int dev_check_permission(const struct ioctl_call *call, const struct shk_handle *handle)
{
	int ret = handle && call->right != ANY_RIGHT ? shk_handle_permits(handle, call->right) : 0;

	if (ret)
		return ret;
	if (call->cap >= 0 && !capable(call->cap))
		return SHK_E(CAPABILITY);
	return dev_check_lockdown(call);
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

/*
 * The most bytes of an argument that is kept on the stack: an allocation costs as much as a small
 * call.
 */
#define SMALL 128

/*
 * Writes @reason and @busy to the members .reason and .busy at @user. Returns false if they cannot
 * be written.
 */
static bool dev_head_put(void __user *user, u32 reason, s32 busy)
{
	u64 both = (u64)(u32)busy << 32 | reason;

	/* One store for two members that follow each other: this is a part of each call's cost. */
	BUILD_BUG_ON(offsetof(struct head, busy) != offsetof(struct head, reason) + sizeof(u32));
	return !put_user(both, (u64 __user *)(user + offsetof(struct head, reason)));
}

/*
 * Returns true if a caller's struct of @size bytes includes the member that @call writes also after
 * an error (ioctl_call.error_from); false also if @call has no such member.
 */
static bool dev_has_error_member(const struct ioctl_call *call, u32 size)
{
	return call->error_len && call->error_from + call->error_len <= size;
}

/*
 * Zeroes the members at @user that are valid after an error: .reason, .busy, and the member that
 * @call documents. An earlier call may have left values there. @size: bytes of the struct in user
 * space. Returns false if they cannot be written.
 */
static bool dev_error_clear(const struct ioctl_call *call, void __user *user, u32 size)
{
	if (dev_has_error_member(call, size) &&
	    clear_user(user + call->error_from, call->error_len))
		return false;
	return dev_head_put(user, 0, 0);
}

/*
 * Returns true if all @size bytes at @user can be written. If they are in one page, they can, since
 * dev_error_clear() has written to that page. Otherwise writes @arg, which was read from there,
 * back to find out. A caller that unmaps the bytes later, during the call, gets EFAULT. If such a
 * call makes a handle, the descriptor stays open, and the caller does not learn its number.
 */
static bool dev_is_writable(void __user *user, const void *arg, u32 size)
{
	return offset_in_page(user) + size <= PAGE_SIZE || !copy_to_user(user, arg, size);
}

/*
 * Writes @arg back to user space, as far as the caller's struct of @size bytes has room. Sleeps.
 * Returns 0 or -EFAULT.
 */
static int dev_results_put(const struct ioctl_call *call, void __user *user, const void *arg,
			   u32 size)
{
	return copy_to_user(user, arg, min(size, call->size)) ? -EFAULT : 0;
}

/*
 * Writes the reason of the error @err, and the thread in the way, to the struct at @user, which has
 * @size bytes. Also writes the member of @arg that @call documents for errors. If @user cannot be
 * written, it gets nothing; the caller returns @err in any case. Sleeps.
 */
static void dev_error_put(const struct ioctl_call *call, void __user *user, const struct head *arg,
			  u32 size, int err)
{
	if (!dev_head_put(user, shk_reason(err), err == SHK_E(TASK_BUSY) ? arg->busy : 0))
		return;
	if (dev_has_error_member(call, size) &&
	    copy_to_user(user + call->error_from, (const void *)arg + call->error_from,
			 call->error_len))
		return;
}

/*
 * Does @call: copies the struct of @size bytes at @user to @arg, calls @call->func, and writes the
 * results or the error back. Sleeps. Returns the value for ioctl(2): a descriptor, 0, or an errno.
 */
static long dev_do_call(const struct ioctl_call *call, struct shk_handle *handle, void __user *user,
			struct head *arg, u32 size)
{
	long ret = copy_struct_from_user(arg, call->size, user, size);

	if (ret)
		return ret;
	arg->reason = 0;
	arg->busy = 0;
	memset((void *)arg + call->error_from, 0, call->error_len);
	/* Nothing may change if its result cannot be written. */
	if (call->out && !dev_is_writable(user, arg, min(size, call->size)))
		return -EFAULT;
	ret = call->func(handle, arg);
	/* The kernel restarts the call after the signal, so its argument must stay as it is. */
	if (ret == -ERESTARTSYS)
		return ret;
	if (ret < 0)
		dev_error_put(call, user, arg, size, ret);
	else if (call->out && dev_results_put(call, user, arg, size))
		ret = -EFAULT;
	return shk_errno(ret);
}

/*
 * Does the call @cmd: finds it among the @nr rows of @calls, checks size and permission, and calls
 * dev_do_call(). @handle is NULL on the device. Sleeps. Returns the value for ioctl(2).
 */
static long call_dispatch(const struct ioctl_call *calls, unsigned int nr,
			  struct shk_handle *handle, unsigned int cmd, void __user *user)
{
	const struct ioctl_call *call = call_find(calls, nr, cmd);
	u8 small[SMALL] __aligned(8);
	void *arg = small;
	u32 size;
	long ret;

	if (!call)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < sizeof(struct head))
		return -EINVAL;
	if (!dev_error_clear(call, user, size))
		return -EFAULT;
	if (size < call->min_size || size > PAGE_SIZE)
		return size > PAGE_SIZE ? -E2BIG : -EINVAL;
	ret = dev_check_permission(call, handle);
	if (ret)
		return dev_head_put(user, shk_reason(ret), 0) ? shk_errno(ret) : -EFAULT;
	if (call->size > sizeof(small))
		arg = kzalloc(call->size, GFP_KERNEL_ACCOUNT);
	if (!arg)
		return -ENOMEM;
	ret = dev_do_call(call, handle, user, arg, size);
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
	shk_handle_free(file->private_data);
	/* The last handle may have ended a shadow that owned network interfaces. */
	shk_napi_settle();
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
