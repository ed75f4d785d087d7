/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The failsafe state that survives restart, reboot and power loss: above all a latched fault
 * (SAF-12). The guard must never wait for a disk, so two processes share the work:
 *
 *	guard --- page in memory, newest record ---> recorder --- file of two slots ---> disk
 *	      --- pipe: one byte, "look" ---------->
 *	      <-- page in memory: what is on disk --
 *
 * The page holds the newest record until it is on disk. So neither a slow disk nor the death of
 * either process loses a record, and the guard knows what is on disk. A pipe that carried the
 * records would lose those that its reader had taken and not yet written, and could be full.
 *
 * The file is written in place, so a full disk does not matter. A record goes to the slot that does
 * not hold the newest one, and fills one sector, which a disk writes wholly or not at all: power
 * loss leaves the old or the new record. Should it leave half of one, or a byte change later, then
 * nobody knows what was latched, so everything is: see @lost_reason of state_open().
 */
#ifndef JKP_RT_STATE_H
#define JKP_RT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_VERSION	1U
#define STATE_SIZE	512 /* one sector */
#define STATE_SLOTS	2
#define STATE_RELAY_MAX 256
#define STATE_SPARE	51
#define STATE_PATH_MAX	256
#define STATE_TEXT_MAX	480    /* enough for every text of state_open() and state_read() */
#define STATE_NONE	"none" /* instead of a path: nothing survives */

/**
 * struct state_record - the state, as it lies in a slot of the file; integers are little-endian
 * @magic, @version, @sequence, @checksum: filled in by state_put(); @sequence counts modulo 2^32,
 *	the checksum covers every byte before it
 * @latched: enum reason of the latched fault, or the caller's lost_reason; 0 = none
 * @detail: more about @latched, e.g. enum level_id; of a lost state: what was latched before as far
 *	as known, 0 = nothing or not known
 * @opened_by: enum reason of the newest opening of the relay that was a fault, 0 = none
 * @reclosings: the caller's count of reclosings
 * @when_s: wall clock, seconds since 1970: for people only
 * @monotonic_ns: CLOCK_MONOTONIC of the boot in which it was written
 * @spare: 0
 * @relay: the relay as configured, NUL-terminated: it can be opened without a configuration
 */
struct state_record {
	char magic[4];
	uint32_t version;
	uint32_t sequence;
	uint32_t latched;
	uint32_t detail;
	uint32_t opened_by;
	uint32_t reclosings;
	uint32_t pad;
	int64_t when_s;
	int64_t monotonic_ns;
	uint32_t spare[STATE_SPARE];
	char relay[STATE_RELAY_MAX];
	uint32_t checksum;
};

struct state_mail;

/**
 * struct state - the guard's end; fields are the module's own
 * @file_fd: the file, locked; -1 = none
 * @bell: pipe; the guard keeps both ends, so a dead recorder raises no SIGPIPE
 * @mail_fd, @mail: the page that guard and recorder share
 * @recorder: its process id, 0 = none runs
 */
struct state {
	int file_fd;
	int bell[2];
	int mail_fd;
	struct state_mail *mail;
	pid_t recorder;
};

/**
 * state_seal - fill in magic, version, sequence and checksum
 *
 * A @relay that is not NUL-terminated is cut.
 * Context: any. Pure, bound: one pass over the record.
 */
void state_seal(struct state_record *record, uint32_t sequence);

/**
 * state_is_good - the record is complete and as it was sealed
 *
 * Context: any. Pure, bound: one pass over the record.
 */
bool state_is_good(const struct state_record *record);

/**
 * state_choose - find the newest record
 * @slot: both slots as they lie in the file
 *
 * Return: 0 or 1: its slot; -EBADMSG: a slot is damaged or empty, or they contradict each other: it
 * may be the newest that is lost, so the state is not known.
 * Context: any. Pure, bound: one pass over both.
 */
int state_choose(const struct state_record slot[STATE_SLOTS]);

