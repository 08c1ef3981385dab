// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verb doctor: properties of this machine that shadows depend on. The module reports them
 * (kmod/environment.c). If it is not loaded, this file checks by itself those that user space can
 * check, and searches the kernel's log for the others.
 */
#include <err.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"
#include "list.h"
#include "output.h"

enum {
	UNKNOWN = -1, /* only the module can answer */
};

static const char *const answers[] = {
	[SHADOWK_ANSWER_FINE] = "fine",
	[SHADOWK_ANSWER_ADAPTED] = "adapted",
	[SHADOWK_ANSWER_OFF] = "off",
	[SHADOWK_ANSWER_REFUSED] = "refused",
};

static const char *answer_text(int answer)
{
	return answer >= 0 && (size_t)answer < ARRAY_SIZE(answers) ? answers[answer] : "unknown";
}

/* Texts that the checks without the module read. A text that cannot be read is "". */
struct machine {
	struct utsname uname;
	char *config; /* the kernel's configuration */
	char *cpu;    /* /proc/cpuinfo */
	char *log;    /* the kernel's log */
};

static char *empty(void)
{
	char *text = strdup("");

	if (!text)
		err(STATUS_REFUSED, NULL);
	return text;
}

static char *file_read(const char *path)
{
	FILE *file __cleanup(file_close) = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	/* No file that is read here contains a NUL, so this reads all of it. */
	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = empty();
	}
	return text;
}

char *kernel_log_read(void)
{
	int size = klogctl(10, NULL, 0); /* SYSLOG_ACTION_SIZE_BUFFER */
	char *text = size > 0 ? malloc((size_t)size + 1) : NULL;

	if (!text)
		return empty();
	size = klogctl(3, text, size); /* SYSLOG_ACTION_READ_ALL */
	text[size > 0 ? size : 0] = '\0';
	return text;
}

static void machine_read(struct machine *machine)
{
	char path[128];

	uname(&machine->uname);
	snprintf(path, sizeof(path), "/boot/config-%s", machine->uname.release);
	machine->config = file_read(path);
	if (!*machine->config) {
		free(machine->config);
		snprintf(path, sizeof(path), "/lib/modules/%s/config", machine->uname.release);
		machine->config = file_read(path);
	}
	machine->cpu = file_read("/proc/cpuinfo");
	machine->log = kernel_log_read();
}

static void machine_free(struct machine *machine)
{
	free(machine->config);
	free(machine->cpu);
	free(machine->log);
}

static bool is_xen_pv(void)
{
	char *type __cleanup(text_free) = file_read("/sys/hypervisor/guest_type");

	return !strcmp(type, "PV\n");
}

/* Returns true if @word is one of the first CPU's flags or bugs. */
static bool cpu_has(const struct machine *machine, const char *word)
{
	size_t len = strlen(word);
	const char *end = strstr(machine->cpu, "\n\n");

	for (const char *at = machine->cpu; (at = strstr(at, word)); at += len)
		if ((!end || at < end) && at != machine->cpu && strchr(" \t", at[-1]) &&
		    strchr(" \n", at[len]))
			return true;
	return false;
}

/* Returns 1 if the kernel was built with @option, 0 if not, UNKNOWN without a configuration. */
static int configured(const struct machine *machine, const char *option)
{
	char line[64];

	if (!*machine->config)
		return UNKNOWN;
	snprintf(line, sizeof(line), "\n%s=y\n", option);
	return !!strstr(machine->config, line);
}

/* The answer of a check without the module. */
struct guess {
	int answer; /* enum shadowk_answer, or UNKNOWN */
	const char *detail;
};

/* Returns FINE if the kernel was built with @option, else the answer @otherwise and @without. */
static struct guess needs(const struct machine *machine, const char *option, int otherwise,
			  const char *without)
{
	switch (configured(machine, option)) {
	case 0:
		return (struct guess){ otherwise, without };
	case 1:
		return (struct guess){ SHADOWK_ANSWER_FINE, option };
	default:
		return (struct guess){
			UNKNOWN, "the kernel's configuration was not found in /boot or /lib/modules"
		};
	}
}

static struct guess guess_symbols(const struct machine *machine)
{
	return needs(machine, "CONFIG_KALLSYMS_ALL", SHADOWK_ANSWER_REFUSED,
		     "no CONFIG_KALLSYMS_ALL; boot a kernel that has it");
}

