# shellcheck shell=sh
# walk.sh: what the walks share; they source it. A walk is a script that a user could have
# typed, and stops at the first line that does not come out as they expect.
#
#	walk.sh CAPF     the binary
#
# Everything happens in a temporary folder, with a database of its own and free ports.
set -eu

case ${1:?"usage: $0 CAPF"} in */*) capf=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") ;; *) capf=$(command -v "$1") ;; esac
dir=$(mktemp -d)
server=
cleanup() {
	status=$?
	[ -z "$server" ] || stop
	[ "$status" = 0 ] || { echo "$walk: failed at: $at" >&2; tail -n 5 "$dir/serve.log" >&2 2>/dev/null || true; }
	rm -rf "$dir"
	exit "$status"
}
walk=$(basename "$0")
at=
trap cleanup EXIT
trap 'exit 1' INT TERM
cd "$dir"
CAPF_DB=$dir/capf.db
export CAPF_DB

step() { printf '== %s\n' "$*"; }

# expect CODE COMMAND...: runs it without a terminal, with no answer to any question, and
# demands the exit code. Its stdout is in out, its stderr in err.
expect() {
	want=$1
	shift
	at="$*"
	got=0
	"$@" >out 2>err </dev/null || got=$?
	[ "$got" = "$want" ] || wrong "exit code $got, not $want"
}

# says TEXT..., tells TEXT...: the last command has said it on stdout, or on stderr.
says() { for text; do grep -qe "$text" out || wrong "stdout has no \"$text\""; done; }
tells() { for text; do grep -qe "$text" err || wrong "stderr has no \"$text\""; done; }
silent() { [ ! -s out ] || wrong "something is on stdout"; }

wrong() {
	echo "$walk: $at: $1" >&2
	head -n 20 out err >&2
	exit 1
}

# terminal COLUMNS ANSWERS COMMAND...: runs it on a terminal of that width, with the
# answers typed. What the screen shows is in out. The exit code has to be 0.
terminal() {
	columns=$1 answers=$2
	shift 2
	at="$* (on a terminal)"
	: >err
	# Open for writing too, the pipe does not end before the command has read its answers.
	rm -f typed
	mkfifo typed
	exec 9<>typed
	printf '%b' "$answers" >&9
	TERM=dumb CAPF_PAGER='' script -qec "stty cols $columns -echo; $*" /dev/null <&9 9>&- >screen || wrong "it failed"
	exec 9>&-
	tr -d '\r' <screen >out
}

fits() { awk -v n="$1" 'length($0) > n { print "too long: " $0; bad = 1 } END { exit bad }' out >err || wrong "a line is longer than $1"; }

# serve: starts the listener on a free port; its address is in $address.
serve() {
	rm -f address
	"$capf" serve --listen 127.0.0.1:0 --address-file "$dir/address" >>serve.log 2>&1 &
	server=$!
	tries=0
	until [ -s address ]; do
		at="capf serve"
		kill -0 "$server" 2>/dev/null || exit 1
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || exit 1
		sleep 0.1
	done
	# shellcheck disable=SC2034 # the walks use it
	address=$(cat address)
}

stop() {
	kill "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	server=
}

# phones N: a CSV file of N phones.
phones() {
	awk -v n="$1" 'BEGIN {
		print "name,description,pool,model"
		for (i = 1; i <= n; i++) printf "SEP0011%08X,desk %d,Floor%d,88%d1\n", i, i, i % 20 + 1, i % 3 + 4
	}'
}

# root NAME: a self-signed root certificate NAME.pem, valid for DAYS.
root() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -subj "/O=Example/CN=$1" -days "${2:-3650}" 2>/dev/null; }
