package term

import "golang.org/x/sys/unix"

// How the settings of a terminal are read and written.
const (
	readTerminal  = unix.TCGETS
	writeTerminal = unix.TCSETS
)
