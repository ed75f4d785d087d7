/* SPDX-License-Identifier: Apache-2.0 */
/* A record in memory, in the form of an incident: what svc/recorder.c does with files. */
#ifndef JKP_TESTS_RECORDING_H
#define JKP_TESTS_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "core/record.h"
#include "core/record_file.h"

#define RECORDING_SIZE	 (4U * 1024U * 1024U)
#define RECORDING_CONFIG "bms.device=/dev/null\n"

/**
 * struct recording - static storage
 * @len: bytes of the file so far, whole after recording_end()
 * @key_ns: a key at least this often
 */
struct recording {
	struct record_codec codec;
	struct record_head head;
	struct record_block block;
	struct record_watch watch;
	uint32_t trigger;
	int64_t key_ns;
	int64_t last_key_ns;
	int64_t period_ns;
	size_t at; /* of the block */
	size_t len;
	uint8_t file[RECORDING_SIZE];
};

/* @settings: lines "section.key=value". */
void recording_begin(struct recording *r, const struct cycle *core, int64_t now_ns, int64_t boot_ns,
		     int64_t period_ns, int64_t key_ns, const char *settings);
void recording_step(struct recording *r, const struct cycle_in *in, const struct cycle_out *out,
		    const struct cycle *core);
/* As if @lost steps had been lost: a key that says so. */
void recording_lose(struct recording *r, const struct cycle_in *in, const struct cycle *core,
		    uint32_t lost);
void recording_end(struct recording *r);

#endif
