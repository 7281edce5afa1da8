// SPDX-License-Identifier: BSD-2-Clause
/*
 * Captures replayed: the same lines each time, each of them JSON, with what is known to be in the capture.
 *
 * The captures were made on a loopback interface, whose addresses nobody may use on a wire: they are replayed
 * from copies in which whoever spoke first is 10.0.0.1, and the other 10.0.0.2.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dpi/replay.h"
#include "lib/eve.h"
#include "policyfile/compile.h"

#define FOLDER "tests/data/pcap/"

#define PAIRS 64

/* From the one who spoke first, of those that used these two ports? */
static bool from_client(uint16_t pairs[PAIRS][2], unsigned int *n, const uint8_t *ports)
{
	uint16_t from = (uint16_t)(ports[0] << 8 | ports[1]), to = (uint16_t)(ports[2] << 8 | ports[3]);

	for (unsigned int i = 0; i < *n; i++) {
		if ((pairs[i][0] == from && pairs[i][1] == to) || (pairs[i][0] == to && pairs[i][1] == from))
			return pairs[i][0] == from;
	}
	cr_assert_lt(*n, PAIRS);
	pairs[*n][0] = from;
	pairs[(*n)++][1] = to;
	return true;
}

static void off_loopback(uint8_t *frame, bool client)
{
	uint8_t *ip = frame + 14;
	uint32_t sum = 0;

	memcpy(ip + 12, client ? "\x0a\0\0\1\x0a\0\0\2" : "\x0a\0\0\2\x0a\0\0\1", 8);
	ip[10] = ip[11] = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

/* Static memory: the copy's path. It is there until the next one, and `remove_copy()`. */
static char copy[64];

static void remove_copy(void)
{
	unlink(copy);
}

static const char *copy_of(const char *file)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *in = pcap_open_offline(file, text);
	uint16_t pairs[PAIRS][2];
	struct pcap_pkthdr *header;
	unsigned int n = 0;
	pcap_dumper_t *out;
	const u_char *data;

	cr_assert(in, "%s", text);
	snprintf(copy, sizeof(copy), "/tmp/sluice-replay-%d.pcap", (int)getpid());
	out = pcap_dump_open(in, copy);
	cr_assert(out);
	while (pcap_next_ex(in, &header, &data) == 1) {
		uint8_t *frame = malloc(header->caplen);

		cr_assert(frame);
		memcpy(frame, data, header->caplen);
		if (header->caplen > 38 && frame[14] == 0x45 && frame[26] == 127)
			off_loopback(frame, from_client(pairs, &n, frame + 34));
		pcap_dump((u_char *)out, header, frame);
		free(frame);
	}
	pcap_dump_close(out);
	pcap_close(in);
	return copy;
}

static char *replay(const struct sl_replay *conf, struct sl_replay_figures *figures)
{
	struct sl_err err = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	cr_assert_eq(sl_replay(conf, out, figures, &err), 0, "%s: %s", conf->file, err.text);
	fclose(out);
	return text;
}

TestSuite(engine_replay, .fini = remove_copy, .timeout = 120);

/* How many lines are of the type and, unless NULL, of the application; every line must be an object. */
static unsigned int lines(const char *text, const char *type, const char *application)
{
	unsigned int n = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		json_t *line = json_loadb(text, len, 0, NULL);
		const char *its_type = json_string_value(json_object_get(line, "event_type"));
		const char *its = json_string_value(json_object_get(line, "app_proto"));

		cr_assert(line && its_type, "%.*s", (int)len, text);
		cr_assert(!eve_fault(line), "%s: %.*s", eve_fault(line), (int)len, text);
		cr_assert_eq(text[len], '\n');
		n += !strcmp(its_type, type) && (!application || (its && !strcmp(its, application)));
		json_decref(line);
		text += len + 1;
	}
	return n;
}

