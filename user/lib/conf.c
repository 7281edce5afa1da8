// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon's settings; see conf.h. Every key stands once, in keys[]: the
 * file, the long options, the help text and the manual all walk that table.
 *
 * Invariant: values are checked where they are set, and sl_conf_check() adds
 * what only shows on the whole; both work on a copy until they have succeeded.
 */
#include "lib/conf.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf_etypes.h"
#include "lib/maps.h"
#include "lib/thresholds.h"

#define SESSIONS_MIN 1024
#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

struct key;
typedef int (*key_set)(const struct key *key, void *field, const char *value, struct sl_err *err);

struct key {
	struct sl_conf_key key;
	key_set set;
	size_t offset, size; /* of the field in struct sl_conf; size for texts */
	__u32 min, max; /* for numbers */
	const char *const *words; /* for choices: the enum's values in order, NULL behind the last */
};

static const char *const on_exit_words[] = { "keep", "release", NULL };
static const char *const attach_words[] = { "auto", "tcx", "clsact", NULL };
static const char *const redirect_words[] = { "auto", "peer", "plain", NULL };
static const char *const side_words[] = { "auto", "host", "workload", NULL };
static const char *const dpi_words[] = { "internal", "external", NULL };

static int set_number(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || n < key->min || n > key->max)
		return sl_err(err, EINVAL, "'%s' is not a number from %u to %u", value, key->min, key->max);
	*(__u32 *)field = n;
	return 0;
}

static int set_choice(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	char list[128] = "";

	for (int i = 0; key->words[i]; i++) {
		if (!strcmp(value, key->words[i])) {
			*(unsigned int *)field = i;
			return 0;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 key->words[i]);
	}
	return sl_err(err, EINVAL, "'%s' is none of %s", value, list);
}

/* Copies a text that is known to be acceptable but for its length. */
static int set_text(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	if (strlen(value) >= key->size)
		return sl_err(err, EINVAL, "the value is longer than %zu characters", key->size - 1);
	memset(field, 0, key->size);
	strcpy(field, value);
	return 0;
}

static int set_instance(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (!*value || value[strspn(value, allowed)])
		return sl_err(err, EINVAL, "'%s' is not an instance's name: use letters, digits, '_' and '-'",
			      value);
	return set_text(key, field, value, err);
}

static int set_netns(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	if (!strcmp(value, ".") || !strcmp(value, ".."))
		return sl_err(err, EINVAL, "'%s' is not a namespace's name", value);
	return set_text(key, field, value, err);
}

/* Absolute, because the daemon and what it starts do not share the caller's folder. */
static int set_path(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	if (*value != '/')
		return sl_err(err, EINVAL, "'%s' is not an absolute path", value);
	return set_text(key, field, value, err);
}

/* The kernel's own rule (dev_valid_name()), and no '%', which it would take for a pattern. */
static int set_interface(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	bool valid = *value && strcmp(value, ".") && strcmp(value, "..");

	for (const char *p = value; *p; p++) {
		if (*p == '/' || *p == ':' || *p == '%' || isspace((unsigned char)*p))
			valid = false;
	}
	if (!valid || strlen(value) >= IFNAMSIZ)
		return sl_err(err, EINVAL, "'%s' is not an interface name of 1 to %d characters", value,
			      IFNAMSIZ - 1);
	return set_text(key, field, value, err);
}

static int set_user(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	if (strchr(value, ':') || strchr(value, '/'))
		return sl_err(err, EINVAL, "'%s' is not a user's name", value);
	return set_text(key, field, value, err);
}

static int set_policy(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	return *value ? set_path(key, field, value, err) : set_text(key, field, value, err);
}

static int set_output(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	const char *path = strncmp(value, "unix:", 5) ? value : value + 5;

	if (*value && strcmp(value, "-") && *path != '/')
		return sl_err(err, EINVAL, "'%s' is neither an absolute path, nor unix: and one, nor -",
			      value);
	return set_text(key, field, value, err);
}

static int set_log_level(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	(void)key;
	if (sl_log_parse_level(value, field))
		return sl_err(err, EINVAL, "'%s' is none of error, warn, info, debug", value);
	return 0;
}

static int set_log_target(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	(void)key;
	if (sl_log_parse_target(value, field))
		return sl_err(err, EINVAL, "'%s' is none of stderr, syslog, journal", value);
	return 0;
}

static int set_mode(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	(void)key;
	if (sl_mode_parse(value, field))
		return sl_err(err, EINVAL, "'%s' is none of off, tap, inline, quarantine", value);
	return 0;
}

static int set_fail(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	(void)key;
	if (sl_fail_parse(value, field))
		return sl_err(err, EINVAL, "'%s' is none of closed, open", value);
	return 0;
}

