// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading the words behind a verb; see verb.h. What is plainly wrong is said
 * here, before anybody is asked; what depends on the state of things is the
 * daemon's to judge.
 */
#include "sluicectl/verb.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "lib/maps.h"

int usage_error(struct sl_err *err, const char *fmt, ...)
{
	va_list ap;

	err->code = EINVAL;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return CTL_USAGE;
}

void verb_print_help(const struct verb *verb)
{
	printf("Usage: sluicectl [OPTION]... %s%s%s\n\n%s.\n%s%s", verb->name, *verb->arguments ? " " : "",
	       verb->arguments, verb->summary, *verb->help ? "\n" : "", verb->help);
}

/* The letters of a table of options, in getopt's language. */
static void letters(const struct option *options, char *text, size_t size)
{
	size_t n = 0;

	text[n++] = ':';
	for (; options->name && n + 3 < size; options++) {
		if (options->val >= OPT_FIRST)
			continue;
		text[n++] = (char)options->val;
		if (options->has_arg == required_argument)
			text[n++] = ':';
	}
	text[n] = '\0';
}

int verb_option(struct ctl *ctl, const struct verb *verb, int argc, char **argv, const struct option *options,
		struct sl_err *err)
{
	char text[64];
	int c;

	letters(options, text, sizeof(text));
	opterr = 0;
	while ((c = getopt_long(argc, argv, text, options, NULL)) != -1) {
		switch (c) {
		case 'h':
			verb_print_help(verb);
			return CTL_HELP;
		case 'p':
			ctl->pretty = true;
			ctl->json = true;
			break;
		case 'j':
			ctl->json = true;
			break;
		case ':':
			return usage_error(err, "option %s needs a value", argv[optind - 1]);
		case '?':
			if (optopt && optopt < OPT_FIRST && !strchr(text, optopt))
				return usage_error(err, "unknown option -%c", optopt);
			/* A letter of ours in optopt: a long option that takes no value was given one. */
			return usage_error(err, "unknown option or superfluous value: %s", argv[optind - 1]);
		default:
			return c;
		}
	}
	return 0;
}

int check_words(int argc, char **argv, int min, int max, const char *what, struct sl_err *err)
{
	if (argc - optind < min)
		return usage_error(err, "%s is missing", what);
	if (argc - optind > max)
		return usage_error(err, "too many words: %s", argv[optind + max]);
	return 0;
}

/* Takes over the value, which is NULL without memory. */
static int put(json_t *request, const char *field, json_t *value, struct sl_err *err)
{
	return json_object_set_new(request, field, value) ? sl_err(err, ENOMEM, "no memory for the request")
							  : 0;
}

int put_text(json_t *request, const char *field, const char *value, struct sl_err *err)
{
	json_t *text;

	if (!*value)
		return usage_error(err, "%s is empty", field);
	text = json_string(value);
	if (!text)
		return usage_error(err, "%s is not UTF-8", field);
	return put(request, field, text, err);
}

int put_bool(json_t *request, const char *field, bool value, struct sl_err *err)
{
	return put(request, field, json_boolean(value), err);
}

int put_id(json_t *request, const char *value, struct sl_err *err)
{
	unsigned long id;
	char *end;

	id = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || !id || id > SL_ID_MAX)
		return usage_error(err, "'%s' is not an id from 1 to %d", value, SL_ID_MAX);
	return put(request, "id", json_integer((json_int_t)id), err);
}

int put_mode(json_t *request, const char *value, struct sl_err *err)
{
	__u8 mode;

	if (sl_mode_parse(value, &mode))
		return usage_error(err, "'%s' is no mode: off, tap, inline, quarantine", value);
	return put_text(request, "mode", value, err);
}

int put_fail(json_t *request, const char *value, struct sl_err *err)
{
	__u8 fail;

	if (sl_fail_parse(value, &fail))
		return usage_error(err, "--fail is open or closed, not '%s'", value);
	return put_text(request, "fail", value, err);
}

int put_names(json_t *request, const char *field, const char *list, struct sl_err *err)
{
	json_t *names = json_object_get(request, field);

	if (!names) {
		names = json_array();
		if (put(request, field, names, err))
			return -ENOMEM;
	}
	while (*list) {
		size_t len = strcspn(list, ",");
		json_t *name = len ? json_stringn(list, len) : NULL;

		if (!name)
			return usage_error(err, "%s: a name is empty or not UTF-8", field);
		if (json_array_append_new(names, name))
			return sl_err(err, ENOMEM, "no memory for the request");
		list += len;
		if (*list == ',' && !*++list)
			return usage_error(err, "%s: a name is empty", field);
	}
	return json_array_size(names) ? 0 : usage_error(err, "%s: a name is empty", field);
}

int parse_programs(const char *list, unsigned int *ret, struct sl_err *err)
{
	char word[8];
	unsigned int program, bits = 0;

	do {
		size_t len = strcspn(list, ",");

		snprintf(word, sizeof(word), "%.*s", (int)len, list);
		if (len >= sizeof(word) || sl_program_parse(word, &program))
			return usage_error(err, "'%.*s' is no program: vex, vin, vbr, vth, vbk, vtk",
					   (int)len, list);
		bits |= 1U << program;
		list += len;
	} while (*list++ == ',');
	*ret |= bits;
	return 0;
}

int open_end(struct sl_err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? sl_errno(err, errno, "cannot take signals") : fd;
}
