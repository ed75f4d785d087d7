/* SPDX-License-Identifier: Apache-2.0 */
/* Digests against the published examples of their standards, and at every length around a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "proto/digest.h"
#include "proto/sems.h"

#define LONGEST 300U

static void sha256(const char *text, char hex[DIGEST_SHA256_HEX])
{
	const struct digest_part part = {text, strlen(text)};

	digest_sha256_hex(&part, 1, hex);
}

/* RFC 1321, A.5 */
static void test_md5_of_the_standard(void **state)
{
	static const struct {
		const char *text;
		const char *hex;
	} row[] = {
		{"", "d41d8cd98f00b204e9800998ecf8427e"},
		{"a", "0cc175b9c0f1b6a831c399e269772661"},
		{"abc", "900150983cd24fb0d6963f7d28e17f72"},
		{"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
		{"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		 "d174ab98d277d9f5a5611c2c9f419d9f"},
		{"12345678901234567890123456789012345678901234567890"
		 "123456789012345678901234567890",
		 "57edf4a22be3c955ac49da2e2107b67a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char hex[DIGEST_MD5_HEX];

		digest_md5_hex(row[i].text, strlen(row[i].text), hex);
		assert_string_equal(hex, row[i].hex);
	}
}

/* FIPS 180-4, examples */
static void test_sha256_of_the_standard(void **state)
{
	static const struct {
		const char *text;
		const char *hex;
	} row[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char hex[DIGEST_SHA256_HEX];

		sha256(row[i].text, hex);
		assert_string_equal(hex, row[i].hex);
	}
}

/* In one piece or cut anywhere: the same, at each length from nothing to several blocks. */
static void test_sha256_in_pieces(void **state)
{
	char text[LONGEST];

	(void)state;
	for (size_t i = 0; i < LONGEST; i++) {
		text[i] = (char)(i * 7U + 1U);
	}
	for (size_t len = 0; len < LONGEST; len++) {
		const struct digest_part whole = {text, len};
		char want[DIGEST_SHA256_HEX];

		digest_sha256_hex(&whole, 1, want);
		for (size_t cut = 0; cut <= len; cut += 13U) {
			const struct digest_part parts[] = {
				{text, cut}, {"", 0}, {text + cut, len - cut}};
			char hex[DIGEST_SHA256_HEX];

			digest_sha256_hex(parts, ARRAY_SIZE(parts), hex);
			assert_string_equal(hex, want);
		}
	}
}

/* hashlib of Python: lengths at which the padding takes another block, and a million */
static void test_lengths_around_a_block(void **state)
{
	static const struct {
		size_t len;
		const char *md5;
		const char *sha256;
	} row[] = {
		{55, "ef1772b6dff9a122358552954ad0df65",
		 "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
		{56, "3b0c8ac703f828b04c6c197006d17218",
		 "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
		{57, "652b906d60af96844ebd21b674f35e93",
		 "f13b2d724659eb3bf47f2dd6af1accc87b81f09f59f2b75e5c0bed6589dfe8c6"},
		{63, "b06521f39153d618550606be297466d5",
		 "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
		{64, "014842d480b571495a4a0363793f7367",
		 "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
		{65, "c743a45e0d2e6a95cb859adae0248435",
		 "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
		{119, "8a7bd0732ed6a28ce75f6dabc90e1613",
		 "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
		{120, "5f61c0ccad4cac44c75ff505e1f1e537",
		 "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
		{128, "e510683b3f5ffe4093d021808bc6ff70",
		 "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"},
		{1000000, "7707d6ae4e027c70eea2a935c2296f21",
		 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	};
	static char text[1000000];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const struct digest_part part = {text, row[i].len};
		char md5[DIGEST_MD5_HEX];
		char hex[DIGEST_SHA256_HEX];

		digest_md5_hex(text, row[i].len, md5);
		digest_sha256_hex(&part, 1, hex);
		assert_string_equal(md5, row[i].md5);
		assert_string_equal(hex, row[i].sha256);
	}
}

/* RFC 4648, 10 */
static void test_base64_of_the_standard(void **state)
{
	static const char *const row[][2] = {{"", ""},
					     {"f", "Zg=="},
					     {"fo", "Zm8="},
					     {"foo", "Zm9v"},
					     {"foob", "Zm9vYg=="},
					     {"fooba", "Zm9vYmE="},
					     {"foobar", "Zm9vYmFy"}};
	static const uint8_t high[] = {0xFB, 0xEF, 0xFF};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char text[16];

		digest_base64(row[i][0], strlen(row[i][0]), text);
		assert_string_equal(text, row[i][1]);
		assert_true(strlen(text) + 1 == DIGEST_BASE64_SIZE(strlen(row[i][0])));
	}
	char text[8];

	digest_base64(high, sizeof(high), text);
	assert_string_equal(text, "++//");
}

static void test_signature_at_the_ends_of_its_ranges(void **state)
{
	char uid[SEMS_UID_MAX];
	char token[SEMS_TOKEN_MAX];
	char text[SEMS_SIGNATURE_SIZE + 1U];
	static const int64_t ms[] = {0, 1, 1790000000000, INT64_MAX, -1};

	(void)state;
	memset(uid, 'u', sizeof(uid) - 1U);
	memset(token, 't', sizeof(token) - 1U);
	uid[sizeof(uid) - 1U] = '\0';
	token[sizeof(token) - 1U] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(ms); i++) {
		text[SEMS_SIGNATURE_SIZE] = 'x';
		sems_signature(ms[i], uid, token, text);
		assert_true(strlen(text) < SEMS_SIGNATURE_SIZE);
		assert_int_equal(text[SEMS_SIGNATURE_SIZE], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_md5_of_the_standard),
		cmocka_unit_test(test_sha256_of_the_standard),
		cmocka_unit_test(test_sha256_in_pieces),
		cmocka_unit_test(test_lengths_around_a_block),
		cmocka_unit_test(test_base64_of_the_standard),
		cmocka_unit_test(test_signature_at_the_ends_of_its_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
