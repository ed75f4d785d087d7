/* SPDX-License-Identifier: Apache-2.0 */
/* The file as a whole: lines, sections, duplicates, contradictions, presets, printing. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conf_help.h"

#define TEN_MB (10U * 1024U * 1024U)
#define NOBODY 65534U

struct file_row {
	const char *text;
	int line;
	const char *part;
};

static void run_rows(const struct file_row *row, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		expect_refused(row[i].text, strlen(row[i].text), row[i].line, row[i].part);
	}
}

static void test_the_smallest_file_gives_the_defaults(void **state)
{
	struct config want;
	struct config got;

	(void)state;
	base_config(&want);
	expect_accepted(BASE, &got);
	assert_memory_equal(&want, &got, sizeof(got));
	assert_string_equal(got.bms_device, "/dev/ttyUSB0");
	assert_string_equal(got.can_interface, "can0");
	assert_string_equal(got.relay, "none");
	assert_string_equal(got.watchdog, "none");
	assert_string_equal(got.trace_path, "");
	assert_string_equal(got.solis_device, "");
	assert_int_equal(got.solis_address, 1);
	assert_int_equal(got.solis_baud, 9600);
	assert_int_equal(got.solis_poll_ms, 10000);
	assert_int_equal(got.solis_patience_ms, 30000);
	assert_false(got.sma_enabled);
	assert_string_equal(got.sma_group, "239.12.255.254");
	assert_int_equal(got.sma_port, 9522);
	assert_int_equal(got.sma_max_power_w, 45000);
	assert_string_equal(got.goodwe_host, "");
	assert_int_equal(got.goodwe_port, 8899);
	assert_int_equal(got.goodwe_family, GOODWE_FAMILY_AUTO);
	assert_int_equal(got.goodwe_poll_ms, 15000);
	assert_int_equal(got.sems_portal, SEMS_PORTAL_NONE);
	assert_string_equal(got.sems_login_file, "");
	assert_string_equal(got.sems_hosts, "semsportal.com goodwe.com");
	assert_string_equal(got.sems_expired, "100001 100002 C0602");
	assert_int_equal(got.sems_poll_ms, 60000);
	assert_int_equal(got.sems_timeout_ms, 10000);
	assert_int_equal(got.core.source[SOURCE_GRID].stale_ms, 15000);
	assert_int_equal(got.core.source[SOURCE_LOCAL].stale_ms, 60000);
	assert_false(got.interlock_explicit);
	assert_string_equal(got.stats_path, "/run/jkpylon/stats");
	assert_int_equal(got.cpu, CONF_CPU_NONE);
	assert_int_equal(got.beat_ms, 100);
	assert_int_equal(got.reload_ms, 2500);
	assert_int_equal(got.core.max_ma[DIR_CHARGE], 60000);
	assert_false(got.core.max_explicit[DIR_CHARGE]);
	assert_false(got.core.max_explicit[DIR_DISCHARGE]);
}

static void test_ways_to_write_a_line(void **state)
{
	static const char *const text[] = {
		BASE "[rt]\npriority=42\n",
		BASE "[rt]\npriority = 42",
		BASE "[rt]\r\npriority = 42\r\n",
		BASE "[rt]\n\n\n   priority   =   42   \n",
		BASE "[rt]\n\tpriority = 42 # comment\n",
		BASE "[rt]\npriority = 42 ; comment = 3\n",
		BASE "[rt] # section\npriority: 42\n",
		"\xEF\xBB\xBF" BASE "[rt]\npriority = 42\n",
		"\xEF\xBB\xBF[bms]\ndevice=/dev/ttyUSB0\n[can]\ninterface=can0\n[rt]\npriority=42",
		"# comment\n\n;another\n" BASE "[rt]\npriority = 42\n",
		BASE "[rt]\n[can]\n[rt]\npriority = 42\n",
		("[rt]\npriority = 42\n" BASE),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct config want;
		struct config got;

		base_config(&want);
		want.priority = 42;
		expect_accepted(text[i], &got);
		assert_memory_equal(&want, &got, sizeof(got));
	}
}

static void test_a_hash_inside_a_value_is_no_comment(void **state)
{
	struct config c;

	(void)state;
	expect_accepted("[bms]\ndevice = /dev/tty#1;2 # real comment\n[can]\ninterface=can0\n", &c);
	assert_string_equal(c.bms_device, "/dev/tty#1;2");
}

static void test_FLT_57_unknown_keys_and_sections(void **state)
{
	static const struct file_row row[] = {
		{BASE "[rt]\nprioritty = 42\n", 6,
		 "unknown key rt.prioritty; did you mean rt.priority?"},
		{BASE "pol = 1s\n", 5, "unknown key can.pol; did you mean"},
		{BASE "charge_max = 5A\n", 5, "unknown key can.charge_max; it belongs to [limits]"},
		{BASE "[rt]\nxyzzy_plugh = 1\n", 6,
		 "unknown key rt.xyzzy_plugh; see jkpylon.conf(5)"},
		{BASE "Interface = can0\n", 5, "did you mean can.interface?"},
		{BASE "[limit]\n", 5, "unknown section [limit]; did you mean [limits]?"},
		{BASE "[xyzzy]\nhost = x\n", 5,
		 "unknown section [xyzzy]; known: [bms] [can] [limits] "
		 "[charge] [failsafe] [rt] [solis] [sma] [goodwe] [sems] [arbiter] [damping] "
		 "[mqtt] [recorder]"},
		{BASE "[]\n", 5, "unknown section []"},
		{BASE "[ rt ]\n", 5, "unknown section [ rt ]"},
		{BASE "[RT]\n", 5, "unknown section [RT]"},
		{"device = /dev/x\n[bms]\n", 1, "stands before the first section"},
		{"poll = 250ms\n" BASE, 1,
		 "\"poll\" stands before the first section: add a line like"},
	};

	(void)state;
	run_rows(row, ARRAY_SIZE(row));
}

static void test_FLT_57_lines_that_are_no_setting(void **state)
{
	static const struct file_row row[] = {
		{BASE "[rt]\npriority\n", 6, "neither [section] nor key = value"},
		{BASE "[rt]\npriority 42\n", 6, "neither [section] nor key = value"},
		{BASE "[rt]\n= 42\n", 6, "unknown key rt."},
		{BASE "[rt\npriority = 42\n", 5, "the section header \"[rt\" lacks its ]"},
		{BASE "[rt] priority = 42\n", 5, "text behind the section header"},
		{BASE "[rt]x\n", 5, "text behind the section header"},
		{BASE "[rt]]\n", 5, "text behind the section header"},
		/* The first of two faults is reported. */
		{BASE "nonsense\n[nowhere]\n", 5, "neither [section] nor"},
		{BASE "nonsense\nbitrate = x\n", 5, "neither [section] nor"},
		{BASE "bitrate = x\nnonsense\n", 5, "a whole number is needed"},
	};

	(void)state;
	run_rows(row, ARRAY_SIZE(row));
}

