/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of libgpiod 2 on the chips of the test. The objects that describe a request are the
 * library's own; here they are only counted.
 */
#include "fake_gpio.h"

#include <errno.h>
#include <gpiod.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct gpiod_chip {
	const struct fake_chip *fake;
};

struct gpiod_chip_info {
	const struct fake_chip *fake;
};

struct gpiod_line_info {
	unsigned int offset;
};

struct gpiod_line_request {
	unsigned int offset;
};

struct gpiod_chip *__wrap_gpiod_chip_open(const char *path);
void __wrap_gpiod_chip_close(struct gpiod_chip *chip);
struct gpiod_chip_info *__wrap_gpiod_chip_get_info(struct gpiod_chip *chip);
void __wrap_gpiod_chip_info_free(struct gpiod_chip_info *info);
const char *__wrap_gpiod_chip_info_get_label(struct gpiod_chip_info *info);
size_t __wrap_gpiod_chip_info_get_num_lines(struct gpiod_chip_info *info);
struct gpiod_line_info *__wrap_gpiod_chip_get_line_info(struct gpiod_chip *chip,
							unsigned int offset);
void __wrap_gpiod_line_info_free(struct gpiod_line_info *info);
const char *__wrap_gpiod_line_info_get_consumer(struct gpiod_line_info *info);
struct gpiod_line_settings *__real_gpiod_line_settings_new(void);
struct gpiod_line_settings *__wrap_gpiod_line_settings_new(void);
void __real_gpiod_line_settings_free(struct gpiod_line_settings *settings);
void __wrap_gpiod_line_settings_free(struct gpiod_line_settings *settings);
struct gpiod_line_config *__real_gpiod_line_config_new(void);
struct gpiod_line_config *__wrap_gpiod_line_config_new(void);
void __real_gpiod_line_config_free(struct gpiod_line_config *config);
void __wrap_gpiod_line_config_free(struct gpiod_line_config *config);
struct gpiod_request_config *__real_gpiod_request_config_new(void);
struct gpiod_request_config *__wrap_gpiod_request_config_new(void);
void __real_gpiod_request_config_free(struct gpiod_request_config *config);
void __wrap_gpiod_request_config_free(struct gpiod_request_config *config);
int __real_gpiod_line_config_add_line_settings(struct gpiod_line_config *config,
					       const unsigned int *offsets, size_t num_offsets,
					       struct gpiod_line_settings *settings);
int __wrap_gpiod_line_config_add_line_settings(struct gpiod_line_config *config,
					       const unsigned int *offsets, size_t num_offsets,
					       struct gpiod_line_settings *settings);
struct gpiod_line_request *__wrap_gpiod_chip_request_lines(struct gpiod_chip *chip,
							   struct gpiod_request_config *req_cfg,
							   struct gpiod_line_config *line_cfg);
void __wrap_gpiod_line_request_release(struct gpiod_line_request *request);
int __wrap_gpiod_line_request_set_value(struct gpiod_line_request *request, unsigned int offset,
					enum gpiod_line_value value);
enum gpiod_line_value __wrap_gpiod_line_request_get_value(struct gpiod_line_request *request,
							  unsigned int offset);

static void *hand_out(void *object)
{
	assert_non_null(object);
	fake.objects++;
	return object;
}

static void take_back(const void *object)
{
	fake.objects -= object != NULL ? 1 : 0;
}

struct gpiod_chip *__wrap_gpiod_chip_open(const char *path)
{
	const struct fake_chip *found = fake_find(path);
	struct gpiod_chip *chip;

	if (found == NULL || fake_fails()) {
		return NULL;
	}
	chip = calloc(1, sizeof(*chip));
	assert_non_null(chip);
	chip->fake = found;
	fake.chips_open++;
	return chip;
}

void __wrap_gpiod_chip_close(struct gpiod_chip *chip)
{
	if (chip != NULL) {
		fake.chips_open--;
		free(chip);
	}
}

struct gpiod_chip_info *__wrap_gpiod_chip_get_info(struct gpiod_chip *chip)
{
	struct gpiod_chip_info *info;

	if (fake_fails()) {
		return NULL;
	}
	info = hand_out(calloc(1, sizeof(*info)));
	info->fake = chip->fake;
	return info;
}

void __wrap_gpiod_chip_info_free(struct gpiod_chip_info *info)
{
	take_back(info);
	free(info);
}

