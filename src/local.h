/* SPDX-License-Identifier: Apache-2.0 */
/* What jkpylond does on the command line beside or without a running daemon. */
#ifndef JKP_SRC_LOCAL_H
#define JKP_SRC_LOCAL_H

#include <stdbool.h>

#include "conf/conf.h"

/**
 * local_status - print state, reasons and latches: from the statistics page and the state file
 *
 * Return: EXIT_OK; EXIT_TRIPPED if it is tripped or something is latched; EXIT_DEVICE if no daemon
 * runs.
 */
int local_status(const struct config *c);

/**
 * local_ack - have the running daemon clear its latch
 * @recover: attended recovery after an under-voltage
 *
 * Return: EXIT_OK, EXIT_TRIPPED if it refuses, EXIT_DEVICE if none answers.
 */
int local_ack(const struct config *c, bool recover);

/**
 * local_open_relay - open the relay; for when no guard holds it (ExecStopPost)
 *
 * A configuration that cannot be read is no excuse: then the relay that the state file names.
 *
 * Return: EXIT_OK, EXIT_DEVICE.
 */
int local_open_relay(const char *config_path);

#endif
