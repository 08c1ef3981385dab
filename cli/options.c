// SPDX-License-Identifier: GPL-2.0-only
/* Reads options and arguments. Numbers are read strictly: no blanks, signs or units. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct option common[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ 0 },
};

static void __noreturn option_refuse(const struct cli *cli, char **argv, int opt)
{
	const char *given = argv[optind - 1];

	if (opt == ':')
		usage(cli, "option '%s' needs a value", given);
	if (optopt && given[0] == '-' && given[1] != '-')
		usage(cli, "unknown option '-%c'", optopt);
	usage(cli, "option '%s' is unknown, or takes no value", given);
}

int option_next(struct cli *cli, int argc, char **argv, const struct option *own)
{
	struct option all[32] = { { 0 } };
	char letters[16] = ":h";
	size_t n = 0;
	int opt;

	while (own && own[n].name) {
		all[n] = own[n];
		/* An option whose name is one letter is written "-o", too. */
		if (!own[n].name[1])
			snprintf(letters + strlen(letters), sizeof(letters) - strlen(letters),
				 "%s%s", own[n].name, own[n].has_arg ? ":" : "");
		n++;
	}
	memcpy(all + n, common, sizeof(common));
	if (cli->verb->silent)
		all[n + 1].name = NULL;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, letters, all, NULL)) != -1) {
		switch (opt) {
		case 'h':
			help_print(cli);
			exit(stdout_finish());
		case 'j':
			cli->json = true;
			break;
		case '?':
		case ':':
			option_refuse(cli, argv, opt);
		default:
			return opt;
		}
	}
	return 0;
}

char **arguments(const struct cli *cli, int argc, char **argv, size_t count,
		 const char *const *names)
{
	size_t given = argc - optind;

	if (given < count)
		usage(cli, "%s is missing", names[given]);
	if (given > count)
		usage(cli, "'%s' is one argument too many", argv[optind + count]);
	return argv + optind;
}

char **arguments_some(const struct cli *cli, int argc, char **argv, const char *name, size_t *nr)
{
	if (optind == argc)
		usage(cli, "%s is missing", name);
	*nr = (size_t)(argc - optind);
	return argv + optind;
}

/* strtoul() and strtod() accept blanks and signs. This does not. */
static bool is_digits(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

pid_t pid_parse(const struct cli *cli, const char *text)
{
	unsigned long pid;

	errno = 0;
	pid = is_digits(text) ? strtoul(text, NULL, 10) : 0;
	if (!pid || errno || pid > INT_MAX)
		usage(cli, "'%s' is not a pid; give a number above 0", text);
	return (pid_t)pid;
}

uint64_t count_parse(const struct cli *cli, const char *text)
{
	uint64_t count;

	errno = 0;
	count = is_digits(text) ? strtoull(text, NULL, 10) : 0;
	if (!count || errno)
		usage(cli, "'%s' is not a number above 0", text);
	return count;
}

double seconds_parse(const struct cli *cli, const char *text)
{
	bool plain = *text && strspn(text, "0123456789.") == strlen(text);
	char *end = NULL;
	double seconds = plain ? strtod(text, &end) : 0;

	if (!plain || *end || seconds < 0.001 || seconds > 1e6)
		usage(cli, "'%s' is not a number of seconds, from 0.001 to 1000000", text);
	return seconds;
}

bool value_read(const char *text, uint64_t *value)
{
	bool minus = text[0] == '-';
	const char *digits = text + minus;
	char *end = NULL;

	if (minus && isalpha((unsigned char)*digits)) {
		*value = (uint64_t)-errno_number(digits);
		return *value;
	}
	errno = 0;
	*value = isdigit((unsigned char)*digits) ? strtoull(digits, &end, 0) : 0;
	if (!end || *end || errno || (minus && *value > 1ULL << 63))
		return false;
	if (minus)
		*value = -*value;
	return true;
}

uint32_t thunk_read(const char *text)
{
	if (!strcmp(text, shadowk_patch_kind_name(SHADOWK_PATCH_RETPOLINES)))
		return SHADOWK_PATCH_RETPOLINES;
	if (!strcmp(text, shadowk_patch_kind_name(SHADOWK_PATCH_RETURNS)))
		return SHADOWK_PATCH_RETURNS;
	return 0;
}
