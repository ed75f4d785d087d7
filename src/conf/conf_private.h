/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of src/conf share: the table of keys, and the functions that read and write one
 * value. Text goes in and out here; struct config holds integers in the unit of its field.
 */
#ifndef JKP_CONF_PRIVATE_H
#define JKP_CONF_PRIVATE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

#define CONF_FILE_MAX	  (256U * 1024U) /* bytes of a configuration file */
#define CONF_UNITS_MAX	  5U
#define CONF_VALUE_MAX	  512U /* text of any one value, with the NUL */
#define CONF_REASON_MAX	  320U /* text why a value is refused, with the NUL */
#define CONF_KEY_NAME_MAX 32U

/**
 * struct conf_unit - a unit that a number may carry
 * @name: as written behind the number; "" for a plain number
 * @scale: how many of the field's own units one of it is
 * @decimals: digits behind the point that are always printed
 * @whole: is only printed if no fraction is needed
 */
struct conf_unit {
	const char *name;
	int32_t scale;
	uint8_t decimals;
	bool whole;
};

/**
 * struct conf_quantity - a kind of number
 * @what: for messages: "a duration"
 * @example: number with unit, for the message that the unit is missing
 * @unit: accepted units, smallest first, ends with a NULL name
 * @home: index of the unit that 0 is printed in
 * @bare: the unit may be left out; then the first one is meant
 */
struct conf_quantity {
	const char *what;
	const char *example;
	struct conf_unit unit[CONF_UNITS_MAX + 1];
	uint8_t home;
	bool bare;
};

extern const struct conf_quantity conf_time_ms;
extern const struct conf_quantity conf_time_us;
extern const struct conf_quantity conf_time_days;
extern const struct conf_quantity conf_current;
extern const struct conf_quantity conf_current_slope;
extern const struct conf_quantity conf_power;
extern const struct conf_quantity conf_voltage;
extern const struct conf_quantity conf_voltage_slope;
extern const struct conf_quantity conf_temperature;
extern const struct conf_quantity conf_soc;
extern const struct conf_quantity conf_share;
extern const struct conf_quantity conf_c_rate;
extern const struct conf_quantity conf_count;
extern const struct conf_quantity conf_size_kib;

enum conf_type {
	CONF_NUMBER,   /* int32_t in the unit of the quantity */
	CONF_SMALL,    /* the same in a uint8_t */
	CONF_BOOL,     /* yes or no */
	CONF_ENUM,     /* one of @words */
	CONF_PROFILE,  /* const struct pylon_profile * by its name */
	CONF_TEXT,     /* char [CONF_PATH_MAX], judged by @check */
	CONF_CURVE,    /* struct curve, x in the unit of the quantity */
	CONF_LEVELS,   /* struct level */
	CONF_FALLBACK, /* enum fallback and the cap behind it, of struct source_config */
};

/* Says why @value is refused and what would be right; NULL if it is accepted. */
typedef const char *conf_text_check(const char *value);

/**
 * struct conf_key - one row of the table
 * @section, @name: as in the file
 * @type: kind of value
 * @quantity: of a number, a curve's x, a level
 * @min, @max: accepted range, in the field's unit
 * @offset: of the field in struct config
 * @words: of an enum, in the order of its values, ends with NULL
 * @check: of a text
 * @form: what a text may look like, for print and manual
 * @example: value shown where the key has no default
 * @none: word that stands for @none_value (a number) or the empty text, or NULL
 * @none_value: see @none
 * @required: has no default
 * @has_explicit: @explicit_offset is the offset of a bool that notes that the key was written down
 * @help: one or two sentences
 */
struct conf_key {
	const char *section;
	const char *name;
	enum conf_type type;
	const struct conf_quantity *quantity;
	int32_t min;
	int32_t max;
	size_t offset;
	const char *const *words;
	conf_text_check *check;
	const char *form;
	const char *example;
	const char *none;
	int32_t none_value;
	bool required;
	bool has_explicit;
	size_t explicit_offset;
	const char *help;
};

extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;

#define CONF_KEYS_MAX 192U /* rows the parser has room for; a test compares */

/**
 * struct conf_text - text being written, always NUL-terminated, cut at its end
 */
struct conf_text {
	char *buf;
	size_t size;
	size_t used;
};

