/* SPDX-License-Identifier: Apache-2.0 */
/* Inverters, batteries, meter and grid of the house; see sim_house.h. */
#include <math.h>
#include <string.h>

#include "base/time.h"
#include "base/units.h"
#include "sim_house.h"

/* Solis RAI-3K-48ES-5G: 3 kW. GoodWe EM3648 with 50 A at 48 V: 2.3 kW (data sheets). */
#define SOLIS_W	 3000.0
#define GOODWE_W 2300.0
/* From AC into the cells and back, each way (data sheets say 94 to 95 % for battery converters). */
#define EFFICIENCY 0.95
/* Assumed: how fast the power of a battery converter follows its controller. */
#define SOLIS_RAMP_W_S	600.0
#define GOODWE_RAMP_W_S 1000.0
/* Assumed: controllers decide once a second and leave a grid power of less than this alone. */
#define CONTROL_S  1.0
#define DEADBAND_W 20.0
#define NOISE_W	   8.0 /* of a reading, assumed */
/* Solis: 1 to 4 s from a limit on the bus to its effect are reported. */
#define LIMIT_DEAD_S 2.0
#define SOLIS_AH     200.0
#define GOODWE_AH    150.0
#define GOODWE_V     50.0 /* constant: what matters of the other battery is its energy */
#define SOC_START    50.0
#define GOODWE_LOW   0.10
#define IDLE_A	     0.8 /* an idle GoodWe reads about -40 W of its battery */
#define IDLE_W	     20.0
#define SOLIS_LOW    15.0 /* over-discharge SoC of the inverter's menu */
#define METER_S	     1.0  /* SMA meters send once a second */
#define PEER_S	     10.0 /* asking a GoodWe every 5 to 10 s is harmless */
#define PORTAL_S     60.0
#define PORTAL_AGE   2 /* the portal's values are minutes old */
#define J_PER_KWH    3.6e6
#define HOUR_S	     3600.0

static double past(const struct house *h, const double *ring, double age_s)
{
	const uint32_t back = (uint32_t)lround(age_s / HOUSE_DT_S);

	return ring[(h->at + HOUSE_HISTORY - back) % HOUSE_HISTORY];
}

static void inverter_init(struct house_inverter *i, double dead_s, double bias_w, double ramp_w_s,
			  double max_w, double loop, uint32_t seed)
{
	memset(i, 0, sizeof(*i));
	i->dead_s = dead_s;
	i->bias_w = bias_w;
	i->ramp_w_s = ramp_w_s;
	i->max_w = max_w;
	/* Deciding once a second adds half a second of dead time on average. */
	i->gain_per_s = loop / (dead_s + CONTROL_S / 2.0);
	sim_random_init(&i->random, seed);
	i->next_s = sim_random_unit(&i->random) * CONTROL_S;
}

static void inverter_step(struct house_inverter *i, const struct house *h)
{
	const double most_w = i->ramp_w_s * HOUSE_DT_S;

	if (h->t_s >= i->next_s) {
		const double seen_w = past(h, h->history, i->dead_s) + i->bias_w +
				      NOISE_W * sim_random_pm(&i->random);

		i->next_s += CONTROL_S;
		if (fabs(seen_w) > DEADBAND_W) {
			i->set_w += i->gain_per_s * CONTROL_S * seen_w;
		}
	}
	i->set_w = fmin(fmax(i->set_w, -i->most_in_w), i->most_out_w);
	i->out_w += fmin(fmax(i->set_w - i->out_w, -most_w), most_w);
}

/* What the Solis may do: limits as it heard them, voltage of the battery, its own SoC limit. */
static void bound_solis(struct house *h)
{
	const double v = sim_battery_pack_v(&h->battery);
	const double cvl_v = h->core.cvl_v > 0.0 ? h->core.cvl_v : 55.2;
	const double cv_a = (cvl_v - sim_battery_pack_ocv(&h->battery)) /
			    sim_battery_pack_r(&h->battery);
	const double in_a = fmin(past(h, h->limit_in, LIMIT_DEAD_S), fmax(cv_a, 0.0));
	const double out_a = sim_battery_soc(&h->battery) > SOLIS_LOW
				     ? past(h, h->limit_out, LIMIT_DEAD_S)
				     : 0.0;

	h->solis.most_in_w = fmin(in_a * v / EFFICIENCY, h->solis.max_w);
	h->solis.most_out_w = fmin(out_a * v * EFFICIENCY, h->solis.max_w);
}

