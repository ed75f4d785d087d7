/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The safety rules as an observer: it sees what went into cycle_step() and what came out, and says
 * which rule (SAF-nn) was broken. Written from SAFETY.md, not from the core: it has its own list of
 * replies and requests, its own plausibility check and its own envelope. It shares only the decoders
 * of src/proto and the settings.
 *
 * What it calls "mine" is exact and rounded up, so the core, which rounds down, may never exceed it.
 */
#ifndef JKP_TESTS_ORACLE_H
#define JKP_TESTS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cycle.h"
#include "proto/jk_uart.h"
#include "proto/pylon.h"

#define ORACLE_HISTORY	   2048U /* serial bytes that are remembered */
#define ORACLE_TEXT	   160U
#define ORACLE_SMALL_FALLS 16U

/**
 * struct oracle_sample - one accepted reply, judged by the oracle
 * @t_ns: request it answers
 * @slack_ma: how far the core's envelope may lie below @envelope_ma by rounding
 * @cells_ma: what the cell rules alone allow
 * @cells_full_ma: what they allow at best: a table may end below the maximum
 */
struct oracle_sample {
	struct jk_sample jk;
	int64_t t_ns;
	int32_t cell_min_mv;
	int32_t cell_max_mv;
	int32_t cell_sum_mv;
	int32_t cold_dc;
	int32_t hot_dc;
	int32_t mos_dc;
	uint8_t probe_mask;
	bool mos_valid;
	bool probes_ok;
	bool complete; /* every field the envelope needs */
	bool good;
	bool no_rise;
	bool safe_set;
	bool frozen;
	bool soc_valid;
	bool pack_valid;
	bool cells_valid;
	int32_t maximum_ma[DIRS];
	int32_t envelope_ma[DIRS];
	int32_t slack_ma[DIRS];
	int32_t cells_ma[DIRS];
	int32_t cells_full_ma[DIRS];
};

/* Protection settings of the BMS, once more. */
enum oracle_limit_id {
	ORACLE_OVP,
	ORACLE_UVP,
	ORACLE_CHARGE_OCP,
	ORACLE_DISCHARGE_OCP,
	ORACLE_CHARGE_OTP,
	ORACLE_DISCHARGE_OTP,
	ORACLE_CHARGE_UTP,
	ORACLE_DISCHARGE_UTP,
	ORACLE_MOS_OTP,
	ORACLE_CAPACITY,
	ORACLE_BOX_OTP,
	ORACLE_PACK_OVP, /* for one cell */
	ORACLE_PACK_UVP,
	ORACLE_LIMITS
};

/**
 * struct oracle_limit - the newest value that can be believed (SAF-15)
 * @seen: there was one since the start: from then on something limits, whatever is missing later
 */
struct oracle_limit {
	bool seen;
	int32_t value; /* mV, mA, 0.1 degC, mAh */
};

/* What one temperature sensor said last, degC with its sign decided, and before a leap. */
struct oracle_heat {
	bool seen;
	bool leapt;
	int64_t t_ns;
	int64_t leap_ns;
	int32_t c;
	int32_t before_c;
};

/* What plausibility remembers. */
struct oracle_memory {
	bool have_last;
	bool have_soc;
	uint8_t cells;
	uint8_t last_cells;
	uint8_t last_soc;
	uint8_t probe_samples;
	uint8_t probe_fitted;
	uint8_t bad_cells;
	uint8_t bad_sum;
	uint16_t last_cell_mv[JK_CELLS_MAX];
	int64_t frozen_since_ns;
	struct oracle_heat heat[3]; /* probes, MOSFETs */
	uint16_t frame_len;
	uint8_t frame[JK_FRAME_MAX];
};

struct oracle_level {
	bool critical;
	uint8_t count;
	int64_t since_ns;
};

struct oracle_lease {
	int64_t until_ns;
	int32_t value_ma; /* % for a bound of SoC */
};

/**
 * struct oracle - caller-owned; read @broken after every step
 * @broken: NULL, or the id of the first rule that was broken
 * @text: what was seen
 * @stamped: replies carry the time of the request they answer (ms) as run time, one request is
 *           worked on at a time and the line is clean: ages can be compared with the truth
 */
