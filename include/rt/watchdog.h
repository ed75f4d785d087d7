/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardware watchdog, /dev/watchdogN of <linux/watchdog.h>: it resets the machine when it is not fed
 * for its timeout. It runs from watchdog_open() on. The kernel's Documentation/watchdog/
 * watchdog-api.rst describes it.
 */
#ifndef JKP_RT_WATCHDOG_H
#define JKP_RT_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCHDOG_TIMEOUT_MIN_S 2
#define WATCHDOG_IDENTITY_MAX  33 /* NUL included */
#define WATCHDOG_TEXT_MAX      192

/**
 * struct watchdog - a watchdog; storage of the caller, fields are to be read only
 * @fd: the device, -1 = none
 * @timeout_s: the device's real timeout
 * @pretimeout_s: so long before the end of @timeout_s the kernel's pretimeout governor acts (it
 *	logs, or panics), 0 = the device cannot do that
 * @magic: the device stops only if it is told so before it is closed. Without this a driver may
 *	stop it at any close, that of a process that dies included
 * @nowayout: the kernel does not let it be stopped at all; false if that is not known
 * @boot_status: WDIOF_... bits of the last start of the machine; many devices always say 0
 * @identity: the device's name for itself
 */
struct watchdog {
	int fd;
	int timeout_s;
	int pretimeout_s;
	bool magic;
	bool nowayout;
	uint32_t boot_status;
	char identity[WATCHDOG_IDENTITY_MAX];
};

/**
 * watchdog_open - open the device, which starts it, set its timeout, feed it once
 * @w: filled in; @fd is -1 after a failure
 * @path: of the device, or "none": success without a device, and the other functions do nothing
 * @timeout_s: longest time without being fed, seconds, >= WATCHDOG_TIMEOUT_MIN_S
 * @error: receives a message with the remedy on failure, NUL-terminated; may be NULL if @size is 0
 * @size: its size in bytes
 *
 * A device that refuses @timeout_s keeps its own if that is shorter, down to
 * WATCHDOG_TIMEOUT_MIN_S: see @w->timeout_s (the one of a Raspberry Pi offers 15 s at most). A
 * pretimeout of a quarter of the timeout is set where there is one. After a failure a device that
 * was opened is stopped again, as far as it can be.
 *
 * Return: 0, or -EINVAL (@timeout_s), -EBUSY (systemd or another daemon has it), -ENOENT (no such
 * device), -EACCES, -ENOTTY (not a watchdog), -ERANGE (its timeout does not fit), -EOPNOTSUPP (it
 * cannot be fed by an ioctl), or another -errno.
 * Context: init.
 */
int watchdog_open(struct watchdog *w, const char *path, int timeout_s, char *error, size_t size);

/**
 * watchdog_feed - the machine lives for another timeout
 * @w: watchdog
 *
 * Return: 0 or -errno.
 * Context: guard, realtime. Bound: one system call, none without a device; no allocation.
 */
int watchdog_feed(struct watchdog *w);

/**
 * watchdog_close - close the device
 * @w: watchdog; @fd is -1 afterwards
 * @orderly: stop it first, if it can be stopped
 *
 * Return: true if nothing runs any more, as far as one can know: there was no device, or it took
 * the magic close and may be stopped. false: the machine resets after @w->timeout_s unless somebody
 * opens and feeds the device before. A device that was open and is closed with @orderly false is
 * always taken to run.
 * Context: fini.
 */
bool watchdog_close(struct watchdog *w, bool orderly);

/**
 * watchdog_boot_text - what the bits of the last start of the machine say
 * @boot_status: of struct watchdog
 * @text: receives it, "reset by the watchdog, overheated" for example; empty if no bit is known
 * @size: its size in bytes, >= 1; WATCHDOG_TEXT_MAX holds all
 *
 * Return: @text.
 * Context: any thread. Pure.
 */
const char *watchdog_boot_text(uint32_t boot_status, char *text, size_t size);

#endif
