/* SPDX-License-Identifier: Apache-2.0 */
#include "can_frame.h"

#include "core/telemetry.h"

#include <assert.h>
#include <errno.h>
#include <linux/can/error.h>
#include <string.h>

/* Position in an error frame, see <linux/can/error.h>. */
#define ERROR_CTRL   1
#define ERROR_TX_CNT 6
#define ERROR_RX_CNT 7

#ifndef CAN_ERR_CNT
#define CAN_ERR_CNT 0x00000200U
#endif

#define CTRL_PASSIVE (CAN_ERR_CRTL_RX_PASSIVE | CAN_ERR_CRTL_TX_PASSIVE)
#define CTRL_WARNING (CAN_ERR_CRTL_RX_WARNING | CAN_ERR_CRTL_TX_WARNING)

/* The helper's word: link in bits 0-7, has_state 8, epoch 9-15, sequence 16-31. */
#define WORD_LINK_MASK	 0xFFU
#define WORD_STATE	 (1U << 8)
#define WORD_EPOCH_SHIFT 9
#define WORD_EPOCH_MASK	 0x7FU
#define WORD_SEQ_SHIFT	 16
#define WORD_SEQ_MASK	 0xFFFFU

/*
 * A look of the helper whose sequence is this far ahead began after the error frame was read. The
 * next one may have begun before.
 */
#define SEQ_NEWER 2U

int can_frame_encode(const struct can_msg *m, struct can_frame *ret_frame)
{
	if (m->id > CAN_MSG_ID_MAX || m->len > CAN_MSG_DATA_MAX) {
		return -EINVAL;
	}
	memset(ret_frame, 0, sizeof(*ret_frame));
	ret_frame->can_id = m->id;
	ret_frame->can_dlc = m->len;
	memcpy(ret_frame->data, m->data, m->len);
	return 0;
}

bool can_frame_decode(const struct can_frame *f, const uint16_t *ids, size_t ids_len,
		      struct can_msg *ret_msg)
{
	bool wanted = false;

	if ((f->can_id & (CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_ERR_FLAG)) != 0U ||
	    f->can_id > CAN_MSG_ID_MAX || f->can_dlc > CAN_MSG_DATA_MAX) {
		return false;
	}
	for (size_t i = 0; i < ids_len; i++) {
		wanted = wanted || ids[i] == f->can_id;
	}
	if (!wanted) {
		return false;
	}
	memset(ret_msg, 0, sizeof(*ret_msg));
	ret_msg->id = (uint16_t)f->can_id;
	ret_msg->len = f->can_dlc;
	memcpy(ret_msg->data, f->data, f->can_dlc);
	return true;
}

void can_frame_filters(const uint16_t *ids, size_t ids_len, struct can_filter *ret_filter)
{
	for (size_t i = 0; i < ids_len; i++) {
		ret_filter[i].can_id = ids[i];
		ret_filter[i].can_mask = CAN_SFF_MASK | CAN_EFF_FLAG | CAN_RTR_FLAG;
	}
}

uint32_t can_frame_error_mask(void)
{
	return CAN_ERR_TX_TIMEOUT | CAN_ERR_CRTL | CAN_ERR_ACK | CAN_ERR_BUSOFF | CAN_ERR_RESTARTED;
}

static void fault_link(struct can_fault *fault)
{
	fault->link_known = true;
	if ((fault->error_class & CAN_ERR_BUSOFF) != 0U) {
		fault->link = CAN_LINK_BUS_OFF;
	} else if ((fault->ctrl & CTRL_PASSIVE) != 0U) {
		fault->link = CAN_LINK_PASSIVE;
	} else if ((fault->ctrl & CTRL_WARNING) != 0U) {
		fault->link = CAN_LINK_WARNING;
	} else if ((fault->ctrl & CAN_ERR_CRTL_ACTIVE) != 0U ||
		   (fault->error_class & CAN_ERR_RESTARTED) != 0U) {
		fault->link = CAN_LINK_UP;
	} else {
		fault->link_known = false;
	}
}

