/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from a file, one line of JSON for each. */
#include "probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/units.h"
#include "dump_text.h"
#include "sim_capture.h"

/**
 * struct decoded - all of a file
 * @frames: complete frames
 * @bad: lines without a good frame
 * @count: what the framer and the decoder found: bytes of noise, else events
 */
struct decoded {
	unsigned int frames;
	unsigned int bad;
	uint32_t count[JK_VERDICTS];
};

static void print_head(const char *name, unsigned int index, enum jk_verdict v, size_t bytes)
{
	printf("{");
	if (name) {
		printf("\"name\":");
		probe_json_text(name);
		printf(",");
	}
	printf("\"frame\":%u,\"bytes\":%zu,\"verdict\":", index, bytes);
	probe_json_text(jk_verdict_name(v));
	printf(",\"ok\":%s", v == JK_OK ? "true" : "false");
}

static void one_frame(struct decoded *d, const char *name, unsigned int index, const uint8_t *frame,
		      size_t len)
{
	struct jk_sample sample;
	const enum jk_verdict v = jk_decode(frame, len, &sample);

	d->frames++;
	d->bad += v != JK_OK;
	d->count[v]++;
	print_head(name, index, v, len);
	if (v == JK_OK) {
		printf(",");
		probe_show_json(&sample);
	}
	printf("}\n");
}

/* No frame at all: the framer's gravest finding. */
static enum jk_verdict gravest(const struct jk_framer *f)
{
	static const enum jk_verdict order[] = {JK_BAD_SUM,    JK_BAD_SUM_HIGH, JK_BAD_END,
						JK_BAD_HEADER, JK_BAD_LENGTH,	JK_TRUNCATED};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (f->count[order[i]] > 0) {
			return order[i];
		}
	}
	return JK_NOISE;
}

static void stream(struct decoded *d, const char *name, const uint8_t *data, size_t len)
{
	struct jk_framer framer;
	const size_t total = len;
	unsigned int index = 0;
	uint16_t frame_len = 0;

	jk_framer_init(&framer);
	do {
		const size_t used = jk_framer_feed(&framer, data, len, &frame_len);

		data += used;
		len -= used;
		if (frame_len != 0) {
			one_frame(d, name, index++, framer.buf, frame_len);
		}
	} while (len > 0 || frame_len != 0);
	do {
		jk_framer_gap(&framer, &frame_len);
		if (frame_len != 0) {
			one_frame(d, name, index++, framer.buf, frame_len);
		}
	} while (frame_len != 0);
	for (int v = JK_NOISE; v < JK_VERDICTS; v++) {
		d->count[v] += framer.count[v];
	}
	if (index == 0) {
		d->bad++;
		print_head(name, 0, gravest(&framer), total);
		printf("}\n");
	}
}

/* The last line: a broken reply between good ones is nowhere else. */
static void print_summary(const struct decoded *d)
{
	printf("{\"summary\":true,\"frames\":%u,\"counts\":{", d->frames);
	for (int v = 0; v < JK_VERDICTS; v++) {
		printf("%s", v > 0 ? "," : "");
		probe_json_text(jk_verdict_name((enum jk_verdict)v));
		printf(":%" PRIu32, d->count[v]);
	}
	printf("}}\n");
}

/* Noise alone is none: a capture may begin or end between two replies. */
static bool any_fault(const struct decoded *d)
{
	for (int v = JK_BAD_LENGTH; v < JK_VERDICTS; v++) {
		if (d->count[v] > 0) {
			return true;
		}
	}
	return false;
}

/* Return: 0, -EINVAL odd number of digits, -ENOMEM. */
static int hex_text(struct decoded *d, const char *name, const char *text, size_t len)
{
	uint8_t *bytes = malloc(len / 2U + 1U);
	size_t n = 0;

	if (!bytes) {
		return -ENOMEM;
	}
	const int rc = capture_parse_hex(text, len, bytes, len / 2U + 1U, &n);

	if (rc == 0) {
		stream(d, name, bytes, n);
	}
	free(bytes);
	return rc;
}

