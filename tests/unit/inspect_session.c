// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of an inspection: its limits, what is kept to itself, and that
 * what is no application's gets no name.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "dpi/inspect/inspect.h"

static struct sl_inspector *inspector;
static struct sl_session session;

static void open_inspector(void)
{
	struct sl_err err;

	cr_assert_eq(sl_inspector_open(&inspector, &err), 0, "%s", err.text);
	session = (struct sl_session){ .tuple = { .protocol = IPPROTO_TCP } };
}

static void close_inspector(void)
{
	sl_inspect_forget(inspector, &session);
	sl_inspector_close(inspector);
}

TestSuite(inspect_session, .init = open_inspector, .fini = close_inspector);

static bool say_as(struct sl_session *s, enum sl_side side, const void *bytes, size_t len)
{
	struct sl_packet packet = { .tuple = s->tuple };
	uint8_t *copy = malloc(len ? len : 1);
	bool changed;

	memcpy(copy, bytes, len);
	changed = sl_inspect(inspector, s, &packet, copy, (uint32_t)len, side);
	free(copy);
	return changed;
}

static bool say(enum sl_side side, const char *text)
{
	return say_as(&session, side, text, strlen(text));
}

/* Another session; the one before is forgotten. */
static void next(uint8_t protocol)
{
	sl_inspect_forget(inspector, &session);
	cr_assert_null(session.inspect);
	cr_assert_null(session.name);
	session = (struct sl_session){ .tuple = { .protocol = protocol } };
}

static const char *named(void)
{
	return session.name ? session.name : "";
}

static uint32_t under_inspection(void)
{
	struct sl_inspect_figures figures;

	sl_inspector_figures(inspector, &figures);
	return figures.now;
}

Test(inspect_session, changes_are_told_once)
{
	cr_expect_not(say(SL_CLIENT, "GE"));
	cr_expect_not(session.application_final);
	cr_expect(say(SL_CLIENT, "T / HTTP/1.1\r\nHo"));
	cr_expect(session.application_final && session.application == SL_APPLICATION_HTTP);
	cr_expect_str_eq(named(), "");
	cr_expect_eq(under_inspection(), 1, "the name is still to come");
	cr_expect(say(SL_CLIENT, "st: WWW.example.com:8080\r\n\r\n"));
	cr_expect_str_eq(named(), "www.example.com");
	cr_expect_eq(under_inspection(), 0);
	cr_expect_null(session.inspect);
	cr_expect_not(say(SL_CLIENT, "SSH-2.0-OpenSSH"));
	cr_expect_eq(session.application, SL_APPLICATION_HTTP);
}

Test(inspect_session, other_protocols_have_no_application)
{
	next(IPPROTO_ICMP);
	cr_expect(say(SL_CLIENT, "ping"));
	cr_expect(session.application_final && !session.application);
	cr_expect_not(say(SL_CLIENT, "ping"));
	next(IPPROTO_TCP);
	cr_expect_not(say_as(&session, SL_CLIENT, "", 0), "nothing said, nothing known");
	cr_expect_not(session.application_final);
	cr_expect_eq(under_inspection(), 0);
}

Test(inspect_session, ends_unknown)
{
	unsigned int packets = 0;

	/* A prefix of many things, a byte at a time, then nothing more of it. */
	while (!session.application_final && packets < 100) {
		say(SL_CLIENT, "\x05");
		packets++;
	}
	cr_expect_leq(packets, SL_INSPECT_PACKETS);
	cr_expect_eq(session.application, SL_APPLICATION_UNKNOWN);
	cr_expect_eq(session.confidence, 0);
	cr_expect_eq(under_inspection(), 0);
}

