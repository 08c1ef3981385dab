// SPDX-License-Identifier: GPL-2.0-only
/* The verbs own and disown: interrupt lines and kernel threads that execute a shadow. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "list.h"
#include "output.h"

static const struct option own_options[] = {
	{ "irq", required_argument, NULL, 'i' },
	{ "kthread", required_argument, NULL, 'k' },
	{ "device", required_argument, NULL, 'd' },
	{ "napi", no_argument, NULL, 'n' },
	{ 0 },
};

static const struct option disown_options[] = {
	{ "irq", required_argument, NULL, 'i' },
	{ "kthread", required_argument, NULL, 'k' },
	{ "device", required_argument, NULL, 'd' },
	{ 0 },
};

/* The devices of the command line. */
struct devices {
	size_t count;
	const char **name; /* has room for each argument */
	bool napi;	   /* make their network interfaces threaded */
};

static void devices_free(struct devices *devices)
{
	free(devices->name);
}

static void irq_parse(struct cli *cli, const char *text, struct wishes *wishes)
{
	uint64_t irq = count_parse(cli, text);

	if (irq > UINT32_MAX)
		usage(cli, "'%s' is not the number of an interrupt line", text);
	wishes_add_irq(wishes, (uint32_t)irq);
}

static void kthread_parse(struct cli *cli, const char *text, struct wishes *wishes)
{
	if (!*text || strlen(text) >= SHADOWK_PATTERN_LEN)
		usage(cli, "--kthread takes a pattern of 1 to %d characters",
		      SHADOWK_PATTERN_LEN - 1);
	wishes_add_kthreads(wishes, text);
}

/* Reads the options. Exits on wrong usage. */
static void options_parse(struct cli *cli, int argc, char **argv, const struct option *options,
			  struct wishes *wishes, struct devices *devices)
{
	int opt;

	devices->name = calloc((size_t)argc, sizeof(*devices->name));
	if (!devices->name)
		err(STATUS_REFUSED, NULL);
	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'i')
			irq_parse(cli, optarg, wishes);
		else if (opt == 'k')
			kthread_parse(cli, optarg, wishes);
		else if (opt == 'd')
			devices->name[devices->count++] = optarg;
		else
			devices->napi = true;
	}
	if (!wishes->count && !devices->count)
		usage(cli, "--irq N, --kthread PATTERN or --device DEVICE is missing");
	if (devices->napi && !devices->count)
		usage(cli, "--napi needs --device DEVICE, a network interface");
}

/* Appends the lines and threads of @devices to @wishes. Returns a status. */
static int devices_add(struct wishes *wishes, const struct devices *devices, bool own)
{
	enum device_use use = !own ? DEVICE_DISOWN : devices->napi ? DEVICE_OWN_NAPI : DEVICE_OWN;

	for (size_t i = 0; i < devices->count; i++) {
		switch (wishes_add_device(wishes, devices->name[i], use)) {
		case DEVICE_FOUND:
			break;
		case DEVICE_UNKNOWN:
			report("there is no device '%s' with interrupts; give a network interface, "
			       "a disk, a serial port, a PCI address, or a folder below "
			       "/sys/devices",
			       devices->name[i]);
			return STATUS_REFUSED;
		case DEVICE_NO_INTERFACE:
			report("device '%s' has no network interface in this network namespace; "
			       "leave --napi out",
			       devices->name[i]);
			return STATUS_REFUSED;
		}
	}
	return STATUS_DONE;
}

static bool is_owned(struct session *session, const struct wish *wish)
{
	struct shadowk_own *owns __cleanup(list_free) = NULL;
	int count = list_read(shadowk_own_list, session->shadow, &owns);

	for (int i = 0; i < count; i++)
		if (wish_is(wish, &owns[i]))
			return true;
	return false;
}

/*
 * Owns all of @wishes. After an error it disowns those that the shadow did not own before. Returns
 * a status.
 */
static int own_all(struct session *session, const struct wishes *wishes, const char *shadow)
{
	bool *was = calloc(wishes->count, sizeof(*was));
	int err, status = STATUS_DONE;
	size_t i;

	if (!was) {
		report("out of memory");
		return STATUS_REFUSED;
	}
	for (i = 0; !status && i < wishes->count; i++) {
		was[i] = is_owned(session, &wishes->wish[i]);
		err = wish_do(session->shadow, &wishes->wish[i], true);
		wishes->wish[i].done = !err;
		if (err && shadowk_reason() == SHADOWK_REASON_NO_CARRIER &&
		    wishes->wish[i].optional)
			err = 0;
		if (err)
			status = wish_refuse(SHADOWK_OP_OWN, err, &wishes->wish[i], shadow);
	}
	while (status && i--)
		if (wishes->wish[i].done && !was[i])
			wish_do(session->shadow, &wishes->wish[i], false);
	free(was);
	return status;
}

