/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serial port of the BMS. The realtime cycle thread never blocks: a helper thread opens, closes and
 * reopens the device, and reads from it, because all of these can sleep. For reading that is so
 * even where nothing blocks by the manual: read(2) and poll(2) of a tty without data wait for the
 * kernel's worker that carries bytes from the driver to the line discipline (n_tty_read() calls
 * tty_buffer_flush_work(), Linux 6.1), and that worker has normal priority: under load, the cycle
 * thread was seen to stand still for 6.7 ms in a read that returned EAGAIN. A lost device is
 * followed by the configured path, so a link below /dev/serial/by-id finds it again under another
 * name.
 */
#ifndef JKP_RT_SERIAL_H
#define JKP_RT_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct serial;

/**
 * struct serial_stats - counters since start, modulo 2^32
 * @opens: successful opens, the first one included
 * @losses: times the device was given up because it vanished or failed
 * @read_errors: reads that failed or met the end of the file
 * @write_errors: writes that failed or were incomplete
 */
struct serial_stats {
	uint32_t opens;
	uint32_t losses;
	uint32_t read_errors;
	uint32_t write_errors;
};

/**
 * struct serial_pace - when the helper reads
 * @priority: its SCHED_FIFO priority, below that of the cycle thread, so that bytes do not wait for
 *            other programs once the kernel has them; 0, or refused: normal scheduling
 * @period_us: of the cycle, > 0: once bytes come it reads in each period, shortly before the cycle
 */
struct serial_pace {
	int32_t priority;
	int32_t period_us;
};

/**
 * serial_start - open the device and start the helper thread
 * @ret: receives the port; untouched on failure. serial_stop() frees it
 * @device: path of a tty, a pty included; copied
 * @pace: copied
 * @err: receives a message with the remedy on failure, NUL-terminated
 * @err_len: size of @err, >= 1
 *
 * The line is set to 115200 8N1, raw, without flow control, exclusive, with the least latency that
 * the driver offers. What was received before is thrown away.
 *
 * Return: 0, or -ENOENT (no such device), -EACCES (no permission), -ENOTTY (not a serial port),
 * -EBUSY (another program has it), -ENAMETOOLONG, -ENOMEM, or another -errno of open(2).
 * Context: init, before any thread is realtime. Blocks as long as open(2) does.
 */
int serial_start(struct serial **ret, const char *device, const struct serial_pace *pace, char *err,
		 size_t err_len);

/**
 * serial_stop - stop the helper thread, close the device, free everything
 * @s: port or NULL
 *
 * Context: fini; the cycle thread must have ended or must not use @s any more.
 */
void serial_stop(struct serial *s);

/**
 * serial_is_open - the device is open, as far as known
 * @s: port
 *
 * Context: the cycle thread. Wait-free, no system call.
 */
bool serial_is_open(const struct serial *s);

/**
 * serial_read - take what has arrived
 * @s: port
 * @buf: receives the bytes
 * @max: size of @buf, bytes
 *
 * What the helper has read, in order, at most 512 bytes in a period. EIO, ENXIO, a hangup
 * and the end of the file mark the device lost: once the cycle thread has let go of it, here, the
 * helper closes it and opens it again, 0.1 s later at first, at most every 2 s.
 *
 * Return: number of bytes, 0 if there are none.
 * Context: the cycle thread. Wait-free, no system call. Bound: @max bytes.
 */
size_t serial_read(struct serial *s, uint8_t *buf, size_t max);

/**
 * serial_write - hand a request to the driver
 * @s: port
 * @data: bytes
 * @len: their number, >= 1
 *
 * Return: 0 if all bytes were taken; -EAGAIN if not all of them were: the request has failed;
 * -ENODEV if the device is not open or was lost just now.
 * Context: the cycle thread. Never blocks. Bound: two system calls.
 */
int serial_write(struct serial *s, const uint8_t *data, size_t len);

/**
 * serial_get_stats - copy of the counters
 * @s: port
 * @ret_stats: receives them
 *
 * Context: any thread. Wait-free.
 */
void serial_get_stats(const struct serial *s, struct serial_stats *ret_stats);

#endif
