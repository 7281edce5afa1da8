// SPDX-License-Identifier: BSD-2-Clause
/* The configuration: every key is checked where it is set, and an error leaves everything as it was. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/thresholds.h"

static char path[] = "/tmp/sluice-conf-XXXXXX";

static void write_file(const char *text)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void remove_file(void)
{
	unlink(path);
}

static int read_conf(const char *text, struct sl_conf *conf, struct sl_err *err)
{
	int r;

	write_file(text);
	r = sl_conf_read(conf, path, err);
	remove_file();
	return r;
}

Test(conf, defaults_are_valid)
{
	struct sl_conf conf;
	struct sl_err err;

	sl_conf_defaults(&conf);
	cr_assert_eq(sl_conf_check(&conf, &err), 0);
	cr_assert_str_eq(conf.instance, "default");
	cr_assert_eq(conf.mtu, 2048);
	cr_assert_eq(conf.mode, SL_MODE_INLINE);
	cr_assert_eq(conf.fail, SL_FAIL_CLOSED);
	cr_assert(conf.strict);
}

Test(conf, reads_every_section)
{
	struct sl_conf conf;
	struct sl_err err = { 0 };

	sl_conf_defaults(&conf);
	cr_assert_eq(
		read_conf("# comment\n[daemon]\ninstance = blue\nlog_level=debug ; why\n\n"
			  "[bridge]\nvbr = vbr-neuv\nvth = vth-neuv\nmtu = 9216\nattach = clsact\n"
			  "[dpi]\ndpi = external\nworkers = 4\nheartbeat_ms = 250\nhang_s = 0\nspare = no\n"
			  "[workload]\nmode = tap\nfail = open\nstrict = no\nnon_ip = 0x88cc, llc,0x88cc\n",
			  &conf, &err),
		0, "%s", err.text);
	cr_assert_str_eq(conf.instance, "blue");
	cr_assert_eq(conf.log_level, SL_LOG_DEBUG);
	cr_assert_str_eq(conf.vbr, "vbr-neuv");
	cr_assert_eq(conf.mtu, 9216);
	cr_assert_eq(conf.attach, SL_ATTACH_CLSACT);
	cr_assert_eq(conf.dpi, SL_DPI_EXTERNAL);
	cr_assert_eq(conf.workers, 4);
	cr_assert_eq(conf.heartbeat_ms, 250);
	cr_assert_eq(conf.hang_s, 0);
	cr_assert(!conf.spare);
	cr_assert_eq(conf.mode, SL_MODE_TAP);
	cr_assert_eq(conf.fail, SL_FAIL_OPEN);
	cr_assert_not(conf.strict);
	cr_assert_eq(conf.n_non_ip, 2);
	cr_assert_eq(conf.non_ip[0], 0x88cc);
	cr_assert_eq(conf.non_ip[1], SL_ETYPE_LLC);
}

Test(conf, a_missing_file_says_so)
{
	struct sl_conf conf;
	struct sl_err err;

	sl_conf_defaults(&conf);
	cr_assert_eq(sl_conf_read(&conf, "/nonexistent/sluiced.conf", &err), -ENOENT);
}

Test(conf, errors_name_line_and_key_and_change_nothing)
{
	static const struct {
		const char *text, *line, *word;
	} bad[] = {
		{ "[daemon]\ninstance = good\n\nlog_level = loud\n", ":4:", "log_level" },
		{ "[daemon]\nmtu = 1500\n", ":2:", "[bridge]" },
		{ "instance = x\n", ":1:", "[daemon]" },
		{ "[bridge]\nmtu = 575\n", ":2:", "576" },
		{ "[bridge]\nmtu = 9217\n", ":2:", "9216" },
		{ "[bridge]\nmtu = 1500x\n", ":2:", "1500x" },
		{ "[bridge]\nmtu = -1\n", ":2:", "-1" },
		{ "[bridge]\nmtu =\n", ":2:", "mtu" },
		{ "[bridge]\nno_such = 1\n", ":2:", "no_such" },
		{ "[bridge]\nmtu = 1500\nmtu = 1600\n", ":3:", "twice" },
		{ "[bridge]\nnonsense\nmtu = 1500\n", ":2:", "key = value" },
		{ "[bridge\nmtu = 1500\n", ":1:", "key = value" },
		{ "[bridge]\nvbr = a/b\n", ":2:", "a/b" },
		{ "[bridge]\nvbr = sixteen-long-chr\n", ":2:", "sixteen" },
		{ "[bridge]\nvbr = vbr%d\n", ":2:", "vbr" },
		{ "[bridge]\nvbr = same\nvth = same\n", "", "same" },
		{ "[bridge]\nattach = magic\n", ":2:", "clsact" },
		{ "[daemon]\ninstance = a/b\n", ":2:", "instance" },
		{ "[daemon]\ninstance = abcdefghijklmnopqrstuvwxyz012345\n", ":2:", "31" },
		{ "[daemon]\nrun_dir = relative\n", ":2:", "absolute" },
		{ "[dpi]\nworkers = 0\n", ":2:", "64" },
		{ "[dpi]\nworkers = 65\n", ":2:", "64" },
		{ "[dpi]\nheartbeat_ms = 9\n", ":2:", "10" },
		{ "[dpi]\nhang_s = 3601\n", ":2:", "3600" },
		{ "[dpi]\nheartbeat_ms = 60001\n", ":2:", "60000" },
		{ "[threats]\nsmall_mss = 65536\n", ":2:", "65535" },
		{ "[threats]\nno_data = never\n", ":2:", "no_data" },
		{ "[dpi]\nno_data = 5\n", ":2:", "[threats]" },
		{ "[threats]\nsyn_flood = 100\nsyn_flood_rest = 101\n", "", "syn_flood_rest = 101" },
		{ "[threats]\nsource_sessions = 5\nsource_sessions_rest = 6\n", "", "source_sessions_rest" },
		{ "[workload]\nstrict = maybe\n", ":2:", "strict" },
		{ "[workload]\nnon_ip = 0x0800\n", ":2:", "0x0800" },
		{ "[workload]\nnon_ip = 88cc\n", ":2:", "88cc" },
		{ "[workload]\nnon_ip = 0x5ff\n", ":2:", "0x5ff" },
		{ "[workload]\nnon_ip = 0x10000\n", ":2:", "0x10000" },
	};
	struct sl_conf conf, before;
	struct sl_err err;

	sl_conf_defaults(&conf);
	before = conf;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		strcpy(path + strlen(path) - 6, "XXXXXX");
		cr_expect_eq(read_conf(bad[i].text, &conf, &err), -EINVAL, "%s", bad[i].text);
		cr_expect(strstr(err.text, bad[i].line) && strstr(err.text, bad[i].word), "%s -> %s",
			  bad[i].text, err.text);
		cr_expect(!memcmp(&conf, &before, sizeof(conf)), "%s changed something", bad[i].text);
	}
}

Test(conf, thresholds_are_read_and_rest_where_nothing_is_said)
{
	struct sl_conf conf;
	struct sl_err err = { 0 };

	sl_conf_defaults(&conf);
	cr_assert_eq(
		read_conf("[threats]\nsyn_flood = 5\nicmp_flood = 0\nicmp_flood_rest = 9\nsmall_window=0\n"
			  "no_data = 86400\n",
			  &conf, &err),
		0, "%s", err.text);
	cr_expect_eq(conf.thresholds.syn_flood, 5);
	cr_expect_eq(conf.thresholds.icmp_flood, 0, "off: what the other says does not matter");
	cr_expect_eq(conf.thresholds.small_mss, 64);
	cr_expect_eq(conf.thresholds.no_data, 86400);
	cr_expect_eq(sl_threshold_rest(800, 0), 600);
	cr_expect_eq(sl_threshold_rest(800, 7), 7);
	cr_expect_eq(sl_threshold_rest(1, 0), 1, "or it would never be over");
}

Test(conf, a_long_line_is_refused_not_cut)
{
	struct sl_conf conf;
	char text[1024];
	struct sl_err err;

	/* Cut into two, its rest would be a setting of its own. */
	snprintf(text, sizeof(text), "[bridge]\n# %*s\nmtu = 1500\n%*smtu = 9000\n", 100, "x", 195, "");
	sl_conf_defaults(&conf);
	cr_assert_eq(read_conf(text, &conf, &err), -EINVAL);
	cr_assert(strstr(err.text, ":4:") && strstr(err.text, "longer"), "%s", err.text);
}

