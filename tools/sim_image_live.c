/* SPDX-License-Identifier: Apache-2.0 */
/* Between the register image and the battery model, both ways: see sim_image.h. */
#include "sim_image.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "proto/jk_uart.h"

#define SIGN_MAGNITUDE	1U /* register C0: how the current is written */
#define CURRENT_CHARGE	0x8000U
#define CURRENT_MAX	0x7FFF
#define CURRENT_ZERO_V0 10000
#define CELL_V_MAX_MV	65535.0
#define TEMP_NEGATIVE	100
#define TEMP_RAW_LOW	40

static const uint8_t probe_tag[SIM_PROBES] = {0x80, 0x81, 0x82};

static double temp_of_raw(uint32_t raw)
{
	return raw < TEMP_NEGATIVE ? (double)raw : (double)TEMP_NEGATIVE - (double)raw;
}

static uint32_t raw_of_temp(double c)
{
	if (c >= -0.0) {
		return (uint32_t)fmin(round(c), TEMP_NEGATIVE - 1);
	}
	return (uint32_t)(TEMP_NEGATIVE + fmin(round(-c), TEMP_RAW_LOW));
}

/* Signed two's complement of 16 bits. */
static double get_signed(const struct sim_image *img, uint8_t tag, double fallback)
{
	const uint32_t raw = sim_image_get(img, tag, UINT32_MAX);

	return raw == UINT32_MAX ? fallback : (double)(int16_t)(uint16_t)raw;
}

static double get(const struct sim_image *img, uint8_t tag, double scale, double fallback)
{
	const uint32_t raw = sim_image_get(img, tag, UINT32_MAX);

	return raw == UINT32_MAX ? fallback : (double)raw * scale;
}

void sim_image_protect(const struct sim_image *img, struct sim_protect *ret_protect)
{
	struct sim_protect *p = ret_protect;

	sim_protect_default(p);
	p->cell_ovp_v = get(img, 0x90, 1e-3, p->cell_ovp_v);
	p->cell_ovpr_v = get(img, 0x91, 1e-3, p->cell_ovpr_v);
	p->cell_ovp_delay_s = get(img, 0x92, 1, p->cell_ovp_delay_s);
	p->cell_uvp_v = get(img, 0x93, 1e-3, p->cell_uvp_v);
	p->cell_uvpr_v = get(img, 0x94, 1e-3, p->cell_uvpr_v);
	p->cell_uvp_delay_s = get(img, 0x95, 1, p->cell_uvp_delay_s);
	p->discharge_ocp_a = get(img, 0x97, 1, p->discharge_ocp_a);
	p->discharge_ocp_delay_s = get(img, 0x98, 1, p->discharge_ocp_delay_s);
	p->charge_ocp_a = get(img, 0x99, 1, p->charge_ocp_a);
	p->charge_ocp_delay_s = get(img, 0x9A, 1, p->charge_ocp_delay_s);
	p->balance_start_v = get(img, 0x9B, 1e-3, p->balance_start_v);
	p->balance_delta_v = get(img, 0x9C, 1e-3, p->balance_delta_v);
	p->balance_on = get(img, 0x9D, 1, p->balance_on) > 0;
	p->mos_otp_c = get(img, 0x9E, 1, p->mos_otp_c);
	p->mos_otpr_c = get(img, 0x9F, 1, p->mos_otpr_c);
	p->charge_otp_c = get(img, 0xA3, 1, p->charge_otp_c);
	p->discharge_otp_c = get(img, 0xA4, 1, p->discharge_otp_c);
	p->charge_utp_c = get_signed(img, 0xA5, p->charge_utp_c);
	p->charge_utpr_c = get_signed(img, 0xA6, p->charge_utpr_c);
	p->discharge_utp_c = get_signed(img, 0xA7, p->discharge_utp_c);
	p->discharge_utpr_c = get_signed(img, 0xA8, p->discharge_utpr_c);
}

