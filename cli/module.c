// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"
#include "kernel_image.h"

/* A module cannot be unloaded while a task is in its text. Try for 30 seconds. */
#define UNLOAD_TRIES 300
#define UNLOAD_PAUSE 100000

/* The file of a module, mapped into memory. */
struct image {
	int fd;
	size_t size;
	char *bytes; /* a private mapping; NULL if it is empty or cannot be mapped */
};

static void image_close(struct image *image)
{
	if (image->bytes)
		munmap(image->bytes, image->size);
	if (image->fd >= 0)
		close(image->fd);
}

static int image_open(struct image *image, const char *file)
{
	struct stat st;
	void *bytes;

	image->fd = open(file, O_RDONLY | O_CLOEXEC);
	if (image->fd < 0 || fstat(image->fd, &st)) {
		report("cannot read '%s': %s", file, strerror(errno));
		return STATUS_REFUSED;
	}
	bytes = st.st_size
			? mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, image->fd, 0)
			: MAP_FAILED;
	if (bytes == MAP_FAILED)
		return STATUS_DONE;
	image->size = st.st_size;
	image->bytes = bytes;
	return STATUS_DONE;
}

/*
 * Returns section header @i, or NULL if the file has none, or the section does not lie within the
 * file. A section of SHT_NOBITS has no bytes in the file.
 */
static const Elf64_Shdr *section(const struct image *image, size_t i)
{
	const Elf64_Ehdr *elf = (const Elf64_Ehdr *)image->bytes;
	const Elf64_Shdr *found;

	if (image->size < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) ||
	    elf->e_ident[EI_CLASS] != ELFCLASS64 || i >= elf->e_shnum ||
	    elf->e_shoff > image->size || elf->e_shoff % _Alignof(Elf64_Shdr) ||
	    (image->size - elf->e_shoff) / sizeof(*found) <= i)
		return NULL;
	found = (const Elf64_Shdr *)(image->bytes + elf->e_shoff) + i;
	if (found->sh_type != SHT_NOBITS &&
	    (found->sh_offset > image->size || image->size - found->sh_offset < found->sh_size))
		return NULL;
	return found;
}

/* Returns the value of @key in the section .modinfo, or NULL. */
static const char *modinfo(const struct image *image, const char *key)
{
	const Elf64_Ehdr *elf = (const Elf64_Ehdr *)image->bytes;
	const Elf64_Shdr *names = section(image, 0) ? section(image, elf->e_shstrndx) : NULL;
	const Elf64_Shdr *info;
	size_t len = strlen(key);

	if (!names || names->sh_type == SHT_NOBITS)
		return NULL;
	for (size_t i = 0; (info = section(image, i)); i++) {
		const char *text = image->bytes + info->sh_offset, *end = text + info->sh_size;

		if (info->sh_type == SHT_NOBITS || info->sh_name >= names->sh_size ||
		    names->sh_size - info->sh_name < sizeof(".modinfo") ||
		    memcmp(image->bytes + names->sh_offset + info->sh_name, ".modinfo",
			   sizeof(".modinfo")) ||
		    text == end || end[-1])
			continue;
		for (; text < end; text += strlen(text) + 1)
			if (!strncmp(text, key, len) && text[len] == '=')
				return text + len + 1;
	}
	return NULL;
}

bool begins_with(const char *path, char c)
{
	FILE *file __cleanup(file_close) = fopen(path, "re");

	return file && fgetc(file) == c;
}

static bool are_disabled(void)
{
	return begins_with("/proc/sys/kernel/modules_disabled", '1');
}

