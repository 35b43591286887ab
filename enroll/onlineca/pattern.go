package onlineca

import (
	"regexp"
	"sync"
)

// pattern is compiled when it is first used: each capf command is a process
// with this package in it, and few of them ever read a page of a CA.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
