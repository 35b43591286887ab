package enroll

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	stdcrypto "crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/store"
)

// noon is when the tests of the offline CA take place.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var olga = store.Actor{Kind: store.Operator, Name: "olga", Command: "capf offline import"}

// desk is a database with the requests that phones have sent, and a CA with a
// root and an intermediate that is not ours.
type desk struct {
	testing.TB
	*Rules
	root, ca *testCA
	serial   int64
	issuer   string // of requests; empty is the offline CA
}

type testCA struct {
	*x509.Certificate
	key stdcrypto.Signer
}

// Bytes is a source in memory.
func Bytes(name string, data []byte) Source { return Stream(name, bytes.NewReader(data)) }

func newDesk(t testing.TB) *desk {
	t.Helper()
	return newDeskAt(t, func() time.Time { return noon })
}

// newDeskAt is newDesk with a clock.
func newDeskAt(t testing.TB, now func() time.Time) *desk {
	t.Helper()
	s, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "capf.db"), store.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d := &desk{TB: t, Rules: &Rules{Store: s, Now: now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}, serial: 0x1000}
	d.root = d.newCA("Company Root", nil)
	d.ca = d.newCA("Company Issuing", d.root)
	return d
}

// newCA makes a CA below the parent, or a root.
func (d *desk) newCA(cn string, parent *testCA) *testCA {
	d.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.Fatal(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(d.next()), Subject: pkix.Name{CommonName: cn, Organization: []string{"Company"}},
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(9, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	self := &testCA{t, key}
	if parent == nil {
		parent = self
	}
	return &testCA{d.create(t, parent, key.Public()), key}
}

func (d *desk) next() int64 {
	d.serial++
	return d.serial
}

func (d *desk) create(t *x509.Certificate, parent *testCA, public any) *x509.Certificate {
	d.Helper()
	der, err := x509.CreateCertificate(rand.Reader, t, parent.Certificate, public, parent.key)
	if err != nil {
		d.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		d.Fatal(err)
	}
	return c
}

// trusts uploads the chain of the CA.
func (d *desk) trusts(certs ...*testCA) {
	d.Helper()
	for _, c := range certs {
		for _, p := range []store.Purpose{store.CAPFTrust, store.CallManagerTrust} {
			if _, _, err := d.Store.AddTrusts(d.Context(), olga, []store.NewTrust{{TrustCertificate: trustRow(c.Certificate, p, "", store.ForLSC)}}); err != nil {
				d.Fatal(err)
			}
		}
	}
}

// request is that of a phone which has just made an EC key; a device that is
// not there yet is added.
func (d *desk) request(device string) store.Request {
	d.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.Fatal(err)
	}
	return d.requestFor(device, crypto.EC256, key)
}

func (d *desk) requestFor(device string, kind crypto.KeyKind, key stdcrypto.Signer) store.Request {
	d.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		d.Fatal(err)
	}
	row, err := d.Store.Device(d.Context(), device)
	if err != nil {
		install := store.Install
		if row, _, err = d.AddDevice(d.Context(), olga, device, DeviceEdit{Operation: &install}); err != nil {
			d.Fatal(err)
		}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: device}}, key)
	if err != nil {
		d.Fatal(err)
	}
	hash := crypto.KeyHash(spki)
	r, err := d.Store.SubmitRequest(d.Context(), store.Actor{Kind: store.Phone, Name: device}, store.Request{
		DeviceID: row.ID, Device: row.Name, Schedule: row.Schedule, Issuer: cmp.Or(d.issuer, settings.IssuerOffline), KeyKind: string(kind),
		KeyHash: hash[:], PublicKey: spki, CSR: csr, Possessed: true,
	})
	if err != nil {
		d.Fatal(err)
	}
	return r
}

// rsaKey is made once, since it takes its time.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// sign makes the certificate for a request, as a CA that does everything right
// but for the edits.
func (d *desk) sign(r store.Request, edits ...func(*x509.Certificate)) *x509.Certificate {
	d.Helper()
	return d.signBy(d.ca, r, edits...)
}

func (d *desk) signBy(ca *testCA, r store.Request, edits ...func(*x509.Certificate)) *x509.Certificate {
	d.Helper()
	public, err := x509.ParsePKIXPublicKey(r.PublicKey)
	if err != nil {
		d.Fatal(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(d.next()), Subject: pkix.Name{CommonName: r.Device}, DNSNames: []string{r.Device},
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.AddDate(1, 0, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	for _, edit := range edits {
		edit(t)
	}
	return d.create(t, ca, public)
}

// rehearsal is the desk for a dry run.
func (d *desk) rehearsal() *desk {
	dry := *d
	dry.Rules = &Rules{Store: d.Store.Rehearsal(), Sealer: d.Sealer, Now: d.Now, Rand: d.Rand, Log: d.Rules.Log}
	return &dry
}

// lines imports and returns what an operator reads, with serials left out.
func (d *desk) lines(o ImportOptions, sources ...Source) (lines []string, report ImportReport, err error) {
	d.Helper()
	o.Row = func(r ImportRow) error {
		line := fmt.Sprintf("%s: %s", r.Source, r.Outcome)
		if r.Reason != "" {
			line += ": " + r.Reason
		}
		lines = append(lines, line)
		return nil
	}
	report, err = d.ImportAll(d.Context(), olga, sources, o)
	return lines, report, err
}

// facts is what an import may change: how many requests wait, LSCs there are,
// and events have been written.
func (d *desk) facts() string {
	d.Helper()
	waiting, err := d.Store.CountRequests(d.Context(), store.RequestFilter{State: store.RequestPending})
	if err != nil {
		d.Fatal(err)
	}
	lscs, err := d.Store.CountLSCs(d.Context(), store.LSCFilter{})
	if err != nil {
		d.Fatal(err)
	}
	event, err := d.Store.LastEvent(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	return fmt.Sprintf("%d requests wait, %d LSCs, %d events", waiting, lscs, event)
}

// file is one file of an archive that a test makes.
type file struct {
	name string
	data []byte
	kind byte // of a tar; 0 is a regular file
}

func der(c *x509.Certificate) []byte { return c.Raw }

func pemOf(certs ...*x509.Certificate) []byte {
	var all []byte
	for _, c := range certs {
		all = append(all, crypto.CertificatePEM(c.Raw)...)
	}
	return all
}

// chainOf is a PKCS#7 without a signer, as CAs send chains.
func chainOf(t testing.TB, certs ...*x509.Certificate) []byte {
	t.Helper()
	var all []byte
	for _, c := range certs {
		all = append(all, c.Raw...)
	}
	p7, err := pkcs7.DegenerateCertificate(all)
	if err != nil {
		t.Fatal(err)
	}
	return p7
}

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		head := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), Typeflag: f.kind}
		if f.kind != 0 && f.kind != tar.TypeReg {
			head.Size, head.Linkname = 0, "/etc/passwd"
		}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if head.Size > 0 {
			if _, err := w.Write(f.data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tgzOf(t testing.TB, files ...file) []byte { return gzipOf(t, tarOf(t, files...)) }

func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		head := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		if f.kind == tar.TypeSymlink {
			head.SetMode(0o777 | 1<<27) // fs.ModeSymlink
		}
		part, err := w.CreateHeader(head)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