Test(inspect_session, the_longest_silent_is_given_up)
{
	struct sl_session *many = calloc(SL_INSPECT_SESSIONS + 1, sizeof(*many));
	struct sl_inspect_figures figures;

	for (unsigned int i = 0; i <= SL_INSPECT_SESSIONS; i++) {
		many[i].tuple.protocol = IPPROTO_TCP;
		if (i == SL_INSPECT_SESSIONS)
			say_as(&many[0], SL_CLIENT, "E", 1); /* so the second is the oldest */
		say_as(&many[i], SL_CLIENT, "G", 1);
	}
	sl_inspector_figures(inspector, &figures);
	cr_expect_eq(figures.now, SL_INSPECT_SESSIONS);
	cr_expect_eq(figures.given_up, 1);
	cr_expect_not(many[1].application_final, "told at its next packet");
	cr_expect(say_as(&many[1], SL_CLIENT, "ET / HTTP/1.1\r\n\r\n", 18));
	cr_expect(many[1].application_final && !many[1].application);
	cr_expect_null(many[1].inspect);
	cr_expect(say_as(&many[2], SL_CLIENT, "ET / HTTP/1.1\r\n\r\n", 18));
	cr_expect_eq(many[2].application, SL_APPLICATION_HTTP, "the others go on");
	for (unsigned int i = 0; i <= SL_INSPECT_SESSIONS; i++)
		sl_inspect_forget(inspector, &many[i]);
	cr_expect_eq(under_inspection(), 0);
	free(many);
}

/* The ports a guess would be made by. */
Test(inspect_session, no_guess_by_port)
{
	static const uint16_t ports[] = { 22, 53, 80, 123, 443, 1433, 1521, 3306, 5432, 6379, 9042, 27017 };
	static const uint8_t noise[] = { 0x9e, 0x01, 0x77, 0x42, 0xd1, 0x00, 0x13, 0xaa, 0x55, 0x21 };

	for (unsigned int i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		for (int udp = 0; udp < 2; udp++) {
			next(udp ? IPPROTO_UDP : IPPROTO_TCP);
			session.tuple.destination_port = ports[i];
			for (int k = 0; k < 30; k++)
				say_as(&session, k % 2, noise, sizeof(noise) - k % 3);
			cr_expect(session.application_final);
			cr_expect_eq(session.application, 0, "port %u: %s", ports[i],
				     sl_application_name(session.application));
		}
}

/* Bytes without meaning, the same in every run. */
Test(inspect_session, noise_has_no_name)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	unsigned int wrong = 0;
	uint8_t noise[1460];

	for (unsigned int i = 0; i < 4000; i++) {
		next(i % 2 ? IPPROTO_UDP : IPPROTO_TCP);
		for (int packet = 0; packet < 6 && !session.application_final; packet++) {
			size_t len = 1 + (seed >> 33) % (i % 3 ? sizeof(noise) : 40);

			for (size_t k = 0; k < len; k++) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				noise[k] = seed >> 56;
			}
			if (i % 4 < 2) /* text */
				for (size_t k = 0; k < len; k++)
					noise[k] = " \nabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01"
						   "23456789"[noise[k] % 64];
			say_as(&session, packet % 2, noise, len);
		}
		if (session.application) {
			cr_log_info("%u: %s", i, sl_application_name(session.application));
			wrong++;
		}
	}
	cr_expect_eq(wrong, 0, "%u of 4000", wrong);
}

/* What looks like one but is not. */
Test(inspect_session, not_misnamed)
{
	static const struct {
		const char *client, *server;
	} talk[] = {
		{ "GET me a beer\r\n", "no\r\n" },
		{ "GET / FTP/1.1\r\n\r\n", NULL },
		{ "*1\r\nPING\r\n", NULL },
		{ "SSH is great\r\n", NULL },
		{ "ruok", "who knows" },
		{ "PING\r\n", "pong, I suppose\r\n" },
		{ "\x16\x03\x01\x00\x02\x01\x00", NULL },
	};

	for (unsigned int i = 0; i < sizeof(talk) / sizeof(talk[0]); i++) {
		next(IPPROTO_TCP);
		for (int k = 0; k < SL_INSPECT_PACKETS; k++) {
			say(SL_CLIENT, talk[i].client);
			if (talk[i].server)
				say(SL_SERVER, talk[i].server);
		}
		cr_expect(session.application_final);
		cr_expect_eq(session.application, 0, "%u: %s", i, sl_application_name(session.application));
	}
}

