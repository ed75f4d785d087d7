/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the record: the reader of files and the reader of the stream must find nothing but
 * what is there, and what the writer wrote must come back. The first byte chooses: a file as it is; a
 * stream; a stream as a block of a file whose sums are made right; inputs to be written and read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/record.h"
#include "core/record_file.h"

#define PARTS	  32U
#define MODES	  4U
#define BLOCK_AT  256U
#define FILE_SIZE (BLOCK_AT + RECORD_BLOCK_SIZE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct record_item item;
static struct record_part part[PARTS];

static void must(bool condition)
{
	if (!condition) {
		abort();
	}
}

static void read_stream(const uint8_t *bytes, size_t len)
{
	struct record_reader r;
	int rc = 0;

	record_reader_init(&r, bytes, len);
	while (rc == 0) {
		const uint8_t *before = r.at;

		rc = record_read(&r, &item);
		must(rc != 0 || (r.at > before && r.at <= bytes + len));
		must(rc != 0 || item.kind != RECORD_ITEM_STEP ||
		     (item.in.rx_len <= CYCLE_RX_MAX && item.in.can_rx_len <= CYCLE_CAN_RX_MAX &&
		      item.in.command_len <= CYCLE_COMMAND_MAX));
		must(rc != 0 || item.kind != RECORD_ITEM_KEY ||
		     (item.state >= bytes && item.state + item.state_len <= bytes + len));
	}
}

static void read_file(const uint8_t *bytes, size_t len)
{
	struct record_head head;
	uint32_t parts = 0;

	if (record_file_parse(bytes, len, &head, part, PARTS, &parts) != 0) {
		return;
	}
	must(parts > 0 && parts <= PARTS);
	for (uint32_t i = 0; i < parts; i++) {
		must(part[i].bytes >= bytes && part[i].bytes + part[i].block.len <= bytes + len);
		read_stream(part[i].bytes, part[i].block.len);
	}
}

static void read_sealed(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_SIZE];
	struct record_head head = {.blocks = 1, .blocks_at = BLOCK_AT};
	struct record_block block = {.sequence = 1};

	block.len = size < RECORD_BLOCK_BYTES ? (uint32_t)size : RECORD_BLOCK_BYTES;
	block.sum = record_sum(0U, data, block.len);
	record_head_seal(&head);
	record_block_seal(&block);
	memcpy(file, &head, sizeof(head));
	memcpy(file + BLOCK_AT, &block, sizeof(block));
	memcpy(file + BLOCK_AT + sizeof(block), data, block.len);
	read_file(file, BLOCK_AT + sizeof(block) + block.len);
}

static uint8_t take(const uint8_t **data, size_t *size)
{
	if (*size == 0U) {
		return 0U;
	}
	(*size)--;
	return *(*data)++;
}

static void fill(struct cycle_in *in, const uint8_t **data, size_t *size)
{
	in->now_ns += (int64_t)take(data, size) * 40000 - 1000;
	in->boot_ns = in->now_ns + take(data, size);
	in->can_link = take(data, size) % 8U;
	in->tty_open = in->can_link != 0U;
	in->grid.power_w = (int32_t)take(data, size) - 100;
	in->grid.t_ns = in->grid.power_w > 0 ? in->now_ns : INT64_MIN;
	in->command_len = (uint8_t)(take(data, size) % (CYCLE_COMMAND_MAX + 1U));
	for (uint32_t i = 0; i < CYCLE_COMMAND_MAX; i++) {
		memset(&in->command[i], i < in->command_len ? take(data, size) : 0,
		       sizeof(in->command[i]));
		in->command[i].sent_us = 0; /* for statistics alone: not recorded */
	}
	in->can_rx_len = (uint8_t)(take(data, size) % (CYCLE_CAN_RX_MAX + 1U));
	memset(in->can_rx, 0, sizeof(in->can_rx));
	for (uint32_t i = 0; i < in->can_rx_len; i++) {
		in->can_rx[i].msg.id = (uint16_t)(0x300U + take(data, size));
		in->can_rx[i].msg.len = take(data, size) % (CAN_MSG_DATA_MAX + 1U);
		memset(in->can_rx[i].msg.data, (int)i, in->can_rx[i].msg.len);
	}
	in->rx_len = (uint16_t)(take(data, size) * 2U);
	memset(in->rx, 0, sizeof(in->rx));
	for (uint32_t i = 0; i < in->rx_len; i++) {
		in->rx[i] = i % 8U == 0 ? take(data, size) : (uint8_t)i;
	}
}

static void write_and_read(const uint8_t *data, size_t size)
{
	static uint8_t bytes[RECORD_KEY_MAX + RECORD_STEP_MAX];
	static struct cycle core;
	static struct cycle_in in;
	static struct cycle_out out;
	struct record_codec codec = {.alone = false};
	struct record_reader r;

	memset(&in, 0, sizeof(in));
	record_reader_init(&r, bytes,
			   record_put_key(&codec, &core, 0, 0, 5000000, (uint32_t)size, bytes));
	must(record_read(&r, &item) == 0 && item.lost == size);
	while (size > 0U) {
		fill(&in, &data, &size);
		out.bms_tx_len = in.can_link == 1U ? JK_REQUEST_SIZE : 0U;
		r.at = bytes;
		r.end = bytes + record_put_step(&codec, &in, &out, bytes);
		must(r.end <= bytes + RECORD_STEP_MAX);
		must(record_read(&r, &item) == 0 && r.at == r.end);
		must(memcmp(&item.in, &in, sizeof(in)) == 0);
		must(item.quiet || item.digest == record_digest(&out));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0U) {
		return 0;
	}
	switch (data[0] % MODES) {
	case 0:
		read_file(data + 1, size - 1U);
		break;
	case 1:
		read_stream(data + 1, size - 1U);
		break;
	case 2:
		read_sealed(data + 1, size - 1U);
		break;
	default:
		write_and_read(data + 1, size - 1U);
		break;
	}
	return 0;
}
