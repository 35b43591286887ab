package offline

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/archive"
	"capf/enroll/companytest"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// TestWrongCertificates are certificates that no phone gets, each with the line
// that the operator reads.
func TestWrongCertificates(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	stranger := d.NewCA("Stranger", nil)
	impostor := d.NewCA("Company Issuing", d.Root)
	unknown := d.Create(&x509.Certificate{SerialNumber: big.NewInt(d.Serial()), Subject: pkix.Name{CommonName: "Web server"}}, d.Root, stranger.Key.Public())
	edit := func(f func(*x509.Certificate)) func(*desk, store.Request) [][]byte {
		return func(d *desk, r store.Request) [][]byte { return [][]byte{der(d.Sign(r, f))} }
	}
	one := func(f func(*desk, store.Request) *x509.Certificate) func(*desk, store.Request) [][]byte {
		return func(d *desk, r store.Request) [][]byte { return [][]byte{der(f(d, r))} }
	}
	for _, test := range []struct {
		name  string
		certs func(*desk, store.Request) [][]byte
		want  []string
	}{
		{"unknown-key", one(func(d *desk, r store.Request) *x509.Certificate { return unknown }),
			[]string{`refused: no phone has sent the key of the certificate "Web server"`}},
		{"wrong-device", edit(func(c *x509.Certificate) { c.Subject.CommonName = "SEP001122334455" }),
			[]string{`refused: the certificate's common name is "SEP001122334455" instead of "wrong-device"`}},
		{"ca-true", edit(func(c *x509.Certificate) { c.IsCA = true }), []string{`refused: the certificate of "ca-true" is a CA's`}},
		{"cert-sign", edit(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }), []string{`refused: the certificate of "cert-sign" is a CA's`}},
		{"expired", edit(func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }), []string{`refused: "expired" has expired on 2026-11-22T11:59:00Z`}},
		{"not-yet", edit(func(c *x509.Certificate) { c.NotBefore = noon.Add(6 * time.Minute) }), []string{`refused: "not-yet" is not valid before 2026-11-22T12:06:00Z`}},
		{"no-usage", edit(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }),
			[]string{`refused: the certificate of "no-usage" has a keyUsage without digitalSignature`}},
		{"rsa", edit(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }),
			[]string{`refused: the certificate of "rsa" has a keyUsage without keyEncipherment`}},
		{"foreign-ca", one(func(d *desk, r store.Request) *x509.Certificate { return d.SignBy(stranger, r) }),
			[]string{`refused: its issuer "CN=Stranger,O=Company" is not in capf-trust`}},
		{"impostor", one(func(d *desk, r store.Request) *x509.Certificate { return d.SignBy(impostor, r) }),
			[]string{`refused: the signature on "impostor" is not by "Company Issuing": x509: ECDSA verification failure`}},
		{"sha-1", edit(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }),
			[]string{`refused: the certificate of "sha-1" is signed with ECDSA-SHA1: SHA-256 or better is needed`}},
		{"critical", edit(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}), []string{`refused: "critical" has the unknown critical extension 1.2.3`}},
		{"two-for-one", func(d *desk, r store.Request) [][]byte { return [][]byte{der(d.Sign(r)), der(d.Sign(r))} },
			[]string{"imported", "refused: another certificate for the same key is in this import"}},
		{"twice", func(d *desk, r store.Request) [][]byte { c := der(d.Sign(r)); return [][]byte{c, c} },
			[]string{"imported", "already there: it is in this import twice"}},
		{"another", func(d *desk, r store.Request) [][]byte {
			d.bring(der(d.Sign(r)))
			return [][]byte{der(d.Sign(r))}
		}, []string{"refused: the request has another LSC already, which is issued"}},
		{"installed", func(d *desk, r store.Request) [][]byte {
			d.bring(der(d.Sign(r)))
			d.confirm(r)
			return [][]byte{der(d.Sign(r))}
		}, []string{"refused: the request has another LSC already, which is installed"}},
		{"serial", func(d *desk, r store.Request) [][]byte {
			other := d.Sign(d.Request("serial-first"))
			d.bring(der(other))
			return [][]byte{der(d.Sign(r, func(c *x509.Certificate) { c.SerialNumber = other.SerialNumber }))}
		}, []string{"refused: its issuer has used the serial number before"}},
		{"serial-twice", func(d *desk, r store.Request) [][]byte {
			other := d.Sign(d.Request("serial-twin"))
			return [][]byte{der(other), der(d.Sign(r, func(c *x509.Certificate) { c.SerialNumber = other.SerialNumber }))}
		}, []string{"imported", "refused: its issuer has used the serial number for another certificate in this import"}},
		{"rejected", func(d *desk, r store.Request) [][]byte {
			d.Issuer = settings.IssuerOnline
			r = d.Request(r.Device)
			d.reject(r)
			return [][]byte{der(d.Sign(r))}
		}, []string{"refused: the request has been rejected"}},
		{"older", func(d *desk, r store.Request) [][]byte { d.Request(r.Device); return [][]byte{der(d.Sign(r))} },
			[]string{"stale: the phone has made a newer key"}},
		{"no-device", func(d *desk, r store.Request) [][]byte {
			if err := d.Store.DeleteDevice(d.Context(), olga, r.Device); err != nil {
				d.Fatal(err)
			}
			return [][]byte{der(d.Sign(r))}
		}, []string{"stale: the device has been deleted"}},
		{"deleted", func(d *desk, r store.Request) [][]byte {
			c := der(d.Sign(r))
			d.bring(c)
			d.Request(r.Device)
			if _, err := d.Store.DeleteStale(d.Context(), olga, nil); err != nil {
				d.Fatal(err)
			}
			return [][]byte{c}
		}, []string{"already there: the request had its LSC, which has been deleted"}},
		{"ca-alone", func(d *desk, r store.Request) [][]byte { return [][]byte{der(stranger.Certificate)} },
			[]string{`not a phone's: the CA certificate "Stranger"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := d.sub(t)
			r := d.requestOf(test.name)
			certs := test.certs(d, r)
			before := d.Facts()
			lines, _, err := d.lines(ImportOptions{}, Bytes("x.der", bytes.Join(certs, nil)))
			for i := range test.want {
				test.want[i] = "x.der: " + test.want[i]
			}
			if err != nil || !slices.Equal(lines, test.want) {
				t.Errorf("the lines are\n%s\nwith the error %v, instead of\n%s", strings.Join(lines, "\n"), err, strings.Join(test.want, "\n"))
			}
			good := slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "imported") || strings.Contains(l, "stale:") })
			if after := d.Facts(); (after != before) != good {
				t.Errorf("%q became %q", before, after)
			}
		})
	}
}

// requestOf is a request with an RSA key of the device rsa, with an EC key of
// any other.
func (d *desk) requestOf(device string) store.Request {
	d.Helper()
	if device != "rsa" {
		return d.Request(device)
	}
	key, err := rsaKey()
	if err != nil {
		d.Fatal(err)
	}
	return d.RequestFor(device, crypto.RSA2048, key)
}

// reject ends a request that was not sent to the online CA yet.
func (d *desk) reject(r store.Request) {
	d.Helper()
	if n, err := d.Store.WithdrawOnline(d.Context(), olga, r.ID, "no"); n != 1 || err != nil {
		d.Fatal(n, err)
	}
}

// bring imports certificates that are good.
func (d *desk) bring(ders ...[]byte) {
	d.Helper()
	_, report, err := d.lines(ImportOptions{}, Bytes("good.der", bytes.Join(ders, nil)))
	if err != nil || report.Count(Imported) != len(ders) {
		d.Fatalf("%+v, %v", report, err)
	}
}

// confirm is the phone that has stored the LSC of its request.
func (d *desk) confirm(r store.Request) {
	d.Helper()
	lsc, err := d.Store.LSCOfRequest(d.Context(), r.ID)
	if err == nil {
		err = d.Store.MarkInstalled(d.Context(), store.Actor{Kind: store.Phone, Name: r.Device}, lsc.ID, r.Schedule)
	}
	if err != nil {
		d.Fatal(err)
	}
}

// TestNothingIsLeft: what is kept on the disk between two steps goes with the last one,
// whether or not the import or the export succeeds.
func TestNothingIsLeft(t *testing.T) {
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	r := d.Request("first")
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	stop := errors.New("enough")
	for _, want := range []error{stop, nil} {
		_, _, err := d.lines(ImportOptions{Ready: func(ImportReport) error { return want }}, Bytes("x.der", der(d.Sign(r))))
		if !errors.Is(err, want) {
			t.Errorf("importing: %v", err)
		}
		_, err = d.offline().Export(t.Context(), io.Discard, ExportOptions{})
		if err != nil {
			t.Errorf("exporting: %v", err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// TestMovedOn are requests that change between the plan and its application.
func TestMovedOn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		move func(*desk, store.Request) error
		want string // the error; "" when the import is carried out
		kind error
	}{
		"deleted": {func(d *desk, r store.Request) error {
			_, err := d.Store.DeleteRequests(d.Context(), olga, []int64{r.ID})
			return err
		}, "importing certificates: request 2: not found", store.ErrNotFound},
		"rejected": {func(d *desk, r store.Request) error { d.reject(r); return nil },
			"importing certificates: request 2: conflict: it is rejected now", store.ErrConflict},
		"issued": {func(d *desk, r store.Request) error { d.bring(der(d.Sign(r))); return nil },
			"importing certificates: request 2: conflict: it is issued now", store.ErrConflict},
		"overtaken": {func(d *desk, r store.Request) error { d.Request(r.Device); return nil }, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.Trust(d.Root, d.CA)
			d.Issuer = settings.IssuerOnline // whose requests can be rejected
			first, second, stale := d.Request("first"), d.Request("second"), d.Request("stale")
			d.Request("stale") // so that the one before is stale in the plan already
			certs := slices.Concat(der(d.Sign(first)), der(d.Sign(second)), der(d.Sign(stale)))
			var before string
			_, report, err := d.lines(ImportOptions{Ready: func(ImportReport) error {
				err := test.move(d, second)
				before = d.Facts()
				return err
			}}, Bytes("x.der", certs))
			if test.want == "" {
				if err != nil || report.Overtaken != 1 || report.Count(Imported) != 2 || report.Count(Stale) != 1 {
					t.Errorf("%+v, %v", report, err)
				}
				return
			}
			if err == nil || err.Error() != test.want || !errors.Is(err, test.kind) ||
				apperr.Hint(err) != "it has changed since the plan was made, and nothing was imported: run the import again" {
				t.Errorf("the error is %v (%s)", err, apperr.Hint(err))
			}
			if after := d.Facts(); after != before {
				t.Errorf("%q became %q", before, after)
			}
		})
	}
}

// TestDryRun changes nothing, and says the same.
func TestDryRun(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	a, b := d.Sign(d.Request("a")), d.Sign(d.Request("b"))
	source := func() archive.Source { return Bytes("x.pem", companytest.PEM(a, b)) }
	before := d.Facts()
	planned, _, err := d.rehearsal().lines(ImportOptions{Device: "A"}, source())
	if err != nil || d.Facts() != before {
		t.Fatalf("%v, %q became %q", err, before, d.Facts())
	}
	done, _, err := d.lines(ImportOptions{Device: "A"}, source())
	if want := []string{"x.pem: imported", "x.pem: skipped: it is for another device"}; err != nil || !slices.Equal(done, want) || !slices.Equal(planned, want) {
		t.Errorf("%v, %v, %v", planned, done, err)
	}
	stop := errors.New("stop")
	if _, err := d.offline().Import(t.Context(), olga, []archive.Source{source()}, ImportOptions{Ready: func(ImportReport) error { return stop }}); err != stop {
		t.Errorf("the error of Ready became %v", err)
	}
	if _, err := d.offline().Import(t.Context(), olga, []archive.Source{source()}, ImportOptions{Row: func(Row) error { return stop }}); err != stop {
		t.Errorf("the error of Row became %v", err)
	}
}

// TestSharedKey is a key that two devices have sent, the first of which was deleted
// before the second: the certificate goes to the one that it names.
func TestSharedKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	var certs []*x509.Certificate
	for i, name := range []string{"SEP001122334455", "successor"} {
		r := d.RequestFor(name, crypto.RSA2048, key)
		certs = append(certs, d.Sign(r))
		if i == 0 {
			if err := d.Store.DeleteDevice(t.Context(), olga, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines, _, err := d.lines(ImportOptions{}, Bytes("x.pem", companytest.PEM(certs...)))
	if want := []string{"x.pem: stale: the device has been deleted", "x.pem: imported"}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("%q, %v", lines, err)
	}
}

// TestTrustAdvice is what an operator still has to upload.
func TestTrustAdvice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bring := func(files ...file) ImportReport {
		_, report, err := d.lines(ImportOptions{}, Bytes("x.tgz", companytest.Tgz(t, files...)))
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	signed := func(name string) file { return file{Name: name + ".der", Data: der(d.Sign(d.Request(name)))} }
	const root, issuing = "CN=Company Root,O=Company", "CN=Company Issuing,O=Company"
	report := bring(signed("a"))
	if !slices.Equal(report.MissingCAs, []MissingCA{{issuing, ""}}) || report.Count(Refused) != 1 {
		t.Errorf("without any: %+v", report)
	}
	report = bring(file{Name: "ca/issuing.pem", Data: companytest.PEM(d.CA.Certificate)}, signed("a"))
	if !slices.Equal(report.MissingCAs, []MissingCA{{issuing, "ca/issuing.pem"}}) || report.Count(Imported) != 0 {
		t.Errorf("with the CA in the import: %+v", report)
	}
	add := func(c *companytest.CA, p store.Purpose) {
		d.TrustFor(c.Certificate, p)
	}
	add(d.CA, store.CAPFTrust)
	report = bring(signed("b"))
	if report.Count(Imported) != 1 || !slices.Equal(report.MissingCAs, []MissingCA{{root, ""}}) || !slices.Equal(report.NotForCallManager, []string{issuing}) {
		t.Errorf("without the root: %+v", report)
	}
	add(d.Root, store.CAPFTrust)
	report = bring(signed("c"))
	if report.Count(Imported) != 1 || len(report.MissingCAs) != 0 || !slices.Equal(report.NotForCallManager, []string{issuing, root}) {
		t.Errorf("with all in capf-trust: %+v", report)
	}
	add(d.CA, store.CallManagerTrust)
	add(d.Root, store.CallManagerTrust)
	if report = bring(signed("d")); len(report.MissingCAs)+len(report.NotForCallManager) != 0 {
		t.Errorf("with all: %+v", report)
	}
}

// TestMICNames takes a certificate for the name of the MIC that was asked for.
func TestMICNames(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	r := d.Request("SEP001122334455")
	mic := func(c *x509.Certificate) { c.Subject.CommonName = "CP-8861-SEP001122334455" }
	lines, _, err := d.rehearsal().lines(ImportOptions{}, Bytes("x.der", der(d.Sign(r, mic))))
	want := []string{`x.der: refused: the certificate's common name is "CP-8861-SEP001122334455" instead of "SEP001122334455"`}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("not asked for: %v, %v", lines, err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "CP-8861-SEP001122334455"}}, d.CA.Key)
	if err != nil {
		t.Fatal(err)
	}
	asked := r
	asked.CSR = csr
	if asked, err = d.Store.SubmitRequest(t.Context(), olga, asked); err != nil {
		t.Fatal(err)
	}
	for _, edit := range []func(*x509.Certificate){mic, func(*x509.Certificate) {}} {
		lines, _, err = d.rehearsal().lines(ImportOptions{}, Bytes("x.der", der(d.Sign(asked, edit))))
		if err != nil || !slices.Equal(lines, []string{"x.der: imported"}) {
			t.Errorf("asked for: %v, %v", lines, err)
		}
	}
	// Certificates of CAs that number without regard to RFC 5280 are good too.
	long := func(c *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(1), 150) }
	lines, _, err = d.lines(ImportOptions{}, Bytes("x.der", der(d.Sign(asked, long))))
	if err != nil || !slices.Equal(lines, []string{"x.der: imported"}) {
		t.Errorf("a long serial: %v, %v", lines, err)
	}
}