Test(inspect_session, hosts)
{
	static const struct {
		const char *request, *name;
	} http[] = {
		{ "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.0\r\n\r\n", "" },
		{ "GET http://b.example:81/x HTTP/1.1\r\nHost: a.example\r\n\r\n", "b.example" },
		{ "CONNECT c.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", "c.example" },
		{ "GET / HTTP/1.1\r\nhOST:\t[2001:db8::1]:80 \r\n\r\n", "2001:db8::1" },
		{ "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", "" },
		{ "GET / HTTP/1.1\r\nHost: a.example\r\nHost: A.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.1\r\nX-Host: b.example\r\nHost: a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.1\r\nHost: a.example\x1b[2J\r\n\r\n", "" },
		{ "GET http://user@b.example/ HTTP/1.1\r\n\r\n", "b.example" },
		{ "PROPFIND /x HTTP/1.1\nHost: a.example\n\n", "a.example" },
	};

	for (unsigned int i = 0; i < sizeof(http) / sizeof(http[0]); i++) {
		next(IPPROTO_TCP);
		say(SL_CLIENT, http[i].request);
		cr_expect_eq(session.application, SL_APPLICATION_HTTP, "%u", i);
		cr_expect_str_eq(named(), http[i].name, "%u: %s", i, named());
	}
}

/* A hello for `name`, in TLS records of `split` bytes. Returns its length. */
static size_t hello(uint8_t *ret, const char *name, size_t split)
{
	uint8_t message[1024] = { 1, 0, 0, 0, 3, 3 };
	size_t len = 6 + 32, name_len = strlen(name), at = 0;

	memcpy(message + len, "\0\0\2\x13\x01\1\0", 7);
	len += 7;
	message[len++] = (uint8_t)((name_len + 9) >> 8);
	message[len++] = (uint8_t)(name_len + 9);
	memcpy(message + len, (uint8_t[]){ 0, 0, 0, name_len + 5, 0, name_len + 3, 0, 0, name_len }, 9);
	len += 9;
	memcpy(message + len, name, name_len);
	len += name_len;
	message[2] = (uint8_t)((len - 4) >> 8);
	message[3] = (uint8_t)(len - 4);
	for (size_t done = 0; done < len; done += split) {
		size_t here = len - done < split ? len - done : split;

		memcpy(ret + at, (uint8_t[]){ 22, 3, 1, here >> 8, here }, 5);
		memcpy(ret + at + 5, message + done, here);
		at += 5 + here;
	}
	return at;
}

/* A name does not hide behind the edge of a record, nor in capitals, nor behind a length. */
Test(inspect_session, tls_names)
{
	uint8_t bytes[4096];
	size_t len;

	for (size_t split = 7; split < 90; split += 3) {
		next(IPPROTO_TCP);
		len = hello(bytes, "Secret.Example.COM", split);
		say_as(&session, SL_CLIENT, bytes, len);
		cr_expect_eq(session.application, SL_APPLICATION_TLS, "%zu", split);
		cr_expect_str_eq(named(), "secret.example.com", "%zu: %s", split, named());
	}
	/* longer than nDPI keeps of a name */
	next(IPPROTO_TCP);
	len = hello(
		bytes,
		"a-name-of-more-than-eighty-bytes-is-not-cut-down-to-its-end.because-then.evil.example.com",
		900);
	say_as(&session, SL_CLIENT, bytes, len);
	cr_expect_str_eq(
		named(),
		"a-name-of-more-than-eighty-bytes-is-not-cut-down-to-its-end.because-then.evil.example.com");
	next(IPPROTO_TCP);
	len = hello(bytes, "bad name\x1b", 900);
	say_as(&session, SL_CLIENT, bytes, len);
	cr_expect_eq(session.application, SL_APPLICATION_TLS);
	cr_expect_str_eq(named(), "");
}

