// SPDX-License-Identifier: BSD-2-Clause
/* Error values that carry their sentence; see err.h for the invariant. */
#include "lib/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Appends what fits, and always a NUL. */
static void append(char *text, size_t size, const char *more)
{
	size_t len = strlen(text);

	while (*more && len + 1 < size)
		text[len++] = *more++;
	text[len] = '\0';
}

int sl_err(struct sl_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (code < 0)
		code = -code;
	if (!err)
		return -code;
	va_start(ap, fmt);
	err->code = code;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -code;
}

int sl_errno(struct sl_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (code < 0)
		code = -code;
	if (!err)
		return -code;
	va_start(ap, fmt);
	err->code = code;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err->text, sizeof(err->text), ": ");
	append(err->text, sizeof(err->text), strerror(code));
	return -code;
}

int sl_err_prefix(struct sl_err *err, const char *fmt, ...)
{
	char text[SL_ERR_LEN];
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append(text, sizeof(text), ": ");
	append(text, sizeof(text), err->text);
	memcpy(err->text, text, sizeof(text));
	return -err->code;
}

const char *sl_errno_name(int code)
{
	static _Thread_local char unknown[16];
	const char *name = strerrorname_np(abs(code));

	if (name)
		return name;
	snprintf(unknown, sizeof(unknown), "E%d", abs(code));
	return unknown;
}