Test(conf, options_take_dashes_and_underscores)
{
	struct sl_conf conf;
	struct sl_err err;

	sl_conf_defaults(&conf);
	cr_assert_eq(sl_conf_set(&conf, "log-level", "warn", &err), 0);
	cr_assert_eq(conf.log_level, SL_LOG_WARN);
	cr_assert_eq(sl_conf_set(&conf, "log_level", "error", &err), 0);
	cr_assert_eq(conf.log_level, SL_LOG_ERROR);
	cr_assert_eq(sl_conf_set(&conf, "log-leve", "error", &err), -EINVAL);
	cr_assert_eq(sl_conf_set(&conf, "dpi-path", "/x\n", &err), -EINVAL);
	cr_assert_eq(sl_conf_set(&conf, "netns", "", &err), 0);
	cr_assert_eq(sl_conf_set(&conf, "non-ip", "", &err), 0);
	cr_assert_eq(conf.n_non_ip, 0);
}

Test(conf, permissions_are_octal)
{
	struct sl_conf conf;
	struct sl_err err;

	sl_conf_defaults(&conf);
	cr_assert(!conf.compat);
	cr_assert_eq(conf.compat_socket_mode, 0600);
	cr_assert_eq(sl_conf_set(&conf, "compat-socket-mode", "0777", &err), 0);
	cr_assert_eq(conf.compat_socket_mode, 0777);
	cr_assert_eq(sl_conf_set(&conf, "compat-socket-mode", "1777", &err), -EINVAL);
	cr_assert_eq(sl_conf_set(&conf, "compat-socket-mode", "0680", &err), -EINVAL);
	cr_assert_eq(sl_conf_set(&conf, "compat-socket-mode", "-1", &err), -EINVAL);
	cr_assert_eq(conf.compat_socket_mode, 0777);
	cr_assert_eq(sl_conf_set(&conf, "compat-listen", "dp.sock", &err), -EINVAL);
}

