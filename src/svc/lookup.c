/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "thread.h"

/* Resolvers want more than a service: parsers of files, plug-ins of the C library. */
#define STACK	  ((size_t)256 * 1024)
#define PORT_TEXT 6U
#define HOST_MAX  256U

/**
 * struct lookup - one request
 * @holders: who uses it: the thread that asks the resolver, and whoever wanted to know
 * @done: @error, @address and @len are written
 */
struct lookup {
	_Atomic uint32_t holders;
	_Atomic uint32_t done;
	int fd;
	int error;
	struct sockaddr_storage address;
	socklen_t len;
	struct sockaddr_storage other; /* of the other family; AF_UNSPEC: none */
	char host[HOST_MAX];
	char port[PORT_TEXT];
};

static void take_other(const struct addrinfo *list, struct sockaddr_storage *ret_other)
{
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
		if (a->ai_family != list->ai_family && a->ai_addrlen <= sizeof(*ret_other)) {
			memcpy(ret_other, a->ai_addr, a->ai_addrlen);
			return;
		}
	}
}

/* The first address will do; @other: NULL, or receives one. Return: 0 or the error of getaddrinfo(). */
static int resolve(const char *host, const char *port, int flags, struct sockaddr_storage *address,
		   socklen_t *len, struct sockaddr_storage *other)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = flags | AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	const int error = getaddrinfo(host, port, &hints, &list);

	if (error != 0) {
		return error;
	}
	if (list->ai_addrlen > sizeof(*address)) {
		freeaddrinfo(list);
		return EAI_FAMILY;
	}
	memcpy(address, list->ai_addr, list->ai_addrlen);
	*len = list->ai_addrlen;
	if (other != NULL) {
		take_other(list, other);
	}
	freeaddrinfo(list);
	return 0;
}

int lookup_numeric(const char *host, uint16_t port, struct sockaddr_storage *ret_address,
		   socklen_t *ret_len)
{
	struct sockaddr_storage address = {0};
	socklen_t len = 0;
	char text[PORT_TEXT];

	(void)snprintf(text, sizeof(text), "%u", port);
	if (resolve(host, text, AI_NUMERICHOST, &address, &len, NULL) != 0) {
		return -ENOENT;
	}
	*ret_address = address;
	*ret_len = len;
	return 0;
}

void lookup_drop(struct lookup *l)
{
	if (l != NULL && atomic_fetch_sub_explicit(&l->holders, 1U, memory_order_acq_rel) == 1U) {
		(void)close(l->fd);
		free(l);
	}
}

static void *lookup_run(void *arg)
{
	const uint64_t one = 1;
	struct lookup *l = arg;

	l->error = resolve(l->host, l->port, 0, &l->address, &l->len, &l->other);
	atomic_store_explicit(&l->done, 1U, memory_order_release);
	/* An eventfd of count 0 takes this. */
	(void)!write(l->fd, &one, sizeof(one));
	lookup_drop(l);
	return NULL;
}

static int start(struct lookup *l)
{
	const struct thread_spec spec = {
		.run = lookup_run,
		.arg = l,
		.stack = STACK,
		.detached = true,
	};
	pthread_t thread;

	return thread_start(&spec, &thread);
}

int lookup_start(const char *host, uint16_t port, struct lookup **ret_lookup)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		return -ENOMEM;
	}
	if (strlen(host) >= sizeof(l->host)) {
		free(l);
		return -ENAMETOOLONG;
	}
	memcpy(l->host, host, strlen(host));
	(void)snprintf(l->port, sizeof(l->port), "%u", port);
	atomic_init(&l->holders, 2U);
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = l->fd < 0 ? -errno : start(l);

	if (r != 0) {
		if (l->fd >= 0) {
			(void)close(l->fd);
		}
		free(l);
		return r;
	}
	*ret_lookup = l;
	return 0;
}

int lookup_fd(const struct lookup *l)
{
	return l->fd;
}

int lookup_result(struct lookup *l, struct sockaddr_storage *ret_address, socklen_t *ret_len,
		  int *ret_error)
{
	if (atomic_load_explicit(&l->done, memory_order_acquire) == 0U) {
		return -EAGAIN;
	}
	if (l->error != 0) {
		*ret_error = l->error;
		return -ENOENT;
	}
	*ret_address = l->address;
	*ret_len = l->len;
	return 0;
}

int lookup_other(const struct lookup *l, struct sockaddr_storage *ret_address)
{
	if (atomic_load_explicit(&l->done, memory_order_acquire) == 0U || l->error != 0 ||
	    l->other.ss_family == AF_UNSPEC) {
		return -ENOENT;
	}
	*ret_address = l->other;
	return 0;
}
