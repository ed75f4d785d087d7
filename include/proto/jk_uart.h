/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JK BMS "4E 57" protocol on UART, 115200 8N1, big endian.
 *
 * Sources of the protocol facts: JK/NEEY "Communication protocol between monitoring platform and
 * BMS" V2.5 (2020-12-17) and "RS485 Communication example"; the notes of syssi/esphome-jk-bms;
 * captures of that project, ArminJo/JK-BMSToPylontechCAN, OpenDTU-OnBattery and others.
 *
 * Framing (where does a reply begin and end, is its sum right) and meaning (which register says
 * what) are two steps: struct jk_framer and jk_decode(). Both are pure; line noise is counted by
 * kind, not returned as an error.
 */
#ifndef JKP_PROTO_JK_UART_H
#define JKP_PROTO_JK_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JK_BAUD_RATE	115200
#define JK_CELLS_MIN	3U /* register A9: 3..32 */
#define JK_CELLS_MAX	32U
#define JK_REQUEST_SIZE 21U
/* LEN counts all bytes behind the start marker: total = LEN + 2. A request has LEN 19; the largest
 * reply seen or possible with 32 cells has 337; the limit leaves room for unknown trailing tags. */
#define JK_LEN_MIN   19U
#define JK_LEN_MAX   400U
#define JK_FRAME_MAX (JK_LEN_MAX + 2U)

/* Source byte (offset 9). */
enum jk_source {
	JK_SOURCE_BMS = 0,
	JK_SOURCE_BLUETOOTH = 1,
	JK_SOURCE_GPS = 2,
	JK_SOURCE_PC = 3,
};

/* What became of bytes and frames. One counter each: see struct jk_framer. */
enum jk_verdict {
	JK_OK = 0,
	JK_NOISE,	 /* bytes that no start marker begins with (counted in bytes) */
	JK_BAD_LENGTH,	 /* LEN outside JK_LEN_MIN..JK_LEN_MAX */
	JK_BAD_HEADER,	 /* command, source or type byte that the protocol does not have */
	JK_BAD_END,	 /* end mark 68 missing */
	JK_BAD_SUM_HIGH, /* upper half of the sum not 0000 */
	JK_BAD_SUM,	 /* sum of 16 bits wrong */
	JK_TRUNCATED,	 /* the line fell silent inside a frame */
	JK_FOREIGN,	 /* good frame that is not a reply of a BMS: own echo, write, request */
	JK_BAD_CELLS,	 /* register 79: length no multiple of 3, no cell, too many, numbering */
	JK_BAD_REGISTER, /* unknown or repeated register before the end of the known ones */
	JK_BAD_VERSION,	 /* C0 > 1: the sign of the current is unknown */
	JK_CELLS_DIFFER, /* register 8A contradicts the number of cells in 79 */
	JK_VERDICTS
};

/**
 * jk_verdict_name - short English name of a verdict, for logs and tools
 *
 * Return: static string; "?" for a value outside the enum.
 * Context: any thread. Pure.
 */
const char *jk_verdict_name(enum jk_verdict v);

/**
 * jk_request_build - the request "read all registers"
 * @source: JK_SOURCE_PC (what most programs use) or JK_SOURCE_GPS (also answered)
 * @ret_frame: receives JK_REQUEST_SIZE bytes
 *
 * Context: any thread. Pure.
 */
void jk_request_build(enum jk_source source, uint8_t ret_frame[JK_REQUEST_SIZE]);

#define JK_HEAD_SIZE 11U /* start marker to type */

/**
 * jk_reply_begins - are these the first bytes of an answer of the BMS?
 * @head: JK_HEAD_SIZE bytes
 *
 * Start marker, possible length, known command, source BMS, and not a request: an echo of our own
 * is none, and noise hardly ever (40 bits are fixed).
 *
 * Context: any thread. Pure.
 */
bool jk_reply_begins(const uint8_t head[JK_HEAD_SIZE]);

/**
 * struct jk_framer - finds frames in a byte stream
 * @buf: bytes of the frame under construction, start marker first
 * @len: bytes in @buf
 * @done: size of the delivered frame at the front of @buf, removed by the next feed or gap; or 0
 * @count: what was seen so far, by enum jk_verdict; JK_OK counts complete frames with a right sum,
 *         JK_NOISE counts bytes, all others count events. Wraps modulo 2^32.
 *
 * Every byte fed is accounted for once: it is in a delivered frame, it is noise, it is the first
 * byte of a start marker whose frame was broken (one event each), or it is still in @buf.
 *
 * Caller-owned; jk_framer_init() first. Resynchronises by itself: a start marker inside a frame is
 * data (register B7 may begin with 4E 57); when a frame turns out to be broken its first byte is
 * dropped and the search goes on in what was kept, so a good frame behind noise is found.
 */