void can_frame_fault(const struct can_frame *f, struct can_fault *ret_fault)
{
	memset(ret_fault, 0, sizeof(*ret_fault));
	ret_fault->error_class = f->can_id & CAN_ERR_MASK & ~CAN_ERR_CNT;
	/* A short error frame carries no details. */
	if (f->can_dlc == CAN_ERR_DLC) {
		if ((ret_fault->error_class & CAN_ERR_CRTL) != 0U) {
			ret_fault->ctrl = f->data[ERROR_CTRL];
		}
		if ((f->can_id & CAN_ERR_CNT) != 0U) {
			ret_fault->counters = true;
			ret_fault->tx_err = f->data[ERROR_TX_CNT];
			ret_fault->rx_err = f->data[ERROR_RX_CNT];
		}
	}
	fault_link(ret_fault);
}

uint32_t can_view_word(uint32_t link, bool has_state, uint32_t seq, uint32_t epoch)
{
	assert(link < CAN_LINKS);
	return link | (has_state ? WORD_STATE : 0U) |
	       ((epoch & WORD_EPOCH_MASK) << WORD_EPOCH_SHIFT) |
	       ((seq & WORD_SEQ_MASK) << WORD_SEQ_SHIFT);
}

static uint32_t word_seq(uint32_t word)
{
	return word >> WORD_SEQ_SHIFT;
}

static uint32_t word_epoch(uint32_t word)
{
	return (word >> WORD_EPOCH_SHIFT) & WORD_EPOCH_MASK;
}

void can_view_init(struct can_view *v)
{
	memset(v, 0, sizeof(*v));
	v->link = CAN_LINK_UP;
	/* Older than any look: the helper's first word counts. */
	v->link_seq = WORD_SEQ_MASK;
}

void can_view_fault(struct can_view *v, const struct can_fault *fault, uint32_t word)
{
	const bool recovered = fault->link_known && fault->link == CAN_LINK_UP;

	if (recovered) {
		v->told_class = 0;
		v->told_ctrl = 0;
	}
	v->new_class |= fault->error_class & ~v->told_class;
	if ((fault->ctrl & ~v->told_ctrl) != 0U) {
		v->new_ctrl |= fault->ctrl & ~v->told_ctrl;
		v->new_class |= fault->error_class & CAN_ERR_CRTL;
	}
	if (fault->counters) {
		v->tx_err = fault->tx_err;
		v->rx_err = fault->rx_err;
	}
	if (fault->link_known) {
		v->link = fault->link;
		v->link_seq = word_seq(word);
		v->epoch = word_epoch(word);
	}
}

uint32_t can_view_link(struct can_view *v, uint32_t word)
{
	const uint32_t base = word & WORD_LINK_MASK;
	const uint32_t epoch = word_epoch(word);
	uint32_t ahead;

	if (base <= CAN_LINK_DOWN) {
		return base;
	}
	if (epoch != v->epoch) {
		/* The helper has restarted the interface and looked: older errors are history. */
		v->epoch = epoch;
		v->link = (word & WORD_STATE) != 0U ? base : CAN_LINK_UP;
		v->link_seq = (word_seq(word) - SEQ_NEWER) & WORD_SEQ_MASK;
	}
	ahead = (word_seq(word) - v->link_seq) & WORD_SEQ_MASK;
	if (ahead >= SEQ_NEWER && (word & WORD_STATE) != 0U) {
		v->link = base;
		/* Keep the distance, or the sequence would overtake after 65536 looks. */
		v->link_seq = (word_seq(word) - SEQ_NEWER) & WORD_SEQ_MASK;
	}
	return v->link;
}

bool can_view_error(struct can_view *v, uint32_t restarts, struct can_error *ret_error)
{
	if (v->new_class == 0U && restarts == v->restarts_told) {
		return false;
	}
	ret_error->error_class = v->new_class;
	ret_error->ctrl = v->new_ctrl;
	ret_error->tx_err = v->tx_err;
	ret_error->rx_err = v->rx_err;
	ret_error->restart = restarts == v->restarts_told ? 0U : restarts;
	v->told_class |= v->new_class;
	v->told_ctrl |= v->new_ctrl;
	v->new_class = 0;
	v->new_ctrl = 0;
	v->restarts_told = restarts;
	return true;
}
