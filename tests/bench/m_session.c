// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a session costs: bytes while idle, and nanoseconds to make one and to
 * find it again among half a million, in random order (so that the caches are
 * of no more help than on a busy host).
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "dpi/session/track.h"

#define SESSIONS 500000u

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* One packet of session i; the state and tracking are part of what is measured. */
static int pass(struct sl_table *table, uint32_t i, enum sl_side side)
{
	static uint8_t frame[64];
	struct sl_packet packet = { .data = frame,
				    .len = sizeof(frame),
				    .now_ns = 1,
				    .workload = 1,
				    .to_workload = side == SL_CLIENT,
				    .kind = SL_PACKET_UDP,
				    .ip_len = 46 };
	struct sl_addr client = {
		{ [10] = 0xff, 0xff, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i }
	};
	struct sl_addr server = { { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
	struct sl_session *session;
	struct sl_found found;
	struct sl_facts facts;

	packet.tuple = (struct sl_tuple){ side == SL_CLIENT ? client : server,
					  side == SL_CLIENT ? server : client,
					  side == SL_CLIENT ? 40000 : 53,
					  side == SL_CLIENT ? 53 : 40000,
					  IPPROTO_UDP,
					  4 };
	session = sl_session_of(table, &packet, true, &found);
	if (!session)
		return 0;
	sl_session_track(table, session, &packet, found.side, &facts);
	return 1;
}

static int once(double *ret_make, double *ret_find, double *ret_bytes, struct sl_err *err)
{
	struct sl_table_config config;
	struct sl_table_stats stats;
	struct sl_table *table;
	uint32_t random = 1, done = 0;
	double start;
	int r;

	sl_table_config_init(&config);
	r = sl_table_open(&table, &config, err);
	if (r)
		return r;
	start = now_ns();
	for (uint32_t i = 0; i < SESSIONS; i++)
		done += (uint32_t)pass(table, i, SL_CLIENT);
	*ret_make = (now_ns() - start) / SESSIONS;
	start = now_ns();
	for (uint32_t i = 0; i < SESSIONS; i++) {
		random = random * 1664525u + 1013904223u;
		done += (uint32_t)pass(table, (random >> 8) % SESSIONS,
				       random & 0x80 ? SL_SERVER : SL_CLIENT);
	}
	*ret_find = (now_ns() - start) / SESSIONS;
	sl_table_stats(table, &stats);
	*ret_bytes = (double)stats.bytes / stats.sessions;
	r = stats.sessions == SESSIONS && done == 2 * SESSIONS
		    ? 0
		    : sl_err(err, EIO, "session table: %u sessions of %u, %u packets", stats.sessions,
			     SESSIONS, done);
	sl_table_close(table);
	return r;
}

int measure_session(struct sl_err *err)
{
	struct series make = {
		.name = "session_make_ns",
		.contender = "a packet of a new session",
		.unit = "ns",
		.note = "found to be new, made, tracked; half a million one after the other",
		.kind = BENCH_VALUE,
	};
	struct series find = make, bytes = make;
	int r = 0;

	find.name = "session_find_ns";
	find.contender = "a packet of a known session";
	find.note = "found among half a million in random order, tracked";
	bytes.name = "bytes_per_session";
	bytes.contender = "an idle session";
	bytes.unit = "bytes";
	bytes.note = "arena and index of half a million, divided by their number; without the name";
	for (unsigned int i = 0; !r && i < bench_pairs(); i++) {
		r = once(&make.contenders[i], &find.contenders[i], &bytes.contenders[i], err);
		make.n = find.n = bytes.n = i + 1;
	}
	if (r)
		return r;
	report_add(&make);
	report_add(&find);
	report_add(&bytes);
	return 0;
}
