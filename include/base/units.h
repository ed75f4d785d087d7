/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer helpers. Quantities carry their unit in the name: _mv millivolt, _ma milliampere (charging
 * is positive), _dc tenths of a degree Celsius, _pct percent, _pm permille, _ns, _ms.
 */
#ifndef JKP_BASE_UNITS_H
#define JKP_BASE_UNITS_H

#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline int32_t min_i32(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static inline int32_t max_i32(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* @lo <= @hi is the caller's duty. */
static inline int64_t clamp_i64(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : (v > hi ? hi : v);
}

static inline int32_t clamp_i32(int32_t v, int32_t lo, int32_t hi)
{
	return v < lo ? lo : (v > hi ? hi : v);
}

/* Magnitude that is defined for INT32_MIN too (saturates to INT32_MAX). */
static inline int32_t abs_i32(int32_t v)
{
	return v >= 0 ? v : (v == INT32_MIN ? INT32_MAX : -v);
}

/* Saturating conversions: SAF-10, no encoded signal wraps. */
static inline uint16_t sat_u16(int32_t v)
{
	return v < 0 ? 0U : (v > UINT16_MAX ? UINT16_MAX : (uint16_t)v);
}

static inline int16_t sat_i16(int32_t v)
{
	return v < INT16_MIN ? INT16_MIN : (v > INT16_MAX ? INT16_MAX : (int16_t)v);
}

static inline uint8_t sat_u8(int32_t v)
{
	return v < 0 ? 0U : (v > UINT8_MAX ? UINT8_MAX : (uint8_t)v);
}

static inline int32_t sat_i32(int64_t v)
{
	return v < INT32_MIN ? INT32_MIN : (v > INT32_MAX ? INT32_MAX : (int32_t)v);
}

/* Division that rounds towards minus infinity; @d > 0. */
static inline int32_t floor_div(int32_t n, int32_t d)
{
	const int32_t q = n / d;

	return (n % d) < 0 ? q - 1 : q;
}

/* Division that rounds to nearest, halves away from zero; @d > 0. */
static inline int32_t round_div(int32_t n, int32_t d)
{
	const int64_t h = d / 2;

	return (int32_t)((n >= 0 ? (int64_t)n + h : (int64_t)n - h) / d);
}

#endif
