package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// KeepMemory keeps what is in memory from being written to a core dump or read
// by other processes of the same user, before a key comes into it. Programs
// that capf starts inherit only that they leave no core dump.
func KeepMemory() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switching core dumps off: %w", err)
	}
	// A core dump that goes to a program (core(5), "Piping core dumps") knows
	// no limit, but respects this.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("closing the memory to other processes: %w", err)
	}
	return nil
}
