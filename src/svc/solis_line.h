/* SPDX-License-Identifier: Apache-2.0 */
/* The RS485 line to the inverter: opening it, one reading. The only file that knows libmodbus. */
#ifndef JKP_SVC_SOLIS_LINE_H
#define JKP_SVC_SOLIS_LINE_H

#include <modbus/modbus.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/echo.h"
#include "svc/solis.h"

/* How a reading ended. */
enum solis_result {
	SOLIS_READ,
	SOLIS_SILENT,
	SOLIS_DAMAGED,
	SOLIS_REFUSED,
	SOLIS_LOST, /* the device is gone: close it */
};

/**
 * solis_line_open - open and lock the device
 * @ret_line: untouched on failure
 *
 * Return: 0; -ENOTUNIQ it is the device of the BMS; another -errno.
 * Context: the thread of the service.
 */
int solis_line_open(const struct solis_config *c, struct solis_line *ret_line);

/**
 * solis_line_read - read the registers once
 * @ret_reg: receives them after SOLIS_READ, else unspecified
 * @ret_exception: Modbus exception code after SOLIS_REFUSED, else untouched
 *
 * Context: the thread of the service. Bound: @answer_ms of the settings.
 */
enum solis_result solis_line_read(struct solis_line *line, uint16_t ret_reg[ECHO_REGISTERS],
				  int32_t *ret_exception);

/**
 * solis_line_close - nothing if it is closed
 */
void solis_line_close(struct solis_line *line);

#endif
