/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text into a buffer of the caller: no allocation, no floating point. Keys are written as they
 * are; texts are escaped. What does not fit makes the whole text void: see json_end().
 */
#ifndef JKP_SVC_JSON_WRITE_H
#define JKP_SVC_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct json_writer - one text being written
 * @buf, @size: the caller's
 * @used: bytes so far
 * @full: something did not fit
 * @comma: the next member needs one before it
 */
struct json_writer {
	char *buf;
	size_t size;
	size_t used;
	bool full;
	bool comma;
};

/* @size >= 1. Begins the outermost object. */
void json_begin(struct json_writer *w, char *buf, size_t size);

/* A member that is an object or an array; @key NULL within an array. */
void json_open(struct json_writer *w, const char *key, char bracket);
void json_close(struct json_writer *w, char bracket);

/* Members; @key NULL within an array. */
void json_text(struct json_writer *w, const char *key, const char *text);
void json_flag(struct json_writer *w, const char *key, bool value);
void json_null(struct json_writer *w, const char *key);

/* @value with @decimals digits behind the point: 3412, 3 is 3.412. */
void json_fixed(struct json_writer *w, const char *key, int64_t value, uint32_t decimals);

/* Several texts as one: the last is NULL. */
void json_joined(struct json_writer *w, const char *key, const char *const *parts);

/**
 * json_end - end the outermost object
 *
 * Return: length of the text, NUL-terminated; 0 if it did not fit: then @buf is empty.
 */
size_t json_end(struct json_writer *w);

#endif
