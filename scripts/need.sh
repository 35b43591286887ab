#!/bin/sh
# need.sh PROGRAM...: installs the Debian packages of the programs that the tests
# call and this machine lacks. Without permission to install, it says what to do.
set -eu
missing=
PATH=$PATH:/usr/sbin:/sbin # where sshd is; not on the PATH of other users than root
for program in "$@"; do
	command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	packages=$(echo "$missing" | sed 's/\bgcc\b/gcc libc6-dev/; s/\bsshd\b/openssh-server/; s/\bssh\b/openssh-client/; s/\bss\b/iproute2/; s/\bpdftotext\b/poppler-utils/; s/\beapol_test\b/eapoltest/; s/\bpromtool\b/prometheus/; s/\bscript\b/bsdutils/; s/\btftp\b/tftp-hpa/')
	apt-get update -qq
	# shellcheck disable=SC2086 # one word a package
	# Runlevel 1 keeps servers among them from starting.
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages >/dev/null
	exit 0
fi
echo "need.sh: missing:$missing" >&2
echo "hint: install them with your package manager and try again" >&2
exit 1
