/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses on the web: what is asked for is judged here, before a library sees it. */
#ifndef JKP_SVC_SEMS_URL_H
#define JKP_SVC_SEMS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEMS_URL_MAX  1024U
#define SEMS_HOST_MAX 254U

/**
 * struct sems_url - parts of an address
 * @host: lower case
 * @port: 443 if none is written
 */
struct sems_url {
	char host[SEMS_HOST_MAX];
	uint16_t port;
};

/**
 * sems_url_split - take an https address apart
 * @url: "https://HOST[:PORT][/PATH]"; no user, no other protocol, nothing but printable ASCII
 * @ret_url: untouched on failure
 *
 * Return: false if it is not of this form.
 * Context: any thread. Pure.
 */
bool sems_url_split(const char *url, struct sems_url *ret_url);

/**
 * sems_url_allowed - whether a host is one of a list or lies below one
 * @hosts: names with blanks between
 * @host: lower case
 *
 * Return: true for "eu.semsportal.com" and "semsportal.com", not for "notsemsportal.com".
 * Context: any thread. Pure.
 */
bool sems_url_allowed(const char *hosts, const char *host);

/**
 * sems_url_join - base and path with exactly one '/' between
 * @ret_url: receives SEMS_URL_MAX bytes at most
 * @station: stands where the path says {station}
 *
 * Return: false if it is too long.
 */
bool sems_url_join(const char *base, const char *path, const char *station,
		   char ret_url[SEMS_URL_MAX]);

#endif
