/* SPDX-License-Identifier: Apache-2.0 */
/* JK reply as a list of registers: see sim_image.h. */
#include "sim_image.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MARK_1	 0x4EU
#define MARK_2	 0x57U
#define END_MARK 0x68U
#define LEN_OTHER \
	20U /* LEN counts itself (2), head (7), record (4), end (1), sum (4); see encode */
#define TAG_CELLS 0x79U

struct reg_kind {
	uint8_t tag;
	uint8_t len;
	uint32_t value; /* of a default image */
	const char *text;
};

/* Every register of a read-all reply in the order it is sent; values of an LFP pack. */
static const struct reg_kind kinds[] = {
	{0x79, 0, 0, NULL},
	{0x80, 2, 25, NULL},
	{0x81, 2, 25, NULL},
	{0x82, 2, 25, NULL},
	{0x83, 2, 5280, NULL},
	{0x84, 2, 0, NULL},
	{0x85, 1, 50, NULL},
	{0x86, 1, 2, NULL},
	{0x87, 2, 12, NULL},
	{0x89, 4, 1200, NULL},
	{0x8A, 2, 16, NULL},
	{0x8B, 2, 0, NULL},
	{0x8C, 2, 3, NULL},
	{0x8E, 2, 5760, NULL},
	{0x8F, 2, 4160, NULL},
	{0x90, 2, 3650, NULL},
	{0x91, 2, 3450, NULL},
	{0x92, 2, 5, NULL},
	{0x93, 2, 2600, NULL},
	{0x94, 2, 2800, NULL},
	{0x95, 2, 5, NULL},
	{0x96, 2, 300, NULL},
	{0x97, 2, 100, NULL},
	{0x98, 2, 30, NULL},
	{0x99, 2, 100, NULL},
	{0x9A, 2, 30, NULL},
	{0x9B, 2, 3400, NULL},
	{0x9C, 2, 10, NULL},
	{0x9D, 1, 1, NULL},
	{0x9E, 2, 90, NULL},
	{0x9F, 2, 70, NULL},
	{0xA0, 2, 100, NULL},
	{0xA1, 2, 100, NULL},
	{0xA2, 2, 20, NULL},
	{0xA3, 2, 60, NULL},
	{0xA4, 2, 65, NULL},
	{0xA5, 2, 0xFFFB, NULL},
	{0xA6, 2, 0, NULL},
	{0xA7, 2, 0xFFEC, NULL},
	{0xA8, 2, 0xFFF6, NULL},
	{0xA9, 1, 16, NULL},
	{0xAA, 4, 200, NULL},
	{0xAB, 1, 1, NULL},
	{0xAC, 1, 1, NULL},
	{0xAD, 2, 1000, NULL},
	{0xAE, 1, 1, NULL},
	{0xAF, 1, 0, NULL},
	{0xB0, 2, 10, NULL},
	{0xB1, 1, 20, NULL},
	{0xB2, 10, 0, "123456"},
	{0xB3, 1, 0, NULL},
	{0xB4, 8, 0, "Sim_Pack"},
	{0xB5, 4, 0, "2401"},
	{0xB6, 4, 4242, NULL},
	{0xB7, 15, 0, "11.XW_S11.26"},
	{0xB8, 1, 0, NULL},
	{0xB9, 4, 200, NULL},
	{0xBA, 24, 0, "Sim_Pack_BMS"},
	{0xC0, 1, 1, NULL},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Written only on request of a tool; they may stand in a capture. */
static const struct reg_kind rare_kinds[] = {
	{0xBB, 1, 0, NULL}, {0xBC, 1, 0, NULL}, {0xBD, 1, 0, NULL},
	{0xBE, 2, 0, NULL}, {0xBF, 2, 0, NULL},
};

#define RARE_KINDS (sizeof(rare_kinds) / sizeof(rare_kinds[0]))

static size_t kind_len(uint8_t tag)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].tag == tag) {
			return kinds[i].len;
		}
	}
	for (size_t i = 0; i < RARE_KINDS; i++) {
		if (rare_kinds[i].tag == tag) {
			return rare_kinds[i].len;
		}
	}
	return 0;
}

static void put_be(uint8_t *dst, size_t len, uint32_t value)
{
	for (size_t i = 0; i < len; i++) {
		const size_t shift = 8U * (len - 1U - i);

		dst[i] = shift < 32U ? (uint8_t)(value >> shift) : 0U;
	}
}

static const struct sim_reg *find(const struct sim_image *img, uint8_t tag)
{
	for (int i = 0; i < img->regs; i++) {
		if (img->reg[i].tag == tag) {
			return &img->reg[i];
		}
	}
	return NULL;
}

static struct sim_reg *find_mutable(struct sim_image *img, uint8_t tag)
{
	for (int i = 0; i < img->regs; i++) {
		if (img->reg[i].tag == tag) {
			return &img->reg[i];
		}
	}
	return NULL;
}

uint32_t sim_image_get(const struct sim_image *img, uint8_t tag, uint32_t fallback)
{
	const struct sim_reg *r = find(img, tag);

	if (!r || r->len > 4) {
		return fallback;
	}
	uint32_t v = 0;

	for (size_t i = 0; i < r->len; i++) {
		v = v << 8 | r->data[i];
	}
	return v;
}

