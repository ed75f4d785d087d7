/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: numbers with units, words, texts, curves, levels. */
#include "conf_help.h"

#define NO_LIMIT INT32_MAX

static int number(const char *s, const struct conf_quantity *q, int32_t min, int32_t max,
		  int32_t *ret, char why[CONF_REASON_MAX])
{
	struct conf_text t = {why, CONF_REASON_MAX, 0};

	why[0] = '\0';
	return conf_number_parse(s, strlen(s), q, min, max, ret, &t);
}

static void test_numbers_with_units_are_read_exactly(void **state)
{
	static const struct {
		const char *s;
		const struct conf_quantity *q;
		int32_t value;
	} row[] = {
		{"250ms", &conf_time_ms, 250},
		{"3s", &conf_time_ms, 3000},
		{"2.5s", &conf_time_ms, 2500},
		{"0.001s", &conf_time_ms, 1},
		{"15min", &conf_time_ms, 900000},
		{"0.5h", &conf_time_ms, 1800000},
		{"2h", &conf_time_ms, 7200000},
		{"14d", &conf_time_ms, 1209600000},
		{"3 s", &conf_time_ms, 3000},
		{"3   s", &conf_time_ms, 3000},
		{"003s", &conf_time_ms, 3000},
		{"5ms", &conf_time_us, 5000},
		{"0.5ms", &conf_time_us, 500},
		{"700us", &conf_time_us, 700},
		{"14d", &conf_time_days, 14},
		{"60A", &conf_current, 60000},
		{"60.0A", &conf_current, 60000},
		{"0.1A", &conf_current, 100},
		{"60.001A", &conf_current, 60001},
		{"60.0010000A", &conf_current, 60001},
		{"500mA", &conf_current, 500},
		{"-1A", &conf_current, -1000},
		{"0A", &conf_current, 0},
		{"-0A", &conf_current, 0},
		{"1A/s", &conf_current_slope, 1000},
		{"100mA/s", &conf_current_slope, 100},
		{"3.450V", &conf_voltage, 3450},
		{"3.45V", &conf_voltage, 3450},
		{"10mV", &conf_voltage, 10},
		{"1mV/s", &conf_voltage_slope, 1},
		{"10C", &conf_temperature, 100},
		{"-20.5C", &conf_temperature, -205},
		{"-0.1C", &conf_temperature, -1},
		{"20", &conf_soc, 20},
		{"20%", &conf_soc, 20},
		{"50%", &conf_share, 500},
		{"12.5%", &conf_share, 125},
		{"0.5CA", &conf_c_rate, 500},
		{"0.125CA", &conf_c_rate, 125},
		{"500000", &conf_count, 500000},
		{"2147483647", &conf_count, INT32_MAX},
		{"-2147483648", &conf_count, INT32_MIN},
	};
	char why[CONF_REASON_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		int32_t v = 77;
		const int r = number(row[i].s, row[i].q, INT32_MIN, NO_LIMIT, &v, why);

		if (r != 0 || v != row[i].value) {
			fail_msg("%s: %d, %d instead of %d: %s", row[i].s, r, v, row[i].value, why);
		}
	}
}

static void test_a_number_without_unit_gets_one_that_is_in_range(void **state)
{
	static const struct {
		const char *s;
		int32_t min;
		int32_t max;
		const char *why;
	} row[] = {
		{"250", 100, 2000, "write for example 250ms"},
		{"2", 100, 2000, "write for example 2s"},
		{"10", 3000, 600000, "write for example 10s"},
		{"5", 100, 2000, "write for example 5s"}, /* none is: the usual one */
	};
	char why[CONF_REASON_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		int32_t v = 0;

		assert_int_not_equal(
			number(row[i].s, &conf_time_ms, row[i].min, row[i].max, &v, why), 0);
		assert_non_null(strstr(why, row[i].why));
	}
}

