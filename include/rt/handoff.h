/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-over of a descriptor between a helper thread, which opens and closes it, and the realtime
 * thread, which uses it. close(2) of a tty can wait for its output to drain, so the realtime thread
 * never closes: it gives the descriptor up, and the helper reclaims it. The helper never closes
 * what the realtime thread may be using: it recalls it, and waits until it was given up.
 * Both sides are wait-free.
 */
#ifndef JKP_RT_HANDOFF_H
#define JKP_RT_HANDOFF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct handoff - place for one descriptor
 * @slot: 0: empty; n > 0: descriptor n - 1, with the realtime thread; n < 0: descriptor -n - 1,
 *        given up and waiting for the helper
 * @recall: the helper wants the descriptor back; written by the helper only
 *
 * Fields are the hand-over's own; use the functions.
 */
struct handoff {
	_Atomic int32_t slot;
	_Atomic uint32_t recall;
};

/**
 * handoff_init - empty place
 *
 * Context: init.
 */
void handoff_init(struct handoff *h);

/**
 * handoff_put - hand a descriptor to the realtime thread
 * @h: place
 * @fd: open descriptor, >= 0; belongs to @h until handoff_reclaim() returns it
 *
 * Return: true; false if the place is taken: @fd stays the caller's.
 * Context: the helper thread.
 */
bool handoff_put(struct handoff *h, int fd);

/**
 * handoff_recall - ask the realtime thread to give the descriptor up at its next use
 *
 * Context: the helper thread.
 */
void handoff_recall(struct handoff *h);

/**
 * handoff_reclaim - take back what the realtime thread gave up
 *
 * Return: the descriptor, now the caller's to close; -1 if there is none.
 * Context: the helper thread.
 */
int handoff_reclaim(struct handoff *h);

/**
 * handoff_get - descriptor to use until the next call
 *
 * Return: the descriptor; -1 if there is none or it was recalled (then it is given up here).
 * Context: the realtime thread. Wait-free, no system call.
 */
int handoff_get(struct handoff *h);

/**
 * handoff_is_held - there is a descriptor with the realtime thread
 *
 * Context: any thread. Wait-free.
 */
bool handoff_is_held(const struct handoff *h);

/**
 * handoff_is_empty - there is no descriptor, and none waits for the helper
 *
 * Context: the helper thread.
 */
bool handoff_is_empty(const struct handoff *h);

/**
 * handoff_give_up - the realtime thread will not use the descriptor any more
 *
 * Context: the realtime thread. Wait-free, no system call.
 */
void handoff_give_up(struct handoff *h);

/**
 * handoff_fini - take the descriptor back in any state
 *
 * Return: the descriptor, the caller's to close; -1 if there is none.
 * Context: fini, when the realtime thread does not run any more.
 */
int handoff_fini(struct handoff *h);

#endif
