// SPDX-License-Identifier: BSD-2-Clause
/* A capture through the engine; see replay.h for the invariant. */
#include "dpi/replay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/decide/engine.h"
#include "dpi/decide/threat.h"
#include "dpi/decode/decode.h"
#include "dpi/event/eve.h"
#include "dpi/policy/policies.h"
#include "dpi/session/list.h"
#include "sluice/ucmac.h"

#define POLICY_MAX (256u << 20) /* what a compiled policy may be */

struct player {
	struct sl_replay conf; /* with the network found, if none was given */
	struct sl_replay_figures *figures;
	FILE *out;
	pcap_t *pcap;
	int link;
	struct sl_engine *engine;
	struct sl_policies *policies;
	struct sl_decoder *decoder; /* to find out whose frames they are */
	struct sl_eve eve;
	uint64_t now_ns;
	uint8_t frame[SL_FRAME_MAX];
};

int sl_replay_parse_mac(const char *text, struct sl_replay *ret)
{
	unsigned int b[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", b, b + 1, b + 2, b + 3, b + 4, b + 5, &end) != 6 ||
	    text[end] || strlen(text) != 17)
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		ret->mac[i] = (uint8_t)b[i];
	ret->has_mac = true;
	return 0;
}

int sl_replay_parse_net(const char *text, struct sl_replay *ret)
{
	struct sl_addr net = { .byte = { [10] = 0xff, [11] = 0xff } };
	const char *slash = strchrnul(text, '/');
	char address[INET6_ADDRSTRLEN];
	long bits, max = 32;
	char *end;

	if ((size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = 0;
	if (inet_pton(AF_INET, address, net.byte + 12) != 1) {
		max = 128;
		if (inet_pton(AF_INET6, address, net.byte) != 1)
			return -EINVAL;
	}
	bits = max;
	if (*slash) {
		bits = strtol(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || bits > max)
			return -EINVAL;
	}
	ret->net = net;
	ret->prefix = (uint8_t)(bits + 128 - max);
	ret->has_net = true;
	return 0;
}

static bool is_in(const struct sl_addr *address, const struct sl_replay *conf)
{
	unsigned int whole = conf->prefix / 8, rest = conf->prefix % 8;

	return !memcmp(address, &conf->net, whole) &&
	       (!rest || (address->byte[whole] ^ conf->net.byte[whole]) >> (8 - rest) == 0);
}

static int open_capture(struct player *player, struct sl_err *err)
{
	char text[PCAP_ERRBUF_SIZE];

	player->pcap =
		pcap_open_offline_with_tstamp_precision(player->conf.file, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!player->pcap)
		return sl_err(err, EINVAL, "capture %s: %s", player->conf.file, text);
	player->link = pcap_datalink(player->pcap);
	if (player->link != DLT_EN10MB && player->link != DLT_RAW)
		return sl_err(err, EINVAL,
			      "capture %s: link type %s: only Ethernet and raw IP can be replayed",
			      player->conf.file, pcap_datalink_val_to_name(player->link) ?: "unknown");
	return 0;
}

/* The next frame as Ethernet in player->frame. Its length, 0 to leave it out, -ENODATA at the end, -errno. */
static int next_frame(struct player *player, struct sl_err *err)
{
	size_t head = player->link == DLT_RAW ? ETH_HLEN : 0;
	struct pcap_pkthdr *header;
	const u_char *data;
	uint64_t now;
	int r = pcap_next_ex(player->pcap, &header, &data);

	if (r == PCAP_ERROR_BREAK)
		return -ENODATA;
	if (r != 1)
		return sl_err(err, EIO, "capture %s: %s", player->conf.file, pcap_geterr(player->pcap));
	now = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
	if (now > player->now_ns)
		player->now_ns = now;
	player->figures->frames++;
	if (header->caplen < header->len || head + header->caplen > sizeof(player->frame)) {
		player->figures->cut++;
		return 0;
	}
	memcpy(player->frame + head, data, header->caplen);
	if (head) {
		memset(player->frame, 0, head);
		player->frame[12] = header->caplen && data[0] >> 4 == 6 ? 0x86 : 0x08;
		player->frame[13] = player->frame[12] == 0x86 ? 0xdd : 0;
	}
	if (head + header->caplen < ETH_HLEN) {
		player->figures->foreign++;
		return 0;
	}
	return (int)(head + header->caplen);
}

/* What the frame says of itself, if it were the workload's. */
static void look(struct player *player, int len, struct sl_packet *ret)
{
	struct sl_frame frame = { .len = (uint32_t)len,
				  .n_pieces = 1,
				  .csum = SL_CSUM_PARTIAL,
				  .piece = { { player->frame, (uint32_t)len } } };

	uint8_t destination[ETH_ALEN];

	/* Decoding goes on only with a frame that is somebody's. */
	memcpy(destination, player->frame, ETH_ALEN);
	sl_ucmac_write(player->frame, SL_REPLAY_WORKLOAD);
	sl_decode(ret, &frame, player->decoder, player->now_ns);
	memcpy(player->frame, destination, ETH_ALEN);
}

/* Writes the UCMAC where it belongs. False: the frame is not the workload's. */
static bool mark(struct player *player, int len)
{
	const struct sl_replay *conf = &player->conf;
	uint8_t *frame = player->frame;
	struct sl_packet packet;
	bool to, from;

	if (sl_is_ucmac(frame) || sl_is_ucmac(frame + ETH_ALEN))
		return true;
	if (conf->has_mac) {
		to = !memcmp(frame, conf->mac, ETH_ALEN);
		from = !memcmp(frame + ETH_ALEN, conf->mac, ETH_ALEN);
	} else {
		look(player, len, &packet);
		to = packet.tuple.family && is_in(&packet.tuple.destination, conf);
		from = packet.tuple.family && is_in(&packet.tuple.source, conf);
	}
	/* Within the network the receiver is the workload: a frame goes through the engine once. */
	if (!to && !from)
		return false;
	sl_ucmac_write(to ? frame : frame + ETH_ALEN, SL_REPLAY_WORKLOAD);
	return true;
}

/* Whom the first SYN goes to, or the first packet of IP. Leaves the capture open at its beginning. */
static int find_workload(struct player *player, struct sl_err *err)
{
	const struct sl_replay_figures before = *player->figures;
	struct sl_packet packet;
	bool found = false;
	int len;

	while (!found && (len = next_frame(player, err)) >= 0) {
		if (!len)
			continue;
		look(player, len, &packet);
		if (!packet.tuple.family)
			continue;
		found = packet.kind == SL_PACKET_TCP &&
			(packet.tcp_flags & (SL_TCP_SYN | SL_TCP_ACK)) == SL_TCP_SYN;
		if (!found && player->conf.has_net)
			continue;
		player->conf.net = packet.tuple.destination;
		player->conf.prefix = 128;
		player->conf.has_net = true;
	}
	*player->figures = before; /* these frames are read once more */
	if (!found && len != -ENODATA)
		return len;
	pcap_close(player->pcap);
	player->pcap = NULL;
	player->now_ns = 0;
	return open_capture(player, err);
}

static int take_policy(struct player *player, struct sl_err *err)
{
	struct sl_policy *policy = NULL;
	FILE *in = fopen(player->conf.policy, "re");
	char *block = NULL;
	size_t size = 0;
	int r = 0;

	if (!in)
		return sl_errno(err, errno, "policy %s", player->conf.policy);
	if (fseek(in, 0, SEEK_END) == 0 && ftell(in) > 0 && ftell(in) <= (long)POLICY_MAX) {
		size = (size_t)ftell(in);
		block = malloc(size);
		rewind(in);
	}
	if (!block || fread(block, 1, size, in) != size)
		r = sl_err(err, EBADMSG, "policy %s: not a compiled policy", player->conf.policy);
	fclose(in);
	if (!r) {
		r = sl_policy_open(block, size, &policy, err);
		if (r < 0 && err)
			sl_err_prefix(err, "policy %s: ", player->conf.policy);
	}
	free(block);
	if (!r)
		sl_policies_set(player->policies, policy, 0);
	return r;
}

static int open_player(struct player *player, struct sl_err *err)
{
	struct sl_engine_conf conf;
	int r;

	sl_engine_conf_init(&conf);
	if (player->conf.thresholds)
		conf.thresholds = *player->conf.thresholds;
	player->decoder = sl_decoder_new();
	if (!player->decoder)
		return sl_errno(err, ENOMEM, "replay");
	r = open_capture(player, err);
	r = r ?: sl_policies_open(&player->policies, 1, err);
	if (!r && player->conf.policy)
		r = take_policy(player, err);
	r = r ?: sl_engine_open(&player->engine, &conf, 0, 1, player->policies, NULL, err);
	if (!r && !player->conf.has_mac && !player->conf.has_net)
		r = find_workload(player, err);
	return r;
}

static void close_player(struct player *player)
{
	sl_engine_close(player->engine);
	sl_policies_close(player->policies);
	sl_decoder_free(player->decoder);
	if (player->pcap)
		pcap_close(player->pcap);
	free(player);
}

static int write_events(struct player *player, struct sl_err *err)
{
	struct sl_event event;

	while (sl_event_take(sl_engine_events(player->engine), &event)) {
		char *lines = sl_eve_lines(&player->eve, &event);
		bool written = lines && fputs(lines, player->out) >= 0;

		if (!written) {
			free(lines);
			return sl_errno(err, lines ? errno : ENOMEM, "writing events");
		}
		free(lines);
		player->figures->events++;
	}
	return 0;
}

static int play(struct player *player, struct sl_err *err)
{
	int len, r = 0;

	while (!r && (len = next_frame(player, err)) >= 0) {
		struct sl_frame frame = {
			.len = (uint32_t)len,
			.n_pieces = 1,
			/* Taken on the sender's host, checksums are often still to be made. */
			.csum = SL_CSUM_PARTIAL,
			.piece = { { player->frame, (uint32_t)len } }
		};

		if (!len)
			continue;
		if (!mark(player, len)) {
			player->figures->foreign++;
			continue;
		}
		sl_engine_turn(player->engine, player->now_ns);
		r = write_events(player, err);
		player->figures->dropped += sl_engine_handle(player->engine, &frame) == SL_DROP;
		r = r ?: write_events(player, err);
	}
	return r ?: len == -ENODATA ? 0 : len;
}

/* What is still open ends with the capture, and what was counted but not told yet is told. */
static int finish(struct player *player, struct sl_err *err)
{
	struct sl_session_filter all = { 0 };
	struct sl_cursor cursor = { 0 };
	struct sl_session *session;
	uint32_t budget = UINT32_MAX;
	int r = 0;

	while (!r && (session = sl_sessions_next(sl_engine_table(player->engine), &cursor, &all, &budget))) {
		sl_session_end(sl_engine_table(player->engine), session, SL_END_SHUTDOWN);
		r = write_events(player, err);
	}
	sl_engine_turn(player->engine, player->now_ns + SL_THREAT_EVERY_S * 1000000000ull);
	r = r ?: write_events(player, err);
	if (!r && fflush(player->out))
		r = sl_errno(err, errno, "writing events");
	return r;
}

int sl_replay(const struct sl_replay *replay, FILE *out, struct sl_replay_figures *ret, struct sl_err *err)
{
	struct player *player = calloc(1, sizeof(*player));
	struct sl_replay_figures figures = { 0 };
	int r;

	if (!player)
		return sl_errno(err, ENOMEM, "replay");
	player->conf = *replay;
	player->figures = &figures;
	player->out = out;
	player->eve = (struct sl_eve){ .interface = "replay", .netflow = true };
	r = open_player(player, err);
	r = r ?: play(player, err);
	r = r ?: finish(player, err);
	close_player(player);
	if (!r)
		*ret = figures;
	return r;
}