static void bound_goodwe(struct house *h)
{
	const double full_as = GOODWE_AH * HOUR_S;

	h->goodwe.most_in_w = h->goodwe_as < full_as ? h->goodwe.max_w : 0.0;
	h->goodwe.most_out_w = h->goodwe_as > GOODWE_LOW * full_as ? h->goodwe.max_w : 0.0;
}

/* Current into a battery for a power out of it at the AC side. */
static double current_a(double out_w, double v)
{
	return out_w > 0.0 ? -out_w / EFFICIENCY / v : -out_w * EFFICIENCY / v;
}

static int32_t whole(double x)
{
	return (int32_t)lround(x);
}

/* The words that the services would bring. */
static void tell_core(struct house *h)
{
	struct cycle_in *in = &h->core.in;
	const bool idle = fabs(h->goodwe.out_w) < IDLE_W;
	const double goodwe_a = current_a(h->goodwe.out_w, GOODWE_V) - (idle ? IDLE_A : 0.0);
	struct peer_sample p = {
		.t_ns = h->core.now_ns,
		.source = h->set.portal ? PEER_SEMS : PEER_LOCAL,
		.mode = PEER_UNKNOWN,
		.current_ma = whole(goodwe_a * 10.0) * 100,
		.power_w = SOURCE_NO_VALUE,
		.voltage_mv = whole(GOODWE_V * 1000.0),
		.soc_pct = whole(100.0 * h->goodwe_as / (GOODWE_AH * HOUR_S)),
	};

	if (h->t_s >= h->meter_s) {
		h->meter_s += METER_S;
		in->grid = (struct grid_sample){.t_ns = h->core.now_ns,
						.power_w = whole(h->grid_w)};
	}
	if (h->t_s < h->peer_s) {
		return;
	}
	h->peer_s += h->set.portal ? PORTAL_S : PEER_S;
	if (!h->set.portal) {
		in->peer_local = p;
		return;
	}
	h->portal_w[h->portal_at % 32U] = p.current_ma;
	if (h->portal_at >= PORTAL_AGE) {
		p.current_ma = whole(h->portal_w[(h->portal_at - PORTAL_AGE) % 32U]);
		in->peer_portal = p;
	}
	h->portal_at++;
}

static void step_limits(struct house *h)
{
	const bool seed = h->variant == HOUSE_SEED;

	house_core_run(&h->core, h->t_s + HOUSE_DT_S, &h->battery);
	if (seed) {
		house_seed_step(&h->seed, h->t_s, current_a(h->goodwe.out_w, GOODWE_V), h->grid_w,
				&h->battery, sim_battery_soc(&h->battery));
	}
	/* The envelope of the core protects the battery in every variant. */
	h->limit_in[h->at] = seed ? fmin(h->seed.ccl_a, h->core.ccl_a) : h->core.ccl_a;
	h->limit_out[h->at] = seed ? fmin(h->seed.dcl_a, h->core.dcl_a) : h->core.dcl_a;
	if (h->variant == HOUSE_ALONE) {
		h->limit_in[h->at] = 0.0;
		h->limit_out[h->at] = 0.0;
	}
}

static void turn(double w, int *side, uint32_t *turns)
{
	const int now = w > HOUSE_TURN_W ? 1 : (w < -HOUSE_TURN_W ? -1 : 0);

	if (now != 0 && now != *side) {
		*turns += *side != 0 ? 1U : 0U;
		*side = now;
	}
}

static void count(struct house *h)
{
	struct house_sum *s = &h->sum;
	const double kwh = HOUSE_DT_S / J_PER_KWH;
	const double a = h->solis.out_w;
	const double b = h->goodwe.out_w;

	if (a * b < 0.0) {
		s->cross_kwh += fmin(fabs(a), fabs(b)) * kwh;
	}
	s->import_kwh += fmax(h->grid_w, 0.0) * kwh;
	s->export_kwh += fmax(-h->grid_w, 0.0) * kwh;
	s->load_kwh += h->load.load_w * kwh;
	s->solis_in_kwh += fmax(-a, 0.0) * kwh;
	s->solis_out_kwh += fmax(a, 0.0) * kwh;
	s->goodwe_in_kwh += fmax(-b, 0.0) * kwh;
	s->goodwe_out_kwh += fmax(b, 0.0) * kwh;
	turn(a, &h->side, &s->turns);
	turn(b, &h->goodwe_side, &s->goodwe_turns);
}