static int set_bool(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	(void)key;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!strcmp(value, yes[i]) || !strcmp(value, no[i])) {
			*(bool *)field = !strcmp(value, yes[i]);
			return 0;
		}
	}
	return sl_err(err, EINVAL, "'%s' is neither yes nor no", value);
}

/* Octal, as chmod(1) has it. */
static int set_permissions(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	unsigned long n;
	char *end;

	(void)key;
	n = strtoul(value, &end, 8);
	if (!isdigit((unsigned char)*value) || *end || n > 0777)
		return sl_err(err, EINVAL, "'%s' is not an octal number like 0600", value);
	*(__u32 *)field = (__u32)n;
	return 0;
}

static int set_non_ip(const struct key *key, void *field, const char *value, struct sl_err *err)
{
	/* The list has a length, too. */
	return sl_conf_parse_non_ip((struct sl_conf *)((char *)field - key->offset), value, err);
}

/* name is the key and the field of struct sl_conf at once, so that the two cannot drift apart. */
#define KEY(sect, field, value, setter, text, ...)                                                           \
	{                                                                                                    \
		.key = { sect, #field, value, text }, .set = setter,                                         \
		.offset = offsetof(struct sl_conf, field), .size = sizeof(((struct sl_conf *)0)->field),     \
		##__VA_ARGS__                                                                                \
	}

/* clang-format off */
static const struct key keys[] = {
	KEY("daemon", instance, "NAME", set_instance,
	    "name in pins, sockets and state folders (default: default)"),
	KEY("daemon", netns, "NETNS", set_netns,
	    "the agent's network namespace, a name or a path (default: the current one)"),
	KEY("daemon", run_dir, "DIR", set_path,
	    "root of the run folders (default: /run/sluice)"),
	KEY("daemon", bpffs, "DIR", set_path,
	    "where pins live, mounted if it is not (default: /sys/fs/bpf)"),
	KEY("daemon", log_level, "LEVEL", set_log_level,
	    "error, warn, info or debug (default: info)"),
	KEY("daemon", log_target, "TARGET", set_log_target,
	    "stderr, syslog or journal (default: stderr)"),
	KEY("daemon", on_exit, "WHAT", set_choice,
	    "SIGTERM: keep leaves all working, release gives all back (default: keep)", .words = on_exit_words),
	KEY("bridge", vbr, "NAME", set_interface,
	    "interface that takes diverted frames (default: vbr)"),
	KEY("bridge", vth, "NAME", set_interface,
	    "its peer, read by the core (default: vth)"),
	KEY("bridge", vbk, "NAME", set_interface,
	    "interface that takes diverted super-frames (default: vbk)"),
	KEY("bridge", vtk, "NAME", set_interface,
	    "its peer, read by the core (default: vtk)"),
	KEY("bridge", mtu, "BYTES", set_number,
	    "of all four; jumbo is 9216 (default: 2048)", .min = 576, .max = 9216),
	KEY("bridge", attach, "KIND", set_choice,
	    "auto, tcx or clsact (default: auto)", .words = attach_words),
	KEY("bridge", redirect, "KIND", set_choice,
	    "auto, peer or plain (default: auto)", .words = redirect_words),
	KEY("dpi", dpi, "KIND", set_choice,
	    "internal, or external: no core is started, vth is left alone (default: internal)",
	    .words = dpi_words),
	KEY("dpi", dpi_path, "FILE", set_path,
	    "the core's program (default: " SLUICE_LIBEXECDIR "/sluice-dpi)"),
	KEY("dpi", workers, "N", set_number,
	    "queues of vbr and vth, one worker each, 1 to 64 (default: 1)", .min = 1, .max = SL_QUEUES_MAX),
	KEY("dpi", heartbeat_ms, "MS", set_number,
	    "age at which a worker's heartbeat is stale, 10 to 60000 (default: 1000)", .min = 10, .max = 60000),
	KEY("dpi", hang_s, "S", set_number,
	    "a core with a worker that hangs for so long is killed and started anew, 0: never (default: 10)",
	    .min = 0, .max = 3600),
	KEY("dpi", spare, "BOOL", set_bool,
	    "keep a spare core ready to take the place of one that dies (default: yes)"),
	KEY("dpi", busy_poll_us, "US", set_number,
	    "preferred busy polling of the AF_XDP sockets, 0 is off (default: 0)", .min = 0, .max = 1000000),
	KEY("dpi", dpi_user, "USER", set_user,
	    "the core's user once it runs (default: sluice, else nobody)"),
	KEY("dpi", inspect, "BOOL", set_bool,
	    "sessions, applications, policy, events; no: frames are only forwarded (default: yes)"),
	KEY("dpi", sessions, "N", set_number,
	    "at most so many sessions a worker, 1024 at least; 0: as memory allows (default: 0)",
	    .min = 0, .max = 16000000),
	KEY("dpi", say_unreachable, "BOOL", set_bool,
	    "answer a denied datagram by an ICMP error, yes or no (default: no)"),
	KEY("dpi", verdicts, "BOOL", set_bool,
	    "leave judged flows to the kernel; no: every frame goes by the core (default: yes)"),
	KEY("dpi", bulk, "BOOL", set_bool,
	    "bulk traffic goes to the core in super-frames, by a lane of its own (default: yes)"),
	KEY("dpi", flows, "N", set_number,
	    "judged flows there is room for, 1024 at least (default: 1048576)", .min = 1024, .max = SL_FLOWS_MAX),
	KEY("policy", policy, "FILE", set_policy,
	    "policy applied at start and on SIGHUP (default: none, the one accepted last)"),
	KEY("events", events, "WHERE", set_output,
	    "EVE lines: a file, unix:PATH or - (default: nowhere)"),
	KEY("events", events_per_second, "N", set_number,
	    "of each kind at most, 0: no limit (default: 1000)", .min = 0, .max = 1000000),
#define X(field, option, value, highest, text)                                                               \
	{ .key = { "threats", #field, "N", text " (default: " #value ")" }, .set = set_number,               \
	  .offset = offsetof(struct sl_conf, thresholds.field), .max = (highest) },
	SL_THRESHOLDS(X)
#undef X
	KEY("compat", compat, "BOOL", set_bool,
	    "serve an agent written for the existing data plane: sluice-compat(8) (default: no)"),
	KEY("compat", compat_path, "FILE", set_path,
	    "the program that does it (default: " SLUICE_LIBEXECDIR "/sluice-compat)"),
	KEY("compat", compat_listen, "PATH", set_path,
	    "where the agent sends its requests (default: /tmp/dp_listen.sock)"),
	KEY("compat", compat_notify, "PATH", set_path,
	    "where the agent is told of what happens (default: /tmp/ctrl_listen.sock)"),
	KEY("compat", compat_socket_mode, "MODE", set_permissions,
	    "permissions of compat_listen, octal (default: 0600)"),
	KEY("workload", mode, "MODE", set_mode,
	    "of newly taken ports: off, tap, inline or quarantine (default: inline)"),
	KEY("workload", fail, "HOW", set_fail,
	    "of newly taken ports when the core is absent: closed or open (default: closed)"),
	KEY("workload", strict, "BOOL", set_bool,
	    "of newly taken ports: drop what cannot be inspected, yes or no (default: yes)"),
	KEY("workload", side, "SIDE", set_choice,
	    "of newly taken ports: auto, host or workload (default: workload)", .words = side_words),
	KEY("workload", non_ip, "LIST", set_non_ip,
	    "ethertypes (0x88cc, llc) that pass in strict, comma-separated (default: none)"),
};
/* clang-format on */

int sl_side_parse(const char *word, enum sl_side *ret)
{
	for (unsigned int i = 0; side_words[i]; i++) {
		if (!strcmp(word, side_words[i])) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

void sl_conf_defaults(struct sl_conf *conf)
{
	*conf = (struct sl_conf){
		.instance = "default",
		.run_dir = "/run/sluice",
		.bpffs = "/sys/fs/bpf",
		.log_level = SL_LOG_INFO,
		.vbr = "vbr",
		.vth = "vth",
		.vbk = "vbk",
		.vtk = "vtk",
		.mtu = 2048,
		.dpi_path = SLUICE_LIBEXECDIR "/sluice-dpi",
		.workers = 1,
		.heartbeat_ms = 1000,
		.hang_s = 10,
		.mode = SL_MODE_INLINE,
		.fail = SL_FAIL_CLOSED,
		.strict = true,
		.inspect = true,
		.bulk = true,
		.spare = true,
		.verdicts = true,
		.flows = SL_FLOWS_DEFAULT,
		.events_per_second = 1000,
		.thresholds = SL_THRESHOLDS_DEFAULT,
		.side = SL_SIDE_WORKLOAD,
		.compat_path = SLUICE_LIBEXECDIR "/sluice-compat",
		.compat_listen = "/tmp/dp_listen.sock",
		.compat_notify = "/tmp/ctrl_listen.sock",
		.compat_socket_mode = 0600,
	};
}

const struct sl_conf_key *sl_conf_key(unsigned int i)
{
	return i < ARRAY_SIZE(keys) ? &keys[i].key : NULL;
}

/* Options are spelled with '-', keys with '_'. */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	}
	return !*a && !*b;
}

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (same_name(keys[i].key.name, name))
			return &keys[i];
	}
	return NULL;
}