static void test_FLT_57_a_key_given_twice_names_both_lines(void **state)
{
	static const struct file_row row[] = {
		{BASE "interface = can0\n", 5,
		 "can.interface is given twice, first on line 4: remove one"},
		{"[bms]\npoll = 250ms\n# x\n\npoll = 250ms\n", 5, "first on line 2"},
		{"[bms]\npoll = 250ms\n[can]\n[bms]\npoll = 300ms\n", 5, "first on line 2"},
	};

	(void)state;
	run_rows(row, ARRAY_SIZE(row));
}

static void test_FLT_57_missing_required_keys(void **state)
{
	static const struct file_row row[] = {
		{"", 0,
		 "bms.device is missing; write for example device = /dev/ttyUSB0 in section [bms]"},
		{"\n\n# nothing\n", 0, "bms.device is missing"},
		{"[bms]\ndevice = /dev/ttyUSB0\n", 0,
		 "can.interface is missing; write for example interface = can0 in section [can]"},
		{"[can]\ninterface = can0\n", 0, "bms.device is missing"},
	};

	(void)state;
	run_rows(row, ARRAY_SIZE(row));
}

static void test_FLT_57_bytes_that_are_no_text(void **state)
{
	static const char nul_in_value[] = BASE "[rt]\nprior\0ity = 42\n";
	static const char nul_at_end[] = BASE "\0";
	static const char utf16[] = "[\0b\0m\0s\0]\0\n\0";

	(void)state;
	expect_refused(nul_in_value, sizeof(nul_in_value) - 1, 6, "NUL byte");
	expect_refused(nul_at_end, sizeof(nul_at_end) - 1, 5, "NUL byte");
	expect_refused(utf16, sizeof(utf16) - 1, 1, "NUL byte");
	expect_refused(BASE "x\x1b[2J = 1\n", strlen(BASE) + 9, 5, "control character 0x1b");
	expect_refused(BASE "x\x7f= 1\n", strlen(BASE) + 6, 5, "control character 0x7f");
	expect_refused(BASE "a\rb = 1\n", strlen(BASE) + 8, 5, "control character 0x0d");
}

