#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# mksysroot.sh [--refresh] [ARCH [SUITE]]         prints the path of a sysroot for a cross build
# mksysroot.sh --into FOLDER ARCH SUITE PACKAGE...  unpacks these and all they depend on to FOLDER
#
# Unpacks the -dev packages of a foreign architecture (default armhf of this machine's own Debian
# release) below ${JKP_CACHE:-${XDG_CACHE_HOME:-~/.cache}/jkpylon}. Nothing is installed, no root is
# needed, and dpkg does not learn the architecture: with a second architecture in dpkg every later
# `apt-get update` of the machine depends on it. apt fetches with a private tree of its own from the
# mirror, keys and proxy that this machine uses anyway, component main only.
#
# A sysroot that is there is used without a look at the network. Its name carries a hash of what
# went in (this script, release, packages), so a change makes a new one; --refresh makes it anew.
set -eu

# Purposes build and test of tools/packages, as far as they are libraries.
packages=(libc6-dev linux-libc-dev libcmocka-dev libcjson-dev libgpiod-dev libmosquitto-dev
	libssl-dev libcurl4-openssl-dev libinih-dev libsystemd-dev libsocketcan-dev libmodbus-dev)

say() {
	printf 'mksysroot.sh: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

refresh=no
into=
case ${1:-} in
--refresh)
	refresh=yes
	shift
	;;
--into)
	[ $# -ge 5 ] || die '--into needs FOLDER ARCH SUITE PACKAGE...'
	into=$2
	shift 2
	packages=("${@:3}")
	;;
esac
arch=${1:-armhf}
suite=${2:-}
if [ -z "$suite" ]; then
	# shellcheck source=/dev/null
	suite=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
fi
[ -n "$suite" ] || die 'cannot tell the Debian release of this machine; give it: mksysroot.sh armhf bookworm'

home=${HOME:-}
[ -n "$home" ] || home=$(getent passwd "$(id -u)" | cut -d: -f6)
cache=${JKP_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/jkpylon}
key=$({ cat "$0" && printf '%s' "$suite $arch"; } | sha256sum | cut -c1-12)
sysroot=${into:-$cache/sysroot-$suite-$arch-$key}
[ "$refresh" = no ] || rm -rf "$sysroot"
if [ -e "$sysroot/.complete" ]; then
	printf '%s\n' "$sysroot"
	exit 0
fi

for tool in apt-get dpkg-deb realpath; do
	command -v "$tool" >/dev/null || die "needs $tool, as on Debian"
done
mkdir -p "$cache" || die "cannot write $cache; set JKP_CACHE to a folder of yours"

# Two at the same time would only do the work twice: each has its own folder until it is done.
work=$(mktemp -d "$cache/tmp.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || die "needs $keyring (package debian-archive-keyring)"
# The mirrors that this machine's apt uses: those with the wanted release first. One that is not
# Debian's own fails the check of the signature below.
mapfile -t mirrors < <(apt-get update --print-uris |
	sed -n "s,^'\(.*\)/dists/\([^/]*\)/InRelease' .*,\2 \1,p" |
	awk -v suite="$suite" '$1 == suite { print 0, $2; next } $1 !~ /-/ { print 1, $2 }' |
	sort -s -n -k1,1 | cut -d' ' -f2 | awk '!seen[$0]++')
[ "${#mirrors[@]}" -gt 0 ] || die "no Debian mirror in this machine's apt sources"

tree=$work/apt
mkdir -p "$tree"/etc/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d} \
	"$tree"/state/lists/partial "$tree"/cache/archives/partial "$tree"/log
: >"$tree/status"
{
	# Proxy and time-outs as the machine has them, without its hooks.
	apt-config dump | grep -E '^Acquire::(http|https|Retries|ForceIPv)' || true
	cat <<X
Dir "$tree";
Dir::Etc "$tree/etc";
Dir::Etc::parts "$tree/etc/apt.conf.d";
Dir::Etc::sourcelist "$tree/etc/sources.list";
Dir::Etc::sourceparts "$tree/etc/sources.list.d";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "$tree/state";
Dir::State::status "$tree/status";
Dir::Cache "$tree/cache";
Dir::Log "$tree/log";
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
X
} >"$tree/apt.conf"
export APT_CONFIG=$tree/apt.conf

say "fetching $suite $arch (once): ${packages[*]}"
log=$work/log
: >"$log"
read_lists() {
	local mirror

	for mirror in "${mirrors[@]}"; do
		printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" \
			>"$tree/etc/sources.list"
		apt-get -q update >>"$log" 2>&1 && return 0
	done
	return 1
}
read_lists || { cat "$log" >&2; die "cannot read the package lists of $suite $arch"; }
apt-get -q -y --download-only install "${packages[@]}" >"$log" 2>&1 ||
	{ cat "$log" >&2; die "cannot fetch the packages of $suite $arch"; }

root=$work/root
record=$root/var/lib/dpkg
mkdir -p "$record/info"
# Names of the files below with architectures in them.
echo 1 >"$record/info/format"
# record_of DEB: what dpkg would know of it, for dpkg-shlibdeps and for a dpkg that runs in there.
record_of() {
	local name part

	name=$(dpkg-deb -f "$1" Package)
	# Packages that can be there for several architectures have it in their names.
	[ "$(dpkg-deb -f "$1" Multi-Arch)" != same ] || name+=:$(dpkg-deb -f "$1" Architecture)
	for part in symbols shlibs; do
		dpkg-deb -I "$1" "$part" >"$record/info/$name.$part" 2>/dev/null ||
			rm -f "$record/info/$name.$part"
	done
	{
		dpkg-deb -f "$1" | sed 's/^\(Package: .*\)/\1\nStatus: install ok installed/' | grep -v '^$'
		printf '\n'
	} >>"$record/status"
	dpkg-deb --fsys-tarfile "$1" | tar -t | sed 's,^\.,,; s,/$,,; s,^$,/.,' >"$record/info/$name.list"
}
for deb in "$tree"/cache/archives/*.deb; do
	dpkg-deb -x "$deb" "$root" || die "cannot unpack ${deb##*/}"
	record_of "$deb" || die "cannot read ${deb##*/}"
	sha256sum "$deb" | sed 's, .*/,  ,' >>"$work/list"
done
# Since Debian 13 no library package brings /lib, and the loader's name begins with it.
[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
# An absolute link (libx.so -> /lib/...) would lead to the machine's own files.
find "$root" -type l -lname '/*' | while IFS= read -r link; do
	to=$(readlink "$link")
	ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$root$to")" "$link"
done
mv "$work/list" "$root/.complete"
if ! mv -T "$root" "$sysroot" 2>/dev/null && ! [ -e "$sysroot/.complete" ]; then
	rm -rf "$sysroot"
	mv -T "$root" "$sysroot" || die "cannot write $sysroot"
fi
say "$(wc -l <"$sysroot/.complete") packages in $sysroot"
printf '%s\n' "$sysroot"
