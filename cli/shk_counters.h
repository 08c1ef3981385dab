/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Part of the modules of shadowctl patch build --instrument: the file /sys/module/NAME/counters,
 * from which shadowctl train reads. SHK_COUNTERS is the number of counters.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sysfs.h>

/* The first object of the module has no counters. The other objects' counters follow. */
asm(".pushsection shk_counters,\"aw\",@nobits\n"
    ".balign 8\n"
    ".globl shk_counters_start\n"
    "shk_counters_start:\n"
    ".popsection");
extern u64 shk_counters_start[];

/* Newer kernels pass a const attribute. */
typedef typeof(*_Generic(((struct bin_attribute *)NULL)->read,
			 ssize_t (*)(struct file *, struct kobject *, struct bin_attribute *,
				     char *, loff_t, size_t)
			 : (struct bin_attribute *)NULL, default
			 : (const struct bin_attribute *)NULL)) shk_attribute;

/* sysfs has limited @at and @size to those of the attribute. */
static ssize_t shk_counters_read(struct file *file, struct kobject *kobj, shk_attribute *attribute,
				 char *buffer, loff_t at, size_t size)
{
	u64 *to = (u64 *)buffer;

	if (at % sizeof(*to) || size % sizeof(*to))
		return -EINVAL;
	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] = READ_ONCE(shk_counters_start[at / sizeof(*to) + i]);
	return size;
}

static struct bin_attribute shk_counters_attribute = {
	.attr = { .name = "counters", .mode = 0400 },
	.size = SHK_COUNTERS * sizeof(u64),
	.read = shk_counters_read,
};

static int __init shk_counters_load(void)
{
	return sysfs_create_bin_file(&THIS_MODULE->mkobj.kobj, &shk_counters_attribute);
}

static void __exit shk_counters_unload(void)
{
	sysfs_remove_bin_file(&THIS_MODULE->mkobj.kobj, &shk_counters_attribute);
}

module_init(shk_counters_load);
module_exit(shk_counters_unload);