static void test_FLT_57_long_lines_are_refused_not_cut(void **state)
{
	char text[1024];
	struct config c;
	const int base = snprintf(text, sizeof(text), "%s[recorder]\ntrace = /", BASE);

	(void)state;
	/* The longest line libinih takes whole: 198 characters. */
	for (size_t len = 9; len <= 300; len++) {
		memset(text + base, 'x', len - 9);
		memcpy(text + base + len - 9, len % 2 ? "\n" : "  # comment\n", len % 2 ? 2 : 13);
		if (len == 9) {
			expect_refused(text, strlen(text), 6, "an absolute path is needed");
		} else if (len > 198) {
			expect_refused(text, strlen(text), 6, "the line is too long: at most 198");
		} else {
			expect_accepted(text, &c);
			assert_int_equal(strlen(c.trace_path), len - 8);
		}
	}

	/* A comment may be as long as it likes. */
	char *long_comment = malloc(CONF_FILE_MAX);

	assert_non_null(long_comment);
	memset(long_comment, 'x', CONF_FILE_MAX);
	memcpy(long_comment, BASE "# ", sizeof(BASE "# ") - 1);
	memcpy(long_comment + CONF_FILE_MAX - 16, "\n[rt]\ncpu = 77\n", 15);
	long_comment[CONF_FILE_MAX - 1] = '\0';
	expect_accepted(long_comment, &c);
	assert_int_equal(c.cpu, 77);
	free(long_comment);
}

static void test_FLT_57_the_file_is_bounded(void **state)
{
	char *text = malloc(TEN_MB);
	struct config c;
	struct timespec t0;
	struct timespec t1;
	struct result *res = malloc(sizeof(*res));

	(void)state;
	assert_non_null(text);
	assert_non_null(res);
	(void)clock_gettime(CLOCK_MONOTONIC, &t0);
	/* Lines of 16 bytes: the limit is crossed on line 16385. */
	for (size_t i = 0; i < TEN_MB; i++) {
		text[i] = i % 16 == 0 ? '#' : (i % 16 == 15 ? '\n' : 'x');
	}
	memcpy(text, BASE, sizeof(BASE) - 1);
	memset(text + strlen(BASE), '#', 64 - strlen(BASE) - 1);
	expect_refused(text, TEN_MB, 16385 + BASE_LINES - 3, "the file is larger than 256 KiB");
	expect_refused(text, CONF_FILE_MAX + 1, 16385 + BASE_LINES - 3, "larger than 256 KiB");
	text[CONF_FILE_MAX] = '\r';
	expect_refused(text, CONF_FILE_MAX + 1, 16385 + BASE_LINES - 3, "larger than 256 KiB");
	parse_bytes(text, CONF_FILE_MAX, res);
	assert_int_equal(res->r, 0);
	c = res->config;
	assert_string_equal(c.can_interface, "can0");
	(void)clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_true(t1.tv_sec - t0.tv_sec <= 1);
	free(res);
	free(text);
}

static void test_damping_preset_and_single_numbers(void **state)
{
	struct config c;

	(void)state;
	expect_accepted(BASE "[damping]\nkeep = 50%\npreset = seed\n", &c);
	assert_int_equal(c.core.damping.preset, DAMPING_SEED);
	assert_int_equal(c.core.damping.samples, 10);
	assert_int_equal(c.core.damping.each, 4);
	assert_int_equal(c.core.damping.band_w, 150);
	assert_int_equal(c.core.damping.keep_pm, 500);
	assert_false(c.core.damping.of_flow);
	expect_accepted(BASE "[damping]\npreset = off\n", &c);
	assert_int_equal(c.core.damping.preset, DAMPING_OFF);
}

static void test_fallback_values(void **state)
{
	static const struct file_row refused[] = {
		{BASE "[sma]\nfallback = hold\n", 6, "release, zero or cap:CURRENT"},
		{BASE "[sma]\nfallback = cap\n", 6, "release, zero or cap:CURRENT"},
		{BASE "[sma]\nfallback = cap:10\n", 6, "unit"},
		{BASE "[sma]\nfallback = cap:-1A\n", 6, "0A to 400A"},
		{BASE "[sma]\nfallback = cap:401A\n", 6, "0A to 400A"},
	};
	struct config c;

	(void)state;
	expect_accepted(BASE "[sma]\nenabled = yes\ninterface = eth0\nfallback = cap:12.5A\n"
			     "[goodwe]\nhost = goodwe.lan\nfallback = zero\n"
			     "[sems]\nfallback = release\n",
			&c);
	assert_int_equal(c.core.source[SOURCE_GRID].fallback, FALLBACK_CAP);
	assert_int_equal(c.core.source[SOURCE_GRID].cap_ma, 12500);
	assert_int_equal(c.core.source[SOURCE_LOCAL].fallback, FALLBACK_ZERO);
	assert_int_equal(c.core.source[SOURCE_PORTAL].fallback, FALLBACK_RELEASE);
	run_rows(refused, ARRAY_SIZE(refused));
}