void sim_image_set(struct sim_image *img, uint8_t tag, uint32_t value)
{
	struct sim_reg *r = find_mutable(img, tag);

	if (r) {
		put_be(r->data, r->len, value);
	}
}

static void set_cells(struct sim_image *img, const uint16_t *mv, int cells)
{
	struct sim_reg *r = find_mutable(img, TAG_CELLS);

	if (!r) {
		return;
	}
	r->len = (uint8_t)(3 * cells);
	for (int i = 0; i < cells; i++) {
		r->data[3 * i] = (uint8_t)(i + 1);
		put_be(&r->data[3 * i + 1], 2, mv[i]);
	}
}

int sim_image_cells(const struct sim_image *img, uint16_t ret_mv[SIM_CELLS_MAX])
{
	const struct sim_reg *r = find(img, TAG_CELLS);
	const int cells = r ? r->len / 3 : 0;

	for (int i = 0; i < cells; i++) {
		ret_mv[i] = (uint16_t)(r->data[3 * i + 1] << 8 | r->data[3 * i + 2]);
	}
	return cells;
}

void sim_override_clear(struct sim_override *o)
{
	*o = (struct sim_override){.cells = SIM_KEEP,
				   .probe_raw = {SIM_KEEP, SIM_KEEP, SIM_KEEP},
				   .soc_raw = SIM_KEEP,
				   .cycles = SIM_KEEP,
				   .version = SIM_KEEP};
}

void sim_image_default(struct sim_image *img, int cells, double capacity_ah)
{
	const uint16_t mv[SIM_CELLS_MAX] = {0};

	memset(img, 0, sizeof(*img));
	img->head[4] = 0x06; /* read all */
	img->head[6] = 0x01; /* reply */
	img->regs = (int)KINDS;
	for (size_t i = 0; i < KINDS; i++) {
		struct sim_reg *r = &img->reg[i];

		r->tag = kinds[i].tag;
		r->len = kinds[i].len;
		if (kinds[i].text) {
			memcpy(r->data, kinds[i].text, strlen(kinds[i].text));
		} else {
			put_be(r->data, r->len, kinds[i].value);
		}
	}
	set_cells(img, mv, cells);
	sim_image_set(img, 0x8A, (uint32_t)cells);
	sim_image_set(img, 0xA9, (uint32_t)cells);
	/* The BMS computes these from the number of cells. */
	sim_image_set(img, 0x8E, (uint32_t)(cells * 365));
	sim_image_set(img, 0x8F, (uint32_t)(cells * 260));
	sim_image_set(img, 0xAA, (uint32_t)lround(capacity_ah));
	sim_image_set(img, 0xB9, (uint32_t)lround(capacity_ah));
}

static uint32_t sum_of(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += p[i];
	}
	return sum & 0xFFFFU;
}

static bool frame_ok(const uint8_t *f, size_t len)
{
	if (len < LEN_OTHER || f[0] != MARK_1 || f[1] != MARK_2) {
		return false;
	}
	const size_t announced = ((size_t)f[2] << 8 | f[3]) + 2U;

	return announced == len && f[len - 5] == END_MARK && f[len - 4] == 0 && f[len - 3] == 0 &&
	       sum_of(f, len - 4) == ((uint32_t)f[len - 2] << 8 | f[len - 1]);
}

int sim_image_parse(struct sim_image *img, const uint8_t *frame, size_t len)
{
	if (!frame_ok(frame, len)) {
		return -EBADMSG;
	}
	memset(img, 0, sizeof(*img));
	memcpy(img->head, &frame[4], SIM_HEAD_LEN);
	const size_t end = len - 9U;
	size_t at = 4U + SIM_HEAD_LEN;

	while (at < end) {
		const uint8_t tag = frame[at++];
		size_t n = kind_len(tag);

		if (tag == TAG_CELLS && at < end) {
			n = frame[at++];
			if (n % 3U != 0 || n > SIM_REG_DATA_MAX) {
				return -EBADMSG;
			}
		}
		if (n == 0 || at + n > end || img->regs == SIM_REGS_MAX) {
			return -EBADMSG;
		}
		struct sim_reg *r = &img->reg[img->regs++];

		r->tag = tag;
		r->len = (uint8_t)n;
		memcpy(r->data, &frame[at], n);
		at += n;
	}
	return find(img, TAG_CELLS) ? 0 : -EBADMSG;
}

size_t sim_image_encode(const struct sim_image *img, uint8_t ret_frame[SIM_FRAME_MAX])
{
	size_t at = 4;

	ret_frame[0] = MARK_1;
	ret_frame[1] = MARK_2;
	memcpy(&ret_frame[at], img->head, SIM_HEAD_LEN);
	at += SIM_HEAD_LEN;
	for (int i = 0; i < img->regs; i++) {
		const struct sim_reg *r = &img->reg[i];

		ret_frame[at++] = r->tag;
		if (r->tag == TAG_CELLS) {
			ret_frame[at++] = r->len;
		}
		memcpy(&ret_frame[at], r->data, r->len);
		at += r->len;
	}
	put_be(&ret_frame[at], 4, 0); /* record number */
	at += 4;
	ret_frame[at++] = END_MARK;
	put_be(&ret_frame[2], 2, (uint32_t)(at + 4U - 2U));
	put_be(&ret_frame[at], 4, sum_of(ret_frame, at));
	return at + 4U;
}
