/* SPDX-License-Identifier: Apache-2.0 */
#include "goodwe_read.h"

#include <errno.h>

#include "goodwe_ask.h"
#include "proto/aa55.h"
#include "proto/goodwe_modbus.h"

/* A good frame without the bytes that matter: as damaged as one that fails its sum. */
static int too_little(struct goodwe *g)
{
	goodwe_damaged(g);
	return -EBADMSG;
}

/* Return: 0; -EPROTO: it speaks Modbus; another -errno as goodwe_ask(). */
static int meet_aa55(struct goodwe *g)
{
	const struct goodwe_question q = {GOODWE_FAMILY_AA55, AA55_DEVICE};
	struct goodwe_answer a = {0};
	int r = goodwe_ask(g, &q, GOODWE_TRIES, &a);

	if (r != 0) {
		return r;
	}
	if (aa55_device_decode(a.datagram, a.len, &g->said.device) != GOODWE_OK) {
		return too_little(g);
	}
	if (g->said.device.model[0] == '\0') {
		return -EPROTO;
	}
	g->family = GOODWE_FAMILY_AA55;
	return 0;
}

/* A refusal is an answer too: some have no such registers, but speak Modbus. */
static int meet_modbus(struct goodwe *g)
{
	const struct goodwe_question q = {GOODWE_FAMILY_MODBUS, GOODWE_BLOCK_DEVICE};
	struct goodwe_answer a = {0};
	const int r = goodwe_ask(g, &q, GOODWE_TRIES, &a);

	if (r != 0 && r != -EREMOTEIO) {
		return r;
	}
	if (r == 0) {
		(void)goodwe_modbus_device_decode(a.datagram, a.len, &g->said.device, &a.exception);
	}
	g->family = GOODWE_FAMILY_MODBUS;
	return 0;
}

int goodwe_meet(struct goodwe *g)
{
	if (g->config.family == GOODWE_FAMILY_AA55) {
		return meet_aa55(g);
	}
	if (g->config.family == GOODWE_FAMILY_MODBUS) {
		return meet_modbus(g);
	}
	const int first = g->modbus_first ? meet_modbus(g) : meet_aa55(g);

	if (first == 0 || first == -ECANCELED) {
		return first;
	}
	const int second = g->modbus_first ? meet_aa55(g) : meet_modbus(g);

	/* Damage, or what the network says, is more than that it did not understand the other. */
	return second == -ETIMEDOUT && first != -EPROTO ? first : second;
}

/* Return: as goodwe_ask(). */
static int read_aa55(struct goodwe *g, struct goodwe_reading *ret_reading)
{
	const struct goodwe_question q = {GOODWE_FAMILY_AA55, AA55_RUNTIME};
	struct goodwe_answer a = {0};
	struct aa55_runtime r = {0};
	const int error = goodwe_ask(g, &q, GOODWE_TRIES, &a);

	if (error != 0) {
		return error;
	}
	if (aa55_runtime_decode(a.datagram, a.len, &r) != GOODWE_OK) {
		return too_little(g);
	}
	*ret_reading = (struct goodwe_reading){
		.t_ns = a.asked_ns,
		.battery = r.battery,
		.grid_power_w = r.grid_power_w,
	};
	return 0;
}

/* The state of charge is good to have: without it the rest is as good. */
static int read_soc(struct goodwe *g, int32_t *soc_pct)
{
	const struct goodwe_question q = {GOODWE_FAMILY_MODBUS, GOODWE_BLOCK_BATTERY};
	struct goodwe_answer a = {0};
	struct goodwe_pack pack = {0};
	const int r = goodwe_ask(g, &q, 1, &a);

	if (r == -EREMOTEIO) {
		g->no_pack = true;
	} else if (r == 0 &&
		   goodwe_modbus_pack_decode(a.datagram, a.len, &pack, &a.exception) == GOODWE_OK) {
		*soc_pct = pack.soc_pct;
	}
	return r == -ECANCELED ? r : 0;
}

static int read_modbus(struct goodwe *g, struct goodwe_reading *ret_reading)
{
	const struct goodwe_question q = {GOODWE_FAMILY_MODBUS, GOODWE_BLOCK_RUNTIME};
	struct goodwe_answer a = {0};
	struct goodwe_runtime r = {0};
	const int error = goodwe_ask(g, &q, GOODWE_TRIES, &a);

	if (error != 0) {
		return error;
	}
	(void)goodwe_modbus_runtime_decode(a.datagram, a.len, &r, &a.exception);
	/* As old as what it decides by: the state of charge comes later. */
	struct goodwe_reading reading = {
		.t_ns = a.asked_ns,
		.battery = r.battery,
		.grid_power_w = r.grid_power_w,
	};
	const int soc = goodwe_has_battery(&r.battery) && !g->no_pack
				? read_soc(g, &reading.battery.soc_pct)
				: 0;

	if (soc == 0) {
		*ret_reading = reading;
	}
	return soc;
}

int goodwe_read(struct goodwe *g, struct goodwe_reading *ret_reading)
{
	return g->family == GOODWE_FAMILY_AA55 ? read_aa55(g, ret_reading)
					       : read_modbus(g, ret_reading);
}