/*
 * Disowns all of @wishes. Reports an error, and disowns none, if the shadow does not own one that
 * is not optional, or owns none of them. Returns a status.
 */
static int disown_all(struct session *session, const struct wishes *wishes, const char *shadow)
{
	size_t nr_owned = 0;
	int err;

	for (size_t i = 0; i < wishes->count; i++) {
		const struct wish *wish = &wishes->wish[i];
		bool last = i + 1 == wishes->count;

		if (is_owned(session, wish)) {
			nr_owned++;
		} else if (!wish->optional || (last && !nr_owned)) {
			/* The call fails, and its reason says that the shadow does not own it. */
			err = wish_do(session->shadow, wish, false);
			return err ? wish_refuse(SHADOWK_OP_DISOWN, err, wish, shadow)
				   : STATUS_DONE;
		}
	}
	for (size_t i = 0; i < wishes->count; i++) {
		struct wish *wish = &wishes->wish[i];

		err = wish_do(session->shadow, wish, false);
		wish->done = !err;
		if (err && !(err == -ENOENT && wish->optional))
			return wish_refuse(SHADOWK_OP_DISOWN, err, wish, shadow);
	}
	return STATUS_DONE;
}

static void print_done(const char *shadow, const struct wishes *wishes, const char *done)
{
	struct json_object *object __cleanup(json_free) = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < wishes->count; i++) {
		char name[WISH_NAME_LEN];

		if (!wishes->wish[i].done)
			continue;
		wish_name(name, &wishes->wish[i]);
		json_object_array_add(array, json_text(name));
	}
	json_object_object_add(object, "shadow", json_text(shadow));
	json_object_object_add(object, done, array);
	json_print(&object, false);
}

static int run(struct cli *cli, int argc, char **argv, bool own)
{
	struct session session __cleanup(session_close) = { 0 };
	struct wishes wishes __cleanup(wishes_free) = { 0 };
	struct devices devices __cleanup(devices_free) = { 0 };
	const char *shadow;
	int status;

	options_parse(cli, argc, argv, own ? own_options : disown_options, &wishes, &devices);
	shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	status = devices_add(&wishes, &devices, own);
	if (!status)
		status = session_open_shadow(&session, shadow);
	if (!status)
		status = (own ? own_all : disown_all)(&session, &wishes, shadow);
	if (!status && cli->json)
		print_done(shadow, &wishes, own ? "owned" : "disowned");
	return status;
}

static int cmd_own(struct cli *cli, int argc, char **argv)
{
	return run(cli, argc, argv, true);
}

static int cmd_disown(struct cli *cli, int argc, char **argv)
{
	return run(cli, argc, argv, false);
}

const struct verb verb_own = {
	.name = "own",
	.group = GROUP_INSIDE,
	.args = "SHADOW (--irq N | --kthread PATTERN | --device DEVICE)... [--napi]",
	.summary = "Let interrupts and kernel threads execute a shadow",
	.options =
		"  --irq N           own the interrupt line that /proc/interrupts numbers N\n"
		"  --kthread PATTERN own the kernel threads whose names match, now and later\n"
		"  --device DEVICE   own the lines that a network interface, disk, serial port or PCI\n"
		"                    address has now, their threads, and its NAPI threads\n"
		"  --napi            make the NAPI of these devices threaded while it is owned, so that\n"
		"                    their packets are received in the shadow\n",
	.help = "The shadow needs '--async owner'. All options can be repeated; if one is refused,\n"
		"none is done. 'shadowctl show' lists what a shadow owns. Softirqs execute the base.\n",
	.run = cmd_own,
};

const struct verb verb_disown = {
	.name = "disown",
	.group = GROUP_INSIDE,
	.args = "SHADOW (--irq N | --kthread PATTERN | --device DEVICE)...",
	.summary = "Let interrupts and kernel threads execute the base again",
	.options =
		"  --irq N           disown this interrupt line\n"
		"  --kthread PATTERN disown the kernel threads of this pattern, as 'shadowctl show'\n"
		"                    prints it\n"
		"  --device DEVICE   disown the lines and threads of this device\n",
	.help = "All options can be repeated.\n",
	.run = cmd_disown,
};
