/* SPDX-License-Identifier: Apache-2.0 */
#include "rt/relay.h"

/* 100 ms of the guard: a chip that has gone away shows only when it is written to. */
#define AGAIN 5U

int relay_open(struct relay *r, const char *relay, const char *precharge, const char *feedback,
	       char *error, size_t size)
{
	*r = (struct relay){.known = true};

	int rc = line_open(&r->line, relay, LINE_OUTPUT, error, size);

	rc = rc != 0 ? rc : line_open(&r->precharge, precharge, LINE_OUTPUT, error, size);
	rc = rc != 0 ? rc : line_open(&r->feedback, feedback, LINE_INPUT, error, size);
	if (rc != 0) {
		relay_close(r);
		return rc;
	}
	r->fitted = r->line.kind != LINE_NONE;
	return 0;
}

int relay_drive(struct relay *r, bool level, bool precharge)
{
	/* A file may wait for its disk, and does not go away. */
	const bool again = level && r->line.kind == LINE_GPIO && ++r->idle >= AGAIN;
	int rc = 0;

	if (!r->known || level != r->level || again) {
		rc = line_set(&r->line, level);
		r->idle = 0;
	}
	if (!r->known || precharge != r->precharge_level) {
		const int second = line_set(&r->precharge, precharge);

		rc = rc != 0 ? rc : second;
	}
	r->level = level;
	r->precharge_level = precharge;
	r->known = rc == 0;
	return rc;
}

int relay_feedback(const struct relay *r)
{
	return line_get(&r->feedback);
}

void relay_close(struct relay *r)
{
	(void)line_set(&r->line, false);
	(void)line_set(&r->precharge, false);
	line_close(&r->line);
	line_close(&r->precharge);
	line_close(&r->feedback);
}

int relay_open_anyhow(const char *relay, const char *precharge, char *error, size_t size)
{
	const int rc = line_open_once(relay, error, size);
	const int second = line_open_once(precharge, error, size);

	return rc != 0 ? rc : second;
}