static void test_wrong_numbers_are_refused_with_the_remedy(void **state)
{
	static const struct {
		const char *s;
		const struct conf_quantity *q;
		const char *why;
	} row[] = {
		{"60", &conf_current,
		 "a unit is missing; write for example 60A (range 0A to 400A)"},
		{"3", &conf_time_ms, "write for example 3s"},
		{"3.45", &conf_voltage, "write for example 3.45V"},
		{"50", &conf_share, "write for example 50%"},
		{"0.5", &conf_c_rate, "write for example 0.5CA"},
		{"60V", &conf_current, "\"V\" is no unit of a current; known: mA, A"},
		{"60a", &conf_current, "\"a\" is no unit"},
		{"60A60A", &conf_current, "\"A60A\" is no unit"},
		{"60A A", &conf_current, "\"A A\" is no unit"},
		{"3S", &conf_time_ms, "known: ms, s, min, h, d"},
		{"0.5C", &conf_c_rate, "\"C\" is no unit of a multiple of the capacity; known: CA"},
		{"10CA", &conf_temperature, "\"CA\" is no unit of a temperature; known: C"},
		{"5A", &conf_count, "this number has no unit"},
		{"", &conf_current, "a current is needed, for example 60A"},
		{"A", &conf_current, "a current is needed"},
		{"sixty", &conf_current, "a current is needed"},
		{"-", &conf_current, "a current is needed"},
		{"+5A", &conf_current, "a current is needed"},
		{"--5A", &conf_current, "a current is needed"},
		{"- 5A", &conf_current, "a current is needed"},
		{".5A", &conf_current, "a current is needed"},
		{"5.A", &conf_current, "a current is needed"},
		{"5.-1A", &conf_current, "a current is needed"},
		{"0x10A", &conf_current, "\"x10A\" is no unit"},
		{"1e3A", &conf_current, "\"e3A\" is no unit"},
		{"1,5A", &conf_current, "\",5A\" is no unit"},
		{"1.5.5A", &conf_current, "\".5A\" is no unit"},
		{"nan", &conf_current, "a current is needed"},
		{"inf", &conf_current, "a current is needed"},
		{"0.0001A", &conf_current, "too fine: the smallest step is 1mA"},
		{"0.5mA", &conf_current, "too fine: the smallest step is 1mA"},
		{"10.05C", &conf_temperature, "too fine: the smallest step is 0.1C"},
		{"12.55%", &conf_share, "too fine: the smallest step is 0.1%"},
		{"20.5%", &conf_soc, "too fine: the smallest step is 1%"},
		{"0.5555CA", &conf_c_rate, "too fine: the smallest step is 0.001CA"},
		{"36.5d", &conf_time_days, "too fine: the smallest step is 1d"},
		{"12345678901A", &conf_current, "too many digits"},
		{"99999999999999999999999999A", &conf_current, "too many digits"},
		{"0.0000000001A", &conf_current, "too many digits"},
		{"9999999999A", &conf_current, "out of range (range 0A to 400A)"},
		{"9999999999d", &conf_time_ms, "out of range"},
		{"9999999999.999999999d", &conf_time_ms, "too fine"},
		{"2147484A", &conf_current, "out of range"},
		{"4294967.296A", &conf_current, "out of range"},
		{"-1A", &conf_current, "out of range"},
		{"400.001A", &conf_current, "out of range"},
	};
	char why[CONF_REASON_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		int32_t v = 77;
		const int r = number(row[i].s, row[i].q, 0, 400000, &v, why);

		if (r != -EINVAL || v != 77 || !strstr(why, row[i].why)) {
			fail_msg("%s: %d, %d, \"%s\" instead of \"%s\"", row[i].s, r, v, why,
				 row[i].why);
		}
	}
}

