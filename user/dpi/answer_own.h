/* SPDX-License-Identifier: BSD-2-Clause */
/* A request on its way to the function that runs it; for answer*.c alone. */
#ifndef SLUICE_DPI_ANSWER_OWN_H
#define SLUICE_DPI_ANSWER_OWN_H

#include <stdbool.h>

#include <jansson.h>

#include "dpi/answer.h"

struct sl_request {
	const struct sl_view *view;
	json_t *fields; /* checked: known, and of their types */
	int fd; /* that came with it, -1 for none */
	struct sl_wish wish;
};

/* For commands that need an engine: sets err where the core has none. */
bool sl_can_inspect(const struct sl_request *request, const char *command, struct sl_err *err);

/* Each: a new reference, or NULL with err. */
json_t *sl_answer_figures(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_policy(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_names(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_addresses(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_thresholds(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_sessions(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_session_count(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_session_end(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_learned(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_reports(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_totals(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_meters(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_known(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_port_add(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_port_del(struct sl_request *request, struct sl_err *err);
json_t *sl_answer_endpoints(struct sl_request *request, struct sl_err *err);

#endif