static int set_key(struct sl_conf *conf, const struct key *key, const char *value, struct sl_err *err)
{
	for (const char *p = value; *p; p++) {
		if (iscntrl((unsigned char)*p) && *p != '\t')
			return sl_err(err, EINVAL, "the value holds a control character");
	}
	return key->set(key, (char *)conf + key->offset, value, err);
}

int sl_conf_set(struct sl_conf *conf, const char *name, const char *value, struct sl_err *err)
{
	const struct key *key = find_key(name);

	if (!key)
		return sl_err(err, EINVAL, "%s: no such setting", name);
	if (set_key(conf, key, value, err))
		return sl_err_prefix(err, "%s", name);
	return 0;
}

int sl_conf_check(const struct sl_conf *conf, struct sl_err *err)
{
	const char *const names[] = { conf->vbr, conf->vth, conf->vbk, conf->vtk };

	if (!strcmp(conf->vbr, conf->vth))
		return sl_err(err, EINVAL, "vbr and vth are the two ends of one pair: both are called %s",
			      conf->vbr);
	for (unsigned int i = 2; sl_conf_bulk(conf) && i < ARRAY_SIZE(names); i++) {
		for (unsigned int j = 0; j < i; j++) {
			if (!strcmp(names[i], names[j]))
				return sl_err(err, EINVAL,
					      "vbr, vth, vbk and vtk are four interfaces: two are called %s",
					      names[i]);
		}
	}
	if (conf->sessions && conf->sessions < SESSIONS_MIN)
		return sl_err(err, EINVAL, "sessions = %u: must be 0 or at least %d", conf->sessions,
			      SESSIONS_MIN);
	return sl_thresholds_check(&conf->thresholds, err);
}