struct oracle {
	const char *broken;
	char text[ORACLE_TEXT];
	int64_t got;
	int64_t want;
	const struct core_config *config;
	bool stamped;
	uint64_t steps;
	/* time */
	int64_t now_ns;
	int64_t dt_ns;
	int64_t start_ns;
	int64_t boot_offset_ns;
	int64_t suspend_ns; /* newest suspend, TIME_NEVER = none */
	bool suspended;	    /* and no sample since */
	/* serial line */
	bool open;
	bool answered;	    /* the newest request was answered by an accepted reply */
	bool chain;	    /* and so was the one before it */
	bool bytes_since;   /* bytes came since the request, before this step */
	int64_t request_ns; /* TIME_NEVER = none since the device was opened */
	uint32_t samples;   /* as counted by the core */
	uint32_t fill;
	uint8_t history[ORACLE_HISTORY];
	int64_t history_ns[ORACLE_HISTORY];
	/* samples */
	struct oracle_memory memory;
	struct oracle_sample s[2]; /* newest first */
	uint32_t taken;		   /* since the start */
	bool started;		   /* the first complete good one came */
	bool taken_now;
	bool held;
	int32_t held_soc;
	int32_t held_cells;
	int32_t held_mv;
	int64_t trusted_ns;
	int64_t good_ns;   /* newest good sample */
	int64_t absorb_ns; /* samples without a gap have shown the bulk voltage since */
	bool full;	   /* the core says so */
	uint32_t good_row;
	int32_t agreed_ma
		[DIRS]; /* what two consistent samples in a row allowed, never above later ones */
	struct oracle_level level[LEVELS];
	int64_t recover_until_ns;
	int32_t ratchet_ma[DIRS];
	struct oracle_limit limit[ORACLE_LIMITS];
	bool closed[DIRS];	    /* the core says so */
	int64_t zero_over_ns[DIRS]; /* sums over samples; forgotten after 30 s of calm */
	int64_t over_ns[DIRS];
	int64_t calm_ns[DIRS];
	bool over[DIRS];   /* newest sample */
	int64_t judged_ns; /* when it came */
	/* bus */
	uint32_t frames;
	int64_t fine_since_ns;	/* no long period since */
	int64_t unconfirmed_ns; /* first frame that nobody confirmed */
	int64_t confirm_ns;	/* newest confirmation */
	int64_t set_limits_ns;
	int32_t bus_ma[DIRS];
	int32_t bus_cvl_mv;
	int32_t was_ma[DIRS]; /* before the frames of the newest step */
	uint8_t was_enable;
	bool was_comm;
	bool said_limits; /* in the newest step */
	bool said_request;
	bool said_alarms;
	bool said_small_fall;
	int64_t pending_ns[DIRS];	      /* bus above the limit since */
	int64_t small_ns[ORACLE_SMALL_FALLS]; /* newest small falls on the bus, a ring */
	uint32_t small_at;
	uint8_t bus_enable;
	bool have_limits;
	bool have_request;
	bool have_alarms;
	bool bus_comm;
	int64_t lost_since_ns;
	int64_t alive_ns;
	bool sent;	    /* in the period before */
	bool alive_armed;   /* nobody can answer before we speak */
	int64_t writing_ns; /* frames go out since */
	/* ladder */
	struct oracle_lease lease[COMMANDS];
	uint32_t step;
	uint32_t reason;
	uint32_t latched;
	bool low_latched; /* an under-voltage is there, or is what latched */
	bool permit;
	int64_t reclose_ns[3]; /* returns from a trip of the BMS side, newest first */
	uint32_t kept_trip;    /* of the process before: to be gone on with at the first step */
	uint32_t needed;       /* good samples that lead to run */
	uint32_t relay;	       /* enum relay_state of the period before */
	int64_t relay_open_ns;
	bool forced;	   /* in the newest step */
	uint32_t weld_row; /* samples with current while the relay is open */
	int64_t heard_ns;  /* the inverter, not counting the start */
	int64_t trip_ns;
	int64_t open_ns;
	int64_t zero_ns; /* both limits 0 on the bus since */
	int64_t caution_ns;
	int32_t caution_ma[DIRS];
	int32_t limit_ma[DIRS]; /* of the period before */
	int64_t fall_ns[DIRS];
	int32_t hold_cvl_mv; /* ladder step 3, 0 = not there */
	bool stop;
};

/**
 * oracle_init - beside cycle_init(), with the same arguments
 */
void oracle_init(struct oracle *o, const struct core_config *config, int64_t now_ns,
		 int64_t boot_ns, const struct held *held);

/**
 * oracle_step - after every cycle_step()
 *
 * Return: true while no rule was broken.
 */
bool oracle_step(struct oracle *o, const struct cycle_in *in, const struct cycle_out *out,
		 const struct telemetry *tele);

#endif