/* Clients whose servers are not to be had; see tests/data/README.md. */
Test(inspect_session, first_words)
{
	static const struct {
		const char *file;
		uint16_t application;
	} first[] = {
		{ "oracledb", SL_APPLICATION_ORACLE },
		{ "oracledb-long", SL_APPLICATION_ORACLE },
		{ "tedious", SL_APPLICATION_MSSQL },
		{ "cassandra-driver", SL_APPLICATION_CASSANDRA },
	};

	for (unsigned int i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		uint8_t bytes[1024];
		char path[64];
		size_t len;
		FILE *file;

		snprintf(path, sizeof(path), "tests/data/first/%s.bin", first[i].file);
		file = fopen(path, "re");
		cr_assert_not_null(file, "%s: %s", path, strerror(errno));
		len = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		next(IPPROTO_TCP);
		say_as(&session, SL_CLIENT, bytes, len);
		cr_expect(session.application_final, "%s", path);
		cr_expect_str_eq(sl_application_name(session.application),
				 sl_application_name(first[i].application), "%s: %s", path,
				 sl_application_name(session.application));
	}
}

/* A few that nDPI knows, or ours beyond the list: without any port. */
Test(inspect_session, others)
{
	static const struct {
		const char *application;
		const char *talk[5]; /* the server's first if it begins with a blank */
	} others[] = {
		{ "smtp",
		  { " 220 mail.example.com ESMTP Postfix\r\n", "EHLO client.example.com\r\n",
		    " 250-mail.example.com\r\n250 STARTTLS\r\n", "MAIL FROM:<a@example.com>\r\n",
		    " 250 Ok\r\n" } },
		{ "ftp",
		  { " 220 (vsFTPd 3.0.3)\r\n", "USER anonymous\r\n", " 331 Please specify the password.\r\n",
		    "PASS x\r\n", " 230 Login successful.\r\n" } },
		{ "imap",
		  { " * OK IMAP4rev1 ready\r\n", "a1 CAPABILITY\r\n",
		    " * CAPABILITY IMAP4rev1\r\na1 OK done\r\n", "a2 LOGIN u p\r\n", " a2 OK done\r\n" } },
		{ "vnc", { " RFB 003.008\n", "RFB 003.008\n" } },
		{ "nats", { " INFO {\"server_id\":\"x\"}\r\n" } },
		{ "bittorrent",
		  { "\x13"
		    "BitTorrent protocol" } },
		{ "mining",
		  { "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"cpuminer/2.5.1\"]}\n" } },
	};

	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		next(IPPROTO_TCP);
		for (int k = 0; k < 5 && others[i].talk[k]; k++) {
			bool server = others[i].talk[k][0] == ' ';

			say(server ? SL_SERVER : SL_CLIENT, others[i].talk[k] + server);
		}
		cr_expect_str_eq(sl_application_name(session.application), others[i].application, "%s: %s",
				 others[i].application, sl_application_name(session.application));
	}
	next(IPPROTO_TCP);
	say_as(&session, SL_CLIENT, "\x10\x0c\0\4MQTT\4\2\0\x3c\0\0", 14);
	cr_expect_eq(session.application, SL_APPLICATION_MQTT);
	next(IPPROTO_TCP);
	say_as(&session, SL_CLIENT, "\0\0\0\x66\xfeSMB\x40\0", 10);
	cr_expect_eq(session.application, SL_APPLICATION_SMB);
}

Test(inspect_session, numbers_and_names)
{
	uint16_t number = 7;

	cr_expect_str_eq(sl_application_name(0), "unknown");
	cr_expect_str_eq(sl_application_name(1002), "tls");
	cr_expect_str_eq(sl_application_name(2028), "grpc");
	cr_expect_str_eq(sl_application_name(10188), "quic");
	cr_expect_str_eq(sl_application_name(12345), "app-12345");
	for (unsigned int i = 0; i <= UINT16_MAX; i++) {
		cr_assert_eq(sl_application_number(sl_application_name((uint16_t)i), &number), 0, "%u", i);
		cr_assert_eq(number, i, "%s", sl_application_name((uint16_t)i));
	}
	cr_expect_eq(sl_application_number("SSL", &number), 0);
	cr_expect_eq(number, 1002);
	cr_expect_eq(sl_application_number("no-such", &number), -ENOENT);
	cr_expect_eq(sl_application_number("app-65536", &number), -ENOENT);
	cr_expect_eq(sl_application_number("app--1", &number), -ENOENT);
	cr_expect_eq(sl_application_number("app-", &number), -ENOENT);
	cr_expect_eq(sl_application_number("", &number), -ENOENT);
	cr_expect_eq(number, 1002, "untouched");
}
