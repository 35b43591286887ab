package tls10

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"hash"
	"slices"
)

// Joiner seals the records of a connection anew, so that adjacent ones with data become
// one. It is for one goroutine.
type Joiner struct {
	mac            hash.Hash
	theirs         cipher.BlockMode // opens what crypto/tls has sealed
	ours           cipher.BlockMode
	opened, sealed uint64 // numbers of the next records
}

// errRecord says that a record is not what crypto/tls was expected to make.
var errRecord = errors.New("a record of TLS 1.0 cannot be joined")

// maxPlain is the most that one record holds.
const maxPlain = 16 << 10

// Join returns the records of what crypto/tls has written, joined. Other records, such
// as alerts, keep their place.
func (j *Joiner) Join(written []byte) ([]byte, error) {
	var out, data []byte
	for len(written) > 0 {
		record, rest, ok := cut(written)
		if !ok {
			return nil, errRecord
		}
		kind := record[0]
		plain, err := j.open(record)
		if err != nil {
			return nil, err
		}
		if kind == applicationData {
			data = append(data, plain...)
		} else {
			out = j.seal(out, applicationData, data)
			out, data = j.seal(out, kind, plain), nil
		}
		written = rest
	}
	return j.seal(out, applicationData, data), nil
}

// open returns what is in a record of ours, in place.
func (j *Joiner) open(record []byte) ([]byte, error) {
	body := record[recordHeader:]
	if len(body) < macSize+1 || len(body)%aes.BlockSize != 0 {
		return nil, errRecord
	}
	j.theirs.CryptBlocks(body, body)
	end := len(body) - 1 - int(body[len(body)-1]) - macSize
	if end < 0 {
		return nil, errRecord
	}
	plain, mac := body[:end], body[end:end+macSize]
	if !hmac.Equal(mac, j.sum(j.opened, record[0], plain)) {
		return nil, errRecord
	}
	j.opened++
	return plain, nil
}

// seal appends the records of that kind with the data; none when there is no data.
func (j *Joiner) seal(to []byte, kind byte, data []byte) []byte {
	for part := range slices.Chunk(data, maxPlain) {
		mac := j.sum(j.sealed, kind, part)
		j.sealed++
		padding := aes.BlockSize - (len(part)+macSize)%aes.BlockSize
		n := len(part) + macSize + padding
		to = append(to, kind, 3, 1, byte(n>>8), byte(n))
		body := len(to)
		to = append(append(to, part...), mac...)
		for range padding {
			to = append(to, byte(padding-1))
		}
		j.ours.CryptBlocks(to[body:], to[body:])
	}
	return to
}

// sum is the MAC of a record (RFC 2246, section 6.2.3.1).
func (j *Joiner) sum(number uint64, kind byte, data []byte) []byte {
	var head [13]byte
	binary.BigEndian.PutUint64(head[:], number)
	head[8], head[9], head[10] = kind, 3, 1
	binary.BigEndian.PutUint16(head[11:], uint16(len(data)))
	j.mac.Reset()
	j.mac.Write(head[:])
	j.mac.Write(data)
	return j.mac.Sum(nil)
}
