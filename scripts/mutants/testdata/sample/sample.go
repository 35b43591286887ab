// Package sample is for the tests of mutants.
package sample

import "errors"

var errMany = errors.New("too many")

// Check refuses more than three.
func Check(n int) error {
	if n > 3 {
		return errMany
	}
	return nil
}

// Sum adds the positive numbers.
func Sum(all ...int) int {
	sum := 0
	for _, n := range all {
		if n < 0 {
			continue
		}
		sum += n
	}
	return sum
}

// Never is called by no test.
func Never(a, b bool) bool { return a && b }

// Forever counts down.
func Forever(n int) {
	for n != 0 {
		n--
	}
}