/* Return: 0, -EINVAL if it is no dump, -ENOMEM. */
static int dump(struct decoded *d, const char *text, size_t len)
{
	uint8_t *bytes = malloc(len / 2U + 1U);
	size_t n = 0;

	if (!bytes) {
		return -ENOMEM;
	}
	const int rc = dump_text_parse(text, len, bytes, &n);

	if (rc == 0) {
		stream(d, NULL, bytes, n);
	}
	free(bytes);
	return rc;
}

static int json_list(struct decoded *d, const char *file, const char *text, size_t len)
{
	cJSON *root = cJSON_ParseWithLength(text, len);
	const cJSON *entry = NULL;
	unsigned int no = 0;
	int rc = PROBE_GOOD;

	if (!cJSON_IsArray(root)) {
		fprintf(stderr, "jkpylon-probe: %s: no valid JSON list of frames\n", file);
		cJSON_Delete(root);
		return PROBE_USAGE;
	}
	cJSON_ArrayForEach(entry, root)
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(entry, CAPTURE_NAME_ENTRY);
		const cJSON *hex = cJSON_GetObjectItemCaseSensitive(entry, CAPTURE_HEX_ENTRY);

		no++;
		if (!cJSON_IsString(hex) ||
		    hex_text(d, cJSON_IsString(name) ? name->valuestring : "", hex->valuestring,
			     strlen(hex->valuestring)) != 0) {
			fprintf(stderr,
				"jkpylon-probe: %s: entry %u: no field \"%s\" of hex digits\n",
				file, no, CAPTURE_HEX_ENTRY);
			rc = PROBE_USAGE;
			break;
		}
	}
	cJSON_Delete(root);
	return rc;
}

static int refuse(const char *file, const char *looks_like)
{
	fprintf(stderr, "jkpylon-probe: %s: this looks like %s\n", file, looks_like);
	return PROBE_USAGE;
}

/* A JSON list begins like a log with times in brackets. */
static bool is_json(const char *text, size_t len)
{
	const size_t blank = strspn(text, " \t\r\n");

	return blank < len && text[blank] == '[' && !memchr(text, '\0', len) &&
	       !dump_text_is_log(text, len);
}

/* Return: exit status, PROBE_GOOD if the content could be read. */
static int content(struct decoded *d, const char *file, const char *text, size_t len)
{
	const char *name;
	int rc;

	if (is_json(text, len)) {
		return json_list(d, file, text, len);
	}
	rc = dump(d, text, len);
	if (rc == -EINVAL) {
		name = dump_text_name_dump(text, len);
		if (name) {
			return refuse(file, name);
		}
		if (capture_is_hex(text, len) && !dump_text_is_log(text, len)) {
			rc = hex_text(d, NULL, text, len);
			if (rc == -EINVAL) {
				return refuse(file, "hex text, but it has an odd number of digits");
			}
		}
	}
	if (rc == -EINVAL) {
		name = len > 0 ? dump_text_name(text, len) : NULL;
		if (name) {
			return refuse(file, name);
		}
		stream(d, NULL, (const uint8_t *)text, len);
	}
	if (rc == -ENOMEM) {
		fprintf(stderr, "jkpylon-probe: %s: out of memory\n", file);
		return PROBE_DEVICE;
	}
	return PROBE_GOOD;
}

int probe_decode(const char *file)
{
	struct decoded d = {0};
	char err[CAPTURE_ERROR_MAX];
	char *text = NULL;
	size_t len = 0;

	if (capture_read_file(file, &text, &len, err) != 0) {
		fprintf(stderr, "jkpylon-probe: %s\n", err);
		return PROBE_DEVICE;
	}
	const size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	const int rc = content(&d, file, text + mark, len - mark);

	free(text);
	if (rc != PROBE_GOOD) {
		return rc;
	}
	print_summary(&d);
	return d.bad > 0 || d.frames == 0 || any_fault(&d) ? PROBE_BROKEN : PROBE_GOOD;
}
