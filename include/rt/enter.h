/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process and a thread need to run in real time: locked memory, prefaulted stacks of a known
 * size, SCHED_FIFO by explicit attributes, a CPU, no deep idle states, a limit against a runaway.
 * Everything may be refused; a refusal comes with the name of the limit to raise.
 */
#ifndef JKP_RT_ENTER_H
#define JKP_RT_ENTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTER_TEXT_MAX 256

/* Stack of the cycle thread and of service threads. Default stacks of 8 MiB would all be locked. */
#define ENTER_STACK_RT	    ((size_t)128 * 1024)
#define ENTER_STACK_SERVICE ((size_t)128 * 1024)

#define ENTER_CPU_ANY (-1)

/**
 * struct enter_report - what was granted
 * @locked: all memory is locked and stays so (MCL_CURRENT | MCL_FUTURE)
 * @fifo: the realtime thread got SCHED_FIFO
 * @pinned: the realtime thread got its CPU
 * @dma_latency: /dev/cpu_dma_latency is held at 0
 * @error: errno of the first refusal of @locked, @fifo or @pinned, 0 = none
 * @text: that refusal in words with its remedy; empty if none
 */
struct enter_report {
	bool locked;
	bool fifo;
	bool pinned;
	bool dma_latency;
	int32_t error;
	char text[ENTER_TEXT_MAX];
};

/**
 * enter_memory - keep all present and future memory of the process in RAM
 * @report: @locked, and on refusal @error and @text, are filled in
 *
 * Makes malloc keep what it has (no trimming, no mapping per block, one arena, so that small
 * RLIMIT_MEMLOCK values suffice), then locks. Call it before any thread is started.
 *
 * Return: 0, or -errno of mlockall().
 * Context: init, one thread.
 */
int enter_memory(struct enter_report *report);

/**
 * enter_runaway_limit - let the kernel end a realtime thread that no longer sleeps
 *
 * RLIMIT_RTTIME: SIGXCPU (which must stay unblocked) after ENTER_RTTIME_US of CPU time of a
 * SCHED_FIFO thread without a blocking system call, SIGKILL after twice that.
 *
 * Return: 0 or -errno.
 * Context: init.
 */
#define ENTER_RTTIME_US 200000
int enter_runaway_limit(void);

/**
 * enter_dma_latency - keep the CPUs out of deep idle states while the descriptor is open
 * @report: @dma_latency is set
 *
 * Return: descriptor to close at the end, or -errno (-EACCES without permission: no fault, see the
 * udev rule).
 * Context: init.
 */
int enter_dma_latency(struct enter_report *report);

/**
 * struct enter_thread - explicit attributes of a thread
 * @name: at most 15 characters, shown by ps and top
 * @stack: bytes, a multiple of the page size
 * @priority: SCHED_FIFO priority 1..99, or 0 = SCHED_OTHER
 * @cpu: CPU number or ENTER_CPU_ANY
 */
struct enter_thread {
	const char *name;
	size_t stack;
	int32_t priority;
	int32_t cpu;
};

/**
 * enter_start_thread - start a thread with these attributes, all signals but SIGXCPU blocked
 * @spec: attributes
 * @run: its function
 * @arg: its argument
 * @ret_thread: the thread, to be joined by the caller
 *
 * Return: 0; -EPERM realtime scheduling was refused; -EINVAL no such CPU or an impossible
 * attribute; -EAGAIN no memory for the stack within RLIMIT_MEMLOCK.
 * Context: init.
 */
int enter_start_thread(const struct enter_thread *spec, void *(*run)(void *), void *arg,
		       pthread_t *ret_thread);

/**
 * enter_start_realtime - enter_start_thread() for the one realtime thread, with a second attempt
 * @spec: attributes
 * @required: refuse instead of running without realtime scheduling or without the CPU
 * @run, @arg, @ret_thread: as above
 * @report: @fifo, @pinned, @error, @text
 *
 * Return: 0, or -errno with @report->text set.
 * Context: init.
 */
int enter_start_realtime(const struct enter_thread *spec, bool required, void *(*run)(void *),
			 void *arg, pthread_t *ret_thread, struct enter_report *report);

/**
 * enter_prefault_stack - touch the unused rest of the calling thread's stack
 *
 * Context: first statement of the realtime thread; not the main thread.
 */
void enter_prefault_stack(void);

#endif