static struct guess guess_preempt_rt(const struct machine *machine)
{
	if (strstr(machine->uname.version, "PREEMPT_RT"))
		return (struct guess){
			SHADOWK_ANSWER_REFUSED,
			"this kernel has CONFIG_PREEMPT_RT, which shadows do not support; boot "
			"another one"
		};
	return (struct guess){ SHADOWK_ANSWER_FINE, "spinlocks do not sleep" };
}

static struct guess guess_text_entry(const struct machine *machine)
{
	if (cpu_has(machine, "la57"))
		return (struct guess){
			UNKNOWN,
			"page tables have five levels, so the answer differs from boot to boot"
		};
	return (struct guess){ SHADOWK_ANSWER_FINE, "page tables have four levels" };
}

static struct guess guess_page_tables(const struct machine *machine)
{
	(void)machine;
	if (is_xen_pv())
		return (struct guess){ SHADOWK_ANSWER_OFF,
				       "xenpv; off: --async owner, causal and union" };
	return (struct guess){ SHADOWK_ANSWER_FINE, "native" };
}

static struct guess guess_instruction_tlb(const struct machine *machine)
{
	/* A Xen PV guest maps all text by pages of 4 KB, so its mappings do not change in size. */
	if (!is_xen_pv() && cpu_has(machine, "itlb_multihit"))
		return (struct guess){ SHADOWK_ANSWER_ADAPTED,
				       "itlb_multihit (CVE-2018-12207): shadows map all text by "
				       "pages of 4 KB" };
	return (struct guess){ SHADOWK_ANSWER_FINE,
			       "text may be mapped by pages of 4 KB and 2 MB" };
}

static struct guess guess_module_text(const struct machine *machine)
{
	switch (configured(machine, "CONFIG_ARCH_HAS_EXECMEM_ROX")) {
	case 0:
		return (struct guess){ SHADOWK_ANSWER_FINE, "text of modules may differ, too" };
	case 1:
		return (struct guess){ SHADOWK_ANSWER_OFF,
				       "the kernel maps text of modules by pages of 2 MB "
				       "(CONFIG_ARCH_HAS_EXECMEM_ROX); off: probes, patches and "
				       "raw edits of modules" };
	default:
		return (struct guess){
			UNKNOWN, "the kernel's configuration was not found in /boot or /lib/modules"
		};
	}
}

static struct guess guess_firmware(const struct machine *machine)
{
	(void)machine;
	/* The folder exists also if the kernel makes no calls of EFI (efi=noruntime). */
	if (!access("/sys/firmware/efi", F_OK))
		return (struct guess){ UNKNOWN, "the machine has EFI" };
	return (struct guess){ SHADOWK_ANSWER_FINE, "the kernel makes no calls of EFI" };
}

static struct guess guess_kernel_threads(const struct machine *machine)
{
	return needs(machine, "CONFIG_PREEMPT_NOTIFIERS", SHADOWK_ANSWER_OFF,
		     "no CONFIG_PREEMPT_NOTIFIERS (kernels with KVM have it); off: owned kernel "
		     "threads, --async causal and union");
}

static struct guess guess_stacks(const struct machine *machine)
{
	return needs(machine, "CONFIG_UNWINDER_ORC", UNKNOWN, "no CONFIG_UNWINDER_ORC");
}

static struct guess guess_livepatch(const struct machine *machine)
{
	return needs(machine, "CONFIG_LIVEPATCH", SHADOWK_ANSWER_OFF,
		     "no CONFIG_LIVEPATCH; off: livepatches");
}

/* After a fault of its own, ftrace stops. This file can be opened then, but not read. */
static bool ftrace_is_dead(void)
{
	FILE *file __cleanup(file_close) = fopen("/proc/sys/kernel/ftrace_enabled", "re");

	return file && fgetc(file) == EOF;
}

static struct guess guess_ftrace(const struct machine *machine)
{
	if (ftrace_is_dead())
		return (struct guess){ SHADOWK_ANSWER_REFUSED,
				       "ftrace has stopped after a fault of its own, see the "
				       "kernel's log; boot again" };
	if (begins_with("/proc/sys/kernel/ftrace_enabled", '0'))
		return (struct guess){ SHADOWK_ANSWER_OFF,
				       "kernel.ftrace_enabled is 0; off until it is 1: "
				       "attaching, probes, patches, raw edits" };
	return needs(machine, "CONFIG_DYNAMIC_FTRACE", SHADOWK_ANSWER_REFUSED,
		     "no CONFIG_DYNAMIC_FTRACE; boot a kernel that has it");
}