Test(conf, more_ethertypes_than_fit_are_refused)
{
	char list[SL_ETYPES_MAX * 8 + 64] = "";
	struct sl_conf conf;
	struct sl_err err;

	sl_conf_defaults(&conf);
	for (unsigned int i = 0; i <= SL_ETYPES_MAX; i++)
		sprintf(list + strlen(list), "%s0x%x", i ? "," : "", 0x9000 + i);
	cr_assert_eq(sl_conf_set(&conf, "non_ip", list, &err), -EINVAL);
	cr_assert_eq(conf.n_non_ip, 0);
	*strrchr(list, ',') = '\0';
	cr_assert_eq(sl_conf_set(&conf, "non_ip", list, &err), 0);
	cr_assert_eq(conf.n_non_ip, SL_ETYPES_MAX);
}

Test(conf, every_key_is_listed_once_and_can_be_set)
{
	const struct sl_conf_key *key;
	struct sl_conf conf;
	struct sl_err err;
	unsigned int i;

	sl_conf_defaults(&conf);
	for (i = 0; (key = sl_conf_key(i)); i++) {
		cr_expect(*key->section && *key->name && *key->value_name && *key->help);
		for (unsigned int k = 0; k < i; k++)
			cr_expect_str_neq(sl_conf_key(k)->name, key->name);
		/* A value that no key takes: the key itself must be known. */
		if (sl_conf_set(&conf, key->name, "\x01", &err))
			cr_expect_not(strstr(err.text, "no such setting"), "%s", key->name);
	}
	cr_assert_eq(i, 50);
}

Test(conf, names_of_an_instance)
{
	struct sl_conf conf;
	char name[64];

	sl_conf_defaults(&conf);
	cr_assert_eq(sl_conf_pin_dir(&conf, name, sizeof(name)), 0);
	cr_assert_str_eq(name, "/sys/fs/bpf/sluice/default");
	cr_assert_eq(sl_conf_run_path(&conf, "lock", name, sizeof(name)), 0);
	cr_assert_str_eq(name, "/run/sluice/default/lock");
	cr_assert_eq(sl_conf_run_path(&conf, "lock", name, 10), -ENAMETOOLONG);
}
