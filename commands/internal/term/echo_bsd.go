//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package commands

import "golang.org/x/sys/unix"

// How the settings of a terminal are read and written.
const (
	readTerminal  = unix.TIOCGETA
	writeTerminal = unix.TIOCSETA
)