struct jk_framer {
	uint8_t buf[JK_FRAME_MAX];
	uint16_t len;
	uint16_t done;
	uint32_t count[JK_VERDICTS];
};

void jk_framer_init(struct jk_framer *f);

/**
 * jk_framer_feed - take bytes, stop at the first complete frame
 * @f: framer
 * @data: received bytes
 * @len: number of bytes
 * @ret_frame_len: set to the length of the frame now in @f->buf, or to 0 if none is complete
 *
 * When a frame is complete, the caller uses @f->buf before the next call: the next feed or gap
 * starts with that frame removed. Feed the rest (data + return value) in a loop; with @len 0 the
 * call only removes a delivered frame and searches what is kept.
 *
 * Return: number of bytes consumed, <= @len; less than @len only if a frame is complete.
 * Context: any thread. Pure. Bound: every byte fed or kept is dropped at most once. A drop costs a
 * constant number of comparisons, and, where a start marker with a plausible header stood, once the
 * sum of its announced size. Such markers are at least 3 bytes apart, so a call adds up at most
 * (@len + JK_FRAME_MAX) / 3 * JK_FRAME_MAX bytes; line noise comes nowhere near. What is kept is
 * moved once per search that drops something, at most JK_FRAME_MAX bytes.
 */
size_t jk_framer_feed(struct jk_framer *f, const uint8_t *data, size_t len,
		      uint16_t *ret_frame_len);

/**
 * jk_framer_gap - the line fell silent inside a frame (inter-byte time-out)
 * @f: framer
 * @ret_frame_len: as in jk_framer_feed(): a good frame may stand behind the false start
 *
 * Counts JK_TRUNCATED if a frame was under construction (a lone 4E is JK_NOISE), drops its start
 * marker and searches the bytes behind it. Call again until @ret_frame_len is 0; then the framer is
 * empty. A delivered frame is removed first, as in jk_framer_feed().
 * Context: any thread. Pure. Bound: as jk_framer_feed() with @len 0.
 */
void jk_framer_gap(struct jk_framer *f, uint16_t *ret_frame_len);

/**
 * jk_framer_reset - forget everything under construction; counters stay
 */
void jk_framer_reset(struct jk_framer *f);

/* Warning bits, register 8B. */
#define JK_ALARM_LOW_CAPACITY (1U << 0)
#define JK_ALARM_MOS_OT	      (1U << 1)
#define JK_ALARM_CHARGE_OV    (1U << 2)
#define JK_ALARM_DISCHARGE_UV (1U << 3)
#define JK_ALARM_BATTERY_OT   (1U << 4)
#define JK_ALARM_CHARGE_OC    (1U << 5)
#define JK_ALARM_DISCHARGE_OC (1U << 6)
#define JK_ALARM_CELL_DIFF    (1U << 7)
#define JK_ALARM_BOX_OT	      (1U << 8)
#define JK_ALARM_BATTERY_UT   (1U << 9)
#define JK_ALARM_CELL_OV      (1U << 10)
#define JK_ALARM_CELL_UV      (1U << 11)
#define JK_ALARM_309_A	      (1U << 12)
#define JK_ALARM_309_B	      (1U << 13)

/* Status bits, register 8C. Bit 3 ("battery dropped") contradicts reality in captures: not used. */
#define JK_STATUS_CHARGE_MOS	(1U << 0)
#define JK_STATUS_DISCHARGE_MOS (1U << 1)
#define JK_STATUS_BALANCING	(1U << 2)

