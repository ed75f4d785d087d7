/* SPDX-License-Identifier: Apache-2.0 */
/* The UDP socket of a Speedwire listener: joining, reading with time and place of arrival. */
#ifndef JKP_SVC_SMA_SOCKET_H
#define JKP_SVC_SMA_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/* What failed, for the message. */
enum sma_socket_part {
	SMA_SOCKET_INTERFACE, /* -ENODEV: not there, -ENETDOWN: down */
	SMA_SOCKET_SOCKET,
	SMA_SOCKET_PORT,
	SMA_SOCKET_JOIN,
};

/**
 * struct sma_arrival - one datagram
 * @len: its whole length; more than the room there was: cut
 * @age_ns: time since the kernel received it, by the wall clock: may be anything; -1 = unknown
 * @source: IPv4 address of the sender, as a number
 * @index: interface it came in by
 */
struct sma_arrival {
	size_t len;
	int64_t age_ns;
	uint32_t source;
	uint32_t index;
};

/**
 * sma_socket_open - open, bind to the port, join the group on the interface
 * @interface: name
 * @group: IPv4 address, as a number
 * @ret_fd: non-blocking
 * @ret_index: of the interface
 * @ret_part: what failed, set on failure only
 *
 * The port is shared (SO_REUSEADDR): unicast then goes to one of those who share, multicast to all.
 * The receive queue is small: what is in it is never old.
 * Return: 0 or -errno.
 */
int sma_socket_open(const char *interface, uint32_t group, int32_t port, int *ret_fd,
		    uint32_t *ret_index, enum sma_socket_part *ret_part);

/**
 * sma_socket_check - is the interface still the same, and up?
 *
 * Return: 0; -ENODEV not there or another one of that name; -ENETDOWN down.
 */
int sma_socket_check(int fd, const char *interface, uint32_t index);

/**
 * sma_socket_read - one datagram
 * @data: receives at most @size bytes of it
 *
 * Return: 0; -EAGAIN there is none; another -errno.
 */
int sma_socket_read(int fd, uint8_t *data, size_t size, struct sma_arrival *ret_arrival);

/**
 * sma_socket_filter - let the kernel drop everything but one sender's or one meter's Speedwire
 * @source: IPv4 address, 0 = any
 * @serial: of the meter, at the place of genuine datagrams; 0 = any
 *
 * Return: 0 or -errno.
 */
int sma_socket_filter(int fd, uint32_t source, uint32_t serial);

/* End of the filter. */
void sma_socket_unfilter(int fd);

#endif
