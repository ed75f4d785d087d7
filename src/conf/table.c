/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All keys of the configuration file: the one place that says what they are called, what they
 * accept and what they mean. Defaults are in conf_default() and core_config_default().
 */
#include "base/units.h"
#include "conf_private.h"

#define AT(member) offsetof(struct config, member)

/* One row each; @T is the text of the help. */
#define NUMBER(S, N, MEMBER, Q, LO, HI, T)                                                      \
	{                                                                                       \
		.section = (S), .name = (N), .type = CONF_NUMBER, .quantity = (Q), .min = (LO), \
		.max = (HI), .offset = AT(MEMBER), .help = (T)                                  \
	}
#define BOOLEAN(S, N, MEMBER, T)                                                                  \
	{                                                                                         \
		.section = (S), .name = (N), .type = CONF_BOOL, .offset = AT(MEMBER), .help = (T) \
	}
#define WORDS(S, N, MEMBER, LIST, T)                                                  \
	{                                                                             \
		.section = (S), .name = (N), .type = CONF_ENUM, .offset = AT(MEMBER), \
		.words = (LIST), .help = (T)                                          \
	}
#define CURVE(N, ID, Q, LO, HI, T)                                                     \
	{                                                                              \
		.section = "limits", .name = (N), .type = CONF_CURVE, .quantity = (Q), \
		.min = (LO), .max = (HI), .offset = AT(core.curve[ID]), .help = (T)    \
	}
/* A text that has a default; HAS_NONE: "none" or NULL. */
#define TEXT(S, N, MEMBER, CHECK, FORM, HAS_NONE, T)                                  \
	{                                                                             \
		.section = (S), .name = (N), .type = CONF_TEXT, .offset = AT(MEMBER), \
		.check = (CHECK), .form = (FORM), .none = (HAS_NONE), .help = (T)     \
	}
#define FALLBACK(S, ID, T)                                                 \
	{                                                                  \
		.section = (S), .name = "fallback", .type = CONF_FALLBACK, \
		.quantity = &conf_current, .min = 0, .max = CURRENT_MAX,   \
		.offset = AT(core.source[ID].fallback), .help = (T)        \
	}
#define LEVEL(N, ID, Q, LO, HI, T)                                                      \
	{                                                                               \
		.section = "limits", .name = (N), .type = CONF_LEVELS, .quantity = (Q), \
		.min = (LO), .max = (HI), .offset = AT(core.level[ID]), .help = (T)     \
	}

#define S_MS   1000
#define MIN_MS (60 * S_MS)
#define H_MS   (60 * MIN_MS)
#define MS_US  1000
#define A_MA   1000
#define V_MV   1000
#define C_DC   10
#define PCT_PM 10

#define CURRENT_MAX (400 * A_MA)
#define SOC_MAX	    95

/* Widest range of cells: LFP and NMC; the curves and levels are the narrow ones. */
#define CELL_MIN    (1500)
#define CELL_MAX    (4400)
#define CELL_LOWEST (0)
#define CVL_MIN	    (3000)
#define CVL_MAX	    (4250)
#define TEMP_MIN    (-50 * C_DC)
#define TEMP_MAX    (150 * C_DC)

static const char *const protocol_words[] = {"jk-uart", NULL};
static const char *const probe_words[] = {"auto", "1", "2", NULL};
static const char *const alive_words[] = {"never", "optional", "required", NULL};
static const char *const full_words[] = {"phase", "bms", NULL};
static const char *const preset_words[] = {"lfp", "seed", NULL};
static const char *const relay_words[] = {"level", "pulse", NULL};
static const char *const family_words[] = {"auto", "aa55", "modbus", NULL};
static const char *const portal_words[] = {"none", "semsplus", "legacy", NULL};
static const char *const damping_words[] = {"off", "smooth", "seed", NULL};
static const char *const trip_words[] = {"hold-stop", "silence", NULL};

_Static_assert(PROBES_1 == 1 && PROBES_2 == 2, "order of probe_words");
_Static_assert(EXPECT_ALIVE_NEVER == 0 && EXPECT_ALIVE_REQUIRED == 2, "order of alive_words");
_Static_assert(FULL_BY_PHASE == 0 && FULL_BY_BMS == 1, "order of full_words");
_Static_assert(PRESET_LFP == 0 && PRESET_SEED == 1, "order of preset_words");
_Static_assert(RELAY_LEVEL == 0 && RELAY_PULSE == 1, "order of relay_words");
_Static_assert(GOODWE_FAMILY_AUTO == 0 && GOODWE_FAMILY_MODBUS == 2, "order of family_words");
_Static_assert(SEMS_PORTAL_PLUS == 1 && SEMS_PORTAL_LEGACY == 2, "order of portal_words");
_Static_assert(DAMPING_OFF == 0 && DAMPING_SEED == 2, "order of damping_words");
_Static_assert(ON_TRIP_HOLD_STOP == 0 && ON_TRIP_SILENCE == 1, "order of trip_words");

