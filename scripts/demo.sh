#!/bin/sh
# demo.sh CAPF: what capf is for, in one minute. It makes a database, a CAPF
# certificate and the keys of trust lists in a temporary folder, runs the listeners on
# free ports of this machine, has a bare phone start, fetch what it needs and enrol over
# real TLS, and verifies its certificate with openssl. Everything is removed afterwards;
# any failure makes the script fail.
set -eu

case $1 in */*) capf=$1 ;; *) capf=$(command -v "$1") ;; esac
dir=$(mktemp -d)
server=
cleanup() {
	status=$?
	if [ -n "$server" ] && kill "$server" 2>/dev/null; then
		wait "$server" 2>/dev/null || true
	fi
	[ "$status" = 0 ] || { echo "demo: failed; what the listener said:" >&2; cat "$dir/serve.log" >&2 2>/dev/null || true; }
	rm -rf "$dir"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

CAPF_DB=$dir/capf.db
export CAPF_DB
phone=SEP001122334455

step() { printf '\n== %s\n' "$1"; }
run() { printf '$ capf %s\n' "$*"; "$capf" "$@"; }

step "a database, a CAPF certificate, and the keys that sign trust lists"
run init --organization Example --country DE
run trust-list init

step "listeners on free ports"
"$capf" serve --listen 127.0.0.1:0 --provision-listen 127.0.0.1:0 --tftp-listen 127.0.0.1:0 --tvs-listen 127.0.0.1:0 \
	--address-file "$dir/address" >"$dir/serve.log" 2>&1 &
server=$!
tries=0
until [ -s "$dir/address" ]; do
	kill -0 "$server" 2>/dev/null || exit 1
	tries=$((tries + 1))
	[ "$tries" -lt 300 ] || exit 1
	sleep 0.1
done
run service activate provision
run service activate tvs
address=$(head -n 1 "$dir/address")
files=$(sed -n 's/^provision //p' "$dir/address")
echo "capf serve listens on $address, and gives files on $files"

step "a phone that is to get a certificate"
run device add "$phone" --description "Reception" --operation install --auth-mode null-string

step "the bare phone starts: its list, its configuration, its certificate"
# Real phones know both ports; here they are free ones.
run phone boot "$phone" --provision "http://$files" --server "$address" --held "$dir"

step "its Locally Significant Certificate"
run lsc list
openssl x509 -in "$dir/$phone.pem" -noout -subject -issuer -dates -ext keyUsage,extendedKeyUsage,subjectAltName

step "the verdict of openssl"
run cert export capf >"$dir/capf.pem"
openssl verify -CAfile "$dir/capf.pem" "$dir/$phone.pem" | sed "s#$dir/##"
run device show "$phone" | grep -i -e operation -e status
