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

// planFile keeps the certificates of a plan on disk until the plan is applied, with
// every column that the database stores, so that nothing is parsed while other
// processes wait for the transaction.
type planFile struct {
	file  *os.File
	w     *bufio.Writer
	r     *bufio.Reader
	row   []byte
	count int
}

func newPlanFile() (*planFile, error) {
	file, err := os.CreateTemp("", "capf-import-*")
	if err != nil {
		return nil, fmt.Errorf("making room for the plan: %w", err)
	}
	return &planFile{file: file, w: bufio.NewWriterSize(file, 64<<10)}, nil
}

func (f *planFile) discard() {
	f.file.Close()
	os.Remove(f.file.Name())
}

// add writes the length of a row (4 bytes) and the row: request, begin and end
// of the validity in seconds since 1970 (8 bytes each), then serial, subject,
// issuer, fingerprint and certificate, each preceded by its length (4 bytes).
func (f *planFile) add(requestID int64, l store.LSC) error {
	b := binary.BigEndian.AppendUint64(append(f.row[:0], 0, 0, 0, 0), uint64(requestID))
	b = binary.BigEndian.AppendUint64(b, uint64(l.NotBefore.Unix()))
	b = binary.BigEndian.AppendUint64(b, uint64(l.NotAfter.Unix()))
	for _, text := range []string{l.Serial, l.Subject, l.Issuer, string(l.Fingerprint), string(l.Certificate)} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	f.row = b
	f.count++
	if _, err := f.w.Write(b); err != nil {
		return fmt.Errorf("keeping the plan: %w", err)
	}
	return nil
}

// rewind ends writing and begins reading.
func (f *planFile) rewind() error {
	err := f.w.Flush()
	if err == nil {
		_, err = f.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("keeping the plan: %w", err)
	}
	f.r = bufio.NewReaderSize(f.file, 64<<10)
	return nil
}

// next returns the next certificate for the store; ok is false at the end.
func (f *planFile) next() (one store.ImportedLSC, ok bool, err error) {
	var head [4]byte
	if _, err := io.ReadFull(f.r, head[:]); errors.Is(err, io.EOF) {
		return one, false, nil
	} else if err != nil {
		return one, false, fmt.Errorf("reading the plan: %w", err)
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(f.r, b); err != nil {
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
