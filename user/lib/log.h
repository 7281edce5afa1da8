/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of the daemon and the core: levels, and one of three places to go.
 *
 * Invariant: one call is one line, at most SL_LOG_LINE bytes; control
 * characters from outside (names, messages) never reach the terminal.
 */
#ifndef SLUICE_LIB_LOG_H
#define SLUICE_LIB_LOG_H

#define SL_LOG_LINE 1024

enum sl_log_level { SL_LOG_ERROR, SL_LOG_WARN, SL_LOG_INFO, SL_LOG_DEBUG };
enum sl_log_target { SL_LOG_STDERR, SL_LOG_SYSLOG, SL_LOG_JOURNAL };

/* ident: static string, the program's name (and instance) in front of each line. */
void sl_log_init(const char *ident, enum sl_log_target target, enum sl_log_level level);
void sl_log_set_level(enum sl_log_level level);

/* Parse "error|warn|info|debug" and "stderr|syslog|journal"; 0 or -EINVAL, *ret untouched then. */
int sl_log_parse_level(const char *word, enum sl_log_level *ret);
int sl_log_parse_target(const char *word, enum sl_log_target *ret);

void sl_log(enum sl_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define sl_error(...) sl_log(SL_LOG_ERROR, __VA_ARGS__)
#define sl_warn(...) sl_log(SL_LOG_WARN, __VA_ARGS__)
#define sl_info(...) sl_log(SL_LOG_INFO, __VA_ARGS__)
#define sl_debug(...) sl_log(SL_LOG_DEBUG, __VA_ARGS__)

#endif
