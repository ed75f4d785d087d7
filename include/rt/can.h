/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CAN port: SocketCAN, or the bench bus "unix:PATH" for machines without CAN. The realtime cycle
 * thread reads and writes without ever blocking; a helper thread of normal priority watches the
 * interface, sets it up, restarts it after bus-off and opens sockets.
 *
 * Bench bus: a SOCK_SEQPACKET socket at PATH, each client is a node, each record is exactly one
 * struct can_frame of <linux/can.h>. A frame of a client reaches the daemon (through the same
 * receive filter as on SocketCAN) and every other client; a frame of the daemon reaches all
 * clients. A client that does not keep up, or sends a record of another size, is dropped. A frame
 * of the daemon is confirmed if at least one client took it: a bus without clients is like a bus
 * without an acknowledging node. A record with CAN_ERR_FLAG plays the controller: it reaches the
 * daemon as an error frame and nobody else.
 */
#ifndef JKP_RT_CAN_H
#define JKP_RT_CAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/canmsg.h"
#include "core/cycle.h"
#include "core/telemetry.h"

#define CAN_PORT_RX_IDS_MAX  32U
#define CAN_PORT_PENDING_MAX 8U
#define CAN_PORT_RECV_MAX    64U /* system calls for reception per can_port_read() */
#define CAN_PORT_CLIENTS_MAX 8U	 /* nodes on the bench bus beside the daemon */
#define CAN_PORT_UNIX_PREFIX "unix:"
#define CAN_PORT_SLOT_MS_MAX 1000
#define CAN_PORT_BITRATE_MAX 1000000

struct can_port;

/**
 * struct can_port_config - how to reach the bus
 * @interface: name of the network interface, or "unix:PATH"; copied
 * @manage: set bit rate, bring the interface up, restart it after bus-off (needs CAP_NET_ADMIN)
 * @bitrate: bit/s, 10000..1000000; used with @manage
 * @rx_ids: identifiers to receive: the inverter's and our own ones; copied
 * @rx_ids_len: 1..CAN_PORT_RX_IDS_MAX
 * @slot_ms: how long a frame may wait for the transmit queue, 1..1000
 */
struct can_port_config {
	const char *interface;
	bool manage;
	int32_t bitrate;
	const uint16_t *rx_ids;
	size_t rx_ids_len;
	int32_t slot_ms;
};

/**
 * struct can_stats - counters since start, modulo 2^32
 * @tx: frames the driver (or a client) took
 * @tx_full: attempts refused because the transmit queue was full
 * @tx_dropped: frames given up: deadline passed, flushed, or link not up
 * @rx: frames received, own ones included
 * @error_frames: error frames consumed
 * @restarts: attempts to leave bus-off
 * @reopens: sockets opened after the first one (bench bus: clients accepted)
 * @flushes: flushes of the driver's queue carried out
 * @flush_refused: flushes that could not be done (manage=no, or the driver failed)
 * @clients_dropped: bench bus: clients dropped because they were slow or sent nonsense
 * @clients: bench bus: clients connected now
 * @last_error_class: CAN_ERR_* bits of the newest error frame
 * @last_error_ctrl: its data[1], CAN_ERR_CRTL_* bits
 * @tx_err: newest transmit error counter of the controller
 * @rx_err: newest receive error counter
 */
struct can_stats {
	uint32_t tx;
	uint32_t tx_full;
	uint32_t tx_dropped;
	uint32_t rx;
	uint32_t error_frames;
	uint32_t restarts;
	uint32_t reopens;
	uint32_t flushes;
	uint32_t flush_refused;
	uint32_t clients_dropped;
	uint32_t clients;
	uint32_t last_error_class;
	uint32_t last_error_ctrl;
	uint32_t tx_err;
	uint32_t rx_err;
};

/**
 * struct can_error - what is new on the error side, for events
 * @error_class: CAN_ERR_* bits, CAN_ERR_CNT removed; 0 if only @restart is new
 * @ctrl: CAN_ERR_CRTL_* bits
 * @tx_err: transmit error counter, 0 if the driver gives none
 * @rx_err: receive error counter, 0 if the driver gives none
 * @restart: number of the newest attempt to leave bus-off, if new since the last call, else 0
 */
struct can_error {
	uint32_t error_class;
	uint32_t ctrl;
	uint32_t tx_err;
	uint32_t rx_err;
	uint32_t restart;
};

/**
 * can_port_start - open the bus and start the helper thread
 * @ret: receives the port; untouched on failure. can_port_stop() frees it
 * @config: settings; copied
 * @err: receives a message with the remedy on failure, NUL-terminated
 * @err_len: size of @err, >= 1
 *
 * Return: 0, or -EINVAL (settings out of range), -ENODEV (no such interface), -EPFNOSUPPORT (not a
 * CAN interface), -ENETDOWN (down and manage=no), -EPERM (manage=yes without CAP_NET_ADMIN),
 * -EAFNOSUPPORT (kernel without CAN), -EADDRINUSE (bench bus: another instance listens),
 * -ENAMETOOLONG, -ENOMEM, -ETIMEDOUT, or another -errno.
 * Context: init, before any thread is realtime. Blocks, at most some seconds.
 */