/**
 * state_open - open and lock the file, make it on the first installation, repair it if it is broken
 * @s: uninitialised; after a failure nothing is open, and state_close() is allowed
 * @path: the file, shorter than STATE_PATH_MAX; or STATE_NONE
 * @lost_reason: not 0: becomes @latched when the file is missing, broken or of another version
 *	although there was one: PATH.made lies beside it. Then the file is repaired and says so too
 * @ret_newest: the newest record, all zero with STATE_NONE; untouched on failure
 * @text: receives one line for people: after a failure what is wrong and the remedy; else a
 *	warning, or an empty text
 * @size: of @text, at least 1, STATE_TEXT_MAX is enough
 *
 * The file must be a regular one that belongs to the effective user and that nobody else can write.
 *
 * Return: 0; -EWOULDBLOCK another instance has it; -ELOOP a symbolic link, -EISDIR a directory,
 * -EPERM others own it or can write it; or another -errno.
 * Context: init. Waits for the disk.
 */
int state_open(struct state *s, const char *path, uint32_t lost_reason,
	       struct state_record *ret_newest, char *text, size_t size);

/**
 * state_start - start the recorder unless it runs; what was put and is not yet on disk it records
 *
 * By fork() and not by posix_spawn(): that one returns only when the new process has loaded its
 * program, so a realtime guard would wait for a disk and for a process without priority.
 *
 * Return: 0, also without a file; or -errno.
 * Context: init or the guard's thread. Copies page tables, waits for nothing.
 */
int state_start(struct state *s);

/**
 * state_put - have a record written to disk
 * @record: all but magic, version, sequence and checksum filled in
 *
 * Only the newest record counts: one that is not yet on disk is replaced.
 *
 * Return: 0; -EPIPE no recorder runs: the record waits for the next state_start().
 * Context: the guard's thread. Never blocks, allocates nothing, bound: one pass over the record and
 * two system calls.
 */
int state_put(struct state *s, const struct state_record *record);

/**
 * state_check - is the newest record on disk?
 *
 * Return: 0 yes, or there is no file; -EINPROGRESS not yet; -EPIPE no recorder runs: call
 * state_start(); another -errno: the disk refuses (-ENOSPC, -EROFS, -EIO, ...), the recorder keeps
 * trying and has said so in the log.
 * Context: the guard's thread. Never blocks, one system call.
 */
int state_check(struct state *s);

/**
 * state_lines - what the recorder opens if the guard dies: nobody else may be there to do it
 * @relay, @precharge: as configured
 *
 * Context: init, before the relay is closed.
 */
void state_lines(struct state *s, const char *relay, const char *precharge);

/**
 * state_orderly - the end that follows is wanted, the relay is open: the recorder leaves it alone
 */
void state_orderly(struct state *s);

/**
 * state_close - let the recorder finish, at most 2 s, and close all
 *
 * A recorder that a disk holds up longer goes on alone, and keeps the lock meanwhile.
 * Context: fini. Once after each state_open().
 */
void state_close(struct state *s);

/**
 * state_read - look at the file without touching it
 * @path: as with state_open()
 * @ret_record: the newest record; untouched on failure
 * @text, @size: as with state_open()
 *
 * Return: 0; -ENOENT no file yet, the first start will make it (or STATE_NONE); -EBADMSG broken or
 * missing: the next start will latch; -ELOOP, -EISDIR, -EPERM or another -errno: not to be read.
 * Context: tools, also while the guard runs. Takes no lock; at most 0.1 s and the disk's time.
 */
int state_read(const char *path, struct state_record *ret_record, char *text, size_t size);

/**
 * state_recorder_run - be the recorder, until the guard is gone and its last record is on disk
 *
 * Descriptors: STATE_BELL_FD, STATE_FILE_FD, STATE_MAIL_FD. No signal that ends a service ends the
 * recorder. A disk that refuses is tried again every second and with every new record, and is
 * logged once; without a guard it is tried STATE_LAST_TRIES times. A guard that ends in any way but
 * the orderly one has nobody beside it who is sure to live: the recorder opens the relay first.
 *
 * Return: exit code of the process.
 * Context: main of the process that state_start() makes: `jkpylond --record-state`.
 */
int state_recorder_run(void);

#define STATE_RECORDER_OPTION "record-state"
#define STATE_BELL_FD	      3
#define STATE_FILE_FD	      4
#define STATE_MAIL_FD	      5
#define STATE_LAST_TRIES      2

#endif
