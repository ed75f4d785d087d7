; SPDX-License-Identifier: Apache-2.0
;
; Arithmetic behind curve_eval(), over all integers (no bound on their size), by z3.
; The C functions are tied to it by curve_part.c (what part_of() computes), the lemmas are used by
; curve_table.c. Each question asks for a counterexample; the answer must be unsat.
;
; rise, width: of one segment. o <= p: two offsets in it. qo, qp: what part_of() returns for them.
; g: rise / width rounded down, the slope.
;
; Proven: what each echo says.
; Bounds: none, all integers.
; Assumed: what C11 6.5.5 says of quotient and remainder.
(set-logic ALL)
(declare-const rise Int)
(declare-const width Int)
(declare-const o Int)
(declare-const p Int)
(declare-const qo Int)
(declare-const qp Int)
(declare-const g Int)
(define-fun is-floor ((q Int) (n Int) (d Int)) Bool (and (<= (* q d) n) (< n (* (+ q 1) d))))

; C11 6.5.5: (n / d) * d + n % d == n, |n % d| < d, n % d is 0 or has the sign of n. That with the
; correction of part_of() is L0.
(push)
(declare-const n Int)
(declare-const quot Int)
(declare-const rem Int)
(assert (>= width 1))
(assert (= (+ (* quot width) rem) n))
(assert (and (< rem width) (> rem (- width))))
(assert (=> (< n 0) (<= rem 0)))
(assert (=> (> n 0) (>= rem 0)))
(echo "premises of L0")
(check-sat)
(echo "L0 the quotient, less 1 for a negative remainder, is the one rounded down")
(assert (not (is-floor (ite (< rem 0) (- quot 1) quot) n width)))
(check-sat)
(pop)

(assert (and (>= width 1) (>= o 0) (<= o p) (<= p width)))
(assert (is-floor qo (* rise o) width))
(assert (is-floor qp (* rise p) width))
(assert (is-floor g rise width))
(echo "premises of L1 to L6")
(check-sat)

(echo "L1 between 0 and rise")
(push)
(assert (not (ite (>= rise 0) (and (>= qo 0) (<= qo rise)) (and (<= qo 0) (>= qo rise)))))
(check-sat)
(pop)
(echo "L2 0 at the beginning")
(push)
(assert (not (=> (= o 0) (= qo 0))))
(check-sat)
(pop)
(echo "L3 the whole rise at the end")
(push)
(assert (not (=> (= p width) (= qp rise))))
(check-sat)
(pop)
(echo "L4 monotone in the offset")
(push)
(assert (not (ite (>= rise 0) (>= qp qo) (<= qp qo))))
(check-sat)
(pop)
(echo "L5 one step of the offset adds the slope, rounded down or up")
(push)
(assert (not (=> (= p (+ o 1)) (and (>= (- qp qo) g) (<= (- qp qo) (+ g 1))))))
(check-sat)
(pop)
(echo "L6 the same offset gives the same value")
(push)
(assert (not (=> (= p o) (= qp qo))))
(check-sat)
(pop)
