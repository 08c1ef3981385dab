// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "metrics.h"

static enum metrics_format format_parse(const struct cli *cli, const char *text)
{
	if (!strcmp(text, "openmetrics"))
		return METRICS_OPENMETRICS;
	if (strcmp(text, "prometheus"))
		usage(cli, "'%s' is no format; give openmetrics or prometheus", text);
	return METRICS_PROMETHEUS;
}

static int metrics_write(const struct metrics *metrics, const char *path,
			 enum metrics_format format)
{
	char *text __cleanup(text_free) = NULL;
	size_t len = 0;
	FILE *memory = need_memory(open_memstream(&text, &len));

	metrics_print(metrics, memory, format);
	if (fclose(memory))
		need_memory(NULL);
	return file_replace(path, text, len, 0644);
}

static int cmd_metrics(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "format", required_argument, NULL, 'f' },
		{ 0 },
	};
	struct session session __cleanup(session_close) = { 0 };
	struct metrics metrics __cleanup(metrics_free) = { 0 };
	const char *output = NULL, *format = NULL;
	enum metrics_format chosen;
	int opt, err, status = STATUS_DONE;

	while ((opt = option_next(cli, argc, argv, options))) {
		if (opt == 'o')
			output = optarg;
		else
			format = optarg;
	}
	arguments(cli, argc, argv, 0, NULL);
	if (!format)
		format = output && text_ends_with(output, ".prom") ? "prometheus" : "openmetrics";
	chosen = format_parse(cli, format);

	err = shadowk_open(&session.dev);
	if (!err)
		status = metrics_read(&metrics, session.dev);
	else if (err != -ENODEV)
		status = refuse(SHADOWK_OP_OPEN, err, NULL);
	/* A timer that writes a file would repeat this message for ever. */
	else if (!output)
		refuse(SHADOWK_OP_OPEN, err, NULL);
	if (status)
		return status;
	if (output)
		return metrics_write(&metrics, output, chosen);
	metrics_print(&metrics, stdout, chosen);
	return STATUS_DONE;
}

const struct verb verb_metrics = {
	.name = "metrics",
	.group = GROUP_CHECKS,
	.args = "[--output FILE] [--format FORMAT]",
	.summary = "Print the numbers of all shadows and probes for Prometheus",
	.options =
		"  --output FILE     write FILE instead, as a whole: a reader sees the old or the new one\n"
		"  --format FORMAT   openmetrics, or prometheus for its older text format, which is the\n"
		"                    default if FILE ends in .prom\n",
	.help = "If the module is not loaded, the only metric is shadowk_module_loaded, which is 0.\n"
		"Probes of shadows without a name are left out.\n",
	.run = cmd_metrics,
	.silent = true,
};