struct reading {
	struct sl_conf *conf;
	struct sl_err *err;
	unsigned int line; /* last line read */
	int failed_line; /* of the first error of ours, 0 if none */
	bool given[ARRAY_SIZE(keys)];
};

/* What fgets() does, counting lines and refusing those that would be cut in two. */
static char *read_line(char *line, int size, void *stream)
{
	struct reading *reading = ((void **)stream)[0];
	FILE *file = ((void **)stream)[1];

	if (reading->failed_line || !fgets(line, size, file))
		return NULL;
	reading->line++;
	if (!strchr(line, '\n') && (int)strlen(line) == size - 1) {
		sl_err(reading->err, EINVAL, "the line is longer than %d characters", size - 2);
		reading->failed_line = reading->line;
		return NULL;
	}
	return line;
}

static int read_key(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	const struct key *key = find_key(name);

	if (reading->failed_line)
		return 0;
	if (!key)
		sl_err(reading->err, EINVAL, "no such setting: %s", name);
	else if (strcmp(section, key->key.section))
		sl_err(reading->err, EINVAL, "%s belongs into section [%s]", name, key->key.section);
	else if (reading->given[key - keys])
		sl_err(reading->err, EINVAL, "%s is set twice", name);
	else if (set_key(reading->conf, key, value, reading->err))
		sl_err_prefix(reading->err, "%s", name);
	else
		return reading->given[key - keys] = true;
	reading->failed_line = reading->line;
	return 0;
}

int sl_conf_read(struct sl_conf *conf, const char *path, struct sl_err *err)
{
	struct sl_conf copy = *conf;
	struct reading reading = { .conf = &copy, .err = err };
	FILE *file = fopen(path, "re");
	void *stream[2] = { &reading, file };
	int line;

	if (!file)
		return sl_errno(err, errno, "cannot open configuration %s", path);
	line = ini_parse_stream(read_line, stream, read_key, &reading);
	if (ferror(file)) {
		fclose(file);
		return sl_err(err, EIO, "cannot read configuration %s", path);
	}
	fclose(file);
	if (line < 0)
		return sl_err(err, ENOMEM, "%s: out of memory", path);
	/* The parser's own complaint counts when it came before ours. */
	if (line > 0 && (!reading.failed_line || line < reading.failed_line))
		return sl_err(err, EINVAL, "%s:%d: neither a [section], nor a comment, nor key = value", path,
			      line);
	if (reading.failed_line) {
		sl_err_prefix(err, "%s:%d", path, reading.failed_line);
		return -EINVAL;
	}
	if (sl_conf_check(&copy, err)) {
		sl_err_prefix(err, "%s", path);
		return -EINVAL;
	}
	*conf = copy;
	return 0;
}

int sl_conf_pin_dir(const struct sl_conf *conf, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s/sluice/%s", conf->bpffs, conf->instance);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int sl_conf_run_path(const struct sl_conf *conf, const char *file, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s/%s/%s", conf->run_dir, conf->instance, file);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}
