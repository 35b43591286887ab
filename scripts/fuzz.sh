#!/bin/sh
# fuzz.sh TIME: runs every fuzz target of the tree for TIME each, as many at once as
# there are cores, and fails at the end if one of them found something. Findings are
# in testdata/fuzz of their package, and are seeds from then on.
# fuzz.sh TIME DIR TARGET: runs one of them.
set -eu

if [ $# = 3 ]; then
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	# An input of several KB, such as a trust list, would be made smaller for a minute.
	if go test -run '^$' -fuzz "^$3\$" -fuzztime "$1" -fuzzminimizetime 100x -parallel 1 "$2" >"$log" 2>&1 </dev/null; then
		echo "ok   $2 $3: $(grep -o 'execs: [0-9]*' "$log" | tail -n 1)"
		exit 0
	fi
	cat "$log"
	echo "FAIL $2 $3"
	exit 1
fi

grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
	# Built once here, because targets of a package that start together would each build it.
	go test -c -fuzz . -o /dev/null "$dir"
	grep -ho '^func Fuzz[A-Za-z0-9]*' "$dir"/*_test.go | sed "s|^func |$dir |"
done | xargs -P "$(getconf _NPROCESSORS_ONLN)" -L1 "$0" "${1:-30s}"
