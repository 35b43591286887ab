//go:build !linux

package commands

// withoutEcho is for Linux; elsewhere the echo ends a moment after the question.
func withoutEcho(int) (restore func()) { return func() {} }
