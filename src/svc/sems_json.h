/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from a stranger: bounded before it is parsed, numbers by integers. */
#ifndef JKP_SVC_SEMS_JSON_H
#define JKP_SVC_SEMS_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svc/sems_answer.h"

#define MILLI 1000

/**
 * sems_json_open - the envelope of an answer
 * @ret_code: see sems_login_decode()
 * @ret_root: receives the tree, cJSON_Delete() it; untouched unless SEMS_OK is returned
 *
 * Return: SEMS_OK with a good code, whatever else is there.
 */
enum sems_verdict sems_json_open(const char *text, size_t len, const struct sems_codes *codes,
				 char ret_code[SEMS_CODE_MAX], cJSON **ret_root);

/* Member of an object; NULL: none, or @o is no object. */
const cJSON *sems_json_get(const cJSON *o, const char *name);

/* Member that is a text, not empty; NULL: none. */
const char *sems_json_text(const cJSON *o, const char *name);

/**
 * sems_json_milli - a number or a number in a text, in thousandths
 * @item: NULL is none
 * @ret_milli: within +-1e12; untouched unless true is returned
 *
 * A text may have blanks around the number, nothing else.
 */
bool sems_json_milli(const cJSON *item, int64_t *ret_milli);

/**
 * sems_json_decimal - the decimal number at the beginning of a text
 * @s: moved behind it
 */
bool sems_json_decimal(const char **s, int64_t *ret_milli);

/* The nearest whole number, halves away from zero; @v within the range of the result. */
int64_t sems_json_nearest(double v);

/* Thousandths to whole ones, rounded, halves away from zero. */
int64_t sems_json_round(int64_t milli);

/**
 * sems_json_ascii - an item as one line of printable ASCII
 * @to: receives it, NUL-terminated; its content is undefined after a failure
 *
 * Return: false: it is longer than @size, or holds what no text may.
 */
bool sems_json_ascii(const cJSON *item, char *to, size_t size);

/* FNV-1a, to see whether something changed; begin with SEMS_JSON_HASH. Never negative. */
#define SEMS_JSON_HASH INT64_C(0x4BF29CE484222325)
int64_t sems_json_hash(int64_t hash, const void *data, size_t len);

#endif