Test(engine_replay, every_capture_gives_the_same_lines_twice)
{
	glob_t found;

	cr_assert_eq(glob(FOLDER "*.pcap", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct sl_replay conf = { .file = copy_of(found.gl_pathv[i]) };
		struct sl_replay_figures a, b;
		char *first = replay(&conf, &a), *second = replay(&conf, &b);
		const char *name = found.gl_pathv[i];

		cr_expect_str_eq(first, second, "%s", name);
		cr_expect_eq(memcmp(&a, &b, sizeof(a)), 0, "%s", name);
		cr_expect_geq(lines(first, "flow", NULL), 1, "%s", name);
		cr_expect_gt(a.frames, 0);
		cr_expect_eq(a.dropped, 0, "%s: nothing is dropped without a policy", name);
		free(first);
		free(second);
	}
	globfree(&found);
}

Test(engine_replay, applications_are_named)
{
	static const struct {
		const char *file, *application;
	} known[] = { { FOLDER "http.pcap", "http" },
		      { FOLDER "ssh.pcap", "ssh" },
		      { FOLDER "tls13.pcap", "tls" },
		      { FOLDER "dns.pcap", "dns" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct sl_replay conf = { .file = copy_of(known[i].file) };
		struct sl_replay_figures figures;
		char *text = replay(&conf, &figures);

		cr_expect_geq(lines(text, "flow", known[i].application), 1, "%s:\n%s", known[i].file, text);
		free(text);
	}
}

/* Of that text, in a file without a name that others can open. */
static void compile(const char *text, char path[32])
{
	struct sl_rules *rules = NULL;
	struct sl_err err = { 0 };
	void *block = NULL;
	size_t size = 0;
	int fd;

	cr_assert_eq(sl_rules_read(text, strlen(text), "test", &rules, &err), 0, "%s", err.text);
	cr_assert_eq(sl_rules_compile(rules, NULL, &block, &size, NULL, &err), 0, "%s", err.text);
	sl_rules_free(rules);
	strcpy(path, "/tmp/sluice-replay-XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, block, size), (ssize_t)size);
	close(fd);
	free(block);
}

Test(engine_replay, a_policy_is_applied)
{
	struct sl_replay conf = { .file = copy_of(FOLDER "http.pcap") };
	struct sl_replay_figures figures;
	char path[32], *text;

	compile("version: 1\ndefault: {mode: protect}\nrules: []\n", path);
	conf.policy = path;
	text = replay(&conf, &figures);
	cr_expect_geq(lines(text, "alert", NULL), 1, "%s", text);
	cr_expect_geq(lines(text, "drop", NULL), 1, "%s", text);
	cr_expect_geq(figures.dropped, 1);
	free(text);
	unlink(path);
}

Test(engine_replay, whose_frames_they_are)
{
	struct sl_replay conf = { .file = copy_of(FOLDER "http.pcap") };
	struct sl_replay_figures figures;
	char *text;

	cr_assert_eq(sl_replay_parse_net("192.0.2.0/24", &conf), 0);
	conf.net.byte[12] = 1; /* nobody's */
	text = replay(&conf, &figures);
	cr_expect_str_eq(text, "");
	cr_expect_eq(figures.foreign, figures.frames);
	free(text);
	cr_assert_eq(sl_replay_parse_net("0.0.0.0/0", &conf), 0);
	text = replay(&conf, &figures);
	cr_expect_eq(figures.foreign, 0);
	cr_expect_geq(lines(text, "flow", NULL), 1);
	free(text);
}

Test(engine_replay, words)
{
	static const char *const bad_net[] = { "",	 "10.0.0.0/33", "10.0.0.0/",   "10.0.0/8",
					       "::/129", "x/8",		"10.0.0.0/-1", "10.0.0.0/8x" };
	static const char *const bad_mac[] = { "",
					       "02:00:00:00:00",
					       "02:00:00:00:00:01:02",
					       "02-00-00-00-00-01",
					       "2:0:0:0:0:1",
					       "02:00:00:00:00:0g" };
	struct sl_replay conf = { 0 };

	for (size_t i = 0; i < sizeof(bad_net) / sizeof(*bad_net); i++)
		cr_expect_eq(sl_replay_parse_net(bad_net[i], &conf), -EINVAL, "%s", bad_net[i]);
	for (size_t i = 0; i < sizeof(bad_mac) / sizeof(*bad_mac); i++)
		cr_expect_eq(sl_replay_parse_mac(bad_mac[i], &conf), -EINVAL, "%s", bad_mac[i]);
	cr_expect(!conf.has_mac && !conf.has_net);
	cr_expect_eq(sl_replay_parse_net("10.0.0.0/8", &conf), 0);
	cr_expect_eq(conf.prefix, 104);
	cr_expect_eq(sl_replay_parse_net("fd00::1", &conf), 0);
	cr_expect_eq(conf.prefix, 128);
	cr_expect_eq(sl_replay_parse_mac("4e:65:75:56:00:01", &conf), 0);
	cr_expect_eq(conf.mac[3], 0x56);
}

Test(engine_replay, what_is_no_capture)
{
	struct sl_replay conf = { .file = "tests/data/README.md" };
	struct sl_replay_figures figures;
	struct sl_err err = { 0 };

	cr_expect_lt(sl_replay(&conf, stdout, &figures, &err), 0);
	cr_expect(strstr(err.text, conf.file));
	conf.file = FOLDER "http.pcap";
	conf.policy = "tests/data/README.md";
	cr_expect_lt(sl_replay(&conf, stdout, &figures, &err), 0);
	cr_expect(strstr(err.text, conf.policy));
	conf.policy = "/nowhere";
	cr_expect_eq(sl_replay(&conf, stdout, &figures, &err), -ENOENT);
}