static void test_FLT_57_contradictions(void **state)
{
	static const struct file_row row[] = {
		/* 3.50 against 3.55: a curve that ends above the limit level, and the reverse. */
		{BASE "[limits]\ncell_high = 3.45V 3.50V 3.70V\n", 6,
		 "limits.cell_high (3.450V 3.500V 3.700V, line 6): the curve must be 0"},
		{BASE "[limits]\ncharge_by_cell_high = 3.4V:100% 3.56V:0%\n", 6,
		 "limits.charge_by_cell_high (3.400V:100% 3.560V:0%, line 6) against "
		 "limits.cell_high (3.500V 3.550V 3.700V, default)"},
		{BASE "[charge]\nbulk = 3.52V\n", 6,
		 "charge.bulk (3.520V, line 6) against charge.cvl_max (3.500V, default)"},
		{BASE "[charge]\ncvl_max = 3.40V\n\nbulk = 3.45V\n", 8,
		 "charge.bulk (3.450V, line 8) against charge.cvl_max (3.400V, line 6)"},
		{BASE "[charge]\nbulk = 3.45V\n\ncvl_max = 3.40V\n", 8, "(3.400V, line 8)"},
		{BASE "[charge]\ncvl_max = 3.55V\n", 6,
		 "charge.cvl_max must be below the limit level"},
		{BASE "overdischarge_soc = 11\n", 5, "at least can.force_charge_soc + 2 %"},
		{BASE "slot = 100ms\nset = 500ms\n", 6, "the frames of one set must fit"},
		{BASE "[solis]\ndevice = /dev/ttyUSB0\n", 6,
		 "solis.device (/dev/ttyUSB0, line 6) against bms.device (/dev/ttyUSB0, line 2)"},
		{BASE "[solis]\nbaud = 9601\n", 6, "solis.baud (9601, line 6): solis.baud must be"},
		{BASE "[sma]\nenabled = yes\n", 6,
		 "sma.enabled (yes, line 6) against sma.interface (none, default): sma.interface must "
		 "name"},
		{BASE "[sma]\nenabled = yes\ninterface = can0\n", 7,
		 "sma.interface (can0, line 7) against can.interface (can0, line 4)"},
		{BASE "[goodwe]\npoll = 31s\n", 6,
		 "goodwe.stale (1min, default) against goodwe.poll (31s, line 6): goodwe.stale must be"},
		{BASE "[goodwe]\nstale = 29.999s\n", 6,
		 "goodwe.stale (29.999s, line 6) against goodwe.poll (15s, default)"},
		{BASE "[sma]\nfallback = zero\n", 6,
		 "sma.fallback (zero, line 6) against sma.enabled (no, default)"},
		{BASE "[goodwe]\nfallback = cap:10A\n", 6,
		 "goodwe.fallback (cap:10A, line 6) against goodwe.host (none, default)"},
		{BASE "[sems]\nfallback = zero\n", 6,
		 "sems.fallback (zero, line 6) against sems.portal (none, default)"},
		{BASE "[sems]\nportal = semsplus\n", 6,
		 "sems.portal (semsplus, line 6) against sems.login_file (none, default)"},
		{BASE "[sems]\nportal = legacy\nlogin_file = /x\n", 6,
		 "sems.portal (legacy, line 6) against sems.station (none, default)"},
		{BASE "[sems]\nportal = semsplus\nlogin_file = /x\npoll = 8min\n", 8,
		 "sems.stale (15min, default) against sems.poll (8min, line 8)"},
		{BASE "[sems]\nstale = 30s\n", 6,
		 "goodwe.stale (1min, default) against sems.stale (30s, line 6)"},
		{BASE "[arbiter]\ngrace = 2min\n", 6, "lower arbiter.grace"},
		{BASE "[arbiter]\nhold = 1h\ncross_hold = 10min\n", 7, "raise arbiter.cross_hold"},
		{BASE "[arbiter]\nrise = 11A/s\n", 6,
		 "arbiter.rise (11A/s, line 6) against arbiter.fall (10A/s, default)"},
		{BASE "[damping]\neach = 6\npreset = seed\n", 6,
		 "damping.each (6, line 6) against damping.samples (10, preset)"},
		{BASE "[damping]\nswings = 12\n", 6, "lower damping.swings"},
		{BASE "[damping]\nhold = 10s\n", 6, "raise damping.hold"},
		{BASE "[damping]\nsamples = 64\n", 6, "raise damping.window"},
		{BASE "[mqtt]\npassword_file = /x\n", 6,
		 "mqtt.password_file (/x, line 6) against mqtt.user (none, default)"},
		{BASE "[mqtt]\nca_file = /x\n", 0, "of no use without TLS: set mqtt.tls=yes"},
		{BASE "[mqtt]\ntls = yes\ncert_file = /x\n", 7,
		 "mqtt.cert_file (/x, line 7) against mqtt.key_file (none, default)"},
		{BASE "[mqtt]\nallow_full_charge = yes\n", 6, "set mqtt.commands=yes"},
		{BASE "[mqtt]\nkeepalive = 5500ms\n", 6, "must be whole seconds"},
		{BASE "slot = 4ms\n", 5, "rt.period (5ms, default) against can.slot (4ms, line 5)"},
		{BASE "[bms]\npoll = 600ms\nstale = 1s\n", 7, "two polls must fit into bms.stale"},
		{BASE "[bms]\ntrip = 4s\n", 6, "raise bms.trip"},
		{BASE "[failsafe]\nbeat = 20ms\n[rt]\nperiod = 10ms\n", 8,
		 "failsafe.beat must be at least four periods"},
		{BASE "[failsafe]\nreload = 900ms\n", 6,
		 "failsafe.reload must be at least two polls"},
		{BASE "[limits]\ncell_low = 2.9V 3.0V 2.5V\n", 6,
		 "three falling levels are needed: warn, limit, critical"},
	};

	(void)state;
	run_rows(row, ARRAY_SIZE(row));
}

