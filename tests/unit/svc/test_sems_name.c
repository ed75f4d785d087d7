/* SPDX-License-Identifier: Apache-2.0 */
/* The portal's service while the name service hangs, knows nothing, or the login file is wrong. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "base/units.h"
#include "svc/sems.h"

#define TIMEOUT_MS 300
#define POLL_MS	   200
#define WAIT_MS	   20000
#define STEP_MS	   10
#define STOP_MS	   500

static _Atomic uint32_t asked;
static _Atomic uint32_t hang;
static _Atomic uint32_t clock_set = 1;

bool __wrap_sems_clock_is_set(int32_t wait_ms);

bool __wrap_sems_clock_is_set(int32_t wait_ms)
{
	(void)wait_ms;
	return atomic_load(&clock_set) != 0U;
}

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **list);
int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **list);

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	if ((hints->ai_flags & AI_NUMERICHOST) != 0) {
		return __real_getaddrinfo(host, port, hints, list);
	}
	atomic_fetch_add(&asked, 1U);
	while (atomic_load(&hang) != 0U) {
		(void)poll(NULL, 0, STEP_MS);
	}
	return EAI_NONAME;
}

static char login[] = "/tmp/jkp-sems-login.XXXXXX";

static int make_login(void **state)
{
	static const char text[] = "account\npassword\n";
	const int fd = mkstemp(login);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1U), sizeof(text) - 1U);
	assert_int_equal(close(fd), 0);
	return 0;
}

static int remove_login(void **state)
{
	(void)state;
	return unlink(login);
}

static struct sems_config settings(void)
{
	return (struct sems_config){
		.portal = SEMS_PORTAL_PLUS,
		.login_file = login,
		.station = "",
		.hosts = "nowhere.test",
		.ca_file = "",
		.agent = "test",
		.login_url = "https://portal.nowhere.test/login",
		.api = "https://portal.nowhere.test/",
		.client = "c",
		.version = "",
		.language = "en",
		.token_header = "token",
		.signature_header = "X-Signature",
		.headers = "",
		.stations_path = "/s",
		.values_path = "/v",
		.codes = {"0", "1", "2", "3", "4"},
		.poll_ms = POLL_MS,
		.stale_ms = 60000,
		.timeout_ms = TIMEOUT_MS,
		.pause_max_ms = POLL_MS,
	};
}

/* Waits for an event. Return: its first argument. */
static int32_t wait_event(struct sems *s, enum event_id id)
{
	for (int32_t ms = 0; ms < WAIT_MS; ms += STEP_MS) {
		struct event e;

		while (ring_pop(&s->service.events, &e)) {
			if (e.id == (uint32_t)id) {
				return e.arg[0];
			}
		}
		(void)poll(NULL, 0, STEP_MS);
	}
	fail_msg("no event %s", event_key((uint32_t)id));
	return 0;
}

static void stop_quickly(struct sems *s)
{
	const int64_t begin_ns = service_now();

	assert_int_equal(sems_stop(s), 0);
	assert_true(time_ms_since(service_now(), begin_ns) < STOP_MS);
}

static void test_SAF_13_FLT_38_name_server_that_hangs(void **state)
{
	static struct sems s;
	const struct sems_config c = settings();

	(void)state;
	atomic_store(&hang, 1U);
	atomic_store(&asked, 0U);
	assert_int_equal(sems_start(&s, &c), 0);
	assert_int_equal(wait_event(&s, EVENT_SEMS_NAME_SLOW), TIMEOUT_MS);
	/* The one that hangs is asked for its result, not a second one. */
	assert_int_equal(wait_event(&s, EVENT_SEMS_NAME_SLOW), TIMEOUT_MS);
	assert_int_equal(atomic_load(&asked), 1);
	stop_quickly(&s);
	atomic_store(&hang, 0U);
}

static void test_FLT_38_name_that_is_none(void **state)
{
	static struct sems s;
	const struct sems_config c = settings();

	(void)state;
	atomic_store(&hang, 0U);
	assert_int_equal(sems_start(&s, &c), 0);
	assert_int_equal(wait_event(&s, EVENT_SEMS_NO_NAME), EAI_NONAME);
	stop_quickly(&s);
}

static void test_FLT_58_login_file_that_others_can_read(void **state)
{
	static struct sems s;
	const struct sems_config c = settings();

	(void)state;
	atomic_store(&asked, 0U);
	assert_int_equal(chmod(login, 0640), 0);
	assert_int_equal(sems_start(&s, &c), 0);
	assert_int_equal(wait_event(&s, EVENT_SEMS_LOGIN_FILE), EPERM);
	assert_int_equal(atomic_load(&asked), 0);
	/* Mended, it is used: no restart is needed. */
	assert_int_equal(chmod(login, 0600), 0);
	(void)wait_event(&s, EVENT_SEMS_NO_NAME);
	stop_quickly(&s);
}

/* A signature with a wrong time is refused: nothing is asked before the clock is set. */
static void test_clock_that_is_not_set(void **state)
{
	static struct sems s;
	const struct sems_config c = settings();

	(void)state;
	atomic_store(&clock_set, 0U);
	atomic_store(&asked, 0U);
	assert_int_equal(sems_start(&s, &c), 0);
	(void)wait_event(&s, EVENT_SEMS_CLOCK);
	(void)poll(NULL, 0, 2 * TIMEOUT_MS);
	assert_int_equal(atomic_load(&asked), 0);
	stop_quickly(&s);
	atomic_store(&clock_set, 1U);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_SAF_13_FLT_38_name_server_that_hangs),
		cmocka_unit_test(test_FLT_38_name_that_is_none),
		cmocka_unit_test(test_FLT_58_login_file_that_others_can_read),
		cmocka_unit_test(test_clock_that_is_not_set),
	};

	return cmocka_run_group_tests(tests, make_login, remove_login);
}
