/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/digest.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK	     64U
#define WORDS	     16U
#define LENGTH_AT    56U /* in the last block: the number of bits */
#define PAD_FIRST    0x80U
#define BYTE_BITS    8U
#define WORD_BITS    32U
#define WORD_BYTES   4U
#define LENGTH_BYTES 8U
#define MD5_WORDS    4U
#define MD5_STEPS    64U
#define SHA_WORDS    8U
#define SHA_STEPS    64U
#define HIGH_NIBBLE  4U
#define LOW_NIBBLE   0x0FU

/* Takes one block into the state. */
typedef void block_take(uint32_t *state, const uint8_t block[BLOCK]);

static uint32_t rotate_left(uint32_t v, uint32_t n)
{
	return v << n | v >> (WORD_BITS - n);
}

static uint32_t rotate_right(uint32_t v, uint32_t n)
{
	return v >> n | v << (WORD_BITS - n);
}

static uint32_t load_le(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t load_be(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/**
 * struct stream - blocks being filled
 * @total: bytes taken so far
 */
struct stream {
	block_take *take;
	uint32_t *state;
	uint64_t total;
	uint8_t block[BLOCK];
};

static void stream_feed(struct stream *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len != 0) {
		const size_t at = (size_t)(s->total % BLOCK);
		const size_t n = len < BLOCK - at ? len : BLOCK - at;

		memcpy(s->block + at, p, n);
		s->total += n;
		p += n;
		len -= n;
		if (at + n == BLOCK) {
			s->take(s->state, s->block);
		}
	}
}

/* Both are of the same construction: a set bit, zeros, the number of bits at the end of a block. */
static void stream_end(struct stream *s, bool big_endian)
{
	static const uint8_t pad[BLOCK] = {PAD_FIRST};
	const uint64_t bits = s->total * BYTE_BITS;
	const size_t at = (size_t)(s->total % BLOCK);
	uint8_t length[LENGTH_BYTES];

	for (size_t i = 0; i < LENGTH_BYTES; i++) {
		const size_t shift = BYTE_BITS * (big_endian ? LENGTH_BYTES - 1U - i : i);

		length[i] = (uint8_t)(bits >> shift);
	}
	stream_feed(s, pad, at < LENGTH_AT ? LENGTH_AT - at : BLOCK + LENGTH_AT - at);
	stream_feed(s, length, sizeof(length));
}

static const uint32_t md5_add[MD5_STEPS] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
	0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
	0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
	0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
	0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
	0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
	0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
	0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
	0xeb86d391,
};

static const uint8_t md5_turn[4][4] = {
	{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static void md5_take(uint32_t *state, const uint8_t block[BLOCK])
{
	uint32_t a = state[0];
	uint32_t b = state[1];
	uint32_t c = state[2];
	uint32_t d = state[3];

	for (uint32_t i = 0; i < MD5_STEPS; i++) {
		const uint32_t round = i / WORDS;
		uint32_t f = c ^ (b | ~d);
		uint32_t at = 7U * i;

		if (round == 0) {
			f = (b & c) | (~b & d);
			at = i;
		} else if (round == 1) {
			f = (d & b) | (~d & c);
			at = 5U * i + 1U;
		} else if (round == 2) {
			f = b ^ c ^ d;
			at = 3U * i + 5U;
		}
		f += a + md5_add[i] + load_le(block + WORD_BYTES * (at % WORDS));
		a = d;
		d = c;
		c = b;
		b += rotate_left(f, md5_turn[round][i % 4U]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

static const uint32_t sha_add[SHA_STEPS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static void sha_take(uint32_t *state, const uint8_t block[BLOCK])
{
	uint32_t w[SHA_STEPS];
	uint32_t s[SHA_WORDS];

	for (uint32_t i = 0; i < WORDS; i++) {
		w[i] = load_be(block + WORD_BYTES * i);
	}
	for (uint32_t i = WORDS; i < SHA_STEPS; i++) {
		const uint32_t x = w[i - 15U];
		const uint32_t y = w[i - 2U];

		w[i] = w[i - WORDS] + w[i - 7U] +
		       (rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3) +
		       (rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10);
	}
	memcpy(s, state, sizeof(s));
	for (uint32_t i = 0; i < SHA_STEPS; i++) {
		const uint32_t e = s[4];
		const uint32_t a = s[0];
		const uint32_t x = s[7] + sha_add[i] + w[i] + ((e & s[5]) ^ (~e & s[6])) +
				   (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25));
		const uint32_t y = ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2])) +
				   (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22));

		memmove(s + 1, s, sizeof(s) - sizeof(s[0]));
		s[4] += x;
		s[0] = x + y;
	}
	for (uint32_t i = 0; i < SHA_WORDS; i++) {
		state[i] += s[i];
	}
}

static void put_byte(uint8_t v, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";

	ret_hex[0] = digits[v >> HIGH_NIBBLE];
	ret_hex[1] = digits[v & LOW_NIBBLE];
}

void digest_md5_hex(const void *data, size_t len, char ret_hex[DIGEST_MD5_HEX])
{
	uint32_t state[MD5_WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
	struct stream s = {.take = md5_take, .state = state};

	stream_feed(&s, data, len);
	stream_end(&s, false);
	for (uint32_t i = 0; i < DIGEST_MD5_SIZE; i++) {
		put_byte((uint8_t)(state[i / WORD_BYTES] >> (BYTE_BITS * (i % WORD_BYTES))),
			 ret_hex + (size_t)2 * i);
	}
	ret_hex[DIGEST_MD5_HEX - 1U] = '\0';
}

void digest_sha256_hex(const struct digest_part *parts, size_t count,
		       char ret_hex[DIGEST_SHA256_HEX])
{
	uint32_t state[SHA_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	struct stream s = {.take = sha_take, .state = state};

	for (size_t i = 0; i < count; i++) {
		stream_feed(&s, parts[i].data, parts[i].len);
	}
	stream_end(&s, true);
	for (uint32_t i = 0; i < DIGEST_SHA256_SIZE; i++) {
		const uint32_t shift = BYTE_BITS * (WORD_BYTES - 1U - i % WORD_BYTES);

		put_byte((uint8_t)(state[i / WORD_BYTES] >> shift), ret_hex + (size_t)2 * i);
	}
	ret_hex[DIGEST_SHA256_HEX - 1U] = '\0';
}

void digest_base64(const void *data, size_t len, char *ret_text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = data;
	char *to = ret_text;

	for (size_t i = 0; i < len; i += 3U) {
		const size_t n = len - i;
		const uint32_t v = (uint32_t)p[i] << 16 | (n > 1U ? (uint32_t)p[i + 1U] << 8 : 0U) |
				   (n > 2U ? (uint32_t)p[i + 2U] : 0U);

		*to++ = digits[v >> 18 & 0x3FU];
		*to++ = digits[v >> 12 & 0x3FU];
		*to++ = n > 1U ? digits[v >> 6 & 0x3FU] : '=';
		*to++ = n > 2U ? digits[v & 0x3FU] : '=';
	}
	*to = '\0';
}
