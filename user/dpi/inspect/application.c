// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of applications, for people and for files: a fixed table, so that a
 * policy means the same whatever version of nDPI is installed.
 */
#include "dpi/inspect/application.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "app-"

static const struct {
	uint16_t number;
	const char *name;
} table[] = { { SL_APPLICATION_UNKNOWN, "unknown" },
#define SL_X(constant, number, name) { SL_APPLICATION_##constant, name },
	      SL_APPLICATIONS(SL_X) SL_APPLICATIONS_NDPI(SL_X)
#undef SL_X
};

/* Other names people know them by. */
static const struct {
	const char *name;
	uint16_t number;
} aliases[] = {
	{ "ssl", SL_APPLICATION_TLS },
	{ "https", SL_APPLICATION_TLS },
	{ "postgres", SL_APPLICATION_POSTGRESQL },
	{ "mariadb", SL_APPLICATION_MYSQL },
	{ "tns", SL_APPLICATION_ORACLE },
	{ "tds", SL_APPLICATION_MSSQL },
	{ "sqlserver", SL_APPLICATION_MSSQL },
	{ "epmd", SL_APPLICATION_ERLANG_EPMD },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *sl_application_name(uint16_t application)
{
	static _Thread_local char text[16];

	for (size_t i = 0; i < COUNT(table); i++)
		if (table[i].number == application)
			return table[i].name;
	snprintf(text, sizeof(text), PREFIX "%u", application);
	return text;
}

int sl_application_number(const char *name, uint16_t *ret)
{
	unsigned long number;
	char *end;

	for (size_t i = 0; i < COUNT(table); i++)
		if (strcasecmp(table[i].name, name) == 0) {
			*ret = table[i].number;
			return 0;
		}
	for (size_t i = 0; i < COUNT(aliases); i++)
		if (strcasecmp(aliases[i].name, name) == 0) {
			*ret = aliases[i].number;
			return 0;
		}
	if (strncasecmp(name, PREFIX, strlen(PREFIX)) != 0)
		return -ENOENT;
	name += strlen(PREFIX);
	if (*name < '0' || *name > '9')
		return -ENOENT;
	errno = 0;
	number = strtoul(name, &end, 10);
	if (errno || *end || number > UINT16_MAX)
		return -ENOENT;
	*ret = (uint16_t)number;
	return 0;
}