int can_port_start(struct can_port **ret, const struct can_port_config *config, char *err,
		   size_t err_len);

/**
 * can_port_stop - stop the helper thread, close everything, free the port
 * @p: port or NULL
 *
 * The interface stays up; the socket file of a bench bus is removed.
 * Context: fini; the cycle thread must have ended or must not use @p any more.
 */
void can_port_stop(struct can_port *p);

/**
 * can_port_note - remark of the start that a user should read once
 * @p: port
 *
 * For example that the interface has no bit rate to set.
 *
 * Return: text owned by @p, constant while it lives; NULL if there is nothing to say.
 * Context: any thread, after can_port_start().
 */
const char *can_port_note(const struct can_port *p);

/**
 * can_port_link - state of the bus
 * @p: port
 *
 * Combines what the helper saw last (at most 0.25 s ago) with the error frames received since.
 *
 * Return: enum can_link of core/telemetry.h.
 * Context: the cycle thread. Wait-free, no system call.
 */
uint32_t can_port_link(struct can_port *p);

/**
 * can_port_read - take received frames
 * @p: port
 * @ret: receives up to @max frames in order; own frames, confirmed by the controller, as CAN_OWN
 * @max: size of @ret
 *
 * Error frames are consumed here: they change can_port_link() and can_port_error(). Extended and
 * remote frames and other identifiers never get here.
 *
 * Return: number of frames.
 * Context: the cycle thread. Never blocks. Bound: CAN_PORT_RECV_MAX receive calls; on the bench bus
 * each may be followed by CAN_PORT_CLIENTS_MAX - 1 sends.
 */
size_t can_port_read(struct can_port *p, struct can_rx *ret, size_t max);

/**
 * can_port_rx_ns - when a frame of the newest can_port_read() was received
 * @p: port
 * @i: its place in what was read
 * @now_ns: CLOCK_MONOTONIC when it was read
 *
 * The kernel's time stamp is wall clock: it counts only if it lies within the last second.
 *
 * Return: CLOCK_MONOTONIC of the kernel's time stamp; @now_ns if there is none (bench bus).
 * Context: the cycle thread, in the period that read it. No system call.
 */
int64_t can_port_rx_ns(const struct can_port *p, size_t i, int64_t now_ns);

/**
 * can_port_write - send a frame now or within one slot
 * @p: port
 * @m: frame
 * @now_ns: CLOCK_MONOTONIC
 *
 * A frame that the transmit queue refuses is kept until @now_ns + slot and tried again by
 * can_port_service(); a newer frame of the same identifier replaces it and takes its place.
 *
 * Return: 0 if the frame left; -EAGAIN if it is kept; -ENOBUFS if too many frames are kept already;
 * -ENETDOWN or -ENODEV if there is no bus: it is dropped; -EINVAL if @m is no valid frame.
 * Context: the cycle thread. Never blocks. Bound: CAN_PORT_PENDING_MAX sends.
 */
int can_port_write(struct can_port *p, const struct can_msg *m, int64_t now_ns);

/**
 * can_port_service - retry kept frames, drop those whose deadline has passed
 * @p: port
 * @now_ns: CLOCK_MONOTONIC
 *
 * Stops at the first refusal, so a full queue costs one system call per period.
 * Context: the cycle thread, once per period before writing. Never blocks. Bound:
 * CAN_PORT_PENDING_MAX sends.
 */
void can_port_service(struct can_port *p, int64_t now_ns);

/**
 * can_port_lost - frames that were given up since the last call
 * @p: port
 *
 * Kept until their slot was over, refused, or forgotten by a flush. A frame that a newer one of its
 * identifier replaced is not among them: the newer one speaks for both.
 *
 * Return: cycle_can_bit() of their identifiers.
 * Context: the cycle thread. Wait-free, no system call.
 */
uint32_t can_port_lost(struct can_port *p);

/**
 * can_port_flush - forget kept frames and have the driver's queue thrown away
 * @p: port
 *
 * With manage=yes the helper takes the interface down and up again; with manage=no that is not
 * permitted and only counted. On the bench bus nothing is queued.
 * Context: the cycle thread. Wait-free, no system call.
 */
void can_port_flush(struct can_port *p);

/**
 * can_port_error - new error information
 * @p: port
 * @ret_error: receives it; untouched on false
 *
 * Each kind (bit of class or controller state) is told once until the controller is error-active
 * again; each restart attempt is told once.
 *
 * Return: true if there is something new.
 * Context: the cycle thread. Wait-free, no system call.
 */
bool can_port_error(struct can_port *p, struct can_error *ret_error);

/**
 * can_port_get_stats - copy of the counters
 * @p: port
 * @ret_stats: receives them
 *
 * Context: any thread. Wait-free.
 */
void can_port_get_stats(const struct can_port *p, struct can_stats *ret_stats);

#endif
