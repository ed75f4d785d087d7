/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JKP_TESTS_WORLD_PRINT_H
#define JKP_TESTS_WORLD_PRINT_H

#include "lib/world.h"

/* The last steps of a traced world, inputs and outputs, oldest first. */
void world_print(const struct world *w);

#endif
