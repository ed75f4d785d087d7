/* SPDX-License-Identifier: Apache-2.0 */
#include "thread.h"

#include <sched.h>

static int set_attributes(pthread_attr_t *attr, const struct thread_spec *spec)
{
	const struct sched_param param = {.sched_priority = 0};
	int error = pthread_attr_setstacksize(attr, spec->stack);

	if (error == 0 && spec->detached) {
		error = pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);
	}
	if (error == 0) {
		error = pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	}
	if (error == 0) {
		error = pthread_attr_setschedpolicy(attr, SCHED_OTHER);
	}
	if (error == 0) {
		error = pthread_attr_setschedparam(attr, &param);
	}
	return error;
}

int thread_start(const struct thread_spec *spec, pthread_t *ret_thread)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error = pthread_attr_init(&attr);

	if (error != 0) {
		return -error;
	}
	error = set_attributes(&attr, spec);
	if (error == 0) {
		error = pthread_create(&thread, &attr, spec->run, spec->arg);
	}
	pthread_attr_destroy(&attr);
	if (error == 0) {
		*ret_thread = thread;
	}
	return -error;
}