/* Legal settings of which the other half is missing. */
static void test_advice_on_halves(void **state)
{
#define METER "[sma]\nenabled = yes\ninterface = eth0\nserial = 7\n"
#define PEER  "[goodwe]\nhost = goodwe.lan\n"
	static const struct {
		const char *text;
		const char *advice; /* how it begins, NULL: none */
	} row[] = {
		{BASE, NULL},
		{BASE METER, NULL},
		{BASE METER PEER, NULL},
		{BASE METER PEER "[arbiter]\ninterlock = yes\n", NULL},
		{BASE "[arbiter]\ninterlock = no\n", NULL},
		{BASE "[arbiter]\ninterlock = yes\n", "arbiter.interlock=yes: nobody says"},
		{BASE METER "[arbiter]\ninterlock = yes\n", "arbiter.interlock=yes: nobody says"},
		{BASE METER "[damping]\npreset = off\n", "sma.enabled=yes: damping.preset=off"},
		{BASE METER PEER "[damping]\npreset = off\n", NULL},
		{BASE PEER, "goodwe.host: without a meter"},
		{BASE PEER "[arbiter]\ninterlock = no\n", "goodwe.host: without a meter"},
		{BASE METER PEER "[arbiter]\ninterlock = no\ncross_charge = no\n",
		 "goodwe.host: arbiter.interlock=no"},
		{BASE "[sma]\nenabled = yes\ninterface = eth0\n", "sma.serial: not set"},
		{BASE "[sma]\nenabled = yes\ninterface = eth0\nserial = any\n", "sma.serial=any"},
	};
	struct config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		expect_accepted(row[i].text, &c);
		const char *text = conf_advice(&c, 0);

		if (row[i].advice == NULL) {
			assert_null(text);
			continue;
		}
		assert_non_null(text);
		assert_memory_equal(text, row[i].advice, strlen(row[i].advice));
		assert_null(conf_advice(&c, 1));
	}
}

static void test_texts_of_mqtt(void **state)
{
	static const struct file_row row[] = {
		{BASE "[mqtt]\nhost = mqtt://broker\n", 6, "without a port (a key of its own)"},
		{BASE "[mqtt]\nhost = -x\n", 6, "a name or an address"},
		{BASE "[mqtt]\nprefix = a/#\n", 6, "a topic of at most 64"},
		{BASE "[mqtt]\nprefix = /a\n", 6, "a topic of at most 64"},
		{BASE "[mqtt]\nprefix = a/\n", 6, "a topic of at most 64"},
		{BASE "[mqtt]\nprefix = a//b\n", 6, "a topic of at most 64"},
		{BASE "[mqtt]\nprefix = $SYS\n", 6, "a topic of at most 64"},
		{BASE "[mqtt]\ndiscovery_prefix = +\n", 6, "a topic of at most 32"},
		{BASE "[mqtt]\nclient_id = a/b\n", 6, "1 to 64 letters"},
		{BASE "[mqtt]\nuser = a b\n", 6, "1 to 64 letters"},
		{BASE "[mqtt]\nuser = a\npassword_file = secret\n", 7, "an absolute path"},
		{BASE "[mqtt]\nuser = a\npassword_file = credential:\n", 7, "name of a credential"},
		{BASE "[mqtt]\nuser = a\npassword_file = credential:../x\n", 7,
		 "name of a credential"},
	};

	(void)state;
	run_rows(row, ARRAY_SIZE(row));
}

