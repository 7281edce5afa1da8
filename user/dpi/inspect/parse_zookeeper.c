// SPDX-License-Identifier: BSD-2-Clause
/*
 * ZooKeeper (ConnectRequest of its zookeeper.jute, QuorumCnxManager, Learner,
 * "four letter words" of its administrator's guide): a client's session, one
 * server's talk with another, and the commands of four letters.
 */
#include "dpi/inspect/parse.h"

#define CONNECT 44 /* or one more with readOnly */
#define PASSWORD 16
#define TIMEOUT_MAX 86400000 /* ms */
#define FOLLOWER_INFO 11
#define OBSERVER_INFO 16

static const struct {
	const char *word, *answer;
} words[] = {
	{ "ruok", "imok" },	  { "srvr", "Zookeeper version" },   { "stat", "Zookeeper version" },
	{ "mntr", "zk_version" }, { "conf", "clientPort=" },	     { "envi", "Environment:" },
	{ "cons", " /" },	  { "dump", "SessionTracker dump" },
};

/* What a server says to any of them: it does not start, or is not to do that. */
static const char not_serving[] = "This ZooKeeper instance is not currently serving requests";
static const char refused[] = "is not executed because it is not in the whitelist";

static enum sl_verdict try_answer(const struct sl_said *said, const char *answer)
{
	enum sl_verdict usual = sl_begins(said, answer), idle = sl_begins(said, not_serving);

	if (usual == SL_YES || idle == SL_YES)
		return SL_YES;
	if (usual == SL_MORE || idle == SL_MORE)
		return SL_MORE;
	/* "stat is not …" */
	if (said->len < 5 + strlen(refused))
		return SL_MORE;
	return memcmp(said->data + 5, refused, strlen(refused)) ? SL_NO : SL_YES;
}

static enum sl_verdict try_word(const struct sl_spoken *spoken, struct sl_found *found)
{
	const struct sl_said *client = &spoken->side[SL_CLIENT], *server = &spoken->side[SL_SERVER];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		enum sl_verdict answer;

		if (sl_begins(client, words[i].word) == SL_NO || client->total > 6)
			continue;
		if (!server->len || client->len < 4)
			return SL_MORE;
		answer = try_answer(server, words[i].answer);
		return answer == SL_YES ? sl_yes(found, SL_APPLICATION_ZOOKEEPER, 95) : answer;
	}
	return SL_NO;
}

/* length, protocol 0, last zxid, timeout, session, password, perhaps readOnly */
static enum sl_verdict try_connect(const struct sl_said *said, struct sl_found *found)
{
	uint32_t len = sl_be32(said->data), timeout;

	if (said->len < 4 + CONNECT)
		return SL_MORE;
	timeout = sl_be32(said->data + 16);
	if (sl_be32(said->data + 4) || sl_be32(said->data + 28) != PASSWORD || !timeout ||
	    timeout > TIMEOUT_MAX)
		return SL_NO;
	if (len > CONNECT && said->len > 4 + CONNECT && said->data[4 + CONNECT] > 1)
		return SL_NO;
	return sl_yes(found, SL_APPLICATION_ZOOKEEPER, 100);
}

/* An election: a negative version, the server's id, its address. */
static enum sl_verdict try_election(const struct sl_said *said, struct sl_found *found)
{
	uint32_t len;

	if (said->len < 20)
		return SL_MORE;
	len = sl_be32(said->data + 16);
	if (!len || len > 512)
		return SL_NO;
	if (said->len < 20 + len)
		return SL_MORE;
	return sl_is_word(said->data + 20, len) && memchr(said->data + 20, ':', len)
		       ? sl_yes(found, SL_APPLICATION_ZOOKEEPER, 90)
		       : SL_NO;
}

/* A follower's or observer's first packet: type, zxid, LearnerInfo, no authentication. */
static enum sl_verdict try_learner(const struct sl_said *said, struct sl_found *found)
{
	uint32_t len;

	if (said->len < 16)
		return SL_MORE;
	len = sl_be32(said->data + 12);
	if (len != 8 && len != 12 && len != 20)
		return SL_NO;
	if (said->len < 16 + len + 4)
		return SL_MORE;
	return sl_be32(said->data + 16 + len) == UINT32_MAX || !sl_be32(said->data + 16 + len)
		       ? sl_yes(found, SL_APPLICATION_ZOOKEEPER, 85)
		       : SL_NO;
}

enum sl_verdict sl_parse_zookeeper(const struct sl_spoken *spoken, struct sl_found *found)
{
	static const uint8_t election[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct sl_said *said = &spoken->side[SL_CLIENT];
	uint32_t first;

	if (!said->len)
		return spoken->side[SL_SERVER].len ? SL_NO : SL_MORE;
	if (said->data[0] >= 'a' && said->data[0] <= 'z')
		return try_word(spoken, found);
	if (said->data[0] == election[0]) {
		if (memcmp(said->data, election, said->len < 6 ? said->len : 6) != 0)
			return SL_NO;
		if (said->len < 8)
			return SL_MORE;
		return sl_be16(said->data + 6) <= 1 ? try_election(said, found) : SL_NO;
	}
	if (said->len < 4)
		return said->data[0] ? SL_NO : SL_MORE;
	first = sl_be32(said->data);
	if (first == CONNECT || first == CONNECT + 1)
		return try_connect(said, found);
	if (first == FOLLOWER_INFO || first == OBSERVER_INFO)
		return try_learner(said, found);
	return SL_NO;
}
