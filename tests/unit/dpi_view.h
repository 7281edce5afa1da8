/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the core's control requests ask: a view of workers that
 * are none, and whether an answer has the form every answer must have.
 */
#ifndef SLUICE_TESTS_UNIT_DPI_VIEW_H
#define SLUICE_TESTS_UNIT_DPI_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "dpi/answer.h"
#include "lib/log.h"

#define STATUS "{\"cmd\":\"status\"}"
#define STOP "{\"cmd\":\"stop\"}"
#define LOG_DEBUG_ON "{\"cmd\":\"log\",\"level\":\"debug\"}"

/* Two queues in use; lanes that say 10 buffers: 5 rx, 3 tx, 2 held. */
extern struct sl_core view_records[SL_QUEUES_MAX];
extern struct sl_worker view_workers[SL_QUEUES_MAX];
extern struct sl_view view;

/* Sets them up; the log goes where view_log_level() sees it, level SL_LOG_ERROR. */
void view_make(void);
/* The level has no getter: it is what gets through. */
enum sl_log_level view_log_level(void);
/* Exactly {"ok": true, "result": {…}} or {"ok": false, "error": {"errno": "E…", "message": "…"}}. */
bool view_well_formed(json_t *answer);
/* Asks, and fails the test if the answer is not well-formed or too long for a message. A new reference. */
json_t *view_ask(const char *request, bool *ret_stop);
json_t *view_ask_bytes(const char *request, size_t len, bool *ret_stop);

#endif
