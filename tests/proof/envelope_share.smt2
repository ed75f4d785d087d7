; SPDX-License-Identifier: Apache-2.0
;
; Arithmetic behind scale() of src/core/envelope.c, over all integers, by z3. envelope_scale.c ties
; scale() to it, the lemmas are used by proof_envelope.h. Each question asks for a counterexample;
; the answer must be unsat. Saturation at the ends of int32_t keeps every one of these orders.
;
; a = of * part / whole in C: quotient rounded towards 0 (C11 6.5.5). b: the same with part2 >= part.
;
; Proven: what each echo says.
; Bounds: none, all integers.
; Assumed: what C11 6.5.5 says of quotient and remainder.
(set-logic ALL)
(declare-const of Int)
(declare-const part Int)
(declare-const part2 Int)
(declare-const whole Int)
(define-fun is-quotient ((q Int) (n Int) (d Int)) Bool
	(ite (>= n 0) (and (<= (* q d) n) (< n (* (+ q 1) d)))
	     (and (>= (* q d) n) (> n (* (- q 1) d)))))
(declare-const a Int)
(declare-const b Int)
(assert (and (> whole 0) (>= part 0) (<= part part2)))
(assert (is-quotient a (* of part) whole))
(assert (is-quotient b (* of part2) whole))
(echo "premises")
(check-sat)

(echo "S1 not negative of what is not negative, not positive of what is not positive")
(push)
(assert (not (and (=> (>= of 0) (>= a 0)) (=> (<= of 0) (<= a 0)))))
(check-sat)
(pop)
(echo "S2 no more than the whole")
(push)
(assert (not (=> (and (>= of 0) (<= part whole)) (<= a of))))
(check-sat)
(pop)
(echo "S3 monotone in the part")
(push)
(assert (not (=> (>= of 0) (<= a b))))
(check-sat)
(pop)
(echo "S4 not above the exact value")
(push)
(assert (not (=> (>= of 0) (<= (* a whole) (* of part)))))
(check-sat)
(pop)
(echo "S5 the same part gives the same value")
(push)
(assert (not (=> (= part part2) (= a b))))
(check-sat)
(pop)
