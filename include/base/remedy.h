/* SPDX-License-Identifier: Apache-2.0 */
/* What people can do about an error of the system. */
#ifndef JKP_BASE_REMEDY_H
#define JKP_BASE_REMEDY_H

/**
 * remedy_of - what helps against an error that has nothing to do with the thing it was met at
 * @error: errno, positive
 *
 * For messages "THING: strerror(): REMEDY" whose author knows of no better one.
 *
 * Return: static text, never empty, without a full stop.
 *
 * Context: any thread.
 */
const char *remedy_of(int error);

#endif