int sim_image_battery(const struct sim_image *img, double soc_pct, struct sim_battery *ret_battery)
{
	uint16_t mv[SIM_CELLS_MAX];
	struct sim_battery_setup setup = {
		.cells = sim_image_cells(img, mv),
		.capacity_ah = sim_image_get(img, 0xAA, 0),
		.soc_pct = sim_image_get(img, 0x85, UINT32_MAX),
	};

	if (setup.cells == 0 || setup.capacity_ah <= 0 || setup.soc_pct > 100) {
		return -EBADMSG;
	}
	setup.ambient_c = temp_of_raw(sim_image_get(img, probe_tag[1], 20));
	sim_battery_init(ret_battery, &setup);
	for (int i = 0; i < setup.cells; i++) {
		ret_battery->cell[i].offset_v = mv[i] * 1e-3 - sim_ocv(setup.soc_pct / 100.0);
	}
	for (int p = 0; p < SIM_PROBES; p++) {
		ret_battery->temp_c[p] = temp_of_raw(sim_image_get(img, probe_tag[p], 20));
	}
	struct sim_protect protect;

	sim_image_protect(img, &protect);
	sim_battery_set_protect(ret_battery, &protect);
	if (soc_pct >= 0) {
		sim_battery_set_soc(ret_battery, soc_pct);
	}
	return 0;
}

static uint32_t current_raw(double a, uint32_t version)
{
	const long step = lround(a * 100.0); /* 10 mA */

	if (version == SIGN_MAGNITUDE) {
		const long magnitude = step < 0 ? -step : step;
		const uint32_t m = (uint32_t)(magnitude > CURRENT_MAX ? CURRENT_MAX : magnitude);

		return step > 0 ? CURRENT_CHARGE | m : m;
	}
	const long raw = CURRENT_ZERO_V0 - step;

	return (uint32_t)(raw < 0 ? 0 : raw > UINT16_MAX ? UINT16_MAX : raw);
}

static uint16_t mv_of(double v)
{
	return (uint16_t)fmin(fmax(round(v * 1000.0), 0), CELL_V_MAX_MV);
}

static void patch_cells(struct sim_image *img, const struct sim_battery *b, int reported)
{
	struct sim_reg *r = NULL;

	for (int i = 0; i < img->regs; i++) {
		if (img->reg[i].tag == 0x79U) {
			r = &img->reg[i];
		}
	}
	if (!r) {
		return;
	}
	r->len = (uint8_t)(3 * reported);
	for (int i = 0; i < reported; i++) {
		const int from = i < b->cells ? i : b->cells - 1;
		const uint16_t mv = mv_of(sim_battery_cell_v(b, from));

		r->data[3 * i] = (uint8_t)(i + 1);
		r->data[3 * i + 1] = (uint8_t)(mv >> 8);
		r->data[3 * i + 2] = (uint8_t)mv;
	}
	sim_image_set(img, 0x8A, (uint32_t)reported);
}

void sim_image_patch(struct sim_image *img, const struct sim_battery *b,
		     const struct sim_override *o)
{
	const uint32_t status = sim_image_get(img, 0x8C, 0) & ~7U;

	if (o->version != SIM_KEEP) {
		sim_image_set(img, 0xC0, (uint32_t)o->version);
	}
	patch_cells(img, b, o->cells == SIM_KEEP ? b->cells : o->cells);
	for (int p = 0; p < SIM_PROBES; p++) {
		sim_image_set(img, probe_tag[p],
			      o->probe_raw[p] == SIM_KEEP ? raw_of_temp(b->temp_c[p])
							  : (uint32_t)o->probe_raw[p]);
	}
	sim_image_set(img, 0x83, (uint32_t)lround(sim_battery_pack_v(b) * 100.0));
	sim_image_set(img, 0x84, current_raw(b->current_a, sim_image_get(img, 0xC0, 0)));
	sim_image_set(img, 0x85,
		      o->soc_raw == SIM_KEEP
			      ? (uint32_t)lround(fmin(fmax(sim_battery_soc(b), 0), 100))
			      : (uint32_t)o->soc_raw);
	if (o->cycles != SIM_KEEP) {
		sim_image_set(img, 0x87, (uint32_t)o->cycles);
	}
	sim_image_set(img, 0x8B, (uint32_t)(b->alarms | o->alarms));
	sim_image_set(img, 0x8C,
		      status | (b->mos_on[0] ? JK_STATUS_CHARGE_MOS : 0U) |
			      (b->mos_on[1] ? JK_STATUS_DISCHARGE_MOS : 0U) |
			      (b->balancing ? JK_STATUS_BALANCING : 0U));
}
