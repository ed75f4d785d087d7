/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the CAN port: what the front (can.c) and the two backends share, nothing else. */
#ifndef JKP_RT_CAN_BACKEND_H
#define JKP_RT_CAN_BACKEND_H

#include <linux/can.h>
#include <net/if.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "can_frame.h"
#include "can_link.h"
#include "helper.h"
#include "rt/can.h"
#include "rt/handoff.h"

#define CAN_ECHO_MAX 32U /* a period writes at most CYCLE_CAN_TX_MAX frames */
#define CAN_NOTE_MAX 256

/* Counters of struct can_stats that are kept as such. */
enum can_counter {
	CAN_COUNT_TX,
	CAN_COUNT_TX_FULL,
	CAN_COUNT_TX_DROPPED,
	CAN_COUNT_RX,
	CAN_COUNT_ERROR_FRAMES,
	CAN_COUNT_RESTARTS,
	CAN_COUNT_REOPENS,
	CAN_COUNT_FLUSHES,
	CAN_COUNT_FLUSH_REFUSED,
	CAN_COUNT_CLIENTS_DROPPED,
	CAN_COUNT_ERROR_CLASS, /* values, not counts, from here on */
	CAN_COUNT_ERROR_CTRL,
	CAN_COUNT_TX_ERR,
	CAN_COUNT_RX_ERR,
	CAN_COUNTERS
};

/* Outcome of can_backend.recv. */
enum can_recv {
	CAN_RECV_NONE,	/* nothing more in this period */
	CAN_RECV_FRAME, /* one frame */
	CAN_RECV_AGAIN, /* no frame, but there may be more */
};

/**
 * struct can_backend - one way to reach a bus
 * @start: open and start the helper; the front has filled in the settings
 * @stop: end the helper, close everything; also after a failed @start
 * @recv: take one frame; pays each system call from can_port.budget; puts the kernel's time stamp into
 *	can_port.stamp_ns if there is one. Cycle thread
 * @send: send one frame: 0, -EAGAIN (queue full), or another -errno (no bus). Cycle thread
 * @is_open: there is a socket to use; NULL: always
 * @clients: nodes connected now; NULL: not known
 */
struct can_backend {
	int (*start)(struct can_port *p, char *err, size_t err_len);
	void (*stop)(struct can_port *p);
	enum can_recv (*recv)(struct can_port *p, struct can_frame *ret_frame,
			      enum can_origin *ret_origin);
	int (*send)(struct can_port *p, const struct can_frame *f);
	bool (*is_open)(const struct can_port *p);
	void (*clients)(const struct can_port *p, uint32_t *ret_clients);
};

/**
 * struct can_pending - a frame that waits for the transmit queue
 */
struct can_pending {
	struct can_frame frame;
	int64_t deadline_ns;
};

/**
 * struct can_socket - SocketCAN
 * @fd: socket, handed over between the threads
 * @started: posted by the helper after its first round
 * @start_result: its outcome
 * @start_action: enum can_action that failed
 * @link, @manager, @seq, @epoch, @looked_ns: of the helper
 */
struct can_socket {
	struct handoff fd;
	sem_t started;
	_Atomic int32_t start_result;
	_Atomic uint32_t start_action;
	struct can_link_fds link;
	struct can_manager manager;
	struct can_link_info info;
	uint32_t seq;
	uint32_t epoch;
	int64_t looked_ns;
};

/**
 * struct can_unix - bench bus
 * @listen_fd: of the helper
 * @address: where it listens
 * @device, @inode: of the socket file, to remove our own and no other
 * @client: one hand-over per node
 * @next: node to be asked first, of the cycle thread
 * @echo, @echo_at, @echo_len: confirmations to be read, of the cycle thread
 */
struct can_unix {
	int listen_fd;
	struct sockaddr_un address;
	uint64_t device;
	uint64_t inode;
	struct handoff client[CAN_PORT_CLIENTS_MAX];
	uint32_t next;
	struct can_frame echo[CAN_ECHO_MAX];
	uint32_t echo_at;
	uint32_t echo_len;
};

/**
 * struct can_port - the port
 * @interface: name of the network interface, or path of the bench bus
 * @word: the helper's view of the link, see can_view_word()
 * @flushes: flushes wanted; written by the cycle thread
 * @bus_off: error frames say bus-off; written by the cycle thread
 * @look: the cycle thread has met an error and asks the helper to look at the interface soon
 * @note_ready: @note is complete
 * @view, @pending, @lost, @budget: of the cycle thread
 * @stamp_ns: of the frame that the backend has just taken, CLOCK_REALTIME, 0 = none
 * @rx_stamp_ns: of the frames of the newest can_port_read()
 */
struct can_port {
	const struct can_backend *backend;
	char interface[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool manage;
	uint32_t bitrate;
	uint16_t rx_ids[CAN_PORT_RX_IDS_MAX];
	size_t rx_ids_len;
	int64_t slot_ns;
	struct helper helper;
	_Atomic uint32_t word;
	_Atomic uint32_t flushes;
	_Atomic uint32_t bus_off;
	_Atomic uint32_t look;
	_Atomic uint32_t counter[CAN_COUNTERS];
	_Atomic uint32_t note_ready;
	char note[CAN_NOTE_MAX];
	struct can_view view;
	struct can_pending pending[CAN_PORT_PENDING_MAX];
	uint32_t pending_len;
	uint32_t lost; /* cycle_can_bit() of frames that were given up */
	uint32_t budget;
	int64_t stamp_ns;
	int64_t rx_stamp_ns[CYCLE_CAN_RX_MAX];
	union {
		struct can_socket socket;
		struct can_unix unix_bus;
	};
};

extern const struct can_backend can_socket_backend;
extern const struct can_backend can_unix_backend;

/**
 * can_count - add one to a counter; several threads may do so
 *
 * Context: any thread.
 */
static inline void can_count(struct can_port *p, enum can_counter counter)
{
	(void)atomic_fetch_add_explicit(&p->counter[counter], 1U, memory_order_relaxed);
}

#endif
