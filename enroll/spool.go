package enroll

import (
	"bufio"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"capf/store"
)

// spool keeps the certificates of a plan on disk until it is applied.
type spool struct {
	file  *os.File
	w     *bufio.Writer
	r     *bufio.Reader
	count int
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "capf-import-*")
	if err != nil {
		return nil, fmt.Errorf("making room for the plan: %w", err)
	}
	return &spool{file: f, w: bufio.NewWriter(f)}, nil
}

func (s *spool) discard() {
	s.file.Close()
	os.Remove(s.file.Name())
}

// add writes request id (8), length (4) and certificate.
func (s *spool) add(requestID int64, der []byte) error {
	head := binary.BigEndian.AppendUint64(nil, uint64(requestID))
	head = binary.BigEndian.AppendUint32(head, uint32(len(der)))
	s.count++
	_, err := s.w.Write(head)
	if err == nil {
		_, err = s.w.Write(der)
	}
	if err != nil {
		return fmt.Errorf("keeping the plan: %w", err)
	}
	return nil
}

// rewind turns from writing to reading.
func (s *spool) rewind() error {
	err := s.w.Flush()
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("keeping the plan: %w", err)
	}
	s.r = bufio.NewReader(s.file)
	return nil
}

// next is what store asks for, one after the other.
func (s *spool) next() (store.ImportedLSC, bool, error) {
	var head [12]byte
	if _, err := io.ReadFull(s.r, head[:]); errors.Is(err, io.EOF) {
		return store.ImportedLSC{}, false, nil
	} else if err != nil {
		return store.ImportedLSC{}, false, fmt.Errorf("reading the plan: %w", err)
	}
	der := make([]byte, binary.BigEndian.Uint32(head[8:]))
	if _, err := io.ReadFull(s.r, der); err != nil {
		return store.ImportedLSC{}, false, fmt.Errorf("reading the plan: %w", err)
	}
	lsc, err := lscRow(der)
	return store.ImportedLSC{RequestID: int64(binary.BigEndian.Uint64(head[:])), LSC: lsc}, true, err
}

// nameFromDER words a distinguished name.
func nameFromDER(raw string) string {
	var rdn pkix.RDNSequence
	if _, err := asn1.Unmarshal([]byte(raw), &rdn); err != nil {
		return "an unreadable name"
	}
	return rdn.String()
}
