/* SPDX-License-Identifier: Apache-2.0 */
/* What a frame says. */
#ifndef JKP_TOOLS_CANVIEW_MEANING_H
#define JKP_TOOLS_CANVIEW_MEANING_H

#include <linux/can.h>

#include "canview_text.h"

/* Adds the meaning of a frame, for a person. */
void meaning_add_words(struct text *t, const struct can_frame *f);

/* Adds the meaning as members of a JSON object, each with a comma in front. */
void meaning_add_json(struct text *t, const struct can_frame *f);

#endif