static void test_printed_numbers_read_the_same(void **state)
{
	static const struct conf_quantity *const q[] = {
		&conf_time_ms, &conf_time_us,	    &conf_time_days,	 &conf_current,
		&conf_voltage, &conf_current_slope, &conf_voltage_slope, &conf_temperature,
		&conf_soc,     &conf_share,	    &conf_c_rate,	 &conf_count,
	};
	static const int32_t fixed[] = {0,	   1,	    -1,	  9,	10,	  99,
					999,	   1000,    1001, 1500, 59999,	  60000,
					90000,	   3600000, -205, -999, 86400000, INT32_MAX,
					INT32_MIN, 5400000, 100};
	char why[CONF_REASON_MAX];
	char text[CONF_VALUE_MAX];

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(q); k++) {
		for (int32_t i = 0; i < 5000 + (int32_t)ARRAY_SIZE(fixed); i++) {
			const int32_t v = i < 5000 ? i * 37 - 2000 : fixed[i - 5000];
			struct conf_text t = {text, sizeof(text), 0};
			int32_t back = 77;

			conf_number_format(&t, q[k], v);
			if (number(text, q[k], INT32_MIN, INT32_MAX, &back, why) != 0 ||
			    back != v) {
				fail_msg("%s %d: printed %s, read %d: %s", q[k]->what, v, text,
					 back, why);
			}
		}
	}
}

static void test_numbers_are_printed_in_the_natural_unit(void **state)
{
	static const struct {
		const struct conf_quantity *q;
		int32_t v;
		const char *text;
	} row[] = {
		{&conf_time_ms, 250, "250ms"},	     {&conf_time_ms, 3000, "3s"},
		{&conf_time_ms, 2500, "2.5s"},	     {&conf_time_ms, 0, "0s"},
		{&conf_time_ms, 900000, "15min"},    {&conf_time_ms, 90000, "90s"},
		{&conf_time_ms, 7200000, "2h"},	     {&conf_time_us, 5000, "5ms"},
		{&conf_current, 60000, "60A"},	     {&conf_current, 0, "0A"},
		{&conf_current, 60001, "60.001A"},   {&conf_current, 500, "500mA"},
		{&conf_voltage, 3450, "3.450V"},     {&conf_voltage, 10, "10mV"},
		{&conf_temperature, -205, "-20.5C"}, {&conf_temperature, -1, "-0.1C"},
		{&conf_temperature, 100, "10C"},     {&conf_share, 125, "12.5%"},
		{&conf_share, 1000, "100%"},	     {&conf_c_rate, 500, "0.5CA"},
		{&conf_c_rate, 120, "0.12CA"},	     {&conf_soc, 10, "10%"},
		{&conf_voltage_slope, 1, "1mV/s"},   {&conf_current_slope, 1000, "1A/s"},
		{&conf_count, 500000, "500000"},     {&conf_time_days, 14, "14d"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char text[CONF_VALUE_MAX];
		struct conf_text t = {text, sizeof(text), 0};

		conf_number_format(&t, row[i].q, row[i].v);
		assert_string_equal(text, row[i].text);
	}
}

/* Value of one key; @part NULL = accepted. */
struct value_row {
	const char *section;
	const char *name;
	const char *value;
	const char *part;
};

static void run_rows(const struct value_row *row, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct conf_key *k = conf_key_find(row[i].section, row[i].name);
		char why[CONF_REASON_MAX] = "";
		struct conf_text t = {why, sizeof(why), 0};
		struct config before;
		struct config after;
		int r;

		assert_non_null(k);
		base_config(&before);
		after = before;
		r = conf_value_parse(k, row[i].value, &after, &t);
		if (!row[i].part && r != 0) {
			fail_msg("%s = %s refused: %s", row[i].name, row[i].value, why);
		}
		if (row[i].part && (r != -EINVAL || !strstr(why, row[i].part))) {
			fail_msg("%s = %s: %d, \"%s\" instead of \"%s\"", row[i].name, row[i].value,
				 r, why, row[i].part);
		}
		if (row[i].part) {
			assert_memory_equal(&before, &after, sizeof(before));
		}
	}
}

