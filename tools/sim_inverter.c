/* SPDX-License-Identifier: Apache-2.0 */
/* The inverter: see sim_inverter.h. */
#include "sim_inverter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S	 1e9
#define RETRY_NS	 INT64_C(500000000)
#define ALIVE_PERIOD_NS	 INT64_C(1000000000)
#define DELAY_DEFAULT_S	 2.0
#define MAX_DEFAULT_A	 60.0
#define FRAMES_PER_STEP	 64
#define PACK_V_MIN	 1.0
#define ID_ALIVE	 0x305U
#define ID_LIMITS	 0x351U
#define ID_SOC		 0x355U
#define ID_ALARMS	 0x359U
#define ID_REQUEST	 0x35CU
#define CHARGE_ENABLE	 0x80U
#define DISCHARGE_ENABLE 0x40U

void sim_inverter_init(struct sim_inverter *v, const char *spec)
{
	memset(v, 0, sizeof(*v));
	v->spec = spec;
	v->delay_s = DELAY_DEFAULT_S;
	v->max_a = MAX_DEFAULT_A;
	v->alive = true;
	/* Dialects without 0x35C leave the enables as they are. */
	v->heard.charge_enable = true;
	v->heard.discharge_enable = true;
}

void sim_inverter_close(struct sim_inverter *v)
{
	if (v->connected) {
		canbus_close(&v->bus);
		v->connected = false;
	}
}

static unsigned int le16(const uint8_t *p)
{
	return (unsigned int)p[0] | (unsigned int)p[1] << 8;
}

/* The simulator's own reading of the frames: nothing is shared with the encoder of the product. */
static bool take_frame(struct sim_inverter *v, const struct can_frame *f)
{
	switch (f->can_id) {
	case ID_LIMITS:
		if (f->len < 6) {
			return false;
		}
		v->heard.cvl_v = le16(&f->data[0]) / 10.0;
		v->heard.ccl_a = (int16_t)le16(&f->data[2]) / 10.0;
		v->heard.dcl_a = (int16_t)le16(&f->data[4]) / 10.0;
		return true;
	case ID_REQUEST:
		v->heard.charge_enable = (f->data[0] & CHARGE_ENABLE) != 0;
		v->heard.discharge_enable = (f->data[0] & DISCHARGE_ENABLE) != 0;
		return v->heard.t_ns != 0;
	case ID_SOC:
		v->soc_pct = le16(&f->data[0]);
		return false;
	case ID_ALARMS:
		v->protections = le16(&f->data[0]);
		v->warnings = le16(&f->data[2]);
		return false;
	default:
		return false;
	}
}

static void remember(struct sim_inverter *v, int64_t now_ns)
{
	v->heard.t_ns = now_ns;
	if (v->history_len == INVERTER_HISTORY) {
		memmove(&v->history[0], &v->history[1], sizeof(v->history) - sizeof(v->history[0]));
		v->history_len--;
	}
	v->history[v->history_len++] = v->heard;
}

static void hear(struct sim_inverter *v, int64_t now_ns)
{
	struct canbus_frame f;

	for (int i = 0; i < FRAMES_PER_STEP; i++) {
		const int rc = canbus_read(&v->bus, 0, &f);

		if (rc == -EAGAIN || rc == -EINTR || rc == -ENETDOWN) {
			return;
		}
		if (rc == -EBADMSG) {
			continue;
		}
		if (rc != 0) {
			fprintf(stderr, "sim: inverter off the bus: %s\n", v->bus.why);
			sim_inverter_close(v);
			v->retry_ns = now_ns + RETRY_NS;
			return;
		}
		v->count_rx++;
		if (!v->silent && take_frame(v, &f.can)) {
			remember(v, now_ns);
		}
	}
}

static void speak(struct sim_inverter *v, int64_t now_ns)
{
	const struct can_frame alive = {.can_id = ID_ALIVE, .len = CAN_MAX_DLEN};

	if (now_ns < v->alive_ns || v->silent || !v->alive) {
		return;
	}
	v->alive_ns = now_ns + ALIVE_PERIOD_NS;
	if (canbus_send(&v->bus, &alive) == 0) {
		v->count_tx++;
	}
}

static void use_bus(struct sim_inverter *v, int64_t now_ns)
{
	if (!v->connected) {
		if (now_ns < v->retry_ns) {
			return;
		}
		v->retry_ns = now_ns + RETRY_NS;
		const int err = canbus_open(&v->bus, v->spec);

		if (err != 0) {
			if (err != v->open_err) { /* once a reason, not twice a second */
				fprintf(stderr, "sim: inverter waits for its bus: %s\n",
					v->bus.why);
			}
			v->open_err = err;
			return;
		}
		v->open_err = 0;
		v->connected = true;
		v->count_connects++;
		fprintf(stderr, "sim: inverter on the bus %s\n", v->spec);
	}
	hear(v, now_ns);
	if (v->connected) {
		speak(v, now_ns);
	}
}

/* Limits have their effect @delay_s after they were heard. */
static void mature(struct sim_inverter *v, int64_t now_ns)
{
	const int64_t before = now_ns - (int64_t)(v->delay_s * NS_PER_S);
	int ripe = 0;

	while (ripe < v->history_len && v->history[ripe].t_ns <= before) {
		v->obeyed = v->history[ripe++];
	}
	v->history_len -= ripe;
	memmove(&v->history[0], &v->history[ripe], (size_t)v->history_len * sizeof(v->history[0]));
}

static double obedient(const struct sim_inverter *v, const struct sim_battery *b, double wanted_a,
		       int64_t now_ns)
{
	const struct inverter_limits *l = &v->obeyed;
	const bool lost = v->timeout_s > 0 &&
			  (double)(now_ns - v->heard.t_ns) > v->timeout_s * NS_PER_S;

	if (l->t_ns == 0 || lost) {
		return 0;
	}
	if (wanted_a < 0) {
		const double limit = fmin(v->max_a, fmax(l->dcl_a, 0));

		return l->discharge_enable ? fmax(wanted_a, -limit) : 0;
	}
	/* Constant voltage: no more than what keeps the terminals at CVL. */
	const double cv = fmax((l->cvl_v - sim_battery_pack_ocv(b)) / sim_battery_pack_r(b), 0);
	const double limit = fmin(fmin(v->max_a, fmax(l->ccl_a, 0)), cv);

	return l->charge_enable ? fmin(wanted_a, limit) : 0;
}

double sim_inverter_step(struct sim_inverter *v, const struct sim_battery *b, int64_t now_ns)
{
	const double pack_v = fmax(sim_battery_pack_v(b), PACK_V_MIN);
	const double wanted_a = fmin(fmax((v->sun_w - v->load_w) / pack_v, -v->max_a), v->max_a);

	if (!v->spec) {
		return wanted_a;
	}
	use_bus(v, now_ns);
	mature(v, now_ns);
	if (v->disobey) {
		const bool charge = v->discharge_a <= 0 || (v->charge_a > 0 && wanted_a >= 0);

		return charge ? v->charge_a : -v->discharge_a;
	}
	return obedient(v, b, wanted_a, now_ns);
}
