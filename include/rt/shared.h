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
#include "core/guardpol.h"

#define SHARED_MAGIC	0x4A4B5047U /* "JKPG" */
#define SHARED_VERSION	2U
#define SHARED_PERMIT	0x5AFEC105U /* the relay may be closed; every other value: it may not */
#define SHARED_ACK	0xAC000000U /* + number of the latch that is acknowledged */
#define SHARED_TEXT_MAX 256
#define SHARED_HELD_MAX 128 /* bytes */

/* Descriptors in the worker, which is started with --guarded: this page, and the guard's pidfd. */
#define SHARED_WORKER_PAGE_FD  3
#define SHARED_WORKER_PIDFD_FD 4

/* What the guard says to the settings. */
enum shared_answer {
	SHARED_WAIT,
	SHARED_READY,	/* relay, state and watchdog are in the guard's hands */
	SHARED_REFUSED, /* the guard has said why */
};

/**
 * struct shared_failsafe - failsafe settings, fixed and checksummed; the guard parses no text file
 * @version, @checksum: filled in by shared_failsafe_write(); the sum covers all bytes before it
 * @policy: times of the guard's policy
 * @priority: SCHED_FIFO priority of the worker's cycle; the guard takes 10 more; 0 = none
 * @required: a guard without realtime scheduling is an error
 * @watchdog_s: timeout of the hardware watchdog
 * @relay, @precharge, @feedback, @watchdog, @state: as configured, NUL-terminated
 */
struct shared_failsafe {
	uint32_t version;
	struct guardpol_config policy;
	int32_t priority;
	uint32_t required;
	int32_t watchdog_s;
	char relay[SHARED_TEXT_MAX];
	char precharge[SHARED_TEXT_MAX];
	char feedback[SHARED_TEXT_MAX];
	char watchdog[SHARED_TEXT_MAX];
	char state[SHARED_TEXT_MAX];
	uint32_t checksum;
};

/**
 * struct shared_latch - a latched fault; one 32 bit word in the page
 * @number: + 1 with each change, modulo 256
 * @reason: enum reason, 0 = nothing is latched
 * @level: enum level_id behind a REASON_CRITICAL
 */
struct shared_latch {
	uint8_t number;
	uint8_t reason;
	uint8_t level;
};

/**
 * struct shared_held - what a worker leaves to the next one; the guard does not look into it
 * @size: of struct held: a worker of another release may have another
 * @core: struct held of the core
 */
struct shared_held {
	uint32_t size;
	uint32_t pad;
	uint64_t core[SHARED_HELD_MAX / 8];
};

/**
 * struct shared_page - the page
 * @magic, @version, @size: set by the guard before the worker starts
 * @guard_beat: guard: + 1 in each of its periods
 * @answer: guard: enum shared_answer to the settings
 * @relay: guard: enum relay_state as commanded
 * @latch: guard: what is latched, see shared_latch_read()
 * @workers: guard: how many were started before this one
 * @reload: guard: not 0: this worker was announced by the one before
 * @state: worker: enum guardpol_worker, what it says of itself
 * @beat, @beat_complement: worker: + 1 in each cycle, and its complement
 * @permit, @reason: worker: SHARED_PERMIT or anything else, and enum reason
 * @latched: worker: what its core has latched: enum reason | enum level_id << 8
 * @ack: worker: SHARED_ACK + number of the latch that a person has acknowledged
 * @failsafe_ready: worker: @failsafe is complete
 * @held: worker: snapshot, survives the worker
 */
struct shared_page {
	uint32_t magic;
	uint32_t version;
	uint32_t size;
	uint32_t pad;
	_Alignas(64) _Atomic uint32_t guard_beat;
	_Atomic uint32_t answer;
	_Atomic uint32_t relay;
	_Atomic uint32_t latch;
	_Atomic uint32_t workers;
	_Atomic uint32_t reload;
	_Alignas(64) _Atomic uint32_t state;
	_Atomic uint32_t beat;
	_Atomic uint32_t beat_complement;
	_Atomic uint32_t permit;
	_Atomic uint32_t reason;
	_Atomic uint32_t latched;
	_Atomic uint32_t ack;
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

/* shared_latch_word, shared_latch_read - the word in the page and what it says */
uint32_t shared_latch_word(struct shared_latch latch);
struct shared_latch shared_latch_read(uint32_t word);

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
