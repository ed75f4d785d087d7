/* SPDX-License-Identifier: Apache-2.0 */
/* Entering real time: what is granted is what was asked for, and a refusal names its remedy. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/enter.h"

#define NOBODY	 65534
#define PRIORITY 7
#define NO_CPU	 1023

struct seen {
	int policy;
	int priority;
	size_t stack;
	bool term_blocked;
	bool xcpu_blocked;
	char name[16];
};

static void *look(void *arg)
{
	struct seen *s = arg;
	struct sched_param param;
	pthread_attr_t attr;
	sigset_t mask;

	enter_prefault_stack();
	pthread_getschedparam(pthread_self(), &s->policy, &param);
	s->priority = param.sched_priority;
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &s->stack);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	s->term_blocked = sigismember(&mask, SIGTERM) == 1;
	s->xcpu_blocked = sigismember(&mask, SIGXCPU) == 1;
	return NULL;
}

static void test_thread_has_its_stack_and_signals_blocked(void **state)
{
	const struct enter_thread spec = {
		.name = "looker", .stack = ENTER_STACK_SERVICE, .cpu = ENTER_CPU_ANY};
	struct seen s = {0};
	pthread_t thread;
	sigset_t mask;

	(void)state;
	assert_int_equal(enter_start_thread(&spec, look, &s, &thread), 0);
	pthread_join(thread, NULL);
	assert_int_equal(s.policy, SCHED_OTHER);
	/* a sanitizer adds some of its own */
	assert_in_range(s.stack, ENTER_STACK_SERVICE, 2 * ENTER_STACK_SERVICE);
	assert_true(s.term_blocked);
	assert_false(s.xcpu_blocked);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
}

static void test_realtime_thread_has_policy_and_priority(void **state)
{
	const struct enter_thread spec = {
		.name = "rt", .stack = ENTER_STACK_RT, .priority = PRIORITY, .cpu = ENTER_CPU_ANY};
	struct enter_report report = {0};
	struct seen s = {0};
	pthread_t thread;

	(void)state;
	if (enter_start_realtime(&spec, true, look, &s, &thread, &report) != 0) {
		print_message("realtime is refused here: %s\n", report.text);
		skip();
	}
	pthread_join(thread, NULL);
	assert_int_equal(s.policy, SCHED_FIFO);
	assert_int_equal(s.priority, PRIORITY);
	assert_true(report.fifo);
	assert_int_equal(report.error, 0);
	assert_string_equal(report.text, "");
}

static void test_missing_cpu_is_refused_when_required_and_left_out_otherwise(void **state)
{
	const struct enter_thread spec = {.name = "rt", .stack = ENTER_STACK_RT, .cpu = NO_CPU};
	struct enter_report report = {0};
	struct seen s = {0};
	pthread_t thread;

	(void)state;
	assert_int_equal(enter_start_realtime(&spec, true, look, &s, &thread, &report), -EINVAL);
	assert_non_null(strstr(report.text, "rt.cpu=1023"));

	memset(&report, 0, sizeof(report));
	assert_int_equal(enter_start_realtime(&spec, false, look, &s, &thread, &report), 0);
	pthread_join(thread, NULL);
	assert_false(report.pinned);
	assert_int_equal(report.error, EINVAL);
}

/* As another user, without any realtime limit. Return: number of the check that failed, 0 = none. */
static int refused_as_nobody(void)
{
	const struct enter_thread spec = {
		.name = "rt", .stack = ENTER_STACK_RT, .priority = PRIORITY, .cpu = ENTER_CPU_ANY};
	const struct rlimit none = {0, 0};
	const struct rlimit small = {64 * 1024, 64 * 1024};
	struct enter_report report = {0};
	struct seen s = {0};
	pthread_t thread;

	if (setrlimit(RLIMIT_RTPRIO, &none) != 0 || setrlimit(RLIMIT_MEMLOCK, &small) != 0 ||
	    (geteuid() == 0 &&
	     (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0))) {
		return 1;
	}
	if (enter_start_realtime(&spec, true, look, &s, &thread, &report) != -EPERM) {
		return 2;
	}
	if (strstr(report.text, "LimitRTPRIO=7") == NULL || report.error != EPERM) {
		return 3;
	}
	memset(&report, 0, sizeof(report));
	if (enter_start_realtime(&spec, false, look, &s, &thread, &report) != 0) {
		return 4;
	}
	pthread_join(thread, NULL);
	if (report.fifo || report.error != EPERM || s.policy != SCHED_OTHER) {
		return 5;
	}
	memset(&report, 0, sizeof(report));
	if (enter_memory(&report) == 0 || report.locked) {
		return 6;
	}
	return strstr(report.text, "LimitMEMLOCK") != NULL ? 0 : 7;
}

static void test_refusals_name_the_limit_to_raise(void **state)
{
	int status = 0;
	const pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		_exit(refused_as_nobody());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* the sanitizers turn mlockall() into nothing */
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 6);
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 6);
#else
	assert_int_equal(WEXITSTATUS(status), 0);
#endif
#else
	assert_int_equal(WEXITSTATUS(status), 0);
#endif
}

static void *spin(void *arg)
{
	volatile uint32_t *n = arg;

	for (;;) {
		(*n)++;
	}
	return NULL;
}

static void test_FLT_30_runaway_realtime_thread_is_ended_by_the_kernel(void **state)
{
	const struct enter_thread spec = {
		.name = "rt", .stack = ENTER_STACK_RT, .priority = 1, .cpu = ENTER_CPU_ANY};
	int status = 0;
	const pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		const struct rlimit no_core = {0, 0};
		static volatile uint32_t n;
		pthread_t thread;
		struct enter_report report = {0};

		setrlimit(RLIMIT_CORE, &no_core);
		if (enter_runaway_limit() != 0) {
			_exit(1);
		}
		if (enter_start_realtime(&spec, true, spin, (void *)(uintptr_t)&n, &thread,
					 &report) != 0) {
			_exit(2);
		}
		sleep(5);
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		print_message("realtime is refused here\n");
		skip();
	}
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGXCPU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread_has_its_stack_and_signals_blocked),
		cmocka_unit_test(test_realtime_thread_has_policy_and_priority),
		cmocka_unit_test(test_missing_cpu_is_refused_when_required_and_left_out_otherwise),
		cmocka_unit_test(test_refusals_name_the_limit_to_raise),
		cmocka_unit_test(test_FLT_30_runaway_realtime_thread_is_ended_by_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
