// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "lists.h"
#include "shadows.h"

#define SHADOWS_MAX 2048

static struct shadowk *dev;
static struct shadowk_shadow *open_shadows[SHADOWS_MAX];

struct shadowk *device(void)
{
	if (!dev)
		need_ok(shadowk_open(&dev));
	return dev;
}

static struct shadowk_shadow *keep(struct shadowk_shadow *shadow)
{
	unsigned int i;

	for (i = 0; open_shadows[i]; i++)
		need(i < SHADOWS_MAX - 1);
	return open_shadows[i] = shadow;
}

static struct shadowk_shadow *create(const char *name, uint32_t flags)
{
	struct shadowk_shadow *shadow;

	need_ok(shadowk_shadow_create_flags(device(), name, flags, &shadow));
	return keep(shadow);
}

struct shadowk_shadow *shadow_new(const char *name)
{
	return create(name, 0);
}

struct shadowk_shadow *shadow_new_async(const char *name)
{
	return create(name, SHADOWK_ASYNC_INHERIT);
}

struct shadowk_shadow *shadow_new_owner(const char *name)
{
	if (!(module_info().features & SHADOWK_FEATURE_OWN))
		skip("interrupts and kernel threads cannot be owned on this machine");
	return create(name, SHADOWK_ASYNC_OWNER);
}

struct shadowk_shadow *shadow_new_if_possible(const char *name, uint32_t flags)
{
	struct shadowk_shadow *shadow;
	int ret = shadowk_shadow_create_flags(device(), name, flags, &shadow);

	if (ret == -EOPNOTSUPP)
		return NULL;
	need_ok(ret);
	return keep(shadow);
}

static struct shadowk_shadow *create_or_skip(const char *name, uint32_t flags)
{
	struct shadowk_shadow *shadow = shadow_new_if_possible(name, flags);

	if (!shadow)
		skip("only processes can execute a shadow on this machine");
	return shadow;
}

struct shadowk_shadow *shadow_new_causal(const char *name)
{
	return create_or_skip(name, SHADOWK_ASYNC_CAUSAL);
}

struct shadowk_shadow *shadow_new_union(const char *name)
{
	return create_or_skip(name, SHADOWK_ASYNC_UNION);
}

struct shadowk_shadow *shadow_derive(struct shadowk_shadow *shadow, uint32_t rights, uint64_t *id)
{
	struct shadowk_shadow *derived;

	need_ok(shadowk_handle_derive(shadow, rights, &derived, id));
	return keep(derived);
}

void shadow_close(struct shadowk_shadow *shadow)
{
	for (unsigned int i = 0; i < SHADOWS_MAX; i++)
		if (open_shadows[i] == shadow)
			open_shadows[i] = NULL;
	shadowk_shadow_close(shadow);
}

void shadows_done(void)
{
	for (unsigned int i = 0; i < SHADOWS_MAX; i++)
		if (open_shadows[i])
			shadow_close(open_shadows[i]);
	shadowk_close(dev);
	dev = NULL;
}

struct shadowk_shadow_info shadow_info(struct shadowk_shadow *shadow)
{
	struct shadowk_shadow_info info;

	need_ok(shadowk_shadow_info(shadow, &info, sizeof(info)));
	return info;
}

void expect_same_info(const struct shadowk_shadow_info *is, const struct shadowk_shadow_info *was,
		      const char *which, const char *when)
{
	expect_eq(is->nr_grafts, was->nr_grafts, "processes in %s, %s", which, when);
	expect_eq(is->nr_probes, was->nr_probes, "probes of %s, %s", which, when);
	expect_eq(is->private_pages, was->private_pages, "pages of %s, %s", which, when);
	expect_eq(is->diverged_ranges, was->diverged_ranges, "ranges of %s, %s", which, when);
	expect_eq(is->memory, was->memory, "bytes of %s, %s", which, when);
}

unsigned int strays(struct shadowk_shadow *shadow)
{
	struct shadowk_edit_info *edits;
	long nr = need_ok(list_read(shadowk_edit_list, shadow, &edits));
	unsigned int bytes = 0;

	for (long i = 0; i < nr; i++)
		if (edits[i].flags & SHADOWK_EDIT_STRAY)
			bytes += edits[i].len;
	free(edits);
	return bytes;
}

struct shadowk_info module_info(void)
{
	struct shadowk_info info = { .size = sizeof(info) };

	need_ok(shadowk_info(device(), &info));
	return info;
}

bool is_xen_pv(void)
{
	return !strcmp(module_info().mmu, "xenpv");
}

bool text_is_small(void)
{
	return !is_xen_pv() && !system("grep -q '^bugs.*itlb_multihit' /proc/cpuinfo");
}

