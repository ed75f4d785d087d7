/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a trace: its C lines become the text of a configuration file, read as such. */
#ifndef JKP_TOOLS_REPLAY_CONFIG_H
#define JKP_TOOLS_REPLAY_CONFIG_H

#include <stddef.h>
#include <stdio.h>

#include "conf/conf.h"

#define REPLAY_SECTION_MAX 64

/**
 * struct replay_config - the text, while it grows
 * @line: line of the trace that each line of the text came from
 */
struct replay_config {
	char *text;
	size_t len;
	FILE *stream;
	char section[REPLAY_SECTION_MAX];
	unsigned long *line;
	size_t lines;
};

/* Return: 0 or -ENOMEM. */
int replay_config_init(struct replay_config *c);
void replay_config_fini(struct replay_config *c);

/**
 * replay_config_add - one setting
 * @setting: "section.key=value"; is cut
 * @trace_line: where it stands
 *
 * Return: 0; -EINVAL if it has another form; -ENOMEM.
 */
int replay_config_add(struct replay_config *c, char *setting, unsigned long trace_line);

/**
 * replay_config_parse - read and check all of them
 * @ret_error: message on failure
 * @ret_line: line of the trace that it is about; untouched if it is about none
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int replay_config_parse(struct replay_config *c, struct config *ret_config,
			struct conf_error *ret_error, unsigned long *ret_line);

#endif