/* clang-format off */
const struct conf_key conf_keys[] = {
	{.section = "bms", .name = "device", .type = CONF_TEXT, .offset = AT(bms_device),
	 .check = conf_check_device, .form = "path of a tty", .example = "/dev/ttyUSB0",
	 .required = true,
	 .help = "Serial device the BMS is connected to. A name below /dev/serial/by-id stays the "
		 "same when the adapter is plugged in again."},
	WORDS("bms", "protocol", bms_protocol, protocol_words,
	      "What the BMS speaks. jk-uart is the protocol of the JK BMS on its UART socket "
	      "(RS485-TTL), 115200 baud."),
	NUMBER("bms", "poll", core.poll_ms, &conf_time_ms, 100, 2 * S_MS,
	       "Time between two requests to the BMS. Twice this must fit into stale."),
	NUMBER("bms", "stale", core.stale_ms, &conf_time_ms, 1 * S_MS, 10 * S_MS,
	       "Without a good sample for this long both limits become 0 A."),
	NUMBER("bms", "trip", core.trip_ms, &conf_time_ms, 3 * S_MS, 10 * MIN_MS,
	       "Without a good sample for this long the relay opens. At least stale + 2s."),
	WORDS("bms", "probes", core.probes, probe_words,
	      "Temperature probes that must give valid values. auto: those that do so in the first "
	      "10 samples."),

	{.section = "can", .name = "interface", .type = CONF_TEXT, .offset = AT(can_interface),
	 .check = conf_check_interface, .form = "name of a CAN interface, or unix:PATH",
	 .example = "can0", .required = true,
	 .help = "CAN interface the inverter is connected to. unix:PATH is a socket instead of a "
		 "bus, for tests on machines without CAN."},
	BOOLEAN("can", "manage", can_manage,
		"yes: the daemon sets the bit rate, brings the interface up and restarts it after "
		"bus-off (needs CAP_NET_ADMIN). no: something else does, for example systemd-networkd."),
	NUMBER("can", "bitrate", can_bitrate, &conf_count, 10000, 1000000,
	       "Bit rate in bit/s, used with manage = yes. Pylontech batteries speak 500000."),
	{.section = "can", .name = "profile", .type = CONF_PROFILE, .offset = AT(core.profile),
	 .help = "Dialect of the Pylontech protocol: which frames are sent, in which order and how "
		 "long they are."},
	WORDS("can", "expect_alive", core.expect_alive, alive_words,
	      "What the inverter's frame 0x305 means. never: not looked at. optional: an event if "
	      "it is missing. required: 0 A after 6 s, relay open after 60 s; then the inverter "
	      "cannot be started through the relay."),
	NUMBER("can", "set", core.set_ms, &conf_time_ms, 200, 1 * S_MS,
	       "Time between two complete sets of frames."),
	NUMBER("can", "slot", core.slot_ms, &conf_time_ms, 1, 100,
	       "Time between two frames of a set. A CAN controller holds few frames at a time."),
	NUMBER("can", "force_charge_soc", core.force_charge_soc, &conf_soc, 0, SOC_MAX - 2,
	       "The state of charge at which the inverter is set to charge from the grid. While "
	       "charging is forbidden or no value is known the daemon stays above it."),
	NUMBER("can", "overdischarge_soc", core.overdischarge_soc, &conf_soc, 2, SOC_MAX,
	       "The state of charge at which the inverter is set to stop discharging. At least "
	       "force_charge_soc + 2."),
	BOOLEAN("can", "force_charge", core.force_charge,
		"Whether the daemon may ask the inverter to charge from the grid at a low state of "
		"charge (bit 5 of 0x35C)."),
	BOOLEAN("can", "send_305", core.send_305,
		"Whether the battery side sends 0x305 itself. Real batteries do not."),
	{.section = "can", .name = "modules", .type = CONF_SMALL, .quantity = &conf_count,
	 .min = 1, .max = 16, .offset = AT(core.modules),
	 .help = "Number of modules shown to the inverter."},
	WORDS("can", "soc_full", core.full_rule, full_words,
	      "When 100 % may be shown. phase: after a complete absorption, 99 % until then. bms: "
	      "as soon as the BMS says so."),

	WORDS("limits", "preset", preset, preset_words,
	      "Set of curves that applies where no curve is given. lfp: smooth, for LFP cells. "
	      "seed: the step tables of the script this project began with. The place of this key "
	      "in the file does not matter."),
	{.section = "limits", .name = "charge_max", .type = CONF_NUMBER, .quantity = &conf_current,
	 .min = 0, .max = CURRENT_MAX, .offset = AT(core.max_ma[DIR_CHARGE]), .has_explicit = true,
	 .explicit_offset = AT(core.max_explicit[DIR_CHARGE]),
	 .help = "Highest charge current. Must be written down if the BMS reports no usable "
		 "protection values."},
	{.section = "limits", .name = "discharge_max", .type = CONF_NUMBER,
	 .quantity = &conf_current, .min = 0, .max = CURRENT_MAX,
	 .offset = AT(core.max_ma[DIR_DISCHARGE]), .has_explicit = true,
	 .explicit_offset = AT(core.max_explicit[DIR_DISCHARGE]),
	 .help = "Highest discharge current. Must be written down if the BMS reports no usable "
		 "protection values."},
	NUMBER("limits", "c_rate_max", core.max_c_rate_pm, &conf_c_rate, 10, 2000,
	       "Highest current of either direction as a multiple of the nominal capacity that the "
	       "BMS reports: 0.5CA is 50 A for 100 Ah. The unit is CA, because C means degrees."),
	CURVE("charge_by_cell_high", CURVE_CHARGE_CELL_HIGH, &conf_voltage, CELL_LOWEST, CELL_MAX,
	      "Charge current by the voltage of the highest cell, falling. 0 at the limit level of "
	      "cell_high."),
	CURVE("charge_by_cell_low", CURVE_CHARGE_CELL_LOW, &conf_voltage, CELL_LOWEST, CELL_MAX,
	      "Charge current by the voltage of the lowest cell, rising: an empty cell is charged "
	      "gently."),
	CURVE("discharge_by_cell_low", CURVE_DISCHARGE_CELL_LOW, &conf_voltage, CELL_LOWEST,
	      CELL_MAX,
	      "Discharge current by the voltage of the lowest cell, rising. 0 at the limit level of "
	      "cell_low."),
	CURVE("charge_by_cold", CURVE_CHARGE_COLD, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Charge current by the coldest probe, rising. 0 at the limit level of charge_cold."),
	CURVE("charge_by_hot", CURVE_CHARGE_HOT, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Charge current by the hottest probe, falling. 0 at the limit level of charge_hot."),
	CURVE("discharge_by_temp", CURVE_DISCHARGE_TEMP, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Discharge current by the probes, rising and then falling. 0 at the limit levels of "
	      "discharge_cold and discharge_hot."),
	CURVE("by_mosfet", CURVE_MOS, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Current of both directions by the temperature of the MOSFETs, falling. 0 at the "
	      "limit level of mosfet."),
	LEVEL("cell_high", LEVEL_CELL_HIGH, &conf_voltage, CELL_MIN, CELL_MAX,
	      "Levels of the highest cell. warn: a warning; limit: no charging; critical: the relay "
	      "opens and stays open until it is acknowledged."),
	LEVEL("cell_low", LEVEL_CELL_LOW, &conf_voltage, CELL_MIN, CELL_MAX,
	      "Levels of the lowest cell, falling. limit: no discharging."),
	LEVEL("charge_cold", LEVEL_CHARGE_COLD, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Levels of the coldest probe for charging, falling."),
	LEVEL("charge_hot", LEVEL_CHARGE_HOT, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Levels of the hottest probe for charging."),
	LEVEL("discharge_cold", LEVEL_DISCHARGE_COLD, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Levels of the coldest probe for discharging, falling."),
	LEVEL("discharge_hot", LEVEL_DISCHARGE_HOT, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Levels of the hottest probe for discharging."),
	LEVEL("mosfet", LEVEL_MOS_HOT, &conf_temperature, TEMP_MIN, TEMP_MAX,
	      "Levels of the MOSFET temperature, both directions."),
	BOOLEAN("limits", "ratchet", core.ratchet,
		"Whether a limit lowered by a cell voltage stays low until the cell is back in the "
		"zone of full current."),
	NUMBER("limits", "rise", core.rise_ma_s, &conf_current_slope, 100, 100 * A_MA,
	       "How fast a limit rises. Falls are never delayed."),
	NUMBER("limits", "calm", core.calm_ms, &conf_time_ms, 0, 1 * H_MS,
	       "Time after a fall before the limit rises again."),
	NUMBER("limits", "obey_margin", core.obey_margin_ma, &conf_current, 1 * A_MA, 50 * A_MA,
	       "The inverter disobeys if the current exceeds the limit by more than this or by "
	       "obey_share, whichever is more."),
	NUMBER("limits", "obey_share", core.obey_margin_pm, &conf_share, 1 * PCT_PM, 50 * PCT_PM,
	       "See obey_margin; share of the maximum current."),
	NUMBER("limits", "dvl", core.dvl_mv, &conf_voltage, 2500, 3600,
	       "Discharge voltage limit shown to the inverter, for each cell."),

	NUMBER("charge", "bulk", core.bulk_mv, &conf_voltage, CVL_MIN, CVL_MAX,
	       "Charge voltage for each cell until the battery is full."),
	NUMBER("charge", "float", core.float_mv, &conf_voltage, CVL_MIN, CVL_MAX,
	       "Charge voltage for each cell once the battery is full."),
	NUMBER("charge", "cvl_max", core.cvl_max_mv, &conf_voltage, CVL_MIN, CVL_MAX,
	       "No charge voltage above this is ever sent, for each cell. Below the limit level of "
	       "cell_high."),
	NUMBER("charge", "slew", core.cvl_slew_mv_s, &conf_voltage_slope, 1, 100,
	       "How fast the charge voltage of each cell moves between two phases."),
	NUMBER("charge", "absorption", core.absorption_ms, &conf_time_ms, 0, 24 * H_MS,
	       "The battery counts as full after this time at bulk with quiet cells."),
	NUMBER("charge", "absorption_max", core.absorption_max_ms, &conf_time_ms, 1 * MIN_MS,
	       24 * H_MS, "After this time at bulk float begins in any case."),
	NUMBER("charge", "spread_full", core.spread_full_mv, &conf_voltage, 1, 200,
	       "Cells are quiet if highest and lowest are this close."),
	NUMBER("charge", "spread_steady", core.spread_steady_mv, &conf_voltage, 1, 100,
	       "Cells are quiet if their difference moves less than this."),
	NUMBER("charge", "rebulk_soc", core.rebulk_soc, &conf_soc, 5, 98,
	       "A new bulk charge begins below this state of charge."),
	NUMBER("charge", "rebulk_spread", core.rebulk_spread_mv, &conf_voltage, 2, 500,
	       "A new bulk charge begins if the cells are this far apart."),
	NUMBER("charge", "rebulk_after", core.rebulk_days, &conf_time_days, 0, 365,
	       "A new bulk charge begins after this time, so that the BMS balances and counts "
	       "anew. 0d: never."),

	{.section = "failsafe", .name = "relay", .type = CONF_TEXT, .offset = AT(relay),
	 .check = conf_check_relay, .form = "CHIP:LINE, CHIP:LINE:active-low, file:PATH or none",
	 .help = "What opens the battery's contactor. CHIP:LINE is a GPIO line, for example "
		 "gpiochip0:17. file:PATH receives 1 (closed) or 0 (open); in the service as it is "
		 "shipped it must lie below /run/jkpylon or /var/lib/jkpylon. none: no relay."},
	WORDS("failsafe", "relay_mode", relay_mode, relay_words,
	      "level: the line is held while the relay is closed. pulse: the line toggles, for a "
	      "circuit that opens when the edges stop."),
	NUMBER("failsafe", "pulse", pulse_ms, &conf_time_ms, 20, 1 * S_MS,
	       "Time between two edges with relay_mode=pulse; the guard rounds it up to 20 ms."),
	NUMBER("failsafe", "open_time", core.open_ms, &conf_time_ms, 1 * S_MS, 10 * MIN_MS,
	       "The relay stays open for at least this long, also after the start: contactor and "
	       "inverter must come to rest."),
	{.section = "failsafe", .name = "precharge", .type = CONF_TEXT, .offset = AT(precharge),
	 .check = conf_check_relay, .form = "CHIP:LINE, CHIP:LINE:active-low, file:PATH or none",
	 .help = "Line that charges the inverter's capacitors through a resistor before the relay "
		 "closes."},
	NUMBER("failsafe", "precharge_time", precharge_ms, &conf_time_ms, 100, 30 * S_MS,
	       "How long the precharge line is active before the relay closes."),
	{.section = "failsafe", .name = "feedback", .type = CONF_TEXT, .offset = AT(feedback),
	 .check = conf_check_relay, .form = "CHIP:LINE, CHIP:LINE:active-low, file:PATH or none",
	 .help = "Input that is active while the contact is closed, from an auxiliary contact. A "
		 "contact that does not follow is a latched fault."},
	NUMBER("failsafe", "feedback_time", feedback_ms, &conf_time_ms, 20, 5 * S_MS,
	       "How long it may differ from what was commanded."),
	BOOLEAN("failsafe", "weld_check", core.weld_check,
		"yes: more than 2 A while the relay has been open for 5 s is a latched fault. no: "
		"something beside the relay may charge or discharge the battery."),
	NUMBER("failsafe", "beat", beat_ms, &conf_time_ms, 20, 1 * S_MS,
	       "The relay opens if the realtime cycle stands still for this long. At least four "
	       "periods."),
	NUMBER("failsafe", "reload", reload_ms, &conf_time_ms, 500, 10 * S_MS,
	       "How long the relay stays closed while a new configuration is loaded. The new worker "
	       "needs two samples in this time."),
	WORDS("failsafe", "on_trip", core.on_trip, trip_words,
	      "What is sent while the relay is open. hold-stop: frames that say 0 A. silence: "
	      "nothing."),
	{.section = "failsafe", .name = "watchdog", .type = CONF_TEXT, .offset = AT(watchdog),
	 .check = conf_check_watchdog, .form = "none or a device, for example /dev/watchdog0",
	 .help = "Hardware watchdog that the guard feeds. It resets the machine if the guard "
		 "stands still."},
	NUMBER("failsafe", "watchdog_time", watchdog_ms, &conf_time_ms, 5 * S_MS, 60 * S_MS,
	       "Its timeout, in whole seconds. The Raspberry Pi's has 15 s at most."),
	{.section = "failsafe", .name = "state", .type = CONF_TEXT, .offset = AT(state_path),
	 .check = conf_check_state, .form = "path of a file, or none",
	 .help = "File in which a latched fault survives restart and power loss. If it is lost or "
		 "broken that counts as a latched fault. none: nothing survives."},

	NUMBER("rt", "period", core.period_us, &conf_time_us, 1 * MS_US, 20 * MS_US,
	       "Period of the realtime cycle."),
	NUMBER("rt", "priority", priority, &conf_count, 1, 89,
	       "SCHED_FIFO priority of the cycle. The guard runs 10 above it, at most at 98."),
	{.section = "rt", .name = "cpu", .type = CONF_NUMBER, .quantity = &conf_count, .min = 0,
	 .max = 1023, .offset = AT(cpu), .none = "none", .none_value = CONF_CPU_NONE,
	 .help = "CPU the cycle is bound to."},
	BOOLEAN("rt", "required", rt_required,
		"yes: refuse to start without realtime scheduling and locked memory. no: warn and go "
		"on."),
	{.section = "rt", .name = "stats", .type = CONF_TEXT, .offset = AT(stats_path),
	 .check = conf_check_file, .form = "path of a file",
	 .help = "Statistics page that jkpylon-rtstat and the other tools read."},

	{.section = "solis", .name = "device", .type = CONF_TEXT, .offset = AT(solis_device),
	 .check = conf_check_device, .form = "path of a tty", .none = "none",
	 .help = "Serial device that leads to the RS485 port (Modbus) of a Solis inverter. There the "
		 "daemon reads what the inverter understood of its frames, compares, and tells in "
		 "the log. It only reads, and nothing depends on it. One master a line: no data "
		 "logger beside it."},
	NUMBER("solis", "address", solis_address, &conf_count, 1, 247,
	       "Modbus address of the inverter, set in its menu."),
	NUMBER("solis", "baud", solis_baud, &conf_count, 1200, 115200,
	       "Bit rate of the RS485 port, one of the usual ones; 8 data bits, no parity."),
	NUMBER("solis", "poll", solis_poll_ms, &conf_time_ms, 2 * S_MS, 5 * MIN_MS,
	       "Time between two readings."),
	NUMBER("solis", "patience", solis_patience_ms, &conf_time_ms, 5 * S_MS, 10 * MIN_MS,
	       "What was said on the bus within this time before a reading counts as understood, "
	       "and a difference is told when it has lasted this long."),

	BOOLEAN("sma", "enabled", sma_enabled,
		"Whether to listen for an SMA Energy Meter or Sunny Home Manager 2.0 at the grid "
		"connection. It only listens. The service needs the drop-in network.conf for it, see "
		"jkpylond(8)."),
	{.section = "sma", .name = "interface", .type = CONF_TEXT, .offset = AT(sma_interface),
	 .check = conf_check_network, .form = "name of a network interface", .none = "none",
	 .help = "Network interface that leads to the meter. It need not be there at the start."},
	{.section = "sma", .name = "serial", .type = CONF_TEXT, .offset = AT(sma_serial),
	 .check = conf_check_serial, .form = "number from 1 to 4294967295, any", .none = "none",
	 .help = "Serial number of the meter to believe; every other one is left aside. none: nothing "
		 "is taken, and the log names the meters that are heard. any: the first one heard, "
		 "until it is silent."},
	{.section = "sma", .name = "group", .type = CONF_TEXT, .offset = AT(sma_group),
	 .check = conf_check_group, .form = "IPv4 multicast address",
	 .help = "Multicast group the meters send to."},
	NUMBER("sma", "port", sma_port, &conf_count, 1, 65535,
	       "UDP port of the meters. What is sent to this machine alone is heard there too."),
	NUMBER("sma", "stale", core.source[SOURCE_GRID].stale_ms, &conf_time_ms, 5 * S_MS, 30 * S_MS,
	       "Without a word of the meter for this long it is silent: no damping, and nothing speaks "
	       "against the interlock. Then a meter that has moved to another address is believed. A "
	       "meter sends once a second."),
	FALLBACK("sma", SOURCE_GRID,
		 "What applies to both directions while the meter is silent, also before its first "
		 "word. release: no limit of its own. Another one needs sma.enabled."),
	NUMBER("sma", "max_power", sma_max_power_w, &conf_power, 1000, 1000000,
	       "Greatest power of the grid connection, either way. What is beyond, and a single step "
	       "beyond, is dropped."),

	{.section = "goodwe", .name = "host", .type = CONF_TEXT, .offset = AT(goodwe_host),
	 .check = conf_check_host, .form = "name or address", .none = "none",
	 .help = "GoodWe inverter in the local network that has a battery of its own: the daemon "
		 "reads what that battery does, so that the two do not work against each other. It "
		 "only reads. A module with a changing address needs a name. The service needs the drop-in "
		 "network.conf for it, see jkpylond(8)."},
	NUMBER("goodwe", "port", goodwe_port, &conf_count, 1, 65535,
	       "UDP port of its WiFi or LAN module."),
	WORDS("goodwe", "family", goodwe_family, family_words,
	      "What it speaks. aa55: ES, EM, BP. modbus: ET, EH, BT, BH and the second generation of "
	      "ES. auto: found out."),
	NUMBER("goodwe", "poll", goodwe_poll_ms, &conf_time_ms, 10 * S_MS, 5 * MIN_MS,
	       "Time between two readings. Some WiFi modules stop talking to the portal or hang when "
	       "they are asked more often than every 10 s. After a failure the first pause is this "
	       "long; pauses grow to 5 min."),
	NUMBER("goodwe", "stale", core.source[SOURCE_LOCAL].stale_ms, &conf_time_ms, 20 * S_MS,
	       30 * MIN_MS,
	       "Without a word of the other inverter itself for this long it is silent. At least twice "
	       "poll."),
	FALLBACK("goodwe", SOURCE_LOCAL,
		 "What applies to both directions while neither the other inverter nor its portal is "
		 "heard, also before the first word. Another one than release needs goodwe.host."),

	WORDS("sems", "portal", sems_portal, portal_words,
	      "Portal of GoodWe that is asked what the battery of the other inverter does, while the "
	      "inverter itself (goodwe.host) says nothing. semsplus: the present one. legacy: the old "
	      "one, which since September 2026 answers most accounts without values. It only reads. "
	      "The service needs the drop-in internet.conf for it, see jkpylond(8)."),
	TEXT("sems", "login_file", sems_login_file, conf_check_secret,
	     "path of a file, or credential:NAME", "none",
	     "File with the account in its first line and the password in its second. It must belong to "
	     "the user of the daemon with mode 0600. credential:NAME is one that systemd provides "
	     "(LoadCredential=NAME:PATH). Best an account of its own, to which the plant is shared: two "
	     "who use the same one end each other's session."),
	TEXT("sems", "station", sems_station, conf_check_station,
	     "letters, digits, - and _, at most 64", "none",
	     "Id of the plant. none: the only one of the account (semsplus)."),
	NUMBER("sems", "poll", sems_poll_ms, &conf_time_ms, 1 * S_MS, 30 * MIN_MS,
	       "Time between two readings. The portal has new values once in 1 to 5 min and refuses who "
	       "asks too often. After a failure the first pause is this long; pauses grow to 30 min."),
	NUMBER("sems", "stale", core.source[SOURCE_PORTAL].stale_ms, &conf_time_ms, 1 * S_MS,
	       1 * H_MS, "Without new values of the portal for this long it is silent. They are minutes "
	       "old; how old, is judged by their own time stamp. At least twice poll."),
	FALLBACK("sems", SOURCE_PORTAL,
		 "See goodwe.fallback; of the two the lower one applies. Another one than release needs "
		 "sems.portal."),
	NUMBER("sems", "timeout", sems_timeout_ms, &conf_time_ms, 1 * S_MS, 10 * S_MS,
	       "Each request ends after this time, name service included."),
	NUMBER("sems", "clock_wait", sems_clock_wait_ms, &conf_time_ms, 0, 1 * H_MS,
	       "The portal is not asked before the clock of the machine is set. So long after its start "
	       "the clock is believed although nobody says that it is set."),
	TEXT("sems", "hosts", sems_hosts, conf_check_hosts, "names with blanks between", NULL,
	     "Requests go to these hosts and what lies below them, over https alone; redirects to others "
	     "are not followed."),
	TEXT("sems", "ca_file", sems_ca_file, conf_check_file, "path of a file", "none",
	     "Certificates of the authorities that are believed. none: those of the system."),
	TEXT("sems", "agent", sems_agent, conf_check_word, "text of letters, digits, . _ - / ( )", NULL,
	     "What the daemon calls itself (User-Agent)."),
	TEXT("sems", "language", sems_language, conf_check_word, "text of letters, digits, . _ - / ( )",
	     NULL, "Language of the texts that come back; they are not used."),
	TEXT("sems", "plus_login", sems_plus_login, conf_check_url, "https address", NULL,
	     "semsplus: where the login goes."),
	TEXT("sems", "plus_api", sems_plus_api, conf_check_url, "https address", NULL,
	     "semsplus: where questions go if the login does not say."),
	TEXT("sems", "plus_client", sems_plus_client, conf_check_word,
	     "text of letters, digits, . _ - / ( )", NULL, "semsplus: name of the client in the login."),
	TEXT("sems", "plus_version", sems_plus_version, conf_check_word,
	     "text of letters, digits, . _ - / ( )", "none", "semsplus: version in the login."),
	TEXT("sems", "plus_token", sems_plus_token, conf_check_header, "name of a header", NULL,
	     "semsplus: header with the session."),
	TEXT("sems", "plus_signature", sems_plus_signature, conf_check_header, "name of a header", "none",
	     "semsplus: header with the signature. none: no signature."),
	TEXT("sems", "plus_headers", sems_plus_headers, conf_check_headers,
	     "NAME: VALUE with | between", "none", "semsplus: further headers."),
	TEXT("sems", "plus_stations", sems_plus_stations, conf_check_path, "path", NULL,
	     "semsplus: question for the plants of the account."),
	TEXT("sems", "plus_values", sems_plus_values, conf_check_path, "path", NULL,
	     "semsplus: question for the values; {station} stands for the plant. With it the request is "
	     "a GET, without it a POST that names the plant. stations/flow, telemetry of a battery and "
	     "relatedDevices are understood."),
	TEXT("sems", "legacy_login", sems_legacy_login, conf_check_url, "https address", NULL,
	     "legacy: where the login goes."),
	TEXT("sems", "legacy_api", sems_legacy_api, conf_check_url, "https address", NULL,
	     "legacy: where questions go if the login says no address that ends in /api/."),
	TEXT("sems", "legacy_client", sems_legacy_client, conf_check_word,
	     "text of letters, digits, . _ - / ( )", NULL, "legacy: name of the client in the login."),
	TEXT("sems", "legacy_version", sems_legacy_version, conf_check_word,
	     "text of letters, digits, . _ - / ( )", "none", "legacy: version in the login."),
	TEXT("sems", "legacy_token", sems_legacy_token, conf_check_header, "name of a header", NULL,
	     "legacy: header with the session."),
	TEXT("sems", "legacy_headers", sems_legacy_headers, conf_check_headers,
	     "NAME: VALUE with | between", "none", "legacy: further headers."),
	TEXT("sems", "legacy_values", sems_legacy_values, conf_check_path, "path", NULL,
	     "legacy: as plus_values; GetMonitorDetailByPowerstationId and GetInverterAllPoint are "
	     "understood."),
	TEXT("sems", "good", sems_good, conf_check_codes, "codes with blanks between", NULL,
	     "Codes of good answers. A code that ends in * stands for all that begin so, here and below. "
	     "Every code in none of the lists is a refusal."),
	TEXT("sems", "expired", sems_expired, conf_check_codes, "codes with blanks between", "none",
	     "Codes of a session that has ended: a new login, once for each reading."),
	TEXT("sems", "password", sems_password, conf_check_codes, "codes with blanks between", "none",
	     "Codes of a wrong account or password: nothing is tried before a restart."),
	TEXT("sems", "busy", sems_busy, conf_check_codes, "codes with blanks between", "none",
	     "Codes of too many requests: the portal is left alone for 5 min at least."),
	TEXT("sems", "forbidden", sems_forbidden, conf_check_codes, "codes with blanks between", "none",
	     "Codes of an account that may not: tried again after 30 min."),

	{.section = "arbiter", .name = "interlock", .type = CONF_BOOL,
	 .offset = AT(core.arbiter.interlock), .has_explicit = true,
	 .explicit_offset = AT(interlock_explicit),
	 .help = "yes: while the other battery is charged ours is not discharged, and while it is "
		 "discharged ours is not charged."},
	NUMBER("arbiter", "peer_charge", core.arbiter.peer_charge_ma, &conf_current, 0, 100 * A_MA,
	       "Charge current of the other battery above which that counts."),
	NUMBER("arbiter", "peer_discharge", core.arbiter.peer_discharge_ma, &conf_current, 0,
	       100 * A_MA, "Discharge current of the other battery above which that counts. An idle "
	       "inverter draws about 1 A."),
	NUMBER("arbiter", "import", core.arbiter.import_w, &conf_power, 0, 20000,
	       "Discharging stays allowed for what the house needs beyond what charges the other "
	       "battery, if that is more than this."),
	NUMBER("arbiter", "export", core.arbiter.export_w, &conf_power, 0, 20000,
	       "Charging stays allowed from what is left beyond what the other battery gives, if "
	       "that is more than this."),
	NUMBER("arbiter", "grace", core.arbiter.grace_ms, &conf_time_ms, 0, 10 * MIN_MS,
	       "The interlock waits this long."),
	NUMBER("arbiter", "hold", core.arbiter.hold_ms, &conf_time_ms, 0, 1 * H_MS,
	       "And it stays for this long after its cause has gone."),
	BOOLEAN("arbiter", "cross_charge", core.arbiter.cross,
		"yes: one battery does not charge the other one below those currents either; ours "
		"gives or takes only what the house needs beyond the other."),
	NUMBER("arbiter", "cross_power", core.arbiter.cross_w, &conf_power, 10, 2000,
	       "Power of each battery above which that counts."),
	NUMBER("arbiter", "cross_time", core.arbiter.cross_ms, &conf_time_ms, 0, 10 * MIN_MS,
	       "How long it may last; twice that if the other battery is the fuller one."),
	NUMBER("arbiter", "cross_hold", core.arbiter.cross_hold_ms, &conf_time_ms, 0, 24 * H_MS,
	       "How long the guard stays after it. It costs little: the need of the house stays allowed."),
	NUMBER("arbiter", "ahead", core.arbiter.ahead_w, &conf_power, 0, 20000,
	       "Import while ours is charged, or export while it is discharged, at which the guard "
	       "acts on the meter alone, for 12 s: the other inverter is about to step in. 0: it waits "
	       "for the word of the other inverter."),
	NUMBER("arbiter", "rise", core.arbiter.rise_ma_s, &conf_current_slope, 10, 100 * A_MA,
	       "How fast the guard lets a limit rise: fast loads are left to the other inverter. At once "
	       "when the other battery has rested for hold: it may be full or empty."),
	NUMBER("arbiter", "fall", core.arbiter.fall_ma_s, &conf_current_slope, 100, 100 * A_MA,
	       "How fast the arbiter lowers a limit below the current that flows."),

	WORDS("damping", "preset", core.damping.preset, damping_words,
	      "Numbers that apply where none is given. smooth: found in the simulated house "
	      "(jkpylon-sim house). seed: those of the original script. off: no damping. The place of "
	      "this key in the file does not matter."),
	NUMBER("damping", "samples", core.damping.samples, &conf_count, 4, 64,
	       "So many of the newest words of the grid meter are looked at."),
	NUMBER("damping", "window", core.damping.window_ms, &conf_time_ms, 5 * S_MS, 10 * MIN_MS,
	       "Older ones do not count."),
	NUMBER("damping", "band", core.damping.band_w, &conf_power, 20, 5000,
	       "A swing goes beyond this on both sides."),
	NUMBER("damping", "each", core.damping.each, &conf_count, 1, 32,
	       "It is an oscillation with so many words beyond it on each side."),
	NUMBER("damping", "swings", core.damping.swings, &conf_count, 1, 32,
	       "And so many changes from one side to the other."),
	BOOLEAN("damping", "of_flow", core.damping.of_flow,
		"yes: a step takes its share of the largest current of the window. no: of the limits."),
	NUMBER("damping", "keep", core.damping.keep_pm, &conf_share, 10 * PCT_PM, 95 * PCT_PM,
	       "What a step leaves of both limits."),
	NUMBER("damping", "step", core.damping.step_ms, &conf_time_ms, 1 * S_MS, 10 * MIN_MS,
	       "Time between two steps."),
	NUMBER("damping", "least", core.damping.least_ma, &conf_current, 100, 50 * A_MA,
	       "No step lowers a limit below this."),
	NUMBER("damping", "hold", core.damping.hold_ms, &conf_time_ms, 1 * S_MS, 1 * H_MS,
	       "The limits stay for this long after the oscillation is over."),
	NUMBER("damping", "double", core.damping.double_ms, &conf_time_ms, 5 * S_MS, 1 * H_MS,
	       "Then they double in this time until they are free."),

	{.section = "mqtt", .name = "host", .type = CONF_TEXT, .offset = AT(mqtt_host),
	 .check = conf_check_host, .form = "name or address", .none = "none",
	 .help = "MQTT broker to publish to. none: no MQTT. Nothing depends on it. The service needs the "
		 "drop-in network.conf for it, see jkpylond(8)."},
	NUMBER("mqtt", "port", mqtt_port, &conf_count, 1, 65535,
	       "Its port; usually 1883, with TLS 8883."),
	{.section = "mqtt", .name = "user", .type = CONF_TEXT, .offset = AT(mqtt_user),
	 .check = conf_check_user, .form = "name of a user", .none = "none",
	 .help = "User at the broker. none: nobody logs in."},
	{.section = "mqtt", .name = "password_file", .type = CONF_TEXT,
	 .offset = AT(mqtt_password_file), .check = conf_check_secret,
	 .form = "path of a file, or credential:NAME", .none = "none",
	 .help = "File with the password in its first line. It must belong to the user of the daemon "
		 "with mode 0600. credential:NAME is one that systemd provides "
		 "(LoadCredential=NAME:PATH)."},
	BOOLEAN("mqtt", "tls", mqtt_tls,
		"yes: TLS 1.2 or later; the broker's certificate and the host name in it are checked."),
	{.section = "mqtt", .name = "ca_file", .type = CONF_TEXT, .offset = AT(mqtt_ca_file),
	 .check = conf_check_file, .form = "path of a file", .none = "none",
	 .help = "Certificate of the authority that signed the broker's. none: those that the system "
		 "trusts."},
	{.section = "mqtt", .name = "cert_file", .type = CONF_TEXT, .offset = AT(mqtt_cert_file),
	 .check = conf_check_file, .form = "path of a file", .none = "none",
	 .help = "Certificate that the daemon shows the broker, if that asks for one."},
	{.section = "mqtt", .name = "key_file", .type = CONF_TEXT, .offset = AT(mqtt_key_file),
	 .check = conf_check_file, .form = "path of a file", .none = "none",
	 .help = "Its key, without a password, mode 0600."},
	{.section = "mqtt", .name = "client_id", .type = CONF_TEXT, .offset = AT(mqtt_client_id),
	 .check = conf_check_client_id, .form = "1 to 64 of A-Z a-z 0-9 _ -",
	 .help = "Name of this daemon at the broker and in Home Assistant. Each needs one of its own: "
		 "a broker throws out the first of two."},
	{.section = "mqtt", .name = "prefix", .type = CONF_TEXT, .offset = AT(mqtt_prefix),
	 .check = conf_check_prefix, .form = "a topic of at most 64 characters",
	 .help = "First part of the name of every topic."},
	BOOLEAN("mqtt", "discovery", mqtt_discovery,
		"yes: Home Assistant shows everything as one device. no: what was told to it is taken "
		"back."),
	{.section = "mqtt", .name = "discovery_prefix", .type = CONF_TEXT,
	 .offset = AT(mqtt_discovery_prefix), .check = conf_check_discovery_prefix,
	 .form = "a topic of at most 32 characters",
	 .help = "Where Home Assistant looks for devices, as set there."},
	NUMBER("mqtt", "interval", mqtt_interval_ms, &conf_time_ms, 1 * S_MS, 1 * MIN_MS,
	       "Time between two publications. A change of the ladder, a latch or the relay does not "
	       "wait for it."),
	NUMBER("mqtt", "keepalive", mqtt_keepalive_ms, &conf_time_ms, 5 * S_MS, 1 * MIN_MS,
	       "A broker that says nothing for twice this time counts as lost; in whole seconds."),
	BOOLEAN("mqtt", "commands", mqtt_commands,
		"yes: orders that lower a limit are taken from the broker; each ends by itself after "
		"at most 60 s. Whoever may publish there may give them."),
	BOOLEAN("mqtt", "allow_full_charge", core.allow_full_charge,
		"Whether an order may ask the inverter for a full charge. No limit is raised by it."),
	BOOLEAN("mqtt", "seed_topics", mqtt_seed_topics,
		"yes: also the topics jk_pylon/... of the script this project began with."),

	TEXT("recorder", "ring", ring_path, conf_check_auto_file, "path of a file, auto", "none",
	     "The flight recorder: a file in memory that has the inputs and a digest of the outputs of "
	     "every cycle of the last hours, for jkpylon-replay. That of the worker before is beside "
	     "it, with .old behind its name. auto: the file ring beside rt.stats."),
	NUMBER("recorder", "size", ring_kib, &conf_size_kib, 1024, 65536,
	       "Size of that file; with .old there may be two. At rt.period=5ms an hour takes about 5M."),
	TEXT("recorder", "incidents", incidents_path, conf_check_auto_file, "path of a folder, auto", "none",
	     "Where the record around a fault is kept: one file each, at most 20, and at most one in "
	     "5 min for the same fault. jkpylon-replay explains them. auto: the folder incidents beside "
	     "failsafe.state, or beside the default of that."),
	NUMBER("recorder", "before", incident_before_ms, &conf_time_ms, 10 * S_MS, 10 * MIN_MS,
	       "How much of the time before a fault is kept, at least."),
	NUMBER("recorder", "after", incident_after_ms, &conf_time_ms, 1 * S_MS, 5 * MIN_MS,
	       "And of the time after it; then the file is written."),
	{.section = "recorder", .name = "trace", .type = CONF_TEXT, .offset = AT(trace_path),
	 .check = conf_check_file, .form = "path of a file", .none = "none",
	 .help = "File that receives all inputs of the cycle as text, for jkpylon-replay. It grows "
		 "without bound: only for finding faults."},
};
/* clang-format on */

const size_t conf_key_count = ARRAY_SIZE(conf_keys);

_Static_assert(ARRAY_SIZE(conf_keys) <= CONF_KEYS_MAX, "room in the parser");
