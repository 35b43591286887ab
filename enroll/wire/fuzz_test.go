package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func FuzzFrame(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes)
	}
	parse := parsers()
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		read, readErr := Read(r)
		used := len(b) - r.Len()
		switch {
		case readErr == nil:
			again, err := read.Marshal()
			if err != nil || !bytes.Equal(again, b[:used]) {
				t.Fatalf("Read %x, marshals to %x, %v", b[:used], again, err)
			}
		case readErr == io.EOF:
			if len(b) != 0 {
				t.Fatalf("EOF inside %x", b)
			}
		case !errors.Is(readErr, ErrMalformed) && !errors.Is(readErr, io.ErrUnexpectedEOF):
			t.Fatal(readErr)
		}
		if h, err := ParseHeader(b); err == nil && used > HeaderSize+int(h.Length) {
			t.Fatalf("Read %d bytes of a frame of %d", used, HeaderSize+int(h.Length))
		} else if err != nil && used > HeaderSize {
			t.Fatalf("Read %d bytes after a header that is none", used)
		}

		fr, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if readErr != nil || used != len(b) {
			t.Fatalf("Parse accepts what Read does not: %v", readErr)
		}
		typed, ok := parse[fr.Command]
		if !ok {
			return
		}
		m, err := typed(fr)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		built, err := m.Frame(fr.Session).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		rebuilt, err := Parse(built)
		if err != nil {
			t.Fatalf("%#v builds %x: %v", m, built, err)
		}
		if _, err := typed(rebuilt); err != nil {
			t.Fatalf("%#v builds %x: %v", m, built, err)
		}
	})
}

// elementSeeds adds the values that the vectors have for the tag.
func elementSeeds(f *testing.F, tag Tag) {
	f.Helper()
	n := 0
	for _, v := range vectors(f) {
		fr, err := Parse(v.bytes)
		if err != nil {
			f.Fatal(err)
		}
		if value, ok := fr.value(tag); ok {
			f.Add(value)
			n++
		}
	}
	if n == 0 {
		f.Fatalf("no vector has %v", tag)
	}
}

func FuzzCertificate(f *testing.F) {
	elementSeeds(f, TagCertificate)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCertificate(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(c.Value(), b) {
			t.Fatalf("%x comes back as %x", b, c.Value())
		}
	})
}

func FuzzSUDI(f *testing.F) {
	elementSeeds(f, TagSUDIData)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSUDI(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(s.Value(), b) {
			t.Fatalf("%x comes back as %x", b, s.Value())
		}
	})
}