/* Reports why finit_module(2) has failed with @err, which is positive. */
static void explain_load(const char *file, const struct image *image, int err)
{
	const char *vermagic = modinfo(image, "vermagic");
	struct utsname running;
	size_t len;

	uname(&running);
	len = strlen(running.release);
	if (err == ENOEXEC && vermagic &&
	    (strncmp(vermagic, running.release, len) || vermagic[len] != ' '))
		report("'%s' was built for kernel %.*s, but kernel %s is running; build it again: "
		       "shadowctl patch build",
		       file, (int)strcspn(vermagic, " "), vermagic, running.release);
	else if ((err == ENOKEY || err == EKEYREJECTED) && modinfo(image, MODULE_KERNEL_INFO))
		report("the kernel accepts signed modules only; no signature is valid for '%s', since "
		       "it is completed as it is loaded; boot without module.sig_enforce and lockdown",
		       file);
	else if (err == ENOKEY || err == EKEYREJECTED || err == EBADMSG)
		report("the kernel accepts signed modules only, and '%s' is not signed by a key that "
		       "it knows; sign it (scripts/sign-file)",
		       file);
	else if (err == ENOEXEC || err == ENOENT)
		report("the kernel cannot load '%s': %s; see its log (dmesg)", file, strerror(err));
	else if (err == EOPNOTSUPP)
		report("this kernel has no livepatch (CONFIG_LIVEPATCH), which '%s' needs; write a "
		       "patch module instead",
		       file);
	else if (err == EBUSY && begins_with("/proc/sys/kernel/ftrace_enabled", '0'))
		report("cannot load '%s': kernel.ftrace_enabled is 0, and livepatches need ftrace; "
		       "run 'sysctl kernel.ftrace_enabled=1'",
		       file);
	else if (err == EPERM && are_disabled())
		report("cannot load '%s': kernel.modules_disabled is 1; boot again, and load it "
		       "before that is set",
		       file);
	else if (err == EPERM)
		report("cannot load '%s': needs CAP_SYS_MODULE; run as root", file);
	else
		report("cannot load '%s': %s", file, strerror(err));
}

/* Returns the address of _text in the running kernel, or 0 if /proc/kallsyms does not show it. */
static uint64_t running_text(void)
{
	FILE *file __cleanup(file_close) = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char name[64], line[512];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%llx %*c %63s", &address, name) == 2 && !strcmp(name, "_text"))
			return address;
	return 0;
}

static void running_build_id(char text[41])
{
	FILE *file __cleanup(file_close) = fopen("/sys/kernel/notes", "re");
	unsigned char notes[4096];
	size_t len = file ? fread(notes, 1, sizeof(notes), file) : 0;

	*text = '\0';
	build_id_text(notes, notes + len, text);
}

/* Makes the symbols of one table that are the kernel's own absolute. */
static void symbols_complete(struct image *image, const Elf64_Shdr *table,
			     const Elf64_Shdr *strings, uint64_t linked, uint64_t text)
{
	Elf64_Sym *symbols = (Elf64_Sym *)(image->bytes + table->sh_offset);

	for (size_t k = 1; k < table->sh_size / sizeof(*symbols); k++) {
		if (symbols[k].st_shndx != SHN_UNDEF || symbols[k].st_name >= strings->sh_size ||
		    strncmp(image->bytes + strings->sh_offset + symbols[k].st_name,
			    MODULE_KERNEL_SYMBOL, strlen(MODULE_KERNEL_SYMBOL)))
			continue;
		symbols[k].st_shndx = SHN_ABS;
		/* Per-CPU variables have small addresses, which do not move. */
		if (symbols[k].st_value >= linked)
			symbols[k].st_value += text - linked;
	}
}

/*
 * Completes a module that refers to the kernel's own symbols (MODULE_KERNEL_SYMBOL): the kernel is
 * linked for one address, and a boot moves it to another one. Sets @done to whether it is such a
 * module. Reports errors. Returns a status.
 */
static int kernel_symbols_complete(struct image *image, const char *file, bool *done)
{
	const char *kernel = modinfo(image, MODULE_KERNEL_INFO);
	unsigned long long linked;
	uint64_t text;
	char wanted[41], running[41];
	const Elf64_Shdr *header;

	*done = kernel != NULL;
	if (!kernel)
		return STATUS_DONE;
	running_build_id(running);
	text = running_text();
	if (sscanf(kernel, "%llx %40s", &linked, wanted) != 2 || strcmp(wanted, running)) {
		report("'%s' was built for another kernel image; build it again: "
		       "shadowctl patch build --source",
		       file);
		return STATUS_REFUSED;
	}
	if (!text) {
		report("cannot load '%s': /proc/kallsyms does not show addresses; run as root",
		       file);
		return STATUS_REFUSED;
	}
	for (size_t i = 0; (header = section(image, i)); i++) {
		/* Copies: in a malformed file, the table that changes may lie over the headers. */
		const Elf64_Shdr table = *header;
		const Elf64_Shdr strings = section(image, table.sh_link)
						   ? *section(image, table.sh_link)
						   : (Elf64_Shdr){ 0 };

		if (table.sh_type == SHT_SYMTAB && strings.sh_type == SHT_STRTAB &&
		    strings.sh_size && !image->bytes[strings.sh_offset + strings.sh_size - 1])
			symbols_complete(image, &table, &strings, linked, text);
	}
	return STATUS_DONE;
}

