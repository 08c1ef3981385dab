// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each open() of /dev/shk_calls calls functions of the kernel that the sweep's workload does not
 * execute. They are harmless, since they depend on their arguments alone. read() returns their
 * names.
 */
#include <linux/bitmap.h>
#include <linux/crc16.h>
#include <linux/ctype.h>
#include <linux/gcd.h>
#include <linux/glob.h>
#include <linux/idr.h>
#include <linux/inet.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lcm.h>
#include <linux/list_sort.h>
#include <linux/math.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/parser.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/reciprocal_div.h>
#include <linux/siphash.h>
#include <linux/sort.h>
#include <linux/string_helpers.h>
#include <linux/time.h>
#include <linux/uuid.h>
#include <linux/xarray.h>
#if __has_include(<linux/hex.h>)
#include <linux/hex.h>
#endif

static volatile unsigned long sink;
/* Volatile, so that the compiler does not compute results in advance. */
static volatile unsigned int twelve = 12, eighteen = 18;
static char text[64] = "18", room[64];
static u8 bytes[16];
static unsigned long bits[4] = { 0xf0 }, others[4] = { 0xff };
static unsigned int number;
static guid_t guid;
static siphash_key_t key;
static struct rnd_state state;
static struct tm tm;
static struct timespec64 time;

static int compare(const void *x, const void *y)
{
	return *(const u8 *)x - *(const u8 *)y;
}

static int compare_entries(void *unused, const struct list_head *x, const struct list_head *y)
{
	return x < y;
}

static void sort_list(void)
{
	struct list_head entries[3];
	LIST_HEAD(list);
	int i;

	for (i = 0; i < 3; i++)
		list_add(&entries[i], &list);
	list_sort(NULL, &list, compare_entries);
}

static DEFINE_IDR(idr);
static DEFINE_XARRAY(xarray);

/* CALL(function, call of that function) */
#define CALLS(CALL)                                                                               \
	CALL(gcd, sink = gcd(twelve, eighteen))                                                   \
	CALL(lcm, sink = lcm(twelve, eighteen))                                                   \
	CALL(lcm_not_zero, sink = lcm_not_zero(twelve, eighteen))                                 \
	CALL(int_pow, sink = int_pow(twelve, 3))                                                  \
	CALL(reciprocal_value, sink = reciprocal_value(twelve).m)                                 \
	CALL(crc16, sink = crc16(0, bytes, sizeof(bytes)))                                        \
	CALL(siphash_1u64, sink = siphash_1u64(twelve, &key))                                     \
	CALL(siphash_2u64, sink = siphash_2u64(twelve, eighteen, &key))                           \
	CALL(prandom_bytes_state, prandom_bytes_state(&state, room, sizeof(room)))                \
	CALL(hex_to_bin, sink = hex_to_bin('a'))                                                  \
	CALL(hex2bin, sink = hex2bin(bytes, text, 1))                                             \
	CALL(bin2hex, bin2hex(room, bytes, 4))                                                    \
	CALL(hex_dump_to_buffer, hex_dump_to_buffer(bytes, 16, 16, 1, room, sizeof(room), false)) \
	CALL(kstrtouint, sink = kstrtouint(text, 10, &number))                                    \
	CALL(kstrtobool, sink = kstrtobool(text, (bool *)room))                                   \
	CALL(memparse, sink = memparse(text, NULL))                                               \
	CALL(glob_match, sink = glob_match("1?", text))                                           \
	CALL(match_string, sink = match_string((const char *[]){ text }, 1, "none"))              \
	CALL(sysfs_streq, sink = sysfs_streq(text, "18\n"))                                       \
	CALL(string_get_size, string_get_size(twelve, 512, STRING_UNITS_2, room, 32))             \
	CALL(in4_pton, sink = in4_pton("10.0.0.1", -1, bytes, -1, NULL))                          \
	CALL(in6_pton, sink = in6_pton("fe80::1", -1, bytes, -1, NULL))                           \
	CALL(guid_parse, sink = guid_parse("01234567-89ab-cdef-0123-456789abcdef", &guid))        \
	CALL(uuid_is_valid, sink = uuid_is_valid(text))                                           \
	CALL(sort, sort(bytes, sizeof(bytes), 1, compare, NULL))                                  \
	CALL(list_sort, sort_list())                                                              \
	CALL(__bitmap_andnot, sink = __bitmap_andnot(bits, bits, others, 256))                    \
	CALL(__bitmap_subset, sink = __bitmap_subset(bits, others, 256))                          \
	CALL(__bitmap_shift_left, __bitmap_shift_left(bits, bits, 3, 256))                        \
	CALL(__bitmap_shift_right, __bitmap_shift_right(bits, bits, 3, 256))                      \
	CALL(bitmap_parselist, sink = bitmap_parselist("1-3", bits, 256))                         \
	CALL(idr_alloc, sink = idr_alloc(&idr, &idr, 0, 0, GFP_KERNEL))                           \
	CALL(idr_destroy, idr_destroy(&idr))                                                      \
	CALL(xa_store, sink = !!xa_store(&xarray, 1, &xarray, GFP_KERNEL))                        \
	CALL(xa_set_mark, xa_set_mark(&xarray, 1, XA_MARK_0))                                     \
	CALL(xa_destroy, xa_destroy(&xarray))                                                     \
	CALL(time64_to_tm, time64_to_tm(twelve, 0, &tm))                                          \
	CALL(mktime64, sink = mktime64(2000, 1, 1, 0, 0, eighteen))                               \
	CALL(timespec64_to_jiffies, sink = timespec64_to_jiffies(&time))                          \
	CALL(jiffies_to_timespec64, jiffies_to_timespec64(twelve, &time))

#define NAME(function, call) #function "\n"
#define DO(function, call)   call;

static const char names[] = CALLS(NAME);

static int calls_open(struct inode *inode, struct file *file)
{
	CALLS(DO)
	return 0;
}

static ssize_t calls_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	return simple_read_from_buffer(to, len, pos, names, sizeof(names) - 1);
}

static const struct file_operations calls_fops = {
	.owner = THIS_MODULE,
	.open = calls_open,
	.read = calls_read,
};

static struct miscdevice calls = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "shk_calls",
	.fops = &calls_fops,
};
module_misc_device(calls);

MODULE_DESCRIPTION("Calls functions of the kernel that nothing else calls while it is swept");
MODULE_LICENSE("GPL");
