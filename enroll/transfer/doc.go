// Package transfer carries files to phones as phones ask for them, by HTTP and by
// TFTP: the side that gives, within limits for each address, and the side that
// fetches. It must not know which files there are, who may have them, or what is in
// them.
package transfer

import "errors"

// Protocol is how a file is carried.
type Protocol string

// The protocols, in the order in which phones try them.
const (
	HTTP Protocol = "http"
	TFTP Protocol = "tftp"
)

// The ports on which phones ask for files.
const (
	HTTPPort = 6970
	TFTPPort = 69
)

// Largest is the size in bytes up to which phones take a file that is no firmware
// (trust-list.md, section 8).
const Largest = 2048 << 10

// longestName is the longest name of a file in bytes. TFTP has 512 for all that a
// request says.
const longestName = 255

var (
	// ErrNotFound says that there is no such file.
	ErrNotFound = errors.New("no such file")
	// ErrForbidden says that a file is not for whoever asked.
	ErrForbidden = errors.New("forbidden")
	// ErrTooLarge says that a file is larger than Largest.
	ErrTooLarge = errors.New("larger than the 2048 KB that phones take")
)