/*
 * Returns the size of the module without the mark behind a signature. Since the module has been
 * changed, the kernel would refuse the signature, also if it demands none.
 */
static size_t size_without_mark(const struct image *image)
{
	static const char mark[] = "~Module signature appended~\n";
	const size_t len = sizeof(mark) - 1;

	if (image->size >= len && !memcmp(image->bytes + image->size - len, mark, len))
		return image->size - len;
	return image->size;
}

/* Maps the file, and copies the name of its module. Reports errors. Returns a status. */
static int module_open(struct image *image, const char *file, char *name, size_t len)
{
	const char *found;
	int status = image_open(image, file);

	if (status)
		return status;
	found = image->bytes ? modinfo(image, "name") : NULL;
	if (!found || strlen(found) >= len) {
		report("'%s' is not a kernel module; build one: shadowctl patch build FILE.c",
		       file);
		return STATUS_REFUSED;
	}
	snprintf(name, len, "%s", found);
	return STATUS_DONE;
}

int module_name(const char *file, char *name, size_t len)
{
	struct image image __cleanup(image_close) = { .fd = -1 };

	return module_open(&image, file, name, len);
}

long module_users(const char *name)
{
	char path[PATH_MAX];
	FILE *file __cleanup(file_close) = NULL;
	long users;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	file = fopen(path, "re");
	return file && fscanf(file, "%ld", &users) == 1 ? users : -1;
}

int module_load(const char *file, struct shadowk *livepatch_by, char *name, size_t len,
		bool *loaded)
{
	struct image image __cleanup(image_close) = { .fd = -1 };
	bool completed = false;
	int err, status = module_open(&image, file, name, len);

	if (status)
		return status;
	status = kernel_symbols_complete(&image, file, &completed);
	if (status)
		return status;
	if (completed && livepatch_by) {
		report("'%s' is no livepatch, but functions of the kernel's source; leave --livepatch "
		       "out",
		       file);
		return STATUS_REFUSED;
	}
	if (completed) {
		err = syscall(SYS_init_module, image.bytes, size_without_mark(&image), "") ? errno
											   : 0;
	} else if (livepatch_by) {
		err = -shadowk_livepatch_load(livepatch_by, image.fd);
		/* A reason is shadowk's own; without one finit_module(2) has failed. */
		if (err && shadowk_reason())
			return refuse(SHADOWK_OP_LIVEPATCH_LOAD, err, NULL);
	} else {
		err = syscall(SYS_finit_module, image.fd, "", 0) ? errno : 0;
	}
	*loaded = !err;
	if (!err || err == EEXIST)
		return STATUS_DONE;
	explain_load(file, &image, err);
	return STATUS_REFUSED;
}

int module_lock(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		report("cannot open '%s': %s", file, strerror(errno));
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	report("another shadowctl uses '%s'; wait until it has ended", file);
	return -1;
}

int module_patch_add(struct shadowk_shadow *shadow, const char *name, const char *module)
{
	struct shadowk_patch_spec spec = { .size = sizeof(spec), .kind = SHADOWK_PATCH_MODULE };
	struct shadowk_subject subject = {
		.size = sizeof(subject), .shadow = name, .patch = module, .patch_spec = &spec
	};
	int err;

	snprintf(spec.name, sizeof(spec.name), "%s", module);
	snprintf(spec.object, sizeof(spec.object), "%s", module);
	err = shadowk_patch_add(shadow, &spec);
	return err ? refuse(SHADOWK_OP_PATCH_ADD, err, &subject) : STATUS_DONE;
}

bool module_unload(const char *name)
{
	for (int i = 0; i < UNLOAD_TRIES; i++) {
		if (!syscall(SYS_delete_module, name, O_NONBLOCK) || errno == ENOENT)
			return true;
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EBUSY)
			break;
		usleep(UNLOAD_PAUSE);
	}
	return false;
}
