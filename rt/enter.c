/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering real time. Attributes are explicit (PTHREAD_EXPLICIT_SCHED), so a refusal shows up when
 * the thread is created and not as a thread that runs with the wrong priority.
 */
#include "rt/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define DMA_LATENCY_DEVICE "/dev/cpu_dma_latency"
#define MALLOC_TOP_PAD	   (64 * 1024)
#define NEVER_TRIM	   (-1)
#define BYTES_PER_KIB	   1024U
#define RT_RUNTIME_SYSCTL  "/proc/sys/kernel/sched_rt_runtime_us"

__attribute__((format(printf, 3, 4))) static int refuse(struct enter_report *r, int error,
							const char *format, ...)
{
	va_list ap;

	if (r->error == 0) {
		r->error = error;
		va_start(ap, format);
		vsnprintf(r->text, sizeof(r->text), format, ap);
		va_end(ap);
	}
	return -error;
}

int enter_memory(struct enter_report *report)
{
	struct rlimit limit = {0};

	/* No arena per thread: each one reserves 64 MiB that MCL_FUTURE would have to account for. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, NEVER_TRIM);
	mallopt(M_TOP_PAD, MALLOC_TOP_PAD);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0) {
		report->locked = true;
		return 0;
	}
	const int error = errno;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	return refuse(report, error,
		      "cannot lock memory (%s), the limit is %llu KiB: raise RLIMIT_MEMLOCK: "
		      "LimitMEMLOCK=infinity in the service, or ulimit -l unlimited",
		      strerror(error), (unsigned long long)limit.rlim_cur / BYTES_PER_KIB);
}

int enter_runaway_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_RTTIME, &limit) != 0) {
		return -errno;
	}
	if (limit.rlim_max > 2 * (rlim_t)ENTER_RTTIME_US) {
		limit.rlim_max = 2 * (rlim_t)ENTER_RTTIME_US;
	}
	limit.rlim_cur = limit.rlim_max < ENTER_RTTIME_US ? limit.rlim_max : ENTER_RTTIME_US;
	return setrlimit(RLIMIT_RTTIME, &limit) == 0 ? 0 : -errno;
}

int enter_dma_latency(struct enter_report *report)
{
	const int32_t none = 0;
	const int fd = open(DMA_LATENCY_DEVICE, O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		return -errno;
	}
	if (write(fd, &none, sizeof(none)) != (ssize_t)sizeof(none)) {
		const int error = errno;

		close(fd);
		return -error;
	}
	report->dma_latency = true;
	return fd;
}

static int set_attributes(pthread_attr_t *attr, const struct enter_thread *spec)
{
	const struct sched_param param = {.sched_priority = spec->priority};
	cpu_set_t set;
	int error = pthread_attr_setstacksize(attr, spec->stack);

	if (error == 0) {
		error = pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	}
	if (error == 0) {
		error = pthread_attr_setschedpolicy(attr,
						    spec->priority > 0 ? SCHED_FIFO : SCHED_OTHER);
	}
	if (error == 0) {
		error = pthread_attr_setschedparam(attr, &param);
	}
	if (error == 0 && spec->cpu != ENTER_CPU_ANY) {
		if (spec->cpu < 0 || spec->cpu >= CPU_SETSIZE) {
			return EINVAL;
		}
		CPU_ZERO(&set);
		CPU_SET((size_t)spec->cpu, &set);
		error = pthread_attr_setaffinity_np(attr, sizeof(set), &set);
	}
	return error;
}

int enter_start_thread(const struct enter_thread *spec, void *(*run)(void *), void *arg,
		       pthread_t *ret_thread)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	int error = pthread_attr_init(&attr);

	if (error != 0) {
		return -error;
	}
	error = set_attributes(&attr, spec);
	if (error == 0) {
		sigfillset(&all);
		sigdelset(&all, SIGXCPU);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		error = pthread_create(&thread, &attr, run, arg);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	if (error != 0) {
		return -error;
	}
	/* The name is for people; a thread that has already ended cannot be named. */
	(void)pthread_setname_np(thread, spec->name);
	*ret_thread = thread;
	return 0;
}

static int refuse_priority(const struct enter_thread *spec, struct enter_report *report)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_RTPRIO, &limit);
	if (geteuid() != 0 && limit.rlim_cur < (rlim_t)spec->priority) {
		return refuse(report, EPERM,
			      "realtime priority %d is refused, the limit is %llu: raise "
			      "RLIMIT_RTPRIO: LimitRTPRIO=%d in the service, or ulimit -r %d",
			      spec->priority, (unsigned long long)limit.rlim_cur, spec->priority,
			      spec->priority);
	}
	return refuse(
		report, EPERM,
		"realtime scheduling is refused although RLIMIT_RTPRIO permits it: the "
		"control group has no realtime time: raise its cpu.rt_runtime_us, or look at " RT_RUNTIME_SYSCTL);
}

static int refuse_cpu(const struct enter_thread *spec, struct enter_report *report)
{
	return refuse(report, EINVAL,
		      "rt.cpu=%d: this machine has no such CPU, or the service may not use it: see "
		      "nproc, CPUAffinity= and AllowedCPUs=",
		      spec->cpu);
}

static int refuse_other(int error, struct enter_report *report)
{
	return refuse(report, error,
		      "cannot start the realtime thread (%s): raise RLIMIT_MEMLOCK "
		      "(LimitMEMLOCK=infinity) and RLIMIT_NPROC",
		      strerror(error));
}

int enter_start_realtime(const struct enter_thread *spec, bool required, void *(*run)(void *),
			 void *arg, pthread_t *ret_thread, struct enter_report *report)
{
	struct enter_thread attempt = *spec;
	int r = enter_start_thread(&attempt, run, arg, ret_thread);

	if (r == -EINVAL && spec->cpu != ENTER_CPU_ANY) {
		r = refuse_cpu(spec, report);
		if (!required) {
			attempt.cpu = ENTER_CPU_ANY;
			r = enter_start_thread(&attempt, run, arg, ret_thread);
		}
	}
	if (r == -EPERM && attempt.priority > 0) {
		r = refuse_priority(spec, report);
		if (!required) {
			attempt.priority = 0;
			r = enter_start_thread(&attempt, run, arg, ret_thread);
		}
	}
	if (r != 0) {
		return refuse_other(-r, report);
	}
	report->fifo = attempt.priority > 0;
	report->pinned = attempt.cpu != ENTER_CPU_ANY;
	return 0;
}

void enter_prefault_stack(void)
{
	/* Not the address of a variable: AddressSanitizer may keep those elsewhere. */
	const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	pthread_attr_t attr;
	void *base = NULL;
	size_t size = 0;

	if (pthread_getattr_np(pthread_self(), &attr) != 0) {
		return;
	}
	if (pthread_attr_getstack(&attr, &base, &size) == 0 && frame > (uintptr_t)base &&
	    frame - (uintptr_t)base <= size) {
		/* From the far end up to the page below this frame; the guard page is not part. */
		volatile char *const low = base;
		const uintptr_t top = (frame - (uintptr_t)base) / page * page;

		for (uintptr_t at = 0; at < top; at += page) {
			low[at] = 0;
		}
	}
	pthread_attr_destroy(&attr);
}