void conf_text_add(struct conf_text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void conf_text_vadd(struct conf_text *t, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/**
 * conf_number_parse - one number with its unit
 * @s: text
 * @len: its length; blanks between number and unit are allowed
 * @q: which units
 * @min, @max: range
 * @ret_value: receives it, in the field's unit
 * @reason: receives why not
 *
 * Exact: a value that the field's unit cannot express is refused, never rounded.
 *
 * Return: 0 or -EINVAL.
 */
int conf_number_parse(const char *s, size_t len, const struct conf_quantity *q, int32_t min,
		      int32_t max, int32_t *ret_value, struct conf_text *reason);

/**
 * conf_number_format - the opposite of conf_number_parse
 */
void conf_number_format(struct conf_text *t, const struct conf_quantity *q, int32_t value);

/* Curves and levels, see conf_value_parse. */
int conf_curve_parse(const struct conf_key *k, const char *s, struct curve *ret_curve,
		     struct conf_text *reason);
void conf_curve_format(struct conf_text *t, const struct conf_key *k, const struct curve *curve);
int conf_levels_parse(const struct conf_key *k, const char *s, struct level *ret_level,
		      struct conf_text *reason);
void conf_levels_format(struct conf_text *t, const struct conf_key *k, const struct level *level);

/* Checks of texts. */
conf_text_check conf_check_device;
conf_text_check conf_check_interface;
conf_text_check conf_check_relay;
conf_text_check conf_check_state;
conf_text_check conf_check_watchdog;
conf_text_check conf_check_auto_file; /* an absolute path, or "auto" */
conf_text_check conf_check_file;
conf_text_check conf_check_network;
conf_text_check conf_check_serial;
conf_text_check conf_check_group;
conf_text_check conf_check_host;
conf_text_check conf_check_user;
conf_text_check conf_check_secret;
conf_text_check conf_check_client_id;
conf_text_check conf_check_prefix;
conf_text_check conf_check_discovery_prefix;
/* web.c */
conf_text_check conf_check_url;
conf_text_check conf_check_path;
conf_text_check conf_check_hosts;
conf_text_check conf_check_codes;
conf_text_check conf_check_header;
conf_text_check conf_check_headers;
conf_text_check conf_check_word;
conf_text_check conf_check_station;

/**
 * conf_value_parse - read the value of one key into its field
 * @k: key
 * @s: value, blanks at both ends removed
 * @config: receives it; untouched on failure
 * @reason: receives why not and what would be right
 *
 * Return: 0 or -EINVAL.
 */
int conf_value_parse(const struct conf_key *k, const char *s, struct config *config,
		     struct conf_text *reason);

/**
 * conf_value_format - value of one key as it would be written in the file
 */
void conf_value_format(struct conf_text *t, const struct conf_key *k, const struct config *config);

/**
 * conf_range_format - what the key accepts: "1s to 10s", "yes or no"
 */
void conf_range_format(struct conf_text *t, const struct conf_key *k);

/**
 * conf_is_written - whether print shows the key as a setting, not as a comment
 */
bool conf_is_written(const struct conf_key *k, const struct config *config);

/**
 * conf_key_find - row of a key
 *
 * Return: the row, or NULL.
 */
const struct conf_key *conf_key_find(const char *section, const char *name);

/* Whether the table has a section of this name. */
bool conf_section_known(const char *section);

/* "; did you mean ...": appended to the message about an unknown name, if a name is near. */
void conf_suggest_key(struct conf_text *t, const char *section, const char *name);
void conf_suggest_section(struct conf_text *t, const char *section);

/**
 * conf_parse - read and check the text of a configuration file
 * @text: the file; need not be NUL-terminated
 * @len: its length
 * @ret_config: settings; untouched on failure
 * @ret_error: filled on failure
 *
 * Return: 0, -EINVAL for a wrong content, -ENOMEM.
 * Context: init only.
 */
int conf_parse(const char *text, size_t len, struct config *ret_config,
	       struct conf_error *ret_error);

/**
 * conf_parse_here - the same, and the files that the settings name are looked at
 *
 * A secret that others can read is refused (FLT-58).
 */
int conf_parse_here(const char *text, size_t len, struct config *ret_config,
		    struct conf_error *ret_error);

/**
 * conf_check_files - whether the files that hold secrets are fit for that
 * @ret_fault: the first that is not
 *
 * Return: 0 or -EINVAL.
 */
int conf_check_files(const struct config *config, struct config_fault *ret_fault);

/* [sems]: its defaults, and its rules between keys; as conf_default() and conf_check(). */
void conf_default_sems(struct config *c);
int conf_check_sems(const struct config *config, struct config_fault *ret_fault);

/**
 * conf_check - rules between keys
 * @config: settings, each in its own range
 * @ret_fault: first contradiction
 *
 * core_config_check() and the rules that concern the worker's own settings.
 *
 * Return: 0 or -EINVAL.
 */
int conf_check(const struct config *config, struct config_fault *ret_fault);

#endif
