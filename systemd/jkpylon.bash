# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion for bash: options and first words as each program names them in its --help, CAN
# interfaces and files elsewhere.
_jkpylon() {
	local program=$1 now=$2 before=$3 name=${1##*/} words=''

	COMPREPLY=()
	case $now in
	-*) words=$("$program" --help 2>&1 | grep -oE -- '--[a-z][a-z-]+' | sort -u) ;;
	*)
		if [ "$COMP_CWORD" -eq 1 ]; then
			words=$("$program" --help 2>&1 | sed -nE "s/^(usage:)? +$name ([a-z][a-z-]+)( .*)?\$/\\2/p")
		fi
		case $before in
		--*) ;;
		*) words+=" $(cd /sys/class/net && grep -lx 280 -- */type | cut -d/ -f1)" ;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$now")
}
complete -o default -F _jkpylon jkpylond jkpylon-canview jkpylon-probe jkpylon-replay jkpylon-sim rtstat