/* Registers in the order of the table; the order is also that of the bits in jk_sample.have. */
enum jk_reg {
	JK_REG_CELLS,		    /* 79 */
	JK_REG_MOS_TEMP,	    /* 80 */
	JK_REG_BOX_TEMP,	    /* 81 */
	JK_REG_BATTERY_TEMP,	    /* 82 */
	JK_REG_VOLTAGE,		    /* 83 */
	JK_REG_CURRENT,		    /* 84 */
	JK_REG_SOC,		    /* 85 */
	JK_REG_TEMP_SENSORS,	    /* 86 */
	JK_REG_CYCLES,		    /* 87 */
	JK_REG_CYCLE_CAPACITY,	    /* 89 */
	JK_REG_CELL_COUNT,	    /* 8A */
	JK_REG_ALARMS,		    /* 8B */
	JK_REG_STATUS,		    /* 8C */
	JK_REG_PACK_OVP,	    /* 8E */
	JK_REG_PACK_UVP,	    /* 8F */
	JK_REG_CELL_OVP,	    /* 90 */
	JK_REG_CELL_OVPR,	    /* 91 */
	JK_REG_CELL_OVP_DELAY,	    /* 92 */
	JK_REG_CELL_UVP,	    /* 93 */
	JK_REG_CELL_UVPR,	    /* 94 */
	JK_REG_CELL_UVP_DELAY,	    /* 95 */
	JK_REG_CELL_DIFF,	    /* 96 */
	JK_REG_DISCHARGE_OCP,	    /* 97 */
	JK_REG_DISCHARGE_OCP_DELAY, /* 98 */
	JK_REG_CHARGE_OCP,	    /* 99 */
	JK_REG_CHARGE_OCP_DELAY,    /* 9A */
	JK_REG_BALANCE_START,	    /* 9B */
	JK_REG_BALANCE_DELTA,	    /* 9C */
	JK_REG_BALANCE_SWITCH,	    /* 9D */
	JK_REG_MOS_OTP,		    /* 9E */
	JK_REG_MOS_OTPR,	    /* 9F */
	JK_REG_BOX_OTP,		    /* A0 */
	JK_REG_BOX_OTPR,	    /* A1 */
	JK_REG_TEMP_DIFF,	    /* A2 */
	JK_REG_CHARGE_OTP,	    /* A3 */
	JK_REG_DISCHARGE_OTP,	    /* A4 */
	JK_REG_CHARGE_UTP,	    /* A5 */
	JK_REG_CHARGE_UTPR,	    /* A6 */
	JK_REG_DISCHARGE_UTP,	    /* A7 */
	JK_REG_DISCHARGE_UTPR,	    /* A8 */
	JK_REG_CELL_SETTING,	    /* A9 */
	JK_REG_CAPACITY,	    /* AA */
	JK_REG_CHARGE_SWITCH,	    /* AB */
	JK_REG_DISCHARGE_SWITCH,    /* AC */
	JK_REG_CURRENT_CALIB,	    /* AD */
	JK_REG_ADDRESS,		    /* AE */
	JK_REG_BATTERY_TYPE,	    /* AF */
	JK_REG_SLEEP_WAIT,	    /* B0 */
	JK_REG_LOW_SOC,		    /* B1 */
	JK_REG_PASSWORD,	    /* B2: skipped, never kept or shown */
	JK_REG_SPECIAL_CHARGER,	    /* B3 */
	JK_REG_DEVICE_ID,	    /* B4 */
	JK_REG_DATE,		    /* B5 */
	JK_REG_RUNTIME,		    /* B6 */
	JK_REG_SW_VERSION,	    /* B7 */
	JK_REG_START_CALIB,	    /* B8 */
	JK_REG_ACTUAL_CAPACITY,	    /* B9 */
	JK_REG_MANUFACTURER,	    /* BA */
	JK_REG_RESTART,		    /* BB */
	JK_REG_FACTORY_RESET,	    /* BC */
	JK_REG_UPGRADE,		    /* BD */
	JK_REG_GPS_OFF,		    /* BE */
	JK_REG_GPS_RECOVERY,	    /* BF */
	JK_REG_VERSION,		    /* C0 */
	JK_REGS
};

#define JK_HAVE(reg) (UINT64_C(1) << (reg))

/**
 * struct jk_sample - one decoded reply, units as named
 * @have: bit JK_HAVE(reg) set for every register present in the frame
 * @cells: number of cells, 1..JK_CELLS_MAX
 * @cell_mv: cell voltages, mV, cell 1 first
 * @mos_temp_raw: register 80 as received; use jk_temp_valid() and friends
 * @box_temp_raw: register 81 (sensor 1 on most boards)
 * @battery_temp_raw: register 82 (sensor 2)
 * @pack_mv: pack voltage, mV
 * @current_ma: current, mA, charging is positive; both encodings are resolved (see jk_decode)
 * @current_raw: register 84 as received
 * @version: register C0, 0 if absent
 * @soc_pct: state of charge as received, 0..255: range is the caller's to check
 * @pack_ovp_mv...: the BMS's own protection settings, converted to mV, A, s, deg C
 * @unknown_tag: first unknown trailing register, 0 if none
 *
 * Text fields are NUL-terminated and reduced to printable ASCII ('.' for anything else); NULs that
 * fill a field up at its end are not part of the text.
 * Fields whose register is absent are 0: look at @have.
 */
