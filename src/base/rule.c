/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rule.h"

struct rule_row {
	const char *name;
	const char *text;
};

static const struct rule_row rules[RULES] = {
#define X(id, name, text) [RULE_##id] = {name, text},
	RULE_LIST(X)
#undef X
};

const char *rule_name(uint32_t rule)
{
	return rule < RULES ? rules[rule].name : "?";
}

const char *rule_text(uint32_t rule)
{
	return rule < RULES ? rules[rule].text : "?";
}
