package offline

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"capf/store"
)

// planFile keeps the certificates of a plan on disk until it is applied, with all
// that the database wants to know of them: other processes wait while it is.
type planFile struct {
	file  *os.File
	w     *bufio.Writer
	r     *bufio.Reader
	row   []byte
	count int
}

func newPlanFile() (*planFile, error) {
	f, err := os.CreateTemp("", "capf-import-*")
	if err != nil {
		return nil, fmt.Errorf("making room for the plan: %w", err)
	}
	return &planFile{file: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

func (s *planFile) discard() {
	s.file.Close()
	os.Remove(s.file.Name())
}

// add writes the length of a row (4 bytes) and the row: request, begin and end
// of the validity in seconds since 1970 (8 bytes each), then serial, subject,
// issuer, fingerprint and certificate, each behind its length (4 bytes).
func (s *planFile) add(requestID int64, l store.LSC) error {
	b := binary.BigEndian.AppendUint64(append(s.row[:0], 0, 0, 0, 0), uint64(requestID))
	b = binary.BigEndian.AppendUint64(b, uint64(l.NotBefore.Unix()))
	b = binary.BigEndian.AppendUint64(b, uint64(l.NotAfter.Unix()))
	for _, text := range []string{l.Serial, l.Subject, l.Issuer, string(l.Fingerprint), string(l.Certificate)} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	s.row = b
	s.count++
	if _, err := s.w.Write(b); err != nil {
		return fmt.Errorf("keeping the plan: %w", err)
	}
	return nil
}

// rewind turns from writing to reading.
func (s *planFile) rewind() error {
	err := s.w.Flush()
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("keeping the plan: %w", err)
	}
	s.r = bufio.NewReaderSize(s.file, 64<<10)
	return nil
}

// next is what store asks for, one after the other.
func (s *planFile) next() (one store.ImportedLSC, ok bool, err error) {
	var head [4]byte
	if _, err := io.ReadFull(s.r, head[:]); errors.Is(err, io.EOF) {
		return one, false, nil
	} else if err != nil {
		return one, false, fmt.Errorf("reading the plan: %w", err)
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(s.r, b); err != nil {
		return one, false, fmt.Errorf("reading the plan: %w", err)
	}
	number := func() int64 {
		n := binary.BigEndian.Uint64(b)
		b = b[8:]
		return int64(n)
	}
	text := func() []byte {
		n := 4 + binary.BigEndian.Uint32(b)
		t := b[4:n]
		b = b[n:]
		return t
	}
	one.RequestID = number()
	one.LSC.NotBefore, one.LSC.NotAfter = time.Unix(number(), 0), time.Unix(number(), 0)
	one.LSC.Serial, one.LSC.Subject, one.LSC.Issuer = string(text()), string(text()), string(text())
	one.LSC.Fingerprint, one.LSC.Certificate = text(), text()
	return one, true, nil
}