struct jk_sample {
	uint64_t have;
	uint8_t cells;
	uint8_t soc_pct;
	uint8_t temp_sensors;
	uint8_t version;
	uint16_t cell_mv[JK_CELLS_MAX];
	uint16_t mos_temp_raw;
	uint16_t box_temp_raw;
	uint16_t battery_temp_raw;
	uint16_t current_raw;
	int32_t pack_mv;
	int32_t current_ma;
	uint16_t cycles;
	uint16_t cell_count;
	uint32_t cycle_capacity_ah;
	uint16_t alarms;
	uint16_t status;
	int32_t pack_ovp_mv;
	int32_t pack_uvp_mv;
	uint16_t cell_ovp_mv;
	uint16_t cell_ovpr_mv;
	uint16_t cell_ovp_delay_s;
	uint16_t cell_uvp_mv;
	uint16_t cell_uvpr_mv;
	uint16_t cell_uvp_delay_s;
	uint16_t cell_diff_mv;
	uint16_t discharge_ocp_a;
	uint16_t discharge_ocp_delay_s;
	uint16_t charge_ocp_a;
	uint16_t charge_ocp_delay_s;
	uint16_t balance_start_mv;
	uint16_t balance_delta_mv;
	uint16_t mos_otp_c;
	uint16_t mos_otpr_c;
	uint16_t box_otp_c;
	uint16_t box_otpr_c;
	uint16_t temp_diff_c;
	uint16_t charge_otp_c;
	uint16_t discharge_otp_c;
	int16_t charge_utp_c;
	int16_t charge_utpr_c;
	int16_t discharge_utp_c;
	int16_t discharge_utpr_c;
	uint8_t cell_setting;
	uint8_t balance_switch;
	uint8_t charge_switch;
	uint8_t discharge_switch;
	uint32_t capacity_ah;
	uint16_t current_calib_ma;
	uint8_t address;
	uint8_t battery_type;
	uint16_t sleep_wait_s;
	uint8_t low_soc_pct;
	uint8_t special_charger;
	uint8_t start_calib;
	uint8_t unknown_tag;
	uint32_t runtime_min;
	uint32_t actual_capacity_ah;
	uint16_t gps_off_mv;
	uint16_t gps_recovery_mv;
	char device_id[8 + 1];
	char date[4 + 1];
	char sw_version[15 + 1];
	char manufacturer[24 + 1];
};

/**
 * jk_decode - meaning of a complete frame
 * @frame: bytes from jk_framer: start marker to sum
 * @len: its length; JK_BAD_LENGTH if LEN in the frame says something else
 * @ret_sample: the decoded registers; untouched unless JK_OK is returned
 *
 * Checks everything again that the framer checked (it may be given bytes from anywhere), then
 * header: type 1 or 2, source 0, command 03 or 06, registers beginning with 79; cells numbered
 * 1..n, n equal to register 8A if that is present. Register 84 is kept raw until C0 is known:
 * C0 = 1: bit 15 = charging, bits 14..0 magnitude x 10 mA. C0 absent or 0: (10000 - raw) x 10 mA.
 * C0 > 1: JK_BAD_VERSION. An unknown register is accepted only behind C0 (what came before is
 * kept); anywhere else the rest cannot be parsed: JK_BAD_REGISTER.
 *
 * Return: JK_OK or the reason for the rejection.
 * Context: any thread. Pure. Bound: @len.
 */
enum jk_verdict jk_decode(const uint8_t *frame, size_t len, struct jk_sample *ret_sample);

/*
 * Temperatures: raw 0..99 is degC; 100 + n stands for a temperature below zero. Readings of the
 * sources differ by 1 K there ("100 - raw" in the document, "99 - raw" in newer decoders; raw 100
 * is what the vendor's app shows as "-0"), so there are two conversions: the nominal one for
 * display and a floor for every cold limit. Above 140 (or 255) the sensor is absent or broken.
 * A sensor at 100 degC or more can only send the same numbers: jk_temp_ambiguous(), and
 * core/temperature.h decides by what it sent before.
 */
#define JK_TEMP_RAW_MAX 140U

/* Return: whether the raw value is inside the documented range. Pure. */
bool jk_temp_valid(uint16_t raw);
/* Return: whether it is valid and may stand for a temperature below zero or for 100 degC and up. */
bool jk_temp_ambiguous(uint16_t raw);
/* Return: nominal temperature, 0.1 degC, -400..990; 0 if not valid. Pure. */
int16_t jk_temp_dc(uint16_t raw);
/* Return: lowest temperature the raw value may stand for, 0.1 degC; 0 if not valid. Pure. */
int16_t jk_temp_floor_dc(uint16_t raw);

#endif
