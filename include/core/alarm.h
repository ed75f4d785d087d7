/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms on the bus. A false protection bit trips a real Solis S6, so protection bits come only
 * from the BMS's own alarm bits; our levels set warnings.
 */
#ifndef JKP_CORE_ALARM_H
#define JKP_CORE_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"

/**
 * alarm_protections - PYLON_* protection bits for the BMS's alarm bits (register 8B)
 */
uint32_t alarm_protections(uint16_t jk_alarms);

/**
 * alarm_warnings - PYLON_* warning bits
 * @jk_alarms: alarm bits of the BMS that are only warnings on the bus
 * @level_warn: warning state of every level
 * @over: current beyond the maximum of the direction
 * @data_lost: samples are missing or not to be believed
 */
uint32_t alarm_warnings(uint16_t jk_alarms, const bool level_warn[LEVELS], const bool over[DIRS],
			bool data_lost);

#endif
