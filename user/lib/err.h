/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An error on its way to whoever can tell the user: errno and a sentence that
 * names the object, the namespace and what to do.
 *
 * Invariant: a function either returns an error this way or logs it, never
 * both. Functions return 0 or a positive result, or a negative errno with the
 * text filled in.
 */
#ifndef SLUICE_LIB_ERR_H
#define SLUICE_LIB_ERR_H

#define SL_ERR_LEN 512

struct sl_err {
	int code; /* positive errno, 0 if none */
	char text[SL_ERR_LEN]; /* one line, no trailing newline or full stop */
};

/*
 * Sets err (may be NULL) to code and the formatted text; the text does not
 * repeat strerror(code): printing adds it. Returns -code, for `return sl_err(…)`.
 */
int sl_err(struct sl_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with ": <strerror(code)>" behind the text. Returns -code. */
int sl_errno(struct sl_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts the formatted text and ": " in front of err's text. Returns -err->code. */
int sl_err_prefix(struct sl_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "ENODEV" for 19 (sign ignored); "E<number>" for one without a name. Static memory. */
const char *sl_errno_name(int code);

#endif