static bool is_locked_down(void)
{
	char *lockdown __cleanup(text_free) = file_read("/sys/kernel/security/lockdown");

	return strstr(lockdown, "[integrity]") || strstr(lockdown, "[confidentiality]");
}

static const char signed_only[] =
	"the kernel accepts signed modules only, shadowk.ko included; off: "
	"new shadows, probes, patches, raw edits";

static struct guess guess_signatures(const struct machine *machine)
{
	(void)machine;
	if (begins_with("/proc/sys/kernel/modules_disabled", '1'))
		return (struct guess){ SHADOWK_ANSWER_REFUSED,
				       "kernel.modules_disabled is 1; boot again, and load the "
				       "module before it is set" };
	if (begins_with("/sys/module/module/parameters/sig_enforce", 'Y') || is_locked_down())
		return (struct guess){ SHADOWK_ANSWER_OFF, signed_only };
	return (struct guess){ SHADOWK_ANSWER_FINE, "the kernel accepts unsigned modules" };
}

static struct guess guess_nothing(const struct machine *machine)
{
	(void)machine;
	return (struct guess){ UNKNOWN, "load the module to get an answer" };
}

static const struct {
	const char *name;
	struct guess (*guess)(const struct machine *machine);
} properties[] = {
	{ "preempt-rt", guess_preempt_rt },   { "text-entry", guess_text_entry },
	{ "symbols", guess_symbols },	      { "page-tables", guess_page_tables },
	{ "lazy-tlb", guess_nothing },	      { "instruction-tlb", guess_instruction_tlb },
	{ "module-text", guess_module_text }, { "interrupts", guess_nothing },
	{ "firmware", guess_firmware },	      { "kernel-threads", guess_kernel_threads },
	{ "stacks", guess_stacks },	      { "system-calls", guess_nothing },
	{ "livepatch", guess_livepatch },     { "ftrace", guess_ftrace },
	{ "signatures", guess_signatures },
};

struct doctor {
	struct json_object *list;
	struct table table;
	bool refused;
};

static void tell(struct doctor *doctor, const char *name, int answer, const char *detail)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_text(name));
	json_object_object_add(object, "answer", json_text(answer_text(answer)));
	json_object_object_add(object, "detail", json_text(detail));
	json_object_array_add(doctor->list, object);
	table_add(&doctor->table, "%s", name);
	table_add(&doctor->table, "%s", answer_text(answer));
	table_add(&doctor->table, "%s", detail);
	doctor->refused |= answer == SHADOWK_ANSWER_REFUSED;
}

static int ask_module(struct doctor *doctor, struct shadowk *dev)
{
	struct shadowk_property *properties __cleanup(list_free) = NULL;
	int count = list_read(shadowk_property_list, dev, &properties);

	if (count < 0)
		return refuse(SHADOWK_OP_PROPERTY_LIST, count, NULL);
	for (int i = 0; i < count; i++) {
		const struct shadowk_property *property = &properties[i];
		bool dead = !strcmp(property->name, "ftrace") && ftrace_is_dead();
		bool locked = !strcmp(property->name, "signatures") && is_locked_down() &&
			      property->answer == SHADOWK_ANSWER_FINE;

		if (dead)
			tell(doctor, property->name, SHADOWK_ANSWER_OFF,
			     "ftrace has stopped after a fault of its own; off until the next "
			     "boot: attaching, probes, patches, raw edits");
		else if (locked)
			tell(doctor, property->name, SHADOWK_ANSWER_OFF, signed_only);
		else
			tell(doctor, property->name, (int)property->answer, property->detail);
	}
	return STATUS_DONE;
}

/*
 * Returns what the kernel's log says of a property: the module's last line that begins with @name,
 * whose rest it writes to @detail. Returns UNKNOWN, without a detail, if there is no such line, or
 * if the line refused a load and a later load has succeeded.
 */
