/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is a line of events what docs/events.md says? Each field is known, of its
 * type and at its place, and none that must be there is missing. The fields
 * are a part of those of Suricata's schema, which knows no others.
 */
#ifndef SLUICE_TESTS_EVE_H
#define SLUICE_TESTS_EVE_H

#include <jansson.h>

/* NULL, or what is wrong with it; static memory. */
const char *eve_fault(json_t *line);

#endif
