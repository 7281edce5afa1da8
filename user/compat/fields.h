/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of a JSON object, taken with their type and bounds or refused with a
 * sentence.
 *
 * Invariant: nothing is returned that is not of the asked type, within the
 * bounds and whole; what is absent or null gives the default. An error stays:
 * once one is set, every further call does nothing and returns the default, so
 * that a caller asks once, at the end.
 */
#ifndef SLUICE_COMPAT_FIELDS_H
#define SLUICE_COMPAT_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/err.h"
#include "policyfile/arena.h"

struct fields {
	struct sl_arena *arena; /* of texts and lists */
	struct sl_err *err; /* err->code: the first error */
	json_t *object; /* an object, or NULL: everything is absent */
};

/* Sets the error if there is none yet. */
void fields_wrong(const struct fields *fields, const char *key, const char *must);
bool fields_failed(const struct fields *fields);

bool field_bool(const struct fields *fields, const char *key);
uint32_t field_number(const struct fields *fields, const char *key, uint32_t max);
/* Printable or not, but without NUL (jansson sees to that); "" if absent. */
const char *field_text(const struct fields *fields, const char *key, size_t max);
/* An interface's name; must be there. */
const char *field_iface(const struct fields *fields, const char *key);
/* "1a:27:f3:87:3a:27". False: absent or "", ret is then zero. */
bool field_mac(const struct fields *fields, const char *key, bool needed, uint8_t ret[6]);
/* IPv4 in host byte order. absent: 0. *ret_v6 (may be NULL: IPv6 is an error): it is of the other family. */
uint32_t field_ip(const struct fields *fields, const char *key, bool *ret_v6);
/* How many elements; an absent or null list has none. More than max is an error. */
size_t field_list(const struct fields *fields, const char *key, size_t max, json_t **ret_list);
/* The i-th element, which must be an object: the same error and arena. */
struct fields field_element(const struct fields *fields, json_t *list, size_t i, const char *key);
/* List of MACs as 6 bytes each, in the arena. */
const uint8_t (*field_macs(const struct fields *fields, const char *key, size_t max, size_t *ret_n))[6];
/* Memory of the arena, or NULL with the error set. */
void *fields_take(const struct fields *fields, size_t n, size_t size);

#endif
