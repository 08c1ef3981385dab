// SPDX-License-Identifier: GPL-2.0-only
/* own and disown: interrupts and kernel threads that execute a shadow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"

static const struct option options[] = {
	{ "irq", required_argument, NULL, 'i' },
	{ "kthread", required_argument, NULL, 'k' },
	{ "device", required_argument, NULL, 'd' },
	{ 0 },
};

static void wishes_parse(struct cli *cli, int argc, char **argv, bool own, struct wishes *wishes,
			 const char **no_device)
{
	int opt;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'i') {
			uint64_t irq = count_parse(cli, optarg);

			if (irq > UINT32_MAX)
				usage(cli, "'%s' is no number of an interrupt", optarg);
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
		usage(cli, "--irq N, --kthread PATTERN or --device DEV is missing");
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
	struct shadowk_own own = { .size = sizeof(own) };

	while (shadowk_own_next(session->shadow, &own) > 0)
		if (own.kind == wish->kind && own.irq == wish->irq &&
		    !strcmp(own.pattern, wish->pattern))
			return true;
	return false;
}

/* All of them, or none: what was owned before stays. */
static int own_all(struct session *session, const struct wishes *wishes, struct wish **blamed)
{
	bool *was = calloc(wishes->count, sizeof(*was));
	size_t i;
	int err = was ? 0 : -ENOMEM;

	for (i = 0; !err && i < wishes->count; i++) {
		was[i] = is_owned(session, &wishes->wish[i]);
		err = wish_do(session, &wishes->wish[i], true);
		wishes->wish[i].done = !err;
		if (err == -EOPNOTSUPP && wishes->wish[i].optional)
			err = 0;
		if (err)
			*blamed = &wishes->wish[i];
	}
	while (err && i--)
		if (&wishes->wish[i] != *blamed && !was[i])
			wish_do(session, &wishes->wish[i], false);
	free(was);
	return err;
}

static int disown_all(struct session *session, const struct wishes *wishes, struct wish **blamed)
{
	size_t nr_owned = 0;
	int err = 0;

	*blamed = wishes->wish;
	for (size_t i = 0; i < wishes->count; i++) {
		if (is_owned(session, &wishes->wish[i])) {
			nr_owned++;
		} else if (!wishes->wish[i].optional) {
			*blamed = &wishes->wish[i];
			return -ENOENT;
		}
	}
	if (!nr_owned)
		return -ENOENT;
	for (size_t i = 0; !err && i < wishes->count; i++) {
		*blamed = &wishes->wish[i];
		err = wish_do(session, *blamed, false);
		(*blamed)->done = !err;
		if (err == -ENOENT && (*blamed)->optional)
			err = 0;
	}
	return err;
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
	struct shadowk_subject subject = { .size = sizeof(subject) };
	struct wishes wishes __cleanup(wishes_free) = { 0 };
	const char *no_device = NULL;
	struct wish *blamed = NULL;
	char name[SHADOWK_PATTERN_LEN + 20] = "it";
	int err, status;

	wishes_parse(cli, argc, argv, own, &wishes, &no_device);
	subject.shadow = arguments(cli, argc, argv, 1, (const char *[]){ "NAME" })[0];
	if (no_device) {
		report("no device '%s' with interrupts; give a network interface, a disk, a PCI "
		       "address, or a folder below /sys/devices",
		       no_device);
		return STATUS_REFUSED;
	}
	status = session_open_shadow(&session, subject.shadow);
	if (status)
		return status;
	err = (own ? own_all : disown_all)(&session, &wishes, &blamed);
	if (err) {
		if (blamed)
			wish_name(name, sizeof(name), blamed);
		subject.owned = name;
		return refuse(own ? SHADOWK_OP_OWN : SHADOWK_OP_DISOWN, err, &subject);
	}
	if (cli->json)
		print_done(subject.shadow, &wishes, own ? "owned" : "disowned");
	return STATUS_DONE;
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
