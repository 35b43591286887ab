package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// KeepMemory keeps the memory of the program from being written to a core dump or read
// by other processes of the same user. It has to be called before a key is read.
// Programs that capf starts inherit only that they leave no core dump.
func KeepMemory() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switching core dumps off: %w", err)
	}
	// A core dump that is piped to a program (core(5)) ignores the limit, but not this.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("closing the memory to other processes: %w", err)
	}
	return nil
}
