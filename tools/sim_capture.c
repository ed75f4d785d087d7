/* SPDX-License-Identifier: Apache-2.0 */
/* Captured JK frames: see sim_capture.h. */
#include "sim_capture.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define READ_STEP 65536U

/* Published in ArminJo/JK-BMSToPylontechCAN, extras/JK-BMS.log. */
static const char armin_16s_idle[] =
	"4e570121000000000600017930010cc6020cbe030cc7040cc7050cc7060cc5070cc6080cc7090cc20a0c"
	"c20b0cc20c0cc20d0cc10e0cc10f0cc1100cc180001681001582001683146c840000853c860287000089"
	"000000008a00108b00008c00038e15908f12c0900d7a910d48920005930bb8940bea95000596012c9700"
	"5098001e9900329a001e9b0c809c000a9d019e00509f0046a00064a10064a20014a3003ca40046a50005"
	"a6000aa7ffeca8fff6a910aa0000006eab01ac01ad0418ae01af00b0000ab114b2313233343536000000"
	"00b300b441726d696e735f5fb532333037b600000e85b731312e58575f5331312e32365f5f5fb800b900"
	"00006eba41726d696e735f5f424d53004a4b5f423241323053323050c0010000000068000051ca";

int capture_read_file(const char *path, char **ret_data, size_t *ret_len,
		      char err[CAPTURE_ERROR_MAX])
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char *data = NULL;
	size_t len = 0;
	int rc = 0;

	if (!f) {
		rc = -errno;
		snprintf(err, CAPTURE_ERROR_MAX, "%s: %s", path, strerror(-rc));
		return rc;
	}
	for (;;) {
		char *grown = realloc(data, len + READ_STEP + 1U);

		if (!grown) {
			rc = -ENOMEM;
			break;
		}
		data = grown;
		const size_t n = fread(data + len, 1, READ_STEP, f);

		len += n;
		if (len > CAPTURE_FILE_MAX) {
			rc = -EFBIG;
			break;
		}
		if (n == 0) {
			rc = ferror(f) ? -(errno ? errno : EIO) : 0;
			break;
		}
	}
	if (f != stdin) {
		fclose(f);
	}
	if (rc != 0) {
		free(data);
		snprintf(err, CAPTURE_ERROR_MAX, "%s: %s", path,
			 rc == -EFBIG ? "larger than 64 MiB" : strerror(-rc));
		return rc;
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return 0;
}

/* Next hex digit at or behind *@at, skipping what may stand between bytes. -1: end, -2: error. */
static int next_digit(const char *text, size_t len, size_t *at)
{
	bool line_start = *at == 0 || text[*at - 1] == '\n';

	while (*at < len) {
		const unsigned char c = (unsigned char)text[*at];

		if (line_start && c == '#') {
			while (*at < len && text[*at] != '\n') {
				(*at)++;
			}
			continue;
		}
		if (c == '0' && *at + 1 < len && (text[*at + 1] | 0x20) == 'x') {
			*at += 2;
			line_start = false;
			continue;
		}
		if (isxdigit(c)) {
			(*at)++;
			return isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
		}
		if (!isspace(c) && (c == '\0' || !strchr(",:.-", c))) {
			return -2;
		}
		line_start = c == '\n';
		(*at)++;
	}
	return -1;
}

bool capture_is_hex(const char *text, size_t len)
{
	size_t at = 0;
	int d = 0;
	bool any = false;

	while ((d = next_digit(text, len, &at)) >= 0) {
		any = true;
	}
	return any && d == -1;
}

int capture_parse_hex(const char *text, size_t len, uint8_t *ret_buf, size_t size, size_t *ret_len)
{
	size_t at = 0;
	size_t n = 0;

	for (;;) {
		const int hi = next_digit(text, len, &at);

		if (hi == -1) {
			*ret_len = n;
			return 0;
		}
		const int lo = hi >= 0 ? next_digit(text, len, &at) : -2;

		if (lo < 0) {
			return -EINVAL;
		}
		if (n == size) {
			return -ENOSPC;
		}
		ret_buf[n++] = (uint8_t)(hi << 4 | lo);
	}
}

static int load_json(const char *path, const char *name, uint8_t *ret_frame, size_t *ret_len,
		     char err[CAPTURE_ERROR_MAX])
{
	char *text = NULL;
	size_t len = 0;
	int rc = capture_read_file(path, &text, &len, err);

	if (rc != 0) {
		return rc;
	}
	cJSON *root = cJSON_ParseWithLength(text, len);
	const cJSON *entry = NULL;

	free(text);
	if (!root) {
		snprintf(err, CAPTURE_ERROR_MAX, "%s: no valid JSON", path);
		return -EINVAL;
	}
	rc = -ENOENT;
	snprintf(err, CAPTURE_ERROR_MAX, "%s: no entry named '%s' with a \"hex\" field", path,
		 name);
	cJSON_ArrayForEach(entry, root)
	{
		const cJSON *n = cJSON_GetObjectItemCaseSensitive(entry, CAPTURE_NAME_ENTRY);
		const cJSON *h = cJSON_GetObjectItemCaseSensitive(entry, CAPTURE_HEX_ENTRY);

		if (cJSON_IsString(n) && cJSON_IsString(h) && strcmp(n->valuestring, name) == 0) {
			rc = capture_parse_hex(h->valuestring, strlen(h->valuestring), ret_frame,
					       CAPTURE_FRAME_MAX, ret_len);
			snprintf(err, CAPTURE_ERROR_MAX, "%s: entry '%s': bad hex text", path,
				 name);
			break;
		}
	}
	cJSON_Delete(root);
	return rc;
}

static int load_hex(const char *path, uint8_t *ret_frame, size_t *ret_len,
		    char err[CAPTURE_ERROR_MAX])
{
	char *text = NULL;
	size_t len = 0;
	int rc = capture_read_file(path, &text, &len, err);

	if (rc == 0) {
		rc = capture_parse_hex(text, len, ret_frame, CAPTURE_FRAME_MAX, ret_len);
		free(text);
		if (rc != 0) {
			snprintf(err, CAPTURE_ERROR_MAX,
				 "%s: expected one frame of at most %u bytes as hex text", path,
				 CAPTURE_FRAME_MAX);
		}
	}
	return rc;
}

int capture_load(const char *spec, uint8_t ret_frame[CAPTURE_FRAME_MAX], size_t *ret_len,
		 char err[CAPTURE_ERROR_MAX])
{
	static const char json[] = ".json:";
	const char *at = strstr(spec, json);

	if (strcmp(spec, CAPTURE_DEFAULT) == 0) {
		return capture_parse_hex(armin_16s_idle, strlen(armin_16s_idle), ret_frame,
					 CAPTURE_FRAME_MAX, ret_len);
	}
	if (!at) {
		return load_hex(spec, ret_frame, ret_len, err);
	}
	char path[256];
	const size_t path_len = (size_t)(at - spec) + sizeof(json) - 2U;

	if (path_len >= sizeof(path)) {
		snprintf(err, CAPTURE_ERROR_MAX, "file name too long");
		return -ENAMETOOLONG;
	}
	memcpy(path, spec, path_len);
	path[path_len] = '\0';
	return load_json(path, at + sizeof(json) - 1U, ret_frame, ret_len, err);
}
