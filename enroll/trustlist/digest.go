package trustlist

import (
	"crypto"
	_ "crypto/sha1"   // what all phones know
	_ "crypto/sha256" // reserved by the numbering
	_ "crypto/sha512" // what newer ones know
	"fmt"
	"strconv"
)

// Digest is the algorithm under a signature.
type Digest byte

// The digests that phones know: SHA1 all of them, SHA512 the newer ones (no 79xx). What
// lies between them is reserved for SHA-256, and has never been seen.
const (
	SHA1     Digest = 1
	reserved Digest = 2
	SHA512   Digest = 3
)

// String is sha1, sha512, sha256, or a number.
func (d Digest) String() string {
	switch d {
	case SHA1:
		return "sha1"
	case reserved:
		return "sha256"
	case SHA512:
		return "sha512"
	}
	return strconv.Itoa(int(d))
}

// ParseDigest reads sha1 or sha512.
func ParseDigest(word string) (Digest, error) {
	for _, d := range []Digest{SHA1, SHA512} {
		if d.String() == word {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%q is no digest that phones know: sha1 or sha512", word)
}

// hash is the algorithm, 0 where it is unknown.
func (d Digest) hash() crypto.Hash {
	switch d {
	case SHA1:
		return crypto.SHA1
	case reserved:
		return crypto.SHA256
	case SHA512:
		return crypto.SHA512
	}
	return 0
}

func (d Digest) sum(b []byte) []byte {
	h := d.hash().New()
	h.Write(b)
	return h.Sum(nil)
}
