package offline

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"time"

	"capf/store"
)

// ExportOptions limit an export; an empty field does not.
type ExportOptions struct {
	Device  string   // a pattern of package wildcard
	Devices []string // names; nil does not limit
	Since   *time.Time
	Request func(ExportReport) // called for each request, with the report so far; may be nil
}

// ExportReport counts what an export holds.
type ExportReport struct {
	Requests int `json:"requests"`
	Unproved int `json:"without_possession"` // exported only as a public key, without a PKCS#10
}

// manifestEntry is one request in manifest.json.
type manifestEntry struct {
	ID        int64     `json:"id"`
	Device    string    `json:"device"`
	Time      time.Time `json:"time"`
	KeyType   string    `json:"key_type"`
	KeySHA256 string    `json:"key_sha256"`
	Possessed bool      `json:"possession_proved"`
	CSR       string    `json:"csr,omitempty"` // the name in the archive
	PublicKey string    `json:"public_key"`
}

// Export writes the pending requests as a gzip-compressed tar: NAME.csr, a
// PEM PKCS#10, for each phone that proved possession of its key, NAME.pub,
// the PEM public key, for each phone, and manifest.json at the end. It
// changes nothing and may be repeated. Its memory use does not depend on the
// number of requests.
func (c CA) Export(ctx context.Context, w io.Writer, o ExportOptions) (ExportReport, error) {
	e, err := newExporter(w)
	if err != nil {
		return ExportReport{}, err
	}
	defer e.discard()
	filter := store.RequestFilter{State: store.RequestPending, Device: o.Device, Devices: o.Devices, Since: o.Since}
	for request, err := range c.Store.Requests(ctx, filter) {
		if err != nil {
			return e.report, err
		}
		if err := e.add(request); err != nil {
			return e.report, fmt.Errorf("writing the request of %q: %w", request.Device, err)
		}
		if o.Request != nil {
			o.Request(e.report)
		}
	}
	return e.report, e.finish(c.Now())
}

// exporter writes one archive. The manifest is collected in a temporary file,
// since a tar header needs its length in advance.
type exporter struct {
	gzip     *gzip.Writer
	tar      *tar.Writer
	file     *os.File
	manifest *bufio.Writer
	report   ExportReport
}

func newExporter(w io.Writer) (*exporter, error) {
	file, err := os.CreateTemp("", "capf-manifest-*")
	if err != nil {
		return nil, fmt.Errorf("making room for the manifest: %w", err)
	}
	e := &exporter{gzip: gzip.NewWriter(w), file: file, manifest: bufio.NewWriter(file)}
	e.tar = tar.NewWriter(e.gzip)
	_, err = e.manifest.WriteString("[\n")
	return e, err
}

// discard removes the temporary file.
func (e *exporter) discard() {
	e.file.Close()
	os.Remove(e.file.Name())
}

func (e *exporter) add(r store.Request) error {
	entry := manifestEntry{
		ID: r.ID, Device: r.Device, Time: r.CreatedAt.UTC(), KeyType: r.KeyKind, KeySHA256: hex.EncodeToString(r.KeyHash),
		Possessed: r.Possessed, PublicKey: r.Device + ".pub",
	}
	if r.CSR != nil {
		entry.CSR = r.Device + ".csr"
		if err := e.pem(entry.CSR, "CERTIFICATE REQUEST", r.CSR, r.CreatedAt); err != nil {
			return err
		}
	} else {
		e.report.Unproved++
	}
	if err := e.pem(entry.PublicKey, "PUBLIC KEY", r.PublicKey, r.CreatedAt); err != nil {
		return err
	}
	line, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	if e.report.Requests > 0 {
		e.manifest.WriteString(",\n")
	}
	e.report.Requests++
	_, err = e.manifest.Write(line)
	return err
}

func (e *exporter) pem(name, kind string, der []byte, at time.Time) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return e.entry(name, int64(len(text)), at, bytes.NewReader(text))
}

func (e *exporter) entry(name string, size int64, at time.Time, content io.Reader) error {
	// The header names no user or group of this system.
	head := &tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: at.UTC().Truncate(time.Second), Format: tar.FormatPAX}
	if err := e.tar.WriteHeader(head); err != nil {
		return err
	}
	_, err := io.Copy(e.tar, content)
	return err
}

func (e *exporter) finish(now time.Time) error {
	e.manifest.WriteString("\n]\n")
	if err := e.manifest.Flush(); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	size, err := e.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	if _, err := e.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	if err := e.entry("manifest.json", size, now, e.file); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	if err := e.tar.Close(); err != nil {
		return fmt.Errorf("ending the archive: %w", err)
	}
	if err := e.gzip.Close(); err != nil {
		return fmt.Errorf("ending the archive: %w", err)
	}
	return nil
}