/* What conf_read() says to a user who owns nothing: 0 refused with @part, 1 otherwise, -1 not tried. */
static int said_to_nobody(const char *path, const char *part)
{
	const pid_t child = fork();
	int status = 0;

	if (child == 0) {
		struct config config;
		struct conf_error error = {0};

		if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
			_exit(2);
		}
		_exit(conf_read(path, &config, &error) == -EINVAL &&
				      strstr(error.text, part) != NULL
			      ? 0
			      : 1);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : -1;
}

/* The file of the password is looked at before anything starts; no other text of it is shown. */
static void test_FLT_58_secret_that_others_can_read_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} modes[] = {{0600, true},  {0400, true},  {0644, false}, {0640, false},
		     {0604, false}, {0602, false}, {0700, true},  {0601, false}};
	char dir[] = "/tmp/jkpylon-secret-XXXXXX";
	char secret[64];
	char path[64];
	char text[512];
	struct config config;
	struct conf_error error = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(secret, sizeof(secret), "%s/secret", dir);
	(void)snprintf(path, sizeof(path), "%s/conf", dir);
	(void)snprintf(text, sizeof(text),
		       BASE "[mqtt]\nhost = localhost\nuser = me\npassword_file = %s\n", secret);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(conf_read(path, &config, &error), -EINVAL);
	assert_int_equal(error.line, 8);
	assert_non_null(strstr(error.text, "there is no such file"));
	f = fopen(secret, "we");
	assert_non_null(f);
	assert_true(fputs("hunter2\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(secret, modes[i].mode), 0);
		assert_int_equal(conf_read(path, &config, &error), modes[i].good ? 0 : -EINVAL);
		if (!modes[i].good) {
			assert_int_equal(error.line, 8);
			assert_non_null(strstr(error.text, "others can read this secret"));
			assert_null(strstr(error.text, "hunter2"));
		}
	}
	if (geteuid() == 0) {
		/* Root reads everything; the daemon does not run as root. */
		assert_int_equal(chmod(dir, 0755), 0);
		assert_int_equal(chmod(path, 0644), 0);
		assert_int_equal(chmod(secret, 0600), 0);
		assert_int_equal(said_to_nobody(path, "this user cannot read it"), 0);
	}
	unlink(secret);
	assert_int_equal(mkdir(secret, 0700), 0);
	assert_int_equal(conf_read(path, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "this is no file"));
	rmdir(secret);
	unlink(path);
	rmdir(dir);
}

static void test_secrets_of_the_service_manager(void **state)
{
	char path[CONF_PATH_MAX];

	(void)state;
	assert_false(conf_secret_path("/etc/secret", path));
	assert_string_equal(path, "/etc/secret");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_true(conf_secret_path("credential:mqtt", path));
	assert_string_equal(path, "");
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials/jkpylond.service", 1);
	assert_true(conf_secret_path("credential:mqtt", path));
	assert_string_equal(path, "/run/credentials/jkpylond.service/mqtt");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_preset_applies_wherever_it_stands(void **state)
{
	static const char *const text[] = {
		BASE "[limits]\npreset = seed\ncharge_by_cell_low = 2.5V:10% 3V:100%\n",
		BASE "[limits]\ncharge_by_cell_low = 2.5V:10% 3V:100%\npreset = seed\n",
	};
	struct core_config seed;

	(void)state;
	core_config_default(&seed);
	core_config_preset(&seed, PRESET_SEED);
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct config c;

		expect_accepted(text[i], &c);
		assert_int_equal(c.preset, PRESET_SEED);
		for (uint32_t k = 0; k < CURVES; k++) {
			if (k == CURVE_CHARGE_CELL_LOW) {
				assert_int_equal(c.core.curve[k].count, 2);
				assert_int_equal(c.core.curve[k].y[0], 100);
			} else {
				assert_memory_equal(&c.core.curve[k], &seed.curve[k],
						    sizeof(struct curve));
			}
		}
	}
}

