/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libbpf has to say: kept out of the terminal, shown in the log at
 * debug level, and its first complaint quoted in the error of who called it.
 *
 * Invariant: from the first bpf_messages_start() on, libbpf itself prints
 * nothing.
 */
#ifndef SLUICE_SLUICED_BPF_MESSAGES_H
#define SLUICE_SLUICED_BPF_MESSAGES_H

/* Forgets earlier complaints and listens. */
void bpf_messages_start(void);
/*
 * libbpf's first warning since then, one line without its "libbpf: "; empty
 * if there was none. The first names the cause, later ones only repeat that
 * something failed. Static memory.
 */
const char *bpf_messages_first(void);

#endif
