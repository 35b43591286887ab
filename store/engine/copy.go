package engine

import (
	"context"
	"database/sql"
	"io"
)

// Copy is a copy of a database that is to be made.
type Copy struct {
	// Path is where the file appears, complete and on the disk, with mode 0600, or
	// not at all; one that is there is replaced.
	Path string
	// Take reads the copy instead, which is in no file afterwards.
	Take func(io.Reader) error
	Sign Sign // nil for a copy without a seal
	// Progress is told how many pages of how many are done; it may be nil.
	Progress func(done, total int)
	// Look asks the copy before it appears.
	Look func(ctx context.Context, copied *sql.DB) error
}

// Copied is what a copy is.
type Copied struct {
	Bytes  int64
	SHA256 []byte // of the file
}

// Sign authenticates a SHA-256 under a key that the store does not know, and
// returns 32 bytes.
type Sign func(digest []byte) []byte

// Seal is what a copy carries that was signed.
type Seal struct {
	Digest []byte // SHA-256 of the file, with zeros in the place of the seal
	MAC    []byte // what Sign made of that; nil when the copy carries none
}
