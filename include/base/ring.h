/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring of fixed-size records for exactly one producer and one consumer (two threads). Both ends are
 * wait-free: no loop, no lock, no system call. A full ring refuses the new record and counts it.
 * Only 32 bit atomics: a 64 bit store is a retry loop on ARMv7.
 */
#ifndef JKP_BASE_RING_H
#define JKP_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_CACHE_LINE 64

/**
 * struct ring - single-producer single-consumer ring, caller's storage
 * @head: records pushed so far, modulo 2^32; written by the producer
 * @tail_seen: the producer's last known @tail
 * @dropped: records refused because the ring was full; written by the producer
 * @tail: records popped so far, modulo 2^32; written by the consumer
 * @head_seen: the consumer's last known @head
 * @storage: @count * @record_size bytes, owned by the caller, outlives the ring
 * @count: capacity in records, a power of two
 * @record_size: bytes per record
 *
 * Fields are the ring's own; use the functions.
 */
struct ring {
	_Alignas(RING_CACHE_LINE) _Atomic uint32_t head;
	uint32_t tail_seen;
	_Atomic uint32_t dropped;
	_Alignas(RING_CACHE_LINE) _Atomic uint32_t tail;
	uint32_t head_seen;
	_Alignas(RING_CACHE_LINE) uint8_t *storage;
	uint32_t count;
	uint32_t record_size;
};

/**
 * ring_init - prepare an empty ring
 * @r: ring to set up
 * @storage: at least @count * @record_size bytes; stays the caller's, must outlive @r
 * @count: capacity in records: a power of two, 2..2^24
 * @record_size: bytes per record, 1..4096
 *
 * Return: 0, or -EINVAL for a count that is no power of two or sizes out of range.
 * Context: init only, before either end is used.
 */
int ring_init(struct ring *r, void *storage, uint32_t count, uint32_t record_size);

/**
 * ring_push - append one record
 * @r: ring
 * @record: @record_size bytes, copied
 *
 * Return: true; false if the ring was full (the record is dropped and counted).
 * Context: the producer thread only. Wait-free, bound: one copy of @record_size bytes.
 */
bool ring_push(struct ring *r, const void *record);

/**
 * ring_pop - take the oldest record
 * @r: ring
 * @ret_record: receives @record_size bytes; untouched if the ring is empty
 *
 * Return: true; false if the ring is empty.
 * Context: the consumer thread only. Wait-free, bound: one copy of @record_size bytes.
 */
bool ring_pop(struct ring *r, void *ret_record);

/**
 * ring_dropped - records refused so far, modulo 2^32
 *
 * Context: any thread. Wait-free.
 */
uint32_t ring_dropped(const struct ring *r);

#endif
