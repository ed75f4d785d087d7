/* SPDX-License-Identifier: Apache-2.0 */
/* For the harnesses of this folder: arbitrary values, assumptions, claims. Read by CBMC only. */
#ifndef JKP_TESTS_PROOF_H
#define JKP_TESTS_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CBMC gives functions of this name without a body any value of their type. */
bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
int32_t nondet_i32(void);
int64_t nondet_i64(void);
size_t nondet_size(void);

void __CPROVER_assume(_Bool condition);
void __CPROVER_assert(_Bool condition, const char *text);

/* What a harness takes for granted: each use says why it may. */
#define ASSUME(condition) __CPROVER_assume(condition)
#define IMPLIES(a, b)	  (!(a) || (b))

/*
 * PROVE() is what a harness proves, PROVE_IF() the same where the premise holds. The text is what a
 * mutant names in its line "breaks:".
 *
 * With REACH the same lines say that they are never come to, or never with the premise true. All
 * of these must fail: a claim that nothing leads to, because assumptions contradict each other or a
 * bound is too small, would hold without saying anything.
 */
#ifdef REACH
#define PROVE(condition, text)		   __CPROVER_assert(false, "REACH " text)
#define PROVE_IF(premise, condition, text) __CPROVER_assert(!(premise), "REACH " text)
#else
#define PROVE(condition, text)		   __CPROVER_assert((condition), "PROOF " text)
#define PROVE_IF(premise, condition, text) PROVE(IMPLIES(premise, condition), text)
#endif

#endif