static void test_words(void **state)
{
	static const struct value_row row[] = {
		{"can", "manage", "yes", NULL},
		{"can", "manage", "no", NULL},
		{"can", "manage", "Yes", "write yes or no"},
		{"can", "manage", "true", "write yes or no"},
		{"can", "manage", "1", "write yes or no"},
		{"can", "manage", "", "the value is missing; write yes or no"},
		{"bms", "protocol", "jk-uart", NULL},
		{"bms", "protocol", "jk-bt", "not known here; write jk-uart"},
		{"bms", "probes", "2", NULL},
		{"bms", "probes", "3", "write auto, 1 or 2"},
		{"can", "profile", "pylontech-1.3", NULL},
		{"can", "profile", "pylontech", "pylontech-1.2, pylontech-1.3 or padded"},
		{"can", "modules", "16", NULL},
		{"can", "modules", "17", "range 1 to 16"},
		{"can", "modules", "257", "range 1 to 16"},
		{"failsafe", "relay_mode", "pulse", NULL},
		{"failsafe", "relay_mode", "puls", "write level or pulse"},
		{"rt", "cpu", "none", NULL},
		{"rt", "cpu", "3", NULL},
		{"rt", "cpu", "-1", "range 0 to 1023), or none"},
		{"rt", "cpu", "all", "or none"},
	};

	(void)state;
	run_rows(row, ARRAY_SIZE(row));
}

