/* SPDX-License-Identifier: Apache-2.0 */
/* Error frames of the kernel in words. */
#include "canbus.h"

#include <stdio.h>
#include <string.h>
#include <linux/can/error.h>

#ifndef CAN_ERR_CNT
#define CAN_ERR_CNT 0x00000200U /* younger than the oldest kernel headers we build with */
#endif

struct bit_word {
	uint32_t bit;
	const char *word;
};

static const struct bit_word error_classes[] = {
	{CAN_ERR_TX_TIMEOUT, "transmit time-out"},
	{CAN_ERR_LOSTARB, "lost arbitration"},
	{CAN_ERR_PROT, "protocol violation"},
	{CAN_ERR_TRX, "transceiver fault"},
	{CAN_ERR_ACK, "no acknowledge: no other node hears us"},
	{CAN_ERR_BUSOFF, "bus-off: the controller left the bus"},
	{CAN_ERR_BUSERROR, "bus error"},
	{CAN_ERR_RESTARTED, "controller restarted"},
};

/* Byte 1 of a frame of class CAN_ERR_CRTL. */
static const struct bit_word controller_states[] = {
	{CAN_ERR_CRTL_RX_OVERFLOW, "receive overrun: frames were lost"},
	{CAN_ERR_CRTL_TX_OVERFLOW, "transmit overrun"},
	{CAN_ERR_CRTL_RX_WARNING, "error warning (receive)"},
	{CAN_ERR_CRTL_TX_WARNING, "error warning (transmit)"},
	{CAN_ERR_CRTL_RX_PASSIVE, "error passive (receive)"},
	{CAN_ERR_CRTL_TX_PASSIVE, "error passive (transmit)"},
	{CAN_ERR_CRTL_ACTIVE, "error active again"},
};

static void add_words(char *text, size_t size, const struct bit_word *words, size_t count,
		      uint32_t bits)
{
	for (size_t i = 0; i < count; i++) {
		const size_t used = strlen(text);

		if ((bits & words[i].bit) != 0) {
			(void)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
				       words[i].word);
		}
	}
}

void canbus_error_text(const struct can_frame *frame, char *text, size_t size)
{
	const uint32_t class = frame->can_id & CAN_ERR_MASK;
	size_t used;

	text[0] = '\0';
	add_words(text, size, error_classes, sizeof(error_classes) / sizeof(error_classes[0]),
		  class);
	if ((class & CAN_ERR_CRTL) != 0) {
		add_words(text, size, controller_states,
			  sizeof(controller_states) / sizeof(controller_states[0]), frame->data[1]);
	}
	used = strlen(text);
	if (used == 0) {
		(void)snprintf(text, size, "unspecified error, class 0x%X", class);
		used = strlen(text);
	}
	if ((class & CAN_ERR_CNT) != 0) {
		(void)snprintf(text + used, size - used, "; error counters transmit %u, receive %u",
			       frame->data[6], frame->data[7]);
	}
}
