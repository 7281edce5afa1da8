/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests for what only newer kernels have are skipped on older ones, visibly.
 *
 * Invariant: asked of the running kernel by a call that changes nothing, never
 * read off its version, and without the code under test: a defect of ours can
 * not turn into a skip.
 */
#ifndef SLUICE_TESTS_FEATURES_H
#define SLUICE_TESTS_FEATURES_H

#include "lib/ns.h"

/* Links of programs at a tcx hook: since 6.6. */
void need_tcx(void);
/* AF_XDP frames of more than one buffer, for jumbo frames: since 6.6. */
void need_multi_buffer(void);
/* Packet sockets that send UDP's super-frames: since 6.2. Asked of ns's lo, where nobody takes the frame. */
void need_udp_super_frames(struct ns *ns);

#endif
