#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [SECONDS [NAME...]]     runs each libFuzzer target for SECONDS (default 60)
#
# A target is a program fuzz_NAME in build/fuzz (preset "fuzz"; other folder: JKP_FUZZ_BUILD).
# It starts from a copy of tests/fuzz/corpus/NAME. What it finds stays in build/fuzz/found/NAME-*;
# repeat a finding with: build/fuzz/tests/fuzz/fuzz_NAME FILE. JKP_SEED fixes the random numbers.
# One line PASS or FAIL a target, then the count.
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=${JKP_FUZZ_BUILD:-$here/../../build/fuzz}
seconds=${1:-60}
[ $# -gt 0 ] && shift
input_seconds=10
memory_mib=2048
jobs=$(nproc)

case $seconds in
'' | *[!0-9]* | 0*)
	printf 'run.sh: "%s" is no number of seconds\n' "$seconds" >&2
	exit 2
	;;
esac
[ -d "$build" ] || {
	printf 'run.sh: %s is not there; first: cmake --preset fuzz && cmake --build build/fuzz\n' "$build" >&2
	exit 2
}
build=$(cd "$build" && pwd)

mapfile -t targets < <(find "$build" -type f -name 'fuzz_*' -perm -u+x ! -name '*.*' | sort)
if [ "$#" -gt 0 ]; then
	wanted=()
	for name in "$@"; do
		for target in "${targets[@]}"; do
			[ "${target##*/fuzz_}" = "${name#fuzz_}" ] && wanted+=("$target")
		done
	done
	targets=("${wanted[@]}")
fi
if [ "${#targets[@]}" -eq 0 ]; then
	printf 'run.sh: no such target in %s\n' "$build" >&2
	exit 2
fi

found=$build/found
logs=$build/log
mkdir -p "$found" "$logs"
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 1' HUP INT TERM

# fuzz_one PROGRAM: one target from start to end, and its line
fuzz_one() {
	local program=$1 name=${1##*/fuzz_} corpus executions
	local -a options=(-max_total_time="$seconds" -timeout="$input_seconds"
		-rss_limit_mb="$memory_mib" -print_final_stats=1 -artifact_prefix="$found/$name-")

	[ -z "${JKP_SEED:-}" ] || options+=(-seed="$JKP_SEED")
	mkdir -p "$copies/$name"
	for corpus in "$here/corpus/$name" "$here/corpus/fuzz_$name"; do
		[ -d "$corpus" ] && cp -r "$corpus/." "$copies/$name/"
	done
	if "$program" "${options[@]}" "$copies/$name" >"$logs/$name.log" 2>&1 </dev/null; then
		executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name.log")
		if [ "${executions:-0}" -gt 0 ]; then
			printf 'PASS fuzz_%s: %s executions in %s s\n' "$name" "$executions" "$seconds"
			return
		fi
	fi
	printf 'FAIL fuzz_%s: %s, input below %s, log %s\n' "$name" \
		"$(grep -m1 -E 'ERROR|SUMMARY|runtime error' "$logs/$name.log" || echo 'it ended early')" \
		"$found" "$logs/$name.log"
}

running=0
result=$copies/result
for target in "${targets[@]}"; do
	if [ "$running" -ge "$jobs" ]; then
		wait -n
		running=$((running - 1))
	fi
	fuzz_one "$target" | tee -a "$result" &
	running=$((running + 1))
done
wait
passed=$(grep -c '^PASS ' "$result")
failed=$((${#targets[@]} - passed))
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