static void test_texts(void **state)
{
	static const struct value_row row[] = {
		{"bms", "device", "/dev/ttyUSB0", NULL},
		{"bms", "device", "/tmp/bench/pty#1", NULL},
		{"bms", "device", "ttyUSB0", "the path of a serial device is needed"},
		{"bms", "device", "/", "the path of a serial device"},
		{"bms", "device", "/dev/", "the path of a serial device"},
		{"can", "interface", "can0", NULL},
		{"can", "interface", "vcan-battery.1", NULL},
		{"can", "interface", "abcdefghijklmno", NULL},
		{"can", "interface", "abcdefghijklmnop", "at most 15 characters"},
		{"can", "interface", "can 0", "name of a CAN interface"},
		{"can", "interface", "can/0", "name of a CAN interface"},
		{"can", "interface", "can:0", "name of a CAN interface"},
		{"can", "interface", "..", "name of a CAN interface"},
		{"can", "interface", "unix:/run/bus", NULL},
		{"can", "interface", "unix:bus", "unix: needs an absolute path"},
		{"can", "interface", "unix:", "unix: needs an absolute path"},
		{"can", "interface",
		 "unix:/23456789/123456789/123456789/123456789/123456789"
		 "/123456789/123456789/123456789/123456789/123456789/1234567",
		 NULL},
		{"can", "interface",
		 "unix:/23456789/123456789/123456789/123456789/123456789"
		 "/123456789/123456789/123456789/123456789/123456789/12345678",
		 "too long for a socket (at most 107"},
		{"failsafe", "relay", "none", NULL},
		{"failsafe", "relay", "gpiochip0:17", NULL},
		{"failsafe", "relay", "/dev/gpiochip0:17:active-low", NULL},
		{"failsafe", "relay", "file:/sys/class/leds/relay/brightness", NULL},
		{"failsafe", "relay", "file:brightness", "file: needs an absolute path"},
		{"failsafe", "relay", "gpiochip0", "CHIP:LINE, CHIP:LINE:active-low"},
		{"failsafe", "relay", "gpiochip0:", "for example gpiochip0:17"},
		{"failsafe", "relay", ":17", "CHIP:LINE"},
		{"failsafe", "relay", "gpiochip0:x", "CHIP:LINE"},
		{"failsafe", "relay", "gpiochip0:12345", "CHIP:LINE"},
		{"failsafe", "relay", "gpiochip0:17:", "CHIP:LINE"},
		{"failsafe", "relay", "gpiochip0:17:active-high", "CHIP:LINE"},
		{"failsafe", "relay", "gpiochip 0:17", "CHIP:LINE"},
		{"failsafe", "watchdog", "none", NULL},
		{"failsafe", "watchdog", "/dev/watchdog0", NULL},
		{"failsafe", "watchdog", "/tmp/watchdog0", "a device is needed"},
		{"failsafe", "watchdog", "yes", "a device is needed"},
		{"rt", "stats", "/run/x", NULL},
		{"rt", "stats", "none", "an absolute path is needed"},
		{"solis", "device", "none", NULL},
		{"solis", "device", "", "the value is missing; write path of a tty, or none"},
		{"solis", "device", "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0", NULL},
		{"solis", "device", "ttyUSB1", "the path of a serial device is needed"},
		{"solis", "address", "1", NULL},
		{"solis", "address", "247", NULL},
		{"solis", "address", "0", "out of range"},
		{"solis", "address", "248", "out of range"},
		{"solis", "poll", "1.9s", "out of range"},
		{"solis", "poll", "5min", NULL},
		{"sma", "interface", "none", NULL},
		{"sma", "interface", "enp1s0.7", NULL},
		{"sma", "interface", "eth 0", "the name of a network interface is needed"},
		{"sma", "interface", "..", "the name of a network interface is needed"},
		{"sma", "interface", "sixteen-letters-", "at most 15 characters"},
		{"sma", "serial", "none", NULL},
		{"sma", "serial", "any", NULL},
		{"sma", "serial", "4294967295", NULL},
		{"sma", "serial", "4294967296", "the serial number of the meter is needed"},
		{"sma", "serial", "0", "the serial number of the meter is needed"},
		{"sma", "serial", "-1", "the serial number of the meter is needed"},
		{"sma", "serial", "99999999999", "the serial number of the meter is needed"},
		{"sma", "serial", "all", "the serial number of the meter is needed"},
		{"sma", "group", "239.255.255.255", NULL},
		{"sma", "group", "192.168.1.1", "an IPv4 multicast address is needed"},
		{"sma", "group", "239.12.255", "an IPv4 multicast address is needed"},
		{"sma", "group", "ff02::1", "an IPv4 multicast address is needed"},
		{"sma", "port", "0", "out of range"},
		{"sma", "port", "65536", "out of range"},
		{"sma", "max_power", "999W", "out of range"},
		{"sma", "max_power", "45", "unit"},
		{"sma", "max_power", "17.25kW", NULL},
		{"goodwe", "host", "none", NULL},
		{"goodwe", "host", "192.168.1.20", NULL},
		{"goodwe", "host", "Solar_WiFi-1.fritz.box", NULL},
		{"goodwe", "host", "fe80::1%eth0", NULL},
		{"goodwe", "host", "::1", NULL},
		{"goodwe", "host", "", "the value is missing; write name or address, or none"},
		{"goodwe", "host", "192.168.1.20:8899", "without a port"},
		{"goodwe", "host", "http://goodwe", "a name or an address is needed"},
		{"goodwe", "host", "good we", "a name or an address is needed"},
		{"goodwe", "host", "-goodwe", "a name or an address is needed"},
		{"goodwe", "host", "goodwe%eth0", "a name or an address is needed"},
		{"goodwe", "port", "0", "out of range"},
		{"goodwe", "port", "65536", "out of range"},
		{"goodwe", "family", "aa55", NULL},
		{"goodwe", "family", "et", "auto, aa55 or modbus"},
		{"goodwe", "poll", "9.999s", "out of range"},
		{"goodwe", "poll", "10s", NULL},
		{"goodwe", "poll", "5min", NULL},
		{"sems", "portal", "semsplus", NULL},
		{"sems", "portal", "sems", "none, semsplus or legacy"},
		{"sems", "login_file", "/etc/jkpylon/sems", NULL},
		{"sems", "login_file", "credential:sems", NULL},
		{"sems", "login_file", "credential:", "the name of a credential"},
		{"sems", "login_file", "sems", "an absolute path is needed"},
		{"sems", "station", "00000000-0000-4000-8000-000000000001", NULL},
		{"sems", "station", "a/b", "the id of a plant is needed"},
		{"sems", "poll", "30min", NULL},
		{"sems", "timeout", "11s", "out of range"},
		{"sems", "clock_wait", "0s", NULL},
		{"sems", "hosts", "semsportal.com  goodwe.com", NULL},
		{"sems", "hosts", "localhost", NULL},
		{"sems", "hosts", "com", "names of domains"},
		{"sems", "hosts", "semsportal.com, goodwe.com", "names of domains"},
		{"sems", "hosts", ".goodwe.com", "names of domains"},
		{"sems", "plus_login", "https://a.b:8443/x?y=z", NULL},
		{"sems", "plus_login", "https://a.b", NULL},
		{"sems", "plus_login", "http://a.b/x", "begins with https://"},
		{"sems", "plus_login", "https://u@a.b/x", "without a user"},
		{"sems", "plus_login", "https://-a/x", "begins with https://"},
		{"sems", "plus_values", "/a?b={station}&c=1", NULL},
		{"sems", "plus_values", "a/b", NULL},
		{"sems", "plus_values", "{station}", "a path of letters"},
		{"sems", "plus_values", "/a/{station}/{station}", "once at most"},
		{"sems", "plus_values", "/a/{plant}", "a path of letters"},
		{"sems", "plus_values", "/a b", "a path of letters"},
		{"sems", "plus_token", "X-Token", NULL},
		{"sems", "plus_token", "X-Token:", "the name of a header"},
		{"sems", "plus_signature", "none", NULL},
		{"sems", "plus_headers", "client: x | neutral: 0", NULL},
		{"sems", "plus_headers", "client", "NAME: VALUE"},
		{"sems", "plus_headers", "client: x |", "NAME: VALUE"},
		{"sems", "plus_headers", "a:|b:|c:|d:|e:|f:|g:|h:|i:", "at most 8 headers"},
		{"sems", "plus_client", "semsPlusWeb", NULL},
		{"sems", "plus_client", "a\"b", "letters, digits"},
		{"sems", "good", "0 00000", NULL},
		{"sems", "good", "none", NULL},
		{"sems", "good", "0,1", "codes of letters and digits"},
		{"sems", "password", "100005 A02*", NULL},
		{"recorder", "ring", "auto", NULL},
		{"recorder", "ring", "none", NULL},
		{"recorder", "ring", "/run/jkpylon/other", NULL},
		{"recorder", "ring", "ring",
		 "an absolute path is needed, for example /run/jkpylon/x, or auto"},
		{"recorder", "incidents", "none", NULL},
		{"recorder", "incidents", "here", "or auto"},
		{"recorder", "trace", "none", NULL},
		{"recorder", "trace", "/var/tmp/trace", NULL},
		{"recorder", "trace", "trace", "an absolute path is needed, for example "},
	};
	char path[CONF_PATH_MAX + 1];

	(void)state;
	run_rows(row, ARRAY_SIZE(row));

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[CONF_PATH_MAX] = '\0';
	run_rows(&(struct value_row){"bms", "device", path, "too long"}, 1);
	path[CONF_PATH_MAX - 1] = '\0';
	run_rows(&(struct value_row){"bms", "device", path, NULL}, 1);
}

