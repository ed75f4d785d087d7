; SPDX-License-Identifier: Apache-2.0
;
; Arithmetic behind the ramp of src/core/limiter.c, by z3, for all rates the configuration accepts
; (bound: rate <= 100000 mA/s). limiter_follow.c ties follow() and ramp_gain() to it, the lemmas are
; used by proof_follow.h. Each question asks for a counterexample; the answer must be unsat.
;
; rate: rise_ma_s. dt: time since the last step, ns, at most 1 s. rest: remainder of the last rise.
; worth, left: C's quotient and remainder of (rest + rate * dt) by 10^9 (C11 6.5.5).
;
; Proven: what each echo says.
; Bounds: the ranges of the first lines, those of the configuration.
; Assumed: what C11 6.5.5 says of quotient and remainder.
(set-logic ALL)
(declare-const rate Int)
(declare-const dt Int)
(declare-const rest Int)
(declare-const worth Int)
(declare-const left Int)
(assert (and (>= rate 100) (<= rate 100000)))
(assert (and (>= dt 0) (<= dt 1000000000)))
(assert (and (>= rest 0) (< rest 1000000000)))
(assert (= (+ (* worth 1000000000) left) (+ rest (* rate dt))))
(assert (and (>= left 0) (< left 1000000000)))
(echo "premises")
(check-sat)

(echo "R1 the gain fits")
(push)
(assert (not (and (>= (* rate dt) 0) (<= (* rate dt) 100000000000000))))
(check-sat)
(pop)
(echo "R2 no step is worth more than the rate")
(push)
(assert (not (and (>= worth 0) (<= worth rate))))
(check-sat)
(pop)
(echo "R3 nothing is lost or gained: what has not risen yet is in the remainder")
(push)
(assert (not (and (<= (* worth 1000000000) (+ rest (* rate dt)))
		  (> (* (+ worth 1) 1000000000) (+ rest (* rate dt))))))
(check-sat)
(pop)
