// SPDX-License-Identifier: BSD-2-Clause
/*
 * What real clients and servers say is named rightly: as recorded, on other
 * ports, and however the stream was cut.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "inspect_replay.h"

/* The sessions of each capture, in order: application, or application/name. */
static const struct {
	const char *capture, *sessions;
} recorded[] = {
	{ "cassandra", "cassandra" },
	{ "couchbase", "couchbase" },
	{ "dhcp", "dhcp" },
	{ "dns", "dns/www.example.com dns/www.example.com dns/alias.example.com dns/www.example.com" },
	{ "echo", "echo echo" },
	{ "grpc", "grpc/orders.example.com" },
	{ "http", "http/www.example.com" },
	{ "http2", "http/www.example.com" },
	{ "kafka", "kafka" },
	{ "memcached", "memcached" },
	{ "mongodb", "mongodb mongodb" },
	{ "mssql", "mssql" },
	{ "mysql", "mysql" },
	{ "ntp", "ntp ntp" },
	{ "oracle", "oracle" },
	{ "postgresql", "postgresql postgresql" },
	{ "quic", "quic/quic.example.com" },
	{ "redis", "redis redis redis" },
	{ "rtsp", "rtsp/media.example.com" },
	{ "sip", "sip/127.0.0.1" },
	{ "spark", "spark" },
	{ "ssh", "ssh" },
	{ "tftp", "tftp tftp tftp tftp" },
	{ "tls12", "tls/www.example.com" },
	{ "tls13", "tls/www.example.com" },
	{ "zookeeper", "zookeeper zookeeper zookeeper" },
};
#define COUNT (sizeof(recorded) / sizeof(recorded[0]))

static struct replay tape;

static void open_inspector(void)
{
	struct sl_err err;

	cr_assert_eq(sl_inspector_open(&tape.inspector, &err), 0, "%s", err.text);
}

static void close_inspector(void)
{
	struct sl_inspect_figures figures;

	sl_inspector_figures(tape.inspector, &figures);
	cr_expect_eq(figures.now, 0);
	sl_inspector_close(tape.inspector);
}

TestSuite(inspect_recorded, .init = open_inspector, .fini = close_inspector);

struct wanted {
	unsigned int n;
	char application[REPLAY_SESSIONS][32], name[REPLAY_SESSIONS][64];
};

static void want(struct wanted *ret, const char *sessions)
{
	char words[256], *at, *word, *slash;

	memset(ret, 0, sizeof(*ret));
	snprintf(words, sizeof(words), "%s", sessions);
	for (word = strtok_r(words, " ", &at); word; word = strtok_r(NULL, " ", &at)) {
		slash = strchr(word, '/');
		if (slash)
			*slash = 0;
		snprintf(ret->application[ret->n], sizeof(ret->application[0]), "%s", word);
		snprintf(ret->name[ret->n++], sizeof(ret->name[0]), "%s", slash ? slash + 1 : "");
	}
}

/* Plays all of them: every session must be named. */
static void play_all(void)
{
	struct wanted wanted;

	for (size_t i = 0; i < COUNT; i++) {
		want(&wanted, recorded[i].sessions);
		replay(&tape, recorded[i].capture);
		cr_expect_eq(tape.n, wanted.n, "%s: %u sessions", recorded[i].capture, tape.n);
		for (unsigned int k = 0; k < tape.n && k < wanted.n; k++) {
			const struct sl_session *s = &tape.item[k].session;

			cr_expect_str_eq(sl_application_name(s->application), wanted.application[k],
					 "%s, session %u: %s", recorded[i].capture, k,
					 sl_application_name(s->application));
			cr_expect(s->application_final, "%s, session %u", recorded[i].capture, k);
			cr_expect_geq(s->confidence, 80, "%s, session %u", recorded[i].capture, k);
			cr_expect_str_eq(s->name ? s->name : "", wanted.name[k], "%s, session %u: %s",
					 recorded[i].capture, k, s->name ? s->name : "no name");
		}
		replay_forget(&tape);
	}
}

/* Plays all of them, of which not all is to be seen: nothing, or the truth. */
static void play_truthfully(void)
{
	struct wanted wanted;

	for (size_t i = 0; i < COUNT; i++) {
		want(&wanted, recorded[i].sessions);
		replay(&tape, recorded[i].capture);
		for (unsigned int k = 0; k < tape.n && k < wanted.n; k++) {
			const struct sl_session *s = &tape.item[k].session;

			/* gRPC is HTTP until its first request is there. */
			if (s->application && s->application_final &&
			    (strcmp(wanted.application[k], "grpc") != 0 ||
			     s->application != SL_APPLICATION_HTTP))
				cr_expect_str_eq(sl_application_name(s->application), wanted.application[k],
						 "%s, session %u, pieces of %u, from payload %u: %s",
						 recorded[i].capture, k, tape.cut, tape.skip + 1,
						 sl_application_name(s->application));
			if (s->name)
				cr_expect_str_eq(s->name, wanted.name[k], "%s, session %u: %s",
						 recorded[i].capture, k, s->name);
		}
		replay_forget(&tape);
	}
}

Test(inspect_recorded, as_recorded)
{
	play_all();
}

Test(inspect_recorded, on_other_ports)
{
	tape.other_ports = true;
	play_all();
}

/* Memory of one session must not colour another: the second time, and backwards, it is all the same. */
Test(inspect_recorded, twice)
{
	play_all();
	play_all();
}

/* SL_INSPECT_PACKETS pieces of 200 bytes hold what is needed; of very small ones they do not. */
Test(inspect_recorded, in_pieces)
{
	tape.cut = 200;
	play_all();
	tape.cut = 97;
	play_all();
	for (tape.cut = 1; tape.cut < 37; tape.cut += 5)
		play_truthfully();
}

/* Before the reply where the client's first message is enough: what a policy waits for. */
Test(inspect_recorded, at_the_first_packet)
{
	static const char *const at_once[] = { "http",	"tls13",  "tls12",   "ssh",   "dns",
					       "dhcp",	"redis",  "mongodb", "mssql", "postgresql",
					       "mysql", "oracle", "quic",    "sip",   "rtsp" };

	for (size_t i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++) {
		replay(&tape, at_once[i]);
		cr_expect_eq(tape.item[0].decided, 1, "%s: %u", at_once[i], tape.item[0].decided);
		replay_forget(&tape);
	}
}

/* Picked up in the middle. */
Test(inspect_recorded, midway)
{
	tape.midway = true;
	for (tape.skip = 1; tape.skip < 6; tape.skip++)
		play_truthfully();
}