static void test_curves_and_levels(void **state)
{
	static const struct value_row row[] = {
		{"limits", "charge_by_cell_high", "3.375V:100% 3.400V:50% 3.550V:0%", NULL},
		{"limits", "charge_by_cell_high", "step 3.0V:60A 3.55V:0A", NULL},
		{"limits", "charge_by_cell_high", "3.55V:0A", NULL},
		{"limits", "charge_by_cell_high", "3000mV:500mA  \t 3.55V:0A", NULL},
		{"limits", "charge_by_cold", "0C:0CA 20C:0.5CA", NULL},
		{"limits", "charge_by_cold", "-5.5C:0% 20C:100%", NULL},
		{"limits", "charge_by_cell_high", "step", "at least one point"},
		{"limits", "charge_by_cell_high", "3.3V",
		 "a point is written X:Y, for example 3.450V:50%"},
		{"limits", "charge_by_cold", "3", "for example 10C:50%"},
		{"limits", "charge_by_cell_high", "3.3V:5", "the current needs a unit"},
		{"limits", "charge_by_cell_high", "3.3V:", "the current needs a unit"},
		{"limits", "charge_by_cell_high", ":5A", "a voltage is needed"},
		{"limits", "charge_by_cell_high", "3.3:5A", "write for example 3.3V"},
		{"limits", "charge_by_cell_high", "3.3C:5A", "\"C\" is no unit of a voltage"},
		{"limits", "charge_by_cold", "3.3V:5A", "\"V\" is no unit of a temperature"},
		{"limits", "charge_by_cell_high", "3.3V:101%", "out of range (range 0% to 100%)"},
		{"limits", "charge_by_cell_high", "3.3V:401A", "out of range (range 0A to 400A)"},
		{"limits", "charge_by_cell_high", "3.3V:2.1CA", "out of range (range 0CA to 2CA)"},
		{"limits", "charge_by_cell_high", "3.3V:-1A", "out of range"},
		{"limits", "charge_by_cell_high", "9.3V:1A", "out of range"},
		{"limits", "charge_by_cell_high", "3.3V:100% 3.4V:5A", "the same unit"},
		{"limits", "charge_by_cell_high", "3.3V:100% 3.3V:50%", "rising order"},
		{"limits", "charge_by_cell_high", "3.4V:100% 3.3V:50%", "point \"3.3V:50%\""},
		{"limits", "charge_by_cell_high", "3.3V:100% step 3.4V:50%", "point \"step\""},
		{"limits", "charge_by_cell_high", "3.3V:1A:2A", "is no unit"},
		{"limits", "charge_by_cell_high",
		 "1V:1% 1.1V:1% 1.2V:1% 1.3V:1% 1.4V:1% 1.5V:1% 1.6V:1% 1.7V:1% 1.8V:1% 1.9V:1% "
		 "2V:1% 2.1V:1%",
		 NULL},
		{"limits", "charge_by_cell_high",
		 "1V:1% 1.1V:1% 1.2V:1% 1.3V:1% 1.4V:1% 1.5V:1% 1.6V:1% 1.7V:1% 1.8V:1% 1.9V:1% "
		 "2V:1% 2.1V:1% 2.2V:1%",
		 "at most 12 points"},
		{"limits", "cell_high", "3.50V 3.55V 3.70V", NULL},
		{"limits", "cell_high", "3.50V  3550mV\t3.70V", NULL},
		{"limits", "cell_high", "3.50V 3.55V", "three values are needed"},
		{"limits", "cell_high", "3.50V 3.55V 3.70V 3.80V", "three values are needed"},
		{"limits", "cell_high", "3.50 3.55V 3.70V", "write for example 3.50V"},
		{"limits", "cell_high", "3.50V 3.55V 5V", "range 1.500V to 4.400V"},
		{"limits", "mosfet", "75C 90C 100V", "\"V\" is no unit of a temperature"},
	};

	(void)state;
	run_rows(row, ARRAY_SIZE(row));
}

