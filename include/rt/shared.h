/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one page that guard and worker share: an anonymous memory file made by the guard, handed to
 * the worker as an open descriptor. Fixed layout. Each field has one writer; single values are 32
 * bit atomics. The guard takes nothing from it on trust: beats are compared with their complement,
 * the permit is a magic word, the failsafe settings carry a checksum, held values are passed on
 * from one worker to the next without a look.
 */
#ifndef JKP_RT_SHARED_H
#define JKP_RT_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/snapshot.h"

#define SHARED_MAGIC	0x4A4B5047U /* "JKPG" */
#define SHARED_VERSION	1U
#define SHARED_PERMIT	0x5AFEC105U /* the relay may be closed; every other value: it may not */
#define SHARED_TEXT_MAX 256

/* Descriptors in the worker, which is started with --guarded: this page, and the guard's pidfd. */
#define SHARED_WORKER_PAGE_FD  3
#define SHARED_WORKER_PIDFD_FD 4

/* What the worker says of itself. */
enum shared_state {
	SHARED_STARTING, /* before its first cycle */
	SHARED_RUNNING,
	SHARED_STOPPING, /* announced: its end is no fault */
};

/**
 * struct shared_failsafe - failsafe settings, fixed and checksummed; the guard parses no text file
 * @version, @checksum: filled in by shared_failsafe_write(); the sum covers all bytes before it
 * @beat_ms: the relay opens when the worker's beat stands still for longer
 * @reload_ms: and while an announced reload takes longer
 * @on_trip, @relay_mode: values of enum on_trip and enum relay_mode
 * @priority: SCHED_FIFO priority of the worker's cycle; the guard takes 10 more; 0 = none
 * @required: a guard without realtime scheduling is an error
 * @relay, @watchdog: as configured, NUL-terminated
 */
struct shared_failsafe {
	uint32_t version;
	int32_t beat_ms;
	int32_t reload_ms;
	uint32_t on_trip;
	uint32_t relay_mode;
	int32_t priority;
	uint32_t required;
	char relay[SHARED_TEXT_MAX];
	char watchdog[SHARED_TEXT_MAX];
	uint32_t checksum;
};

/**
 * struct shared_held - values shown after a restart of the worker; struct held of the core
 */
struct shared_held {
	int64_t t_ns;
	int32_t pack_mv;
	int32_t pack_ma;
	int32_t temp_dc;
	int32_t soc_pct;
	int32_t cells;
	uint32_t latched;
};

/**
 * struct shared_page - the page
 * @magic, @version, @size: set by the guard before the worker starts
 * @guard_beat: guard: + 1 in each of its periods
 * @state: worker: enum shared_state
 * @beat, @beat_complement: worker: + 1 in each cycle, and its complement
 * @permit, @reason: worker: SHARED_PERMIT or anything else, and enum reason
 * @failsafe_ready: worker: @failsafe is complete
 * @held: worker: snapshot of struct shared_held, survives the worker
 */
struct shared_page {
	uint32_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t pad;
	_Alignas(64) _Atomic uint32_t guard_beat;
	_Alignas(64) _Atomic uint32_t state;
	_Atomic uint32_t beat;
	_Atomic uint32_t beat_complement;
	_Atomic uint32_t permit;
	_Atomic uint32_t reason;
	_Atomic uint32_t failsafe_ready;
	struct shared_failsafe failsafe;
	_Alignas(64) SNAPSHOT_OF(struct shared_held) held;
};

/**
 * shared_create - make the page
 * @ret_fd: descriptor of the memory file, close-on-exec, sealed against resizing
 *
 * Return: the mapped page, or NULL with errno.
 * Context: guard, init.
 */
struct shared_page *shared_create(int *ret_fd);

/**
 * shared_attach - map a page made by shared_create() and check magic, version and size
 * @fd: its descriptor; stays the caller's
 *
 * Return: the mapped page, or NULL with errno (EPROTO: not such a page).
 * Context: worker, init.
 */
struct shared_page *shared_attach(int fd);

/**
 * shared_detach - unmap; NULL is allowed
 */
void shared_detach(struct shared_page *page);

/**
 * shared_restart - forget the last worker's beat, permit, state and settings; held values stay
 *
 * Context: guard, while no worker runs.
 */
void shared_restart(struct shared_page *page);

/**
 * shared_failsafe_write - publish the settings with their checksum
 * @settings: @version and @checksum are filled in here
 *
 * Context: worker, init, once.
 */
void shared_failsafe_write(struct shared_page *page, const struct shared_failsafe *settings);

/**
 * shared_failsafe_read - copy the settings if they are complete and right
 * @ret_settings: untouched on failure; texts are NUL-terminated
 *
 * Return: 0, -EAGAIN not there yet, -EBADMSG version, checksum or range wrong.
 * Context: guard.
 */
int shared_failsafe_read(const struct shared_page *page, struct shared_failsafe *ret_settings);

/**
 * shared_beat - the worker's sign of life after a cycle
 * @permit: the relay may be closed
 * @reason: enum reason when it may not
 *
 * Context: the cycle thread. Wait-free.
 */
void shared_beat(struct shared_page *page, bool permit, uint32_t reason);

/**
 * shared_beat_read - the worker's beat
 * @ret_beat: untouched on failure
 *
 * Return: false if beat and complement do not match (being written, or damaged).
 * Context: guard. Wait-free.
 */
bool shared_beat_read(const struct shared_page *page, uint32_t *ret_beat);

#endif
