// SPDX-License-Identifier: BSD-2-Clause
/* Log lines to stderr, syslog or the journal; see log.h for the invariant. */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

static struct {
	const char *ident;
	enum sl_log_target target;
	enum sl_log_level level;
} log_state = { "sluice", SL_LOG_STDERR, SL_LOG_INFO };

static const char *const level_words[] = { "error", "warn", "info", "debug" };
static const char *const target_words[] = { "stderr", "syslog", "journal" };
static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void sl_log_init(const char *ident, enum sl_log_target target, enum sl_log_level level)
{
	log_state.ident = ident;
	log_state.target = target;
	log_state.level = level;
	/* Now rather than with the first line: a process may give up its files in between. */
	tzset();
	if (target == SL_LOG_SYSLOG)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void sl_log_set_level(enum sl_log_level level)
{
	log_state.level = level;
}

static int parse_word(const char *word, const char *const *words, int n)
{
	for (int i = 0; i < n; i++) {
		if (!strcmp(word, words[i]))
			return i;
	}
	return -EINVAL;
}

int sl_log_parse_level(const char *word, enum sl_log_level *ret)
{
	int i = parse_word(word, level_words, sizeof(level_words) / sizeof(*level_words));

	if (i < 0)
		return i;
	*ret = (enum sl_log_level)i;
	return 0;
}

int sl_log_parse_target(const char *word, enum sl_log_target *ret)
{
	int i = parse_word(word, target_words, sizeof(target_words) / sizeof(*target_words));

	if (i < 0)
		return i;
	*ret = (enum sl_log_target)i;
	return 0;
}

static void log_stderr(enum sl_log_level level, const char *line)
{
	char out[SL_LOG_LINE + 128];
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = snprintf(out, sizeof(out), "%02d:%02d:%02d.%03ld %s: %s: %s\n", tm.tm_hour, tm.tm_min, tm.tm_sec,
		     now.tv_nsec / 1000000, log_state.ident, level_words[level], line);
	if (n >= (int)sizeof(out)) {
		n = sizeof(out) - 1;
		out[n - 1] = '\n';
	}
	/* One write, so that lines of several processes do not mix; a lost log line is no error. */
	if (write(STDERR_FILENO, out, n) < 0)
		return;
}

void sl_log(enum sl_log_level level, const char *fmt, ...)
{
	char line[SL_LOG_LINE];
	int saved = errno;
	va_list ap;

	if (level > log_state.level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *p = line; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	switch (log_state.target) {
	case SL_LOG_STDERR:
		log_stderr(level, line);
		break;
	case SL_LOG_SYSLOG:
		syslog(priorities[level], "%s", line);
		break;
	case SL_LOG_JOURNAL:
		sd_journal_send("MESSAGE=%s", line, "PRIORITY=%d", priorities[level], "SYSLOG_IDENTIFIER=%s",
				log_state.ident, NULL);
		break;
	}
	errno = saved;
}
