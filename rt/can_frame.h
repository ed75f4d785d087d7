/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure part of the CAN port: conversion at the edge to <linux/can.h>, receive filters, error
 * frames, and what the error frames say about the link. No system call.
 */
#ifndef JKP_RT_CAN_FRAME_H
#define JKP_RT_CAN_FRAME_H

#include <linux/can.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/canmsg.h"
#include "rt/can.h"

/**
 * struct can_fault - content of one error frame
 * @error_class: CAN_ERR_* bits, without CAN_ERR_CNT
 * @ctrl: CAN_ERR_CRTL_* bits, 0 unless the class has CAN_ERR_CRTL
 * @tx_err, @rx_err: error counters, valid if @counters
 * @counters: the driver gave error counters
 * @link_known: the frame says in which state the controller is now
 * @link: that state, enum can_link
 */
struct can_fault {
	uint32_t error_class;
	uint32_t ctrl;
	uint32_t tx_err;
	uint32_t rx_err;
	bool counters;
	bool link_known;
	uint32_t link;
};

/**
 * struct can_view - what the cycle thread knows about the link and its errors
 * @link: enum can_link by error frames, CAN_LINK_UP at the beginning
 * @link_seq: sequence of the helper's word when @link was set
 * @epoch: epoch of the helper's word seen last
 * @told_class, @told_ctrl: kinds already told by can_view_error()
 * @new_class, @new_ctrl: kinds seen since then
 * @tx_err, @rx_err: newest counters
 * @restarts_told: restart attempts told
 */
struct can_view {
	uint32_t link;
	uint32_t link_seq;
	uint32_t epoch;
	uint32_t told_class;
	uint32_t told_ctrl;
	uint32_t new_class;
	uint32_t new_ctrl;
	uint32_t tx_err;
	uint32_t rx_err;
	uint32_t restarts_told;
};

/**
 * can_frame_encode - kernel form of a frame
 * @m: frame
 * @ret_frame: receives it, unused bytes 0
 *
 * Return: 0, or -EINVAL if identifier or length is out of range.
 * Context: any thread. Pure.
 */
int can_frame_encode(const struct can_msg *m, struct can_frame *ret_frame);

/**
 * can_frame_decode - our form of a received frame
 * @f: frame
 * @ids: identifiers wanted
 * @ids_len: their number
 * @ret_msg: receives it; untouched on false
 *
 * Return: true if it is a standard data frame with one of the identifiers and at most 8 bytes.
 * Context: any thread. Pure, bound: @ids_len.
 */
bool can_frame_decode(const struct can_frame *f, const uint16_t *ids, size_t ids_len,
		      struct can_msg *ret_msg);

/**
 * can_frame_filters - exact receive filters for CAN_RAW_FILTER
 * @ids: identifiers, 0..0x7FF
 * @ids_len: their number
 * @ret_filter: receives @ids_len filters: standard data frames only
 *
 * Context: any thread. Pure.
 */
void can_frame_filters(const uint16_t *ids, size_t ids_len, struct can_filter *ret_filter);

/**
 * can_frame_error_mask - error classes worth waking up for, for CAN_RAW_ERR_FILTER
 *
 * Lost arbitration, protocol and bus errors are left out: every one of them on the wire makes a
 * frame, up to 10 000 per second. CAN_ERR_CNT is left out because it marks nearly every error frame
 * and would let those through again.
 *
 * Return: mask of CAN_ERR_* bits. Context: any thread. Pure.
 */
uint32_t can_frame_error_mask(void);

/**
 * can_frame_fault - read an error frame
 * @f: frame with CAN_ERR_FLAG
 * @ret_fault: receives its content
 *
 * Source: <linux/can/error.h>. Context: any thread. Pure.
 */
void can_frame_fault(const struct can_frame *f, struct can_fault *ret_fault);

/*
 * The helper publishes the link in one word: state, whether the controller's state is part of it, a
 * sequence that counts its looks, an epoch that counts its own changes of the interface.
 */
uint32_t can_view_word(uint32_t link, bool has_state, uint32_t seq, uint32_t epoch);

/**
 * can_view_init - nothing known yet
 */
void can_view_init(struct can_view *v);

/**
 * can_view_fault - take an error frame into account
 * @v: view
 * @fault: its content
 * @word: the helper's newest word
 *
 * Context: the cycle thread. Pure.
 */
void can_view_fault(struct can_view *v, const struct can_fault *fault, uint32_t word);

/**
 * can_view_link - state of the link from both sources
 * @v: view
 * @word: the helper's newest word
 *
 * An error frame wins over a look of the helper that may be older than the frame.
 *
 * Return: enum can_link. Context: the cycle thread. Pure.
 */
uint32_t can_view_link(struct can_view *v, uint32_t word);

/**
 * can_view_error - new kinds of errors or a new restart attempt
 * @v: view
 * @restarts: attempts so far
 * @ret_error: receives them; untouched on false
 *
 * Context: the cycle thread. Pure.
 */
bool can_view_error(struct can_view *v, uint32_t restarts, struct can_error *ret_error);

#endif
