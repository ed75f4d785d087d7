/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of an answer with values, one function each; all fill in what they find. */
#ifndef JKP_SVC_SEMS_SHAPE_H
#define JKP_SVC_SEMS_SHAPE_H

#include "sems_json.h"

/* Beyond these nothing is believed: the portal serves plants of houses. */
#define SEMS_POWER_MAX_W    100000
#define SEMS_CURRENT_MAX_MA 500000
#define SEMS_VOLTAGE_MAX_MV 1000000
/* Below, no battery is connected. */
#define SEMS_VOLTAGE_MIN_MV 10000
/* Less is rest, whatever the direction. */
#define SEMS_REST_W 10

/*
 * Each: @v has SOURCE_NO_VALUE everywhere and mode PEER_UNKNOWN; its content is undefined unless SEMS_OK
 * is returned.
 */
enum sems_verdict sems_take_flow(const cJSON *data, struct sems_values *v);
enum sems_verdict sems_take_telemetry(const cJSON *groups, struct sems_values *v);
enum sems_verdict sems_take_related(const cJSON *list, struct sems_values *v);
enum sems_verdict sems_take_monitor(const cJSON *data, struct sems_values *v);
enum sems_verdict sems_take_points(const cJSON *points, struct sems_values *v);

/* A power in kW. Return: false if it is out of range; @ret_w stays as it is if there is none. */
bool sems_take_kw(const cJSON *item, int32_t *ret_w);

/* A state of charge in per cent, as @sems_take_kw. */
bool sems_take_soc(const cJSON *item, int32_t *ret_pct);

/* "YYYY-MM-DD?hh:mm:ss" as YYYYMMDDhhmmss. Return: false if it is not of this form. */
bool sems_take_local_time(const char *text, int64_t *ret_stamp);

/* A mark of all values, where there is no time. */
void sems_mark_values(struct sems_values *v);

/* Mode by @power_w, for a battery that is there. */
uint32_t sems_mode_of(int32_t power_w);

#endif
