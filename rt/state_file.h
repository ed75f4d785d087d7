/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the failsafe state share: the file of two slots, the page of the recorder. */
#ifndef JKP_RT_STATE_FILE_H
#define JKP_RT_STATE_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/state.h"

/*
 * Each slot has a block of its own. Kernel, file system and most disks write whole blocks: what
 * tears while one slot is written must not contain the other.
 */
#define STATE_BLOCK	4096
#define STATE_FILE_SIZE (STATE_SLOTS * STATE_BLOCK)
#define STATE_MODE	0600

#define STATE_FIRST_SEQUENCE 1U

#define STATE_MAIL_MAGIC 0x4A4B504DU /* "JKPM" */

/**
 * struct state_mail - the page between guard and recorder, a memory file
 * @magic: STATE_MAIL_MAGIC
 * @put: guard: sequence of the newest record, which lies in record[@put % STATE_SLOTS]
 * @done: recorder: sequence of the newest record on disk
 * @error: recorder: errno of its last attempt, 0 = it worked
 * @orderly: guard: its end is wanted, the relay is open
 * @relay, @precharge: guard: what the recorder opens if the guard ends in any other way
 * @record: guard: sealed. The newest is not touched while the next is filled in: a guard that dies
 *	in the middle leaves it whole
 */
struct state_mail {
	uint32_t magic;
	_Atomic uint32_t put;
	_Atomic uint32_t done;
	_Atomic uint32_t error;
	_Atomic uint32_t orderly;
	char relay[STATE_RELAY_MAX];
	char precharge[STATE_RELAY_MAX];
	struct state_record record[STATE_SLOTS];
};

/**
 * state_file_open - state_open() without the page
 * @ret_fd: the file, locked, close-on-exec
 */
int state_file_open(const char *path, uint32_t lost_reason, int *ret_fd,
		    struct state_record *ret_newest, char *text, size_t size);

/**
 * state_file_load - read both slots
 * @slot: filled in also when they are broken; what the file does not have is 0
 *
 * Return: as state_choose(); -EBADMSG also if the file has another length or cannot be read.
 */
int state_file_load(int fd, struct state_record slot[STATE_SLOTS]);

/**
 * state_file_older - the slot to write next: the one that does not hold the newest good record
 * @slot: both as read from the file
 */
int state_file_older(const struct state_record slot[STATE_SLOTS]);

/**
 * state_file_write - write a sealed record to its slot and wait until the disk has it
 *
 * Return: 0 or -errno; after a failure the content of the slot is not known.
 */
int state_file_write(int fd, int slot, const struct state_record *record);

/**
 * state_file_write_both - make the file good, from whatever it is
 * @first: the slot to write first
 * @record: is sealed with @sequence for that slot, and with the next one for the other
 *
 * Power may fail at any moment: the file is then as before, or broken, or says what @record says.
 * Return: 0 or -errno.
 */
int state_file_write_both(int fd, int first, struct state_record *record, uint32_t sequence);

/**
 * state_file_has_marker - was the file once complete on disk?
 *
 * Return: 1 yes, 0 no, or -errno.
 */
int state_file_has_marker(const char *path);

/**
 * state_file_judge - read both slots and find the newest
 * @slot: as with state_file_load()
 *
 * Return: 0 or 1: its slot; -ENOENT a first installation, perhaps cut off by a power failure: there
 * is no marker, and nothing but zeros and the first records; -EBADMSG not known; or another -errno.
 */
int state_file_judge(const char *path, int fd, struct state_record slot[STATE_SLOTS]);

/**
 * state_file_settle - wait until the disk has a good file; make the marker if there is none
 *
 * Return: 0 or -errno.
 */
int state_file_settle(const char *path, int fd);

/**
 * state_file_remedy - what a person can do about a disk that refuses
 * @error: errno
 */
const char *state_file_remedy(int error);

#endif
