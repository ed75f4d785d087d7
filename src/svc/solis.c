/* SPDX-License-Identifier: Apache-2.0 */
/* What is said, what is read, when to try again. */
#include "svc/solis.h"

#include <errno.h>

#include "base/units.h"
#include "solis_line.h"

#define TICK_MS SERVICE_REST_MS /* small falls of a limit leave 200 ms apart */
#define NICE	10

_Static_assert(sizeof(struct solis_status) % 8U == 0U, "no padding travels in the snapshot");
_Static_assert(SOLIS_ANSWER_MS <= SERVICE_STOP_MAX_MS - 100, "an answer is waited for at the end");

static int32_t shown(uint32_t count)
{
	return count > INT32_MAX ? INT32_MAX : (int32_t)count;
}

/* The writer was at work: what was said 200 ms ago is as good. */
static void look_at_bus(struct solis *s)
{
	if (s->config.telemetry != NULL &&
	    snapshot_try_read(s->config.telemetry, &s->scratch, sizeof(s->scratch))) {
		echo_said_of(&s->scratch, &s->said);
	}
}

static void compare(struct solis *s)
{
	struct echo_out out = {0};

	echo_step(&s->echo, service_now(), &s->said, &s->now.reading, &out);
	for (uint32_t i = 0; i < out.event_len; i++) {
		const struct event *e = &out.event[i];

		service_say(&s->service, (enum event_id)e->id, e->arg[0], e->arg[1], e->arg[2],
			    e->arg[3]);
	}
	s->now.verdict = out.verdict;
	s->now.differs = out.differs;
	snapshot_write(&s->status.head, &s->now, sizeof(s->now));
}

/* What the bus says is remembered without an inverter too: the next reading is compared with it. */
static void solis_rest(struct service *service, void *self)
{
	struct solis *s = self;

	(void)service;
	look_at_bus(s);
	compare(s);
}

static int solis_open(struct service *service, void *self)
{
	struct solis *s = self;
	const int r = solis_line_open(&s->config, &s->line);

	if (r == 0) {
		s->now.count.opens++;
		s->due_ns = service_now();
		service_say(service, EVENT_SOLIS_OPEN, 0, 0, 0, 0);
	} else if (service_is_short(r)) {
		service_say(service, EVENT_NO_DESCRIPTORS, -r, 0, 0, 0);
	} else if (r == -ENOTUNIQ) {
		service_say(service, EVENT_SOLIS_IS_BMS, 0, 0, 0, 0);
	} else {
		service_say(service, EVENT_SOLIS_NO_DEVICE, -r, 0, 0, 0);
	}
	return r;
}

static void solis_close(struct service *service, void *self)
{
	struct solis *s = self;

	(void)service;
	solis_line_close(&s->line);
}

static void take_answer(struct solis *s, const uint16_t reg[ECHO_REGISTERS])
{
	s->now.count.answers++;
	echo_decode(reg, service_now(), &s->now.reading);
	if (!s->answering) {
		s->answering = true;
		service_say(&s->service, EVENT_SOLIS_ANSWERS, 0, 0, 0, 0);
	}
	service_good(&s->service);
	s->due_ns = service_now() + s->config.poll_ms * NS_PER_MS;
}

/* No answer, or none of use: the line stays open. */
static void miss_answer(struct solis *s, int error)
{
	s->answering = false;
	s->due_ns = service_now() + service_failed(&s->service, error) * NS_PER_MS;
}

static int read_line(struct solis *s)
{
	struct solis_count *count = &s->now.count;
	uint16_t reg[ECHO_REGISTERS] = {0};
	int32_t exception = 0;

	switch (solis_line_read(&s->line, reg, &exception)) {
	case SOLIS_READ:
		take_answer(s, reg);
		return 0;
	case SOLIS_SILENT:
		service_say(&s->service, EVENT_SOLIS_SILENT, shown(++count->silent), 0, 0, 0);
		miss_answer(s, -ETIMEDOUT);
		return 0;
	case SOLIS_DAMAGED:
		service_say(&s->service, EVENT_SOLIS_DAMAGED, shown(++count->damaged), 0, 0, 0);
		miss_answer(s, -EBADMSG);
		return 0;
	case SOLIS_REFUSED:
		count->refused++;
		service_say(&s->service, EVENT_SOLIS_REFUSED, exception, 0, 0, 0);
		miss_answer(s, -EOPNOTSUPP);
		return 0;
	case SOLIS_LOST:
	default:
		count->losses++;
		s->answering = false;
		service_say(&s->service, EVENT_SOLIS_LOST, 0, 0, 0, 0);
		return -EIO;
	}
}

static int solis_step(struct service *service, void *self)
{
	struct solis *s = self;
	int r = 0;

	look_at_bus(s);
	if (service_now() >= s->due_ns) {
		r = read_line(s);
		look_at_bus(s);
	}
	compare(s);
	if (r == 0) {
		const int64_t left_ns = s->due_ns - service_now();

		(void)service_wait(service, -1, 0,
				   sat_i32(min_i64(left_ns / NS_PER_MS + 1, TICK_MS)));
	}
	return r;
}

static void solis_fini(struct service *service, void *self)
{
	const struct solis *s = self;
	const struct solis_count *count = &s->now.count;

	service_say(service, EVENT_SOLIS_TOTAL, shown(count->answers), shown(count->silent),
		    shown(count->damaged), shown(count->refused));
}

static int32_t max_age_ms(const struct solis_config *c)
{
	const int64_t ms = (int64_t)c->poll_ms * SOLIS_STALE_POLLS + c->answer_ms;

	return max_i32(sat_i32(ms), SOLIS_STALE_MIN_MS);
}

static const struct service_ops solis_ops = {
	.name = "solis",
	.open = solis_open,
	.step = solis_step,
	.close = solis_close,
	.rest = solis_rest,
	.fini = solis_fini,
};

int solis_start(struct solis *s, const struct solis_config *config)
{
	const struct echo_config echo = {
		.window_ms = config->window_ms,
		.max_age_ms = max_age_ms(config),
	};
	const struct service_config service = {
		.ops = &solis_ops,
		.self = s,
		.pause_min_ms = config->pause_min_ms,
		.pause_max_ms = config->pause_max_ms,
		.nice = NICE,
	};

	if (config->answer_ms < 1 || config->answer_ms > SOLIS_ANSWER_MS) {
		return -EINVAL;
	}
	s->config = *config;
	s->line = (struct solis_line){.lock_fd = -1};
	s->now.reading.t_ns = TIME_NEVER;
	echo_init(&s->echo, &echo);
	snapshot_init(&s->status.head, sizeof(struct solis_status));
	return service_start(&s->service, &service);
}

int solis_stop(struct solis *s)
{
	return service_stop(&s->service);
}
