package secrets

import (
	"encoding/binary"
	"time"

	"capf/crypto"
	"capf/store"
)

// checkpointLabel binds the seal of a checkpoint to its use.
const checkpointLabel = "event checkpoint"

// HoldsCheckpoint returns a function that reports whether a checkpoint of the
// record was sealed, with its hash, under the master key.
func HoldsCheckpoint(s *crypto.Sealer) func(store.Checkpoint) bool {
	return func(c store.Checkpoint) bool { return s.VerifyMAC(checkpointLabel, checkpointText(c), c.Seal) }
}

// SealCheckpoint seals the record up to a point of its chain, with a time in
// milliseconds.
func SealCheckpoint(s *crypto.Sealer, p store.ChainPoint, at time.Time) store.Checkpoint {
	c := store.Checkpoint{ChainPoint: p, At: at.Truncate(time.Millisecond)}
	c.Seal = s.MAC(checkpointLabel, checkpointText(c))
	return c
}

// checkpointText returns what is sealed: the id and the time in milliseconds
// since 1970, 8 bytes each, big-endian, and the hash.
func checkpointText(c store.Checkpoint) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.ID))
	b = binary.BigEndian.AppendUint64(b, uint64(c.At.UnixMilli()))
	return append(b, c.Hash...)
}
