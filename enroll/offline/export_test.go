package offline

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/store"
)

// unpack returns the files of an archive, and their names in order.
func unpack(t *testing.T, archive []byte) (files map[string][]byte, names []string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for r := tar.NewReader(z); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, names
		}
		if err != nil {
			t.Fatal(err)
		}
		if head.Uid != 0 || head.Uname != "" || head.Mode != 0o644 || !head.ModTime.Equal(noon) {
			t.Errorf("the head of %s is %+v", head.Name, head)
		}
		if files[head.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		names = append(names, head.Name)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Request("first") // is overtaken
	first, second := d.Request("first"), d.Request("second")
	bare := second
	bare.CSR, bare.Possessed = nil, false
	if _, err := d.Store.SubmitRequest(t.Context(), olga, bare); err != nil {
		t.Fatal(err)
	}
	before := d.Facts()
	var archive bytes.Buffer
	seen := 0
	report, err := d.offline().Export(t.Context(), &archive, ExportOptions{Request: func(r ExportReport) { seen = r.Requests }})
	if err != nil || report != (ExportReport{Requests: 2, Unproved: 1}) || seen != 2 {
		t.Fatalf("%+v (%d seen), %v", report, seen, err)
	}
	if after := d.Facts(); after != before {
		t.Errorf("%q became %q", before, after)
	}
	files, names := unpack(t, archive.Bytes())
	if want := []string{"first.csr", "first.pub", "second.pub", "manifest.json"}; !slices.Equal(names, want) {
		t.Fatalf("the archive holds %v", names)
	}
	csr, _ := pem.Decode(files["first.csr"])
	public, _ := pem.Decode(files["second.pub"])
	if csr == nil || csr.Type != "CERTIFICATE REQUEST" || !bytes.Equal(csr.Bytes, first.CSR) ||
		public == nil || public.Type != "PUBLIC KEY" || !bytes.Equal(public.Bytes, second.PublicKey) {
		t.Errorf("the files are\n%s\n%s", files["first.csr"], files["second.pub"])
	}
	if _, err := x509.ParsePKIXPublicKey(public.Bytes); err != nil {
		t.Error(err)
	}
	var entries []map[string]any
	if err := json.Unmarshal(files["manifest.json"], &entries); err != nil || len(entries) != 2 {
		t.Fatalf("the manifest is %s: %v", files["manifest.json"], err)
	}
	for key, want := range map[string]any{
		"id": float64(first.ID), "device": "first", "time": "2026-11-22T12:00:00Z", "key_type": "ec-256",
		"key_sha256": hex.EncodeToString(first.KeyHash), "possession_proved": true, "csr": "first.csr", "public_key": "first.pub",
	} {
		if entries[0][key] != want {
			t.Errorf("%s is %v in the manifest, not %v", key, entries[0][key], want)
		}
	}
	if _, has := entries[1]["csr"]; has || entries[1]["possession_proved"] != false {
		t.Errorf("the manifest says %v", entries[1])
	}
}

func TestExportLimits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Request("phone-1")
	d.Request("phone-2")
	for _, test := range []struct {
		o    ExportOptions
		want string
	}{
		{ExportOptions{Device: "PHONE-2"}, "phone-2.csr phone-2.pub manifest.json"},
		{ExportOptions{Device: "phone-?"}, "phone-1.csr phone-1.pub phone-2.csr phone-2.pub manifest.json"},
		{ExportOptions{Device: "other"}, "manifest.json"},
		{ExportOptions{Since: new(noon.Add(time.Second))}, "manifest.json"},
		{ExportOptions{Since: new(noon), Device: "phone-1"}, "phone-1.csr phone-1.pub manifest.json"},
	} {
		var archive bytes.Buffer
		if _, err := d.offline().Export(t.Context(), &archive, test.o); err != nil {
			t.Fatal(err)
		}
		files, names := unpack(t, archive.Bytes())
		if got := strings.Join(names, " "); got != test.want || !json.Valid(files["manifest.json"]) {
			t.Errorf("%+v: %s\n%s", test.o, got, files["manifest.json"])
		}
	}
}

// full is a disk without room.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, store.ErrFull
	}
	return len(p), nil
}

func TestExportToAFullDisk(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Request("phone")
	for _, room := range []int{0, 20, 500} {
		if _, err := d.offline().Export(t.Context(), &full{room}, ExportOptions{}); !errors.Is(err, store.ErrFull) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
}