const char *__wrap_gpiod_chip_info_get_label(struct gpiod_chip_info *info)
{
	return info->fake->label;
}

size_t __wrap_gpiod_chip_info_get_num_lines(struct gpiod_chip_info *info)
{
	return info->fake->lines;
}

struct gpiod_line_info *__wrap_gpiod_chip_get_line_info(struct gpiod_chip *chip,
							unsigned int offset)
{
	struct gpiod_line_info *info;

	if (fake_fails()) {
		return NULL;
	}
	assert_true(offset < chip->fake->lines);
	info = hand_out(calloc(1, sizeof(*info)));
	info->offset = offset;
	return info;
}

void __wrap_gpiod_line_info_free(struct gpiod_line_info *info)
{
	take_back(info);
	free(info);
}

const char *__wrap_gpiod_line_info_get_consumer(struct gpiod_line_info *info)
{
	assert_non_null(info);
	return fake.holder != NULL && fake.holder[0] != '\0' ? fake.holder : NULL;
}

struct gpiod_line_settings *__wrap_gpiod_line_settings_new(void)
{
	return fake_fails() ? NULL : hand_out(__real_gpiod_line_settings_new());
}

void __wrap_gpiod_line_settings_free(struct gpiod_line_settings *settings)
{
	take_back(settings);
	__real_gpiod_line_settings_free(settings);
}

struct gpiod_line_config *__wrap_gpiod_line_config_new(void)
{
	return fake_fails() ? NULL : hand_out(__real_gpiod_line_config_new());
}

void __wrap_gpiod_line_config_free(struct gpiod_line_config *config)
{
	take_back(config);
	__real_gpiod_line_config_free(config);
}

struct gpiod_request_config *__wrap_gpiod_request_config_new(void)
{
	return fake_fails() ? NULL : hand_out(__real_gpiod_request_config_new());
}

void __wrap_gpiod_request_config_free(struct gpiod_request_config *config)
{
	take_back(config);
	__real_gpiod_request_config_free(config);
}

int __wrap_gpiod_line_config_add_line_settings(struct gpiod_line_config *config,
					       const unsigned int *offsets, size_t num_offsets,
					       struct gpiod_line_settings *settings)
{
	if (fake_fails()) {
		return -1;
	}
	return __real_gpiod_line_config_add_line_settings(config, offsets, num_offsets, settings);
}

struct gpiod_line_request *__wrap_gpiod_chip_request_lines(struct gpiod_chip *chip,
							   struct gpiod_request_config *req_cfg,
							   struct gpiod_line_config *line_cfg)
{
	struct gpiod_line_request *request;
	struct gpiod_line_settings *settings;
	unsigned int offset = 0;
	int result;

	if (fake_fails()) {
		return NULL;
	}
	assert_int_equal(gpiod_line_config_get_num_configured_offsets(line_cfg), 1);
	assert_int_equal(gpiod_line_config_get_configured_offsets(line_cfg, &offset, 1), 1);
	settings = gpiod_line_config_get_line_settings(line_cfg, offset);
	assert_non_null(settings);
	result = fake_request(
		chip->fake, offset,
		gpiod_line_settings_get_direction(settings) == GPIOD_LINE_DIRECTION_OUTPUT,
		gpiod_line_settings_get_active_low(settings),
		gpiod_line_settings_get_output_value(settings) == GPIOD_LINE_VALUE_ACTIVE,
		gpiod_request_config_get_consumer(req_cfg));
	__real_gpiod_line_settings_free(settings);
	if (result < 0) {
		return NULL;
	}
	request = hand_out(calloc(1, sizeof(*request)));
	request->offset = offset;
	return request;
}

void __wrap_gpiod_line_request_release(struct gpiod_line_request *request)
{
	assert_non_null(request);
	fake_release();
	take_back(request);
	free(request);
}

int __wrap_gpiod_line_request_set_value(struct gpiod_line_request *request, unsigned int offset,
					enum gpiod_line_value value)
{
	assert_int_equal(request->offset, offset);
	return fake_set(value == GPIOD_LINE_VALUE_ACTIVE);
}

enum gpiod_line_value __wrap_gpiod_line_request_get_value(struct gpiod_line_request *request,
							  unsigned int offset)
{
	int level;

	assert_int_equal(request->offset, offset);
	level = fake_get();
	if (level < 0) {
		return GPIOD_LINE_VALUE_ERROR;
	}
	return level != 0 ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
}
