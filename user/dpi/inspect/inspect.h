/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Naming the application of a session from its first packets.
 *
 * Ports are never looked at: what cannot be told from the bytes stays unknown,
 * so a rule about an application means the same on every port. Before
 * application_final, application may hold a candidate; final and unknown means
 * that nothing more will be found out.
 *
 * Invariant: an inspector belongs to one worker; the bytes are read, never
 * kept beyond the call except as bounded copies; a session costs no more than
 * SL_INSPECT_PACKETS packets of inspection. The same packets give the same
 * result, whatever other sessions were seen before.
 */
#ifndef SLUICE_DPI_INSPECT_H
#define SLUICE_DPI_INSPECT_H

#include "dpi/session/session.h"
#include "lib/err.h"

#define SL_INSPECT_PACKETS 24 /* with payload, of both sides together */
#define SL_INSPECT_KEPT_CLIENT 8192 /* bytes of the stream's beginning: a TLS hello with its name */
#define SL_INSPECT_KEPT_SERVER 1024
/*
 * Sessions of one inspector that are under inspection at a time. When one more
 * begins, the one that has been silent longest is given up: its next packet
 * makes it final with what was known.
 */
#define SL_INSPECT_SESSIONS 4096
/* A candidate below this is dropped when inspection ends without a better one. */
#define SL_INSPECT_CONFIDENCE 50

struct sl_inspector;

/* Loads nDPI: before the sandbox closes. Any number of them, from any thread. */
int sl_inspector_open(struct sl_inspector **ret, struct sl_err *err);
void sl_inspector_close(
	struct sl_inspector *inspector); /* NULL allowed; after all its sessions are forgotten */

/*
 * Shows the packet (TCP: in order, as reassembly lets it pass) of `side` to
 * the session's state. Sets application, confidence, name and application_final
 * in *session. True if one of them has changed. The name may come after the
 * application is final.
 */
bool sl_inspect(struct sl_inspector *inspector, struct sl_session *session, const struct sl_packet *packet,
		const uint8_t *payload, uint32_t len, enum sl_side side);
/* Whether there is anything left to find out: the application, and then for a while its name. */
static inline bool sl_inspect_wants(const struct sl_session *session)
{
	return !session->application_final || session->inspect;
}
/* Frees session->inspect and session->name. */
void sl_inspect_forget(struct sl_inspector *inspector, struct sl_session *session);

struct sl_inspect_figures {
	uint32_t now; /* under inspection */
	uint64_t begun;
	uint64_t given_up; /* for want of room */
	uint64_t no_memory; /* never begun */
};
void sl_inspector_figures(const struct sl_inspector *inspector, struct sl_inspect_figures *ret);

#endif
