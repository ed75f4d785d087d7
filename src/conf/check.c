/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of the worker's own settings, and the rules between them. */
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "conf_private.h"

#define BITRATE		 500000
#define BEAT_MS		 100
#define RELOAD_MS	 2500
#define PRIORITY	 80
#define STATS_PATH	 "/run/jkpylon/stats"
#define NONE		 "none"
#define PERIODS_PER_BEAT 4
#define US_PER_MS	 1000
#define RELOAD_POLLS	 2
#define RELOAD_REPLY_MS	 500 /* a reply is waited for this long */

void conf_default(struct config *ret_config)
{
	struct config *c = ret_config;

	memset(c, 0, sizeof(*c));
	core_config_default(&c->core);
	c->bms_protocol = BMS_JK_UART;
	c->can_manage = true;
	c->can_bitrate = BITRATE;
	c->preset = PRESET_LFP;
	memcpy(c->relay, NONE, sizeof(NONE));
	c->relay_mode = RELAY_LEVEL;
	c->beat_ms = BEAT_MS;
	c->reload_ms = RELOAD_MS;
	memcpy(c->watchdog, NONE, sizeof(NONE));
	c->priority = PRIORITY;
	c->cpu = CONF_CPU_NONE;
	c->rt_required = true;
	memcpy(c->stats_path, STATS_PATH, sizeof(STATS_PATH));
}

static int fault(struct config_fault *ret_fault, const char *a, const char *b, const char *text)
{
	*ret_fault = (struct config_fault){a, b, text};
	return -EINVAL;
}

int conf_check(const struct config *config, struct config_fault *ret_fault)
{
	const struct core_config *core = &config->core;

	if ((int64_t)config->beat_ms * US_PER_MS < (int64_t)core->period_us * PERIODS_PER_BEAT) {
		return fault(ret_fault, "failsafe.beat", "rt.period",
			     "failsafe.beat must be at least four periods: raise failsafe.beat");
	}
	if (config->reload_ms < core->poll_ms * RELOAD_POLLS + RELOAD_REPLY_MS) {
		return fault(ret_fault, "failsafe.reload", "bms.poll",
			     "failsafe.reload must be at least two polls + 500ms, or every reload "
			     "opens the relay: raise failsafe.reload");
	}
	return core_config_check(core, ret_fault);
}

const char *conf_advice(const struct config *config, uint32_t n)
{
	const struct {
		bool applies;
		const char *text;
	} row[] = {
		{config->core.expect_alive == EXPECT_ALIVE_REQUIRED,
		 "can.expect_alive=required: an inverter that gets its power through the relay is "
		 "silent until the relay closes, and the relay waits for it: no black start"},
		{strcmp(config->relay, NONE) != 0,
		 "failsafe.relay: this version decides when the relay has to open, but switches no "
		 "line yet: nothing will open"},
		{strcmp(config->watchdog, NONE) != 0,
		 "failsafe.watchdog: this version feeds no hardware watchdog yet: nothing will reset "
		 "the machine"},
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
		if (row[i].applies && n-- == 0) {
			return row[i].text;
		}
	}
	return NULL;
}