static struct guess find_in_log(const struct machine *machine, const char *name, char *detail,
				size_t len)
{
	const char *at = machine->log, *found = NULL;
	char begin[64];

	snprintf(begin, sizeof(begin), "shadowk: %s: ", name);
	while ((at = strstr(at, begin)))
		found = at++;
	if (!found)
		return (struct guess){ UNKNOWN, NULL };
	snprintf(detail, len, "%.*s", (int)strcspn(found, "\n") - (int)strlen(begin),
		 found + strlen(begin));
	/* A line of the answer "off" names the features behind this word. The module loads then. */
	if (strstr(detail, "; off"))
		return (struct guess){ SHADOWK_ANSWER_OFF, detail };
	/* A later load has succeeded. */
	if (strstr(found, "shadowk: loaded\n"))
		return (struct guess){ UNKNOWN, NULL };
	return (struct guess){ SHADOWK_ANSWER_REFUSED, detail };
}

static void look_around(struct doctor *doctor)
{
	struct machine machine __cleanup(machine_free);
	char detail[256];

	machine_read(&machine);
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		struct guess guess = properties[i].guess(&machine);
		struct guess said =
			find_in_log(&machine, properties[i].name, detail, sizeof(detail));

		if (said.detail &&
		    (guess.answer == UNKNOWN || said.answer == SHADOWK_ANSWER_REFUSED))
			guess = said;
		tell(doctor, properties[i].name, guess.answer, guess.detail);
	}
}

static const struct {
	const char *name, *remedy;
} states[] = {
	{ "loaded", "" },
	{ "installed", "; load it: modprobe shadowk" },
	{ "absent", "; install it for this kernel: make install, then depmod" },
};

/* Returns an index of @states. @loaded: the module's device can be opened. */
static size_t module_state(bool loaded)
{
	static const char *const places[] = { "updates", "updates/dkms", "extra" };
	bool installed = false;
	struct utsname name;
	char pattern[128];

	uname(&name);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		glob_t found = { 0 };

		snprintf(pattern, sizeof(pattern), "/lib/modules/%s/%s/shadowk.ko*", name.release,
			 places[i]);
		installed |= !glob(pattern, 0, NULL, &found);
		globfree(&found);
	}
	return loaded ? 0 : installed ? 1 : 2;
}

static void print(const struct doctor *doctor, size_t state)
{
	struct utsname name;

	uname(&name);
	printf("Linux %s, module %s%s\n", name.release, states[state].name,
	       doctor->refused ? "" : states[state].remedy);
	table_print(&doctor->table, stdout);
}

static int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "bundle", required_argument, NULL, 'b' },
		{ "addresses", no_argument, NULL, 'a' },
		{ 0 },
	};
	struct session session __cleanup(session_close) = { 0 };
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct doctor doctor = { .list = json_object_new_array() };
	const char *bundle = NULL;
	bool addresses = false;
	size_t state;
	int opt, err, status = STATUS_DONE;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'b')
			bundle = optarg;
		else
			addresses = true;
	}
	arguments(cli, argc, argv, 0, NULL);
	if (addresses && !bundle)
		usage(cli, "--addresses is about the file of --bundle FILE, which is missing");
	json_object_object_add(object, "properties", doctor.list);
	table_init(&doctor.table, "lll");
	err = shadowk_open(&session.dev);
	if (!err)
		status = ask_module(&doctor, session.dev);
	else if (err == -ENODEV)
		look_around(&doctor);
	else
		status = refuse(SHADOWK_OP_OPEN, err, NULL);
	state = module_state(!err);
	json_object_object_add(object, "module", json_text(states[state].name));
	if (status == STATUS_DONE) {
		if (cli->json)
			json_print(&object, false);
		else
			print(&doctor, state);
	}
	table_free(&doctor.table);
	if (bundle)
		status |= bundle_write(bundle, addresses, object, err ? NULL : session.dev, err);
	return status ? status : doctor.refused ? STATUS_REFUSED : STATUS_DONE;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.group = GROUP_CHECKS,
	.args = "[--bundle FILE [--addresses]]",
	.summary = "Check whether this machine can run shadows",
	.options =
		"  --bundle FILE     also write FILE for a report of a fault: versions, symbols, the\n"
		"                    module's lines in the kernel's log, shadows and their edits\n"
		"  --addresses       leave the kernel's addresses in that file\n",
	.help = "Each property of the machine has a line with its name, an answer, and what was found:\n"
		"  fine      shadows work as described\n"
		"  adapted   shadows work, by other means\n"
		"  off       the features that the line names are refused\n"
		"  refused   the module does not load; the exit status is 1\n"
		"  unknown   only the module can tell, and it is not loaded\n"
		"Needs root where the module is loaded.\n",
	.run = cmd_doctor,
};