static void test_a_curve_lands_in_its_field(void **state)
{
	static const struct curve want = {.count = 3,
					  .step = true,
					  .unit = CURVE_MA,
					  .x = {3000, 3450, 3550},
					  .y = {60000, 500, 0}};
	struct config c;

	(void)state;
	expect_accepted(BASE "[limits]\ncharge_by_cell_high = step 3V:60A 3.45V:500mA 3.55V:0A\n",
			&c);
	assert_memory_equal(&c.core.curve[CURVE_CHARGE_CELL_HIGH], &want, sizeof(want));
	expect_accepted(BASE "[limits]\ncharge_by_cold = 0C:0CA 20.5C:0.25CA\n", &c);
	assert_int_equal(c.core.curve[CURVE_CHARGE_COLD].unit, CURVE_C_RATE);
	assert_int_equal(c.core.curve[CURVE_CHARGE_COLD].x[1], 205);
	assert_int_equal(c.core.curve[CURVE_CHARGE_COLD].y[1], 250);
	assert_false(c.core.curve[CURVE_CHARGE_COLD].step);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_with_units_are_read_exactly),
		cmocka_unit_test(test_a_number_without_unit_gets_one_that_is_in_range),
		cmocka_unit_test(test_wrong_numbers_are_refused_with_the_remedy),
		cmocka_unit_test(test_printed_numbers_read_the_same),
		cmocka_unit_test(test_numbers_are_printed_in_the_natural_unit),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_curves_and_levels),
		cmocka_unit_test(test_a_curve_lands_in_its_field),
	};

	return cmocka_run_group_tests_name("conf/value", tests, NULL, NULL);
}
