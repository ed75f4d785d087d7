# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the scripts of this project; to be sourced by bash. Works under `set -u`.
#
#   say TEXT            a line on standard error
#   die TEXT            the same, then exit 1
#   packages_for P...   Debian packages of these purposes (tools/packages) for this release, or for
#                       the one in JKP_RELEASE
#   copy_source FOLDER  what a build of the product needs of this source, and no more
#   need_packages P...  installs what is missing of them; 0 = all there

jkp_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

copy_source() {
	mkdir -p "$1/tests"
	cp -r "$jkp_root"/{CMakeLists.txt,CHANGELOG.md,include,src,rt,tools,systemd} "$1/"
	cp -r "$jkp_root/tests/cmake" "$1/tests/"
}

# 12, 13, ... ; empty where it cannot be told (testing, other systems).
debian_release() {
	local VERSION_ID=''

	# shellcheck source=/dev/null
	[ -r /etc/os-release ] && . /etc/os-release
	printf '%s\n' "${VERSION_ID%%.*}"
}

packages_for() {
	local release

	release=${JKP_RELEASE:-$(debian_release)}
	awk -v want=" $* " -v release="$release" '
		/^[ \t]*(#|$)/ { next }
		index(want, " " $1 " ") && (NF < 3 || $3 == release) && !seen[$2]++ { print $2 }
	' "$jkp_root/tools/packages"
}

# Of the names given those that are not installed, one a line.
packages_missing() {
	local p

	for p in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) in
		installed) ;;
		*) printf '%s\n' "$p" ;;
		esac
	done
}

# apt_install LOG RUNNER... -- PACKAGE...   (RUNNER: nothing, or sudo with its options)
apt_install() {
	local log=$1
	local -a runner=()
	local -a apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)

	shift
	while [ "$1" != -- ]; do
		runner+=("$1")
		shift
	done
	shift
	"${runner[@]}" "${apt[@]}" install --no-install-recommends "$@" </dev/null >"$log" 2>&1 && return
	# The lists of a fresh machine are empty, those of an old one lead to packages that left.
	say 'Reading the package lists anew.'
	"${runner[@]}" "${apt[@]}" update </dev/null >"$log" 2>&1 || return
	"${runner[@]}" "${apt[@]}" install --no-install-recommends "$@" </dev/null >"$log" 2>&1
}

need_packages() {
	local -a wanted missing runner=()
	local answer='' log

	mapfile -t wanted < <(packages_for "$@")
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		say "This is not a Debian system: install the equivalents of these yourself: ${wanted[*]}"
		return 0
	fi
	mapfile -t missing < <(packages_missing "${wanted[@]}")
	[ "${#missing[@]}" -eq 0 ] && return 0

	say "Needed for $* and not installed: ${missing[*]}"
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			say "Run as root:  apt-get install ${missing[*]}"
			return 1
		fi
		if [ "${CI:-}" = true ] || ! [ -t 0 ] || ! [ -t 2 ]; then
			runner=(sudo -n)
		else
			printf 'Install them now with sudo apt-get? [Y/n] ' >&2
			read -r answer || answer=n
			case $answer in
			'' | [Yy]*) runner=(sudo) ;;
			*)
				say "Later:  sudo apt-get install ${missing[*]}"
				return 1
				;;
			esac
		fi
	fi
	say 'Installing them.'
	log=$(mktemp)
	apt_install "$log" "${runner[@]}" -- "${missing[@]}" || tail -n 15 "$log" >&2
	rm -f "$log"
	mapfile -t missing < <(packages_missing "${missing[@]}")
	if [ "${#missing[@]}" -ne 0 ]; then
		say "Could not install: ${missing[*]}"
		say "Try:  sudo apt-get update && sudo apt-get install ${missing[*]}"
		return 1
	fi
}
