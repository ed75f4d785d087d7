/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JK reply as a list of registers: made from defaults or taken from a capture, patched with the
 * live values of the battery model, and serialised with the right sum. The register table here is
 * the simulator's own; it shares nothing with the decoder of the product, so that a mistake in one
 * shows in the other.
 */
#ifndef JKP_TOOLS_SIM_IMAGE_H
#define JKP_TOOLS_SIM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "sim_battery.h"

#define SIM_REGS_MAX	 80
#define SIM_REG_DATA_MAX 96 /* register 79 of 32 cells */
#define SIM_HEAD_LEN	 7  /* terminal (4), command, source, type */
#define SIM_FRAME_MAX	 512
#define SIM_KEEP	 (-1) /* in struct sim_override: value of the model */

struct sim_reg {
	uint8_t tag;
	uint8_t len;
	uint8_t data[SIM_REG_DATA_MAX];
};

struct sim_image {
	uint8_t head[SIM_HEAD_LEN];
	int regs;
	struct sim_reg reg[SIM_REGS_MAX];
};

/**
 * struct sim_override - values that a command puts into the frame whatever the model says
 * @cells: number of cells reported
 * @probe_raw: registers 80, 81, 82
 * @soc_raw: register 85
 * @cycles: register 87
 * @version: register C0: decides how the current is written
 * @alarms: bits added to register 8B
 */
struct sim_override {
	int cells;
	int probe_raw[SIM_PROBES];
	int soc_raw;
	int cycles;
	int version;
	uint16_t alarms;
};

void sim_override_clear(struct sim_override *o);

/**
 * sim_image_default - a reply with every register that a recent BMS sends
 */
void sim_image_default(struct sim_image *img, int cells, double capacity_ah);

/**
 * sim_image_parse - take a captured reply apart
 *
 * Return: 0; -EBADMSG if it is no complete reply with a right sum and known registers.
 */
int sim_image_parse(struct sim_image *img, const uint8_t *frame, size_t len);

/**
 * sim_image_encode - serialise with length and sum
 * @ret_frame: receives at most SIM_FRAME_MAX bytes
 *
 * Return: length of the frame.
 */
size_t sim_image_encode(const struct sim_image *img, uint8_t ret_frame[SIM_FRAME_MAX]);

/* Value of a register of up to 4 bytes, @fallback if the image has none. */
uint32_t sim_image_get(const struct sim_image *img, uint8_t tag, uint32_t fallback);

/* Nothing happens if the image has no such register. */
void sim_image_set(struct sim_image *img, uint8_t tag, uint32_t value);

/* Cell voltages of register 79, millivolts. Return: number of cells. */
int sim_image_cells(const struct sim_image *img, uint16_t ret_mv[SIM_CELLS_MAX]);

/**
 * sim_image_battery - a model that reports what the captured image says
 * @seed: unused spread is 0: cells differ by what the capture shows
 * @soc_pct: charge to start with, below 0 = that of the capture
 *
 * Return: 0, or -EBADMSG if a register the model needs is missing.
 */
int sim_image_battery(const struct sim_image *img, double soc_pct, struct sim_battery *ret_battery);

/* Protection values of the image, defaults where a register is missing. */
void sim_image_protect(const struct sim_image *img, struct sim_protect *ret_protect);

/**
 * sim_image_patch - put the live values in
 */
void sim_image_patch(struct sim_image *img, const struct sim_battery *b,
		     const struct sim_override *o);

#endif
