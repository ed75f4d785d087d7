/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the portal of GoodWe answers: JSON of several shapes, none of them described in public, all of
 * them moved within a year. A good answer is one that has a good code *and* what was asked for: HTTP
 * 200, "hasError": false and an empty object is how a dead interface answers. Values that cannot be
 * are refused: an inverter without battery says "65535V/6553.5A/429483622W" and "400%".
 *
 * Facts and vectors: tests/vectors/E-sems-portal.json, collected from several independent clients.
 * Signs: the portal counts discharging and export as positive; here + is charging, + is import.
 */
#ifndef JKP_SVC_SEMS_ANSWER_H
#define JKP_SVC_SEMS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/source.h"
#include "proto/sems.h"

#define SEMS_ANSWER_MAX \
	(256U * 1024U)		 /* bytes of an answer; monitor answers carry weather and more */
#define SEMS_VALUES_MAX	  16384U /* values in it: each costs memory */
#define SEMS_DEPTH_MAX	  32U	 /* objects and lists in each other: each costs stack */
#define SEMS_API_MAX	  256U
#define SEMS_HEADER_MAX	  2048U
#define SEMS_STATION_MAX  65U
#define SEMS_STATIONS_MAX 8U
#define SEMS_CODE_MAX	  9U /* shown of a code, with the NUL */

/**
 * enum sems_verdict - what came of a request; the first ones are said by an answer
 * @SEMS_OK: good, and what was asked for is there
 * @SEMS_NO_VALUE: good code, but empty: how an interface that was given up answers
 * @SEMS_NOT_JSON: cut off, damaged, or a page for people
 * @SEMS_TOO_MUCH: more bytes, values or depth than an answer has
 * @SEMS_NO_CODE: JSON without a code
 * @SEMS_REFUSED: any code that is not known as one of those below
 * @SEMS_EXPIRED: the session has ended: log in again
 * @SEMS_PASSWORD: e-mail or password wrong: not to be tried again
 * @SEMS_BUSY: too many requests
 * @SEMS_FORBIDDEN: the account may not
 * @SEMS_IMPLAUSIBLE: values that cannot be
 * @SEMS_CONTRADICTION: values that cannot be together, such as sign and direction
 *
 * and the others by what is on the way there:
 *
 * @SEMS_NO_LIBRARY: libcurl cannot be loaded
 * @SEMS_NO_LOGIN: the file with account and password cannot be used
 * @SEMS_NO_NAME, @SEMS_NAME_SLOW: the name service knows no such host, or does not answer
 * @SEMS_UNREACHABLE: the network
 * @SEMS_NOT_ALLOWED: this process may not use the network
 * @SEMS_CERTIFICATE: it does not prove who is there
 * @SEMS_TLS: no encrypted connection
 * @SEMS_SLOW: no complete answer in time
 * @SEMS_FOREIGN: sent to a host that is not in the list
 * @SEMS_STATUS: HTTP status other than 200
 * @SEMS_NO_ROUTE: HTTP 404
 * @SEMS_NO_STATION, @SEMS_STATIONS: the account has none, or several and none is configured
 * @SEMS_CANCELED: the caller ends
 */
enum sems_verdict {
	SEMS_OK,
	SEMS_NO_VALUE,
	SEMS_NOT_JSON,
	SEMS_TOO_MUCH,
	SEMS_NO_CODE,
	SEMS_REFUSED,
	SEMS_EXPIRED,
	SEMS_PASSWORD,
	SEMS_BUSY,
	SEMS_FORBIDDEN,
	SEMS_IMPLAUSIBLE,
	SEMS_CONTRADICTION,
	SEMS_NO_LIBRARY,
	SEMS_NO_LOGIN,
	SEMS_NO_NAME,
	SEMS_NAME_SLOW,
	SEMS_UNREACHABLE,
	SEMS_NOT_ALLOWED,
	SEMS_CERTIFICATE,
	SEMS_TLS,
	SEMS_SLOW,
	SEMS_FOREIGN,
	SEMS_STATUS,
	SEMS_NO_ROUTE,
	SEMS_NO_STATION,
	SEMS_STATIONS,
	SEMS_CANCELED,
	SEMS_VERDICTS
};

/* Static string, "?" for another number. */
const char *sems_verdict_name(int32_t verdict);

/**
 * struct sems_codes - what the codes mean: words with blanks between; one that ends in '*' stands for
 *                     all that begin so. Numbers and texts are compared as text.
 *
 * A code in none of them is SEMS_REFUSED. The strings outlive it.
 */
struct sems_codes {
	const char *good;
	const char *expired;
	const char *password;
	const char *busy;
	const char *forbidden;
};

