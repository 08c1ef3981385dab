// SPDX-License-Identifier: GPL-2.0-only
/* The verbs own and disown: interrupt lines and kernel threads that execute a shadow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "list.h"
#include "output.h"

static const struct option options[] = {
	{ "irq", required_argument, NULL, 'i' },
	{ "kthread", required_argument, NULL, 'k' },
	{ "device", required_argument, NULL, 'd' },
	{ 0 },
};

/*
 * Reads the options. A device that does not exist is left in @no_device, so that a missing argument
 * is reported first. Exits on wrong usage.
 */
static void wishes_parse(struct cli *cli, int argc, char **argv, bool own, struct wishes *wishes,
			 const char **no_device)
{
	int opt;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'i') {
			uint64_t irq = count_parse(cli, optarg);

			if (irq > UINT32_MAX)
				usage(cli, "'%s' is not the number of an interrupt line", optarg);
			wishes_add_irq(wishes, (uint32_t)irq);
		} else if (opt == 'd') {
			if (!wishes_add_device(wishes, optarg, own))
				*no_device = optarg;
		} else if (!*optarg || strlen(optarg) >= SHADOWK_PATTERN_LEN) {
			usage(cli, "--kthread takes a pattern of 1 to %d characters",
			      SHADOWK_PATTERN_LEN - 1);
		} else {
			wishes_add_kthreads(wishes, optarg);
		}
	}
	if (!wishes->count && !*no_device)
		usage(cli, "--irq N, --kthread PATTERN or --device DEVICE is missing");
}

static int wish_do(struct session *session, const struct wish *wish, bool own)
{
	if (wish->kind == SHADOWK_OWN_IRQ)
		return (own ? shadowk_own_irq : shadowk_disown_irq)(session->shadow, wish->irq);
	return (own ? shadowk_own_kthreads : shadowk_disown_kthreads)(session->shadow,
								      wish->pattern);
}

static void wish_name(char *buf, size_t len, const struct wish *wish)
{
	if (wish->kind == SHADOWK_OWN_IRQ)
		snprintf(buf, len, "irq %u", wish->irq);
	else
		snprintf(buf, len, "kernel threads '%s'", wish->pattern);
}

static bool is_owned(struct session *session, const struct wish *wish)
{
	struct shadowk_own *owns __cleanup(list_free) = NULL;
	int count = list_read(shadowk_own_list, session->shadow, &owns);

	for (int i = 0; i < count; i++)
		if (owns[i].kind == wish->kind && owns[i].irq == wish->irq &&
		    !strcmp(owns[i].pattern, wish->pattern))
			return true;
	return false;
}

static int wish_refuse(enum shadowk_op op, int err, const struct wish *wish, const char *shadow)
{
	char name[SHADOWK_PATTERN_LEN + 20];
	struct shadowk_subject subject = {
		.size = sizeof(subject),
		.shadow = shadow,
		.owned = name,
	};

	wish_name(name, sizeof(name), wish);
	return refuse(op, err, &subject);
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
		err = wish_do(session, &wishes->wish[i], true);
		wishes->wish[i].done = !err;
		if (err && shadowk_reason() == SHADOWK_REASON_NO_CARRIER &&
		    wishes->wish[i].optional)
			err = 0;
		if (err)
			status = wish_refuse(SHADOWK_OP_OWN, err, &wishes->wish[i], shadow);
	}
	while (status && i--)
		if (wishes->wish[i].done && !was[i])
			wish_do(session, &wishes->wish[i], false);
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
			err = wish_do(session, wish, false);
			return err ? wish_refuse(SHADOWK_OP_DISOWN, err, wish, shadow)
				   : STATUS_DONE;
		}
	}
	for (size_t i = 0; i < wishes->count; i++) {
		struct wish *wish = &wishes->wish[i];

		err = wish_do(session, wish, false);
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
		char name[SHADOWK_PATTERN_LEN + 20];

		if (!wishes->wish[i].done)
			continue;
		wish_name(name, sizeof(name), &wishes->wish[i]);
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
	const char *shadow, *no_device = NULL;
	int status;

	wishes_parse(cli, argc, argv, own, &wishes, &no_device);
	shadow = arguments(cli, argc, argv, 1, (const char *[]){ "SHADOW" })[0];
	if (no_device) {
		report("there is no device '%s' with interrupts; give a network interface, a disk, "
		       "a serial port, a PCI address, or a folder below /sys/devices",
		       no_device);
		return STATUS_REFUSED;
	}
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

#define ARGS "SHADOW (--irq N | --kthread PATTERN | --device DEVICE)..."

const struct verb verb_own = {
	.name = "own",
	.group = GROUP_INSIDE,
	.args = ARGS,
	.summary = "Let interrupts and kernel threads execute a shadow",
	.options =
		"  --irq N           own the interrupt line that /proc/interrupts numbers N\n"
		"  --kthread PATTERN own the kernel threads whose names match, now and later\n"
		"  --device DEVICE   own the lines that a network interface, disk, serial port or PCI\n"
		"                    address has now, their threads, and its NAPI threads\n",
	.help = "The shadow needs '--async owner'. All options can be repeated; if one is refused,\n"
		"none is done. 'shadowctl show' lists what a shadow owns. Softirqs execute the base.\n",
	.run = cmd_own,
};

const struct verb verb_disown = {
	.name = "disown",
	.group = GROUP_INSIDE,
	.args = ARGS,
	.summary = "Let interrupts and kernel threads execute the base again",
	.options =
		"  --irq N           disown this interrupt line\n"
		"  --kthread PATTERN disown the kernel threads of this pattern, as 'shadowctl show'\n"
		"                    prints it\n"
		"  --device DEVICE   disown the lines and threads of this device\n",
	.help = "All options can be repeated.\n",
	.run = cmd_disown,
};