static void test_a_maximum_written_down_is_noted(void **state)
{
	struct config c;

	(void)state;
	/* The default value written down is explicit all the same. */
	expect_accepted(BASE "[limits]\ncharge_max = 60A\n", &c);
	assert_true(c.core.max_explicit[DIR_CHARGE]);
	assert_false(c.core.max_explicit[DIR_DISCHARGE]);
	assert_int_equal(c.core.max_ma[DIR_CHARGE], 60000);
	expect_accepted(BASE "[limits]\ndischarge_max = 0A\n", &c);
	assert_false(c.core.max_explicit[DIR_CHARGE]);
	assert_true(c.core.max_explicit[DIR_DISCHARGE]);
	assert_int_equal(c.core.max_ma[DIR_DISCHARGE], 0);
}

static char *printed(const struct config *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	conf_print(c, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void test_print_reads_back_to_the_same_settings(void **state)
{
	static const char *const text[] = {
		BASE,
		BASE "[limits]\npreset = seed\n",
		BASE "[limits]\ncharge_max = 60A\nc_rate_max = 0.33CA\nratchet = no\n",
		BASE
		"[limits]\ndischarge_max = 120.5A\ncharge_by_cold = step 0C:0CA 20.5C:0.125CA\n"
		"mosfet = 70.5C 95C 99.9C\nby_mosfet = 60C:100% 94.9C:0%\n",
		BASE
		"manage = no\nprofile = padded\nmodules = 3\nsoc_full = bms\nsend_305 = yes\n"
		"expect_alive = required\nslot = 12ms\nforce_charge_soc = 5\n[bms]\npoll = 333ms\n"
		"stale = 1.7s\ntrip = 90s\nprobes = 2\n",
		BASE
		"[charge]\nabsorption = 90s\nabsorption_max = 91min\nrebulk_after = 0d\n"
		"bulk = 3.401V\n[failsafe]\nrelay = gpiochip0:17:active-low\nrelay_mode = pulse\n"
		"watchdog = /dev/watchdog\non_trip = silence\n[rt]\ncpu = 3\nperiod = 2.5ms\n"
		"required = no\nstats = /tmp/s\n[solis]\ndevice = /dev/ttyUSB1\naddress = 247\n"
		"baud = 19200\npoll = 2.5s\npatience = 2min\n[sma]\nenabled = yes\n"
		"interface = eth0\nserial = 4294967295\ngroup = 239.1.2.3\nport = 1234\n"
		"stale = 5.5s\nfallback = cap:7.5A\nmax_power = 12.345kW\n"
		"[goodwe]\nhost = fe80::1%eth0\n"
		"port = 48899\nfamily = modbus\npoll = 25s\nstale = 5min\nfallback = zero\n"
		"[arbiter]\ninterlock = yes\nhold = 90s\n[damping]\npreset = seed\n"
		"[recorder]\ntrace = /tmp/t\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct config first;
		struct config again;
		char *out = NULL;

		expect_accepted(text[i], &first);
		out = printed(&first);
		expect_accepted(out, &again);
		assert_memory_equal(&first, &again, sizeof(first));
		/* Every key stands there once, set or as a comment. */
		for (size_t k = 0; k < conf_key_count; k++) {
			char set[CONF_KEY_NAME_MAX + 8];
			const char *at = NULL;

			(void)snprintf(set, sizeof(set), "\n%s%s = ",
				       conf_is_written(&conf_keys[k], &first) ? "" : "#",
				       conf_keys[k].name);
			at = strstr(out, set);
			assert_non_null(at);
			assert_non_null(strstr(out, conf_keys[k].section));
		}
		free(out);
	}
}

static void expect_lost(const char *old, const char *now, const char *want)
{
	struct config c;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	uint32_t lines = 0;

	assert_non_null(f);
	expect_accepted(old, &c);
	const uint32_t lost = conf_print_lost(&c, now, f);

	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, want);
	for (const char *at = text; *at != '\0'; at++) {
		lines += *at == '\n';
	}
	assert_int_equal(lost, lines);
	free(text);
}

static void test_what_another_file_would_lose(void **state)
{
	(void)state;
	expect_lost(BASE, BASE, "");
	expect_lost(BASE "[limits]\ncharge_max = 40A\n", BASE, "  limits.charge_max = 40A\n");
	expect_lost(BASE "[limits]\ncharge_max = 40A\n", BASE "[limits]\ncharge_max = 50A\n",
		    "  limits.charge_max = 40A\n");
	expect_lost(BASE "[limits]\ncharge_max = 40A\n", BASE "[limits]\ncharge_max = 40A\n", "");
	/* What is written down with the value of its default is a decision too, where that counts. */
	expect_lost(BASE "[arbiter]\ninterlock = yes\n", BASE, "  arbiter.interlock = yes\n");
	expect_lost(BASE "[can]\nmanage = yes\n", BASE "[can]\nmanage = yes\n", "");
	/* A default is no loss, whatever takes its place. */
	expect_lost(BASE, BASE "[failsafe]\nrelay = gpiochip0:17\n", "");
	expect_lost(BASE "[failsafe]\nrelay = gpiochip0:17\nfeedback = gpiochip0:22\n", BASE,
		    "  failsafe.relay = gpiochip0:17\n  failsafe.feedback = gpiochip0:22\n");
	/* A required key has no default; a wrong file has nothing. */
	expect_lost(BASE, "[bms]\ndevice = /dev/ttyUSB1\n[can]\ninterface = can0\n",
		    "  bms.device = /dev/ttyUSB0\n");
	expect_lost(BASE, "nonsense", "  bms.device = /dev/ttyUSB0\n  can.interface = can0\n");
}

static void test_print_of_the_defaults_is_refused_only_for_the_required_keys(void **state)
{
	struct config c;
	char *out = NULL;

	(void)state;
	conf_default(&c);
	out = printed(&c);
	expect_refused(out, strlen(out), 0, "bms.device is missing");
	free(out);
}

static void write_file(const char *path, const char *text, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static void test_FLT_57_reading_files(void **state)
{
	char path[] = "/tmp/jkpylon-conf-XXXXXX";
	const int fd = mkstemp(path);
	char *big = malloc(TEN_MB);
	struct config c;
	struct config before;
	struct conf_error e = {.line = 77};

	(void)state;
	assert_true(fd >= 0);
	assert_non_null(big);
	(void)close(fd);
	memset(&c, FILL, sizeof(c));
	before = c;

	assert_int_equal(conf_read("/nonexistent/jkpylon.conf", &c, &e), -ENOENT);
	assert_int_equal(e.line, 0);
	assert_string_equal(e.text, "cannot read the file: No such file or directory; name one "
				    "with --config FILE");
	assert_int_equal(conf_read("/tmp", &c, &e), -EISDIR);
	assert_non_null(strstr(e.text, "cannot read the file: "));

	write_file(path, BASE "poll = 5\n", strlen(BASE "poll = 5\n"));
	assert_int_equal(conf_read(path, &c, &e), -EINVAL);
	assert_int_equal(e.line, 5);

	memset(big, '\n', TEN_MB);
	write_file(path, big, TEN_MB);
	assert_int_equal(conf_read(path, &c, &e), -EINVAL);
	assert_int_equal(e.line, (int)CONF_FILE_MAX + 1);
	assert_non_null(strstr(e.text, "larger than 256 KiB"));
	assert_memory_equal(&c, &before, sizeof(c));

	write_file(path, BASE, strlen(BASE));
	assert_int_equal(conf_read(path, &c, &e), 0);
	base_config(&before);
	assert_memory_equal(&c, &before, sizeof(c));
	assert_int_equal(unlink(path), 0);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_smallest_file_gives_the_defaults),
		cmocka_unit_test(test_ways_to_write_a_line),
		cmocka_unit_test(test_a_hash_inside_a_value_is_no_comment),
		cmocka_unit_test(test_FLT_57_unknown_keys_and_sections),
		cmocka_unit_test(test_FLT_57_lines_that_are_no_setting),
		cmocka_unit_test(test_FLT_57_a_key_given_twice_names_both_lines),
		cmocka_unit_test(test_FLT_57_missing_required_keys),
		cmocka_unit_test(test_FLT_57_bytes_that_are_no_text),
		cmocka_unit_test(test_FLT_57_long_lines_are_refused_not_cut),
		cmocka_unit_test(test_FLT_57_the_file_is_bounded),
		cmocka_unit_test(test_FLT_57_contradictions),
		cmocka_unit_test(test_damping_preset_and_single_numbers),
		cmocka_unit_test(test_fallback_values),
		cmocka_unit_test(test_advice_on_halves),
		cmocka_unit_test(test_texts_of_mqtt),
		cmocka_unit_test(test_FLT_58_secret_that_others_can_read_is_refused),
		cmocka_unit_test(test_secrets_of_the_service_manager),
		cmocka_unit_test(test_preset_applies_wherever_it_stands),
		cmocka_unit_test(test_a_maximum_written_down_is_noted),
		cmocka_unit_test(test_print_reads_back_to_the_same_settings),
		cmocka_unit_test(test_what_another_file_would_lose),
		cmocka_unit_test(test_print_of_the_defaults_is_refused_only_for_the_required_keys),
		cmocka_unit_test(test_FLT_57_reading_files),
	};

	return cmocka_run_group_tests_name("conf/conf", tests, NULL, NULL);
}