static void step(struct house *h)
{
	h->at = (h->at + 1U) % HOUSE_HISTORY;
	house_load_step(&h->load, h->t_s);
	h->grid_w = h->load.load_w - h->load.sun_w - h->solis.out_w - h->goodwe.out_w;
	h->history[h->at] = h->grid_w;
	tell_core(h);
	step_limits(h);
	bound_solis(h);
	bound_goodwe(h);
	inverter_step(&h->solis, h);
	inverter_step(&h->goodwe, h);
	sim_battery_step(&h->battery, HOUSE_DT_S,
			 current_a(h->solis.out_w, sim_battery_pack_v(&h->battery)));
	h->goodwe_as += current_a(h->goodwe.out_w, GOODWE_V) * HOUSE_DT_S;
	h->goodwe_as = fmin(fmax(h->goodwe_as, 0.0), GOODWE_AH * HOUR_S);
	count(h);
}

static void set_up(struct house *h, const struct house_day *day)
{
	const struct house_set *set = day->set;
	const uint32_t seed = day->seed;
	const struct sim_battery_setup battery = {.cells = 16,
						  .capacity_ah = SOLIS_AH,
						  .soc_pct = SOC_START,
						  .ambient_c = 20.0,
						  .spread = 0.005,
						  .seed = seed};
	struct core_config own = *day->config;

	h->set = *set;
	house_load_init(&h->load, seed);
	inverter_init(&h->solis, set->solis_dead_s, set->solis_bias_w, SOLIS_RAMP_W_S, SOLIS_W,
		      set->loop, seed * 7U + 1U);
	inverter_init(&h->goodwe, set->goodwe_dead_s, set->goodwe_bias_w, GOODWE_RAMP_W_S, GOODWE_W,
		      set->loop, seed * 7U + 2U);
	sim_battery_init(&h->battery, &battery);
	h->goodwe_as = SOC_START / 100.0 * GOODWE_AH * HOUR_S;
	if (h->variant != HOUSE_OURS) {
		own.arbiter.interlock = false;
		own.arbiter.cross = false;
		core_config_damping(&own, DAMPING_OFF);
	}
	house_core_init(&h->core, &own);
	house_seed_init(&h->seed);
	h->t_s = day->from_s;
	h->meter_s = day->from_s;
	h->peer_s = day->from_s;
	h->solis.next_s += day->from_s;
	h->goodwe.next_s += day->from_s;
	h->core.now_ns += (int64_t)(day->from_s * 1e9);
	cycle_init(&h->core.cycle, &h->core.config, h->core.now_ns, h->core.now_ns, NULL);
}

static void show(const struct house *h, house_tap *tap, void *arg)
{
	const struct telemetry *t = cycle_telemetry(&h->core.cycle);
	const struct house_point p = {
		.t_s = h->t_s,
		.load_w = h->load.load_w,
		.sun_w = h->load.sun_w,
		.grid_w = h->grid_w,
		.solis_w = h->solis.out_w,
		.goodwe_w = h->goodwe.out_w,
		.ccl_a = h->limit_in[h->at],
		.dcl_a = h->limit_out[h->at],
		.rule = {t->limited_by[DIR_CHARGE], t->limited_by[DIR_DISCHARGE]},
	};

	tap(arg, &p);
}

void house_run(struct house *h, enum house_variant variant, const struct house_day *day)
{
	const uint32_t steps = (uint32_t)lround((day->to_s - day->from_s) / HOUSE_DT_S);
	const uint32_t second = (uint32_t)lround(1.0 / HOUSE_DT_S);

	memset(h, 0, sizeof(*h));
	h->variant = variant;
	set_up(h, day);
	for (uint32_t i = 0; i < steps; i++) {
		h->t_s = day->from_s + i * HOUSE_DT_S;
		step(h);
		if (day->tap != NULL && i % second == 0) {
			show(h, day->tap, day->arg);
		}
	}
	h->sum.soc_end_pct = sim_battery_soc(&h->battery);
	h->sum.goodwe_soc_end_pct = 100.0 * h->goodwe_as / (GOODWE_AH * HOUR_S);
	h->sum.oscillations = variant == HOUSE_SEED ? h->seed.reduced
						    : h->core.events[EVENT_OSCILLATION];
}

const char *house_variant_name(enum house_variant v)
{
	static const char *const name[HOUSE_VARIANTS] = {"none", "original", "jkpylon", "alone"};

	return v < HOUSE_VARIANTS ? name[v] : "?";
}
