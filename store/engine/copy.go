package engine

import (
	"context"
	"database/sql"
	"io"
)

// Copy says how to make a copy of a database.
type Copy struct {
	// Path is where the file appears, complete and on the disk, with mode 0600, or
	// not at all; an existing one is replaced.
	Path string
	// Take reads the copy instead; no file remains.
	Take func(io.Reader) error
	Sign Sign // nil for a copy without a seal
	// Progress is called with the pages done and their total; it may be nil.
	Progress func(done, total int)
	// Look may query the copy before it appears.
	Look func(ctx context.Context, copied *sql.DB) error
}

// Copied describes a finished copy.
type Copied struct {
	Bytes  int64
	SHA256 []byte // of the file
}

// Sign authenticates a SHA-256 under a key that the store does not know, and
// returns 32 bytes.
type Sign func(digest []byte) []byte

// Seal is the authenticator of a signed copy.
type Seal struct {
	Digest []byte // SHA-256 of the file, with zeros in the place of the seal
	MAC    []byte // made by Sign; nil when the copy has none
}