/**
 * sems_code_is - whether a code is one of the words
 * @words: see struct sems_codes
 * @code: not empty
 *
 * Context: any thread. Pure.
 */
bool sems_code_is(const char *words, const char *code);

/**
 * struct sems_session - what a login gives; secret
 * @api: where further requests go, as the portal says it: judge it before use. Empty: not said
 * @header: its data as one line of printable ASCII JSON: what each further request shows
 */
struct sems_session {
	char api[SEMS_API_MAX];
	char header[SEMS_HEADER_MAX];
	char uid[SEMS_UID_MAX];
	char token[SEMS_TOKEN_MAX];
};

/**
 * struct sems_stations - plants of an account
 * @count: how many there are; of these the first SEMS_STATIONS_MAX are in @id
 */
struct sems_stations {
	uint32_t count;
	char id[SEMS_STATIONS_MAX][SEMS_STATION_MAX];
};

/**
 * enum sems_stamp - what kind of time the portal gives with its values
 * @SEMS_STAMP_MARK: none, or a text whose format is not certain: only a change of it, or of the
 *                   values, tells that they are new
 * @SEMS_STAMP_LOCAL: in a zone that is not known: YYYYMMDDhhmmss, grows
 * @SEMS_STAMP_EPOCH: ms since 1970
 */
enum sems_stamp {
	SEMS_STAMP_MARK,
	SEMS_STAMP_LOCAL,
	SEMS_STAMP_EPOCH
};

/* Which of the known shapes an answer with values had. */
enum sems_shape {
	SEMS_SHAPE_FLOW,      /* SEMS+ stations/flow and the live messages of the same content */
	SEMS_SHAPE_TELEMETRY, /* SEMS+ equipments/.../telemetry */
	SEMS_SHAPE_RELATED,   /* SEMS+ relatedDevices */
	SEMS_SHAPE_MONITOR,   /* legacy GetMonitorDetailByPowerstationId */
	SEMS_SHAPE_POINTS,    /* legacy GetInverterAllPoint */
	SEMS_SHAPES
};

const char *sems_shape_name(int32_t shape);

/**
 * struct sems_values - a reading; SOURCE_NO_VALUE where nothing was said
 * @shape: enum sems_shape
 * @mode: enum peer_mode; PEER_UNKNOWN: nothing usable was said of a battery
 * @current_ma: + charging, mA
 * @power_w: of the battery, + charging, W
 * @voltage_mv: of the battery, mV
 * @soc_pct: 0..100
 * @grid_power_w: + import, W
 * @pv_power_w, @load_power_w: W
 * @stamp_kind: enum sems_stamp
 * @stamp: see there
 */
struct sems_values {
	uint32_t shape;
	uint32_t mode;
	int32_t current_ma;
	int32_t power_w;
	int32_t voltage_mv;
	int32_t soc_pct;
	int32_t grid_power_w;
	int32_t pv_power_w;
	int32_t load_power_w;
	uint32_t stamp_kind;
	int64_t stamp;
};

/**
 * sems_login_decode - answer to a login, of the legacy portal or of SEMS+
 * @text: need not be NUL-terminated
 * @ret_code: receives the code as text, cut, letters and digits only; empty if there is none. NULL: not
 *            wanted
 * @ret_session: untouched unless SEMS_OK is returned
 *
 * Where the portal says an address in several places, that of the data comes first, then the one of
 * the answer itself; never that of "components", which is http.
 *
 * Return: SEMS_OK only with uid and token.
 * Context: a service's thread. Allocates, bound by the three limits above.
 */
enum sems_verdict sems_login_decode(const char *text, size_t len, const struct sems_codes *codes,
				    char ret_code[SEMS_CODE_MAX], struct sems_session *ret_session);

/**
 * sems_stations_decode - answer to the question for the plants of an account (SEMS+)
 * @ret_stations: untouched unless SEMS_OK is returned
 *
 * Return: SEMS_OK with at least one, else see sems_login_decode().
 */
enum sems_verdict sems_stations_decode(const char *text, size_t len, const struct sems_codes *codes,
				       char ret_code[SEMS_CODE_MAX],
				       struct sems_stations *ret_stations);

/**
 * sems_values_decode - answer with values, of whichever shape
 * @ret_values: untouched unless SEMS_OK is returned
 *
 * Return: SEMS_OK if anything of the kind was said: @mode tells whether it is of use.
 */
enum sems_verdict sems_values_decode(const char *text, size_t len, const struct sems_codes *codes,
				     char ret_code[SEMS_CODE_MAX], struct sems_values *ret_values);

/* A plant's id that may stand in a path: letters, digits, '-', '_', shorter than SEMS_STATION_MAX. */
bool sems_station_ok(const char *id);

#endif
