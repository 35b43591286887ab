package sqlite

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"io"
	"os"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"capf/store/engine"
)

const sealSize = 32

// sealFile seals a copy, which no other process knows yet, with what sign makes of it.
func sealFile(ctx context.Context, path string, sign engine.Sign) (err error) {
	// A number that stands nowhere else in the file shows the place for the seal.
	place := make([]byte, sealSize)
	if _, err := rand.Read(place); err != nil {
		return err
	}
	if err := execIn(ctx, path, "INSERT INTO backup_seal (id, seal) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET seal = excluded.seal", place); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	digest, at, err := digestAround(f, place)
	if err != nil {
		return err
	}
	if at < 0 {
		return errors.New("the place for the seal is not in the copy")
	}
	_, err = f.WriteAt(sign(digest), at)
	return err
}

func execIn(ctx context.Context, path, statement string, args ...any) (err error) {
	db, err := connect(path, forCopying)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, statement, args...)
	return err
}

// readSeal reads the seal of a copy. One that does not stand in the file at one
// place is of no file that was signed.
func readSeal(ctx context.Context, path string) (s engine.Seal, err error) {
	if s.MAC, err = storedSeal(ctx, path); err != nil {
		return s, err
	}
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	if s.MAC == nil {
		h := sha256.New()
		_, err := io.Copy(h, f)
		s.Digest = h.Sum(nil)
		return s, err
	}
	s.Digest, _, err = digestAround(f, s.MAC)
	return s, err
}

func storedSeal(ctx context.Context, path string) (mac []byte, err error) {
	db, err := connect(path, forExamining)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, "SELECT seal FROM backup_seal").Scan(&mac)
	var e *sqlite.Error
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_ERROR:
		return nil, nil // an older capf made it, and there is no such table
	}
	return mac, err
}

// digestAround is the SHA-256 of the file with zeros in the place of the needle,
// which stands in it once; at is where, or -1 when it stands there not at all or
// more often, and then the digest is that of the file.
func digestAround(f *os.File, needle []byte) (digest []byte, at int64, err error) {
	at, err = findOnce(f, needle)
	if err != nil {
		return nil, at, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, at, err
	}
	h := sha256.New()
	if at >= 0 {
		if _, err := io.CopyN(h, f, at); err != nil {
			return nil, at, err
		}
		h.Write(make([]byte, len(needle)))
		if _, err := f.Seek(int64(len(needle)), io.SeekCurrent); err != nil {
			return nil, at, err
		}
	}
	_, err = io.Copy(h, f)
	return h.Sum(nil), at, err
}

// findOnce reads the file from its beginning.
func findOnce(f *os.File, needle []byte) (at int64, err error) {
	at = -1
	if len(needle) == 0 {
		return at, nil
	}
	buf := make([]byte, 0, 1<<20)
	for base := int64(0); ; {
		n, err := f.ReadAt(buf[len(buf):cap(buf)], base+int64(len(buf)))
		buf = buf[:len(buf)+n]
		for from := 0; ; {
			i := bytes.Index(buf[from:], needle)
			if i < 0 {
				break
			}
			if at >= 0 {
				return -1, nil
			}
			at = base + int64(from+i)
			from += i + 1
		}
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return -1, err
		}
		// The end of this piece may be the beginning of a needle.
		keep := len(needle) - 1
		base += int64(len(buf) - keep)
		buf = append(buf[:0], buf[len(buf)-keep:]...)
	}
}