static struct shadowk_property property_get(const char *name)
{
	struct shadowk_property *properties, found = { 0 };
	long nr = need_ok(list_read(shadowk_property_list, device(), &properties));

	for (long i = 0; i < nr; i++)
		if (!strcmp(properties[i].name, name))
			found = properties[i];
	free(properties);
	need(found.name[0]);
	return found;
}

bool property_is_on(const char *name)
{
	return property_get(name).answer != SHADOWK_ANSWER_OFF;
}

void need_property(const char *name)
{
	struct shadowk_property property = property_get(name);

	if (property.answer == SHADOWK_ANSWER_OFF)
		skip("%s: %s", property.name, property.detail);
}

void attach(struct shadowk_shadow *shadow, pid_t pid)
{
	need_ok(shadowk_process_attach(shadow, pid));
}

void detach(pid_t pid)
{
	need_ok(shadowk_process_detach(device(), pid));
}

uint64_t shadow_of(pid_t pid)
{
	struct shadowk_process_info info = { .size = sizeof(info) };
	int ret = shadowk_process_info(device(), pid, &info);

	if (ret == -ENOENT)
		return 0;
	need_ok(ret);
	return info.shadow;
}

long probe_try(struct shadowk_shadow *shadow, const char *name, const char *place,
	       enum shadowk_probe_kind kind, uint32_t flags)
{
	struct shadowk_probe_spec spec = { .size = sizeof(spec), .kind = kind, .flags = flags };

	need_ok(shadowk_probe_parse(place, &spec));
	snprintf(spec.name, sizeof(spec.name), "%s", name);
	return shadowk_probe_add(shadow, &spec);
}

void probe_add(struct shadowk_shadow *shadow, const char *name, const char *place,
	       enum shadowk_probe_kind kind, uint32_t flags)
{
	long ret = probe_try(shadow, name, place, kind, flags);

	if (ret < 0) {
		printf("no probe at %s: %s, reason %" PRIu32 "\n", place, strerrorname_np(-ret),
		       shadowk_reason());
		need_ok(ret);
	}
}

void count(struct shadowk_shadow *shadow, const char *place)
{
	probe_add(shadow, place, place, SHADOWK_PROBE_COUNT, 0);
}

void probe_remove(struct shadowk_shadow *shadow, const char *name)
{
	need_ok(shadowk_probe_remove(shadow, name));
}

struct shadowk_probe_info probe_info(struct shadowk_shadow *shadow, const char *name)
{
	struct shadowk_probe_info *probes, found = { 0 };
	long nr = need_ok(list_read(shadowk_probe_list, shadow, &probes));

	for (long i = 0; i < nr; i++)
		if (!strcmp(probes[i].name, name))
			found = probes[i];
	free(probes);
	if (!found.id) {
		printf("no probe named %s\n", name);
		need_failed(__FILE__, __LINE__, name, ENOENT);
	}
	return found;
}

uint64_t hits(struct shadowk_shadow *shadow, const char *name)
{
	return probe_info(shadow, name).hits;
}

static uint64_t symbol_find(const char *name, bool in_module)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[1024], symbol[512];
	uint64_t addr, found = 0;
	char type, module;

	need(file);
	while (!found && fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64 " %c %511s %c", &addr, &type, symbol, &module) ==
			    (in_module ? 4 : 3) &&
		    !strcmp(symbol, name))
			found = addr;
	fclose(file);
	return found;
}

uint64_t kernel_symbol(const char *name)
{
	return symbol_find(name, false);
}

uint64_t module_symbol(const char *name)
{
	return symbol_find(name, true);
}

long module_references(void)
{
	return read_number("/sys/module/shadowk/refcnt");
}

int module_load(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 ? -errno : 0;

	if (!ret && syscall(SYS_finit_module, fd, parameters, 0))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static const char *module_path(const char *folder, const char *name)
{
	static char path[2][256];
	static unsigned int turn;
	char *buf = path[turn++ % 2];
	struct utsname uts;

	need(!uname(&uts));
	snprintf(buf, sizeof(path[0]), "/lib/modules/%s/%s/%s.ko", uts.release, folder, name);
	return buf;
}

const char *shadowk_path(void)
{
	return module_path("updates", "shadowk");
}

const char *victim_path(const char *name)
{
	return module_path("extra", name);
}

void expect_refused(long seen, long expected, uint32_t reason, const char *what, ...)
{
	uint32_t is = shadowk_reason();
	char text[256];
	va_list list;

	va_start(list, what);
	vsnprintf(text, sizeof(text), what, list);
	va_end(list);
	expect_ret(seen, expected, "%s", text);
	expect_eq(is, reason, "reason of the error, %s", text);
}
