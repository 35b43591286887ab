package crypto_test

import (
	stdcrypto "crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"capf/crypto"
	"capf/crypto/certfile"
)

func TestVerifyPath(t *testing.T) {
	t.Parallel()
	root := newIdentity(t, "Root", nil, asCA)
	middle := newIdentity(t, "Middle", root, asCA)
	leaf := newIdentity(t, "SEP001122334455", middle, nil)
	namesake := newIdentity(t, "Middle", root, asCA) // same name, other key
	// The loop has no end on the way up: X issued Y and Y issued X.
	y := newIdentity(t, "Y", nil, asCA)
	x := newIdentity(t, "X", y, asCA)
	y2 := certify(t, "Y", y.key, x, asCA)
	looped := newIdentity(t, "SEP001122334455", x, nil)
	oldLeaf := newIdentity(t, "SEP001122334455", middle, asExpired)
	oldMiddle := certify(t, "Middle", middle.key, root, edits(asCA, asExpired))
	single := newIdentity(t, "https.example.com", nil, nil)
	noCA := newIdentity(t, "Middle", root, nil)
	noSign := newIdentity(t, "Middle", root, edits(asCA, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }))
	noUsage := newIdentity(t, "Middle", root, edits(asCA, func(c *x509.Certificate) { c.KeyUsage = 0 }))
	flat := newIdentity(t, "Flat", nil, edits(asCA, func(c *x509.Certificate) { c.MaxPathLenZero = true }))
	underFlat := newIdentity(t, "Under", flat, asCA)
	rolled := newIdentity(t, "Flat", flat, edits(asCA, func(c *x509.Certificate) { c.MaxPathLenZero = true })) // self-issued: not counted
	constrained := newIdentity(t, "Middle", root, edits(asCA, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.com"}, true
	}))
	strange := newIdentity(t, "SEP001122334455", middle, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
	})
	future := newIdentity(t, "SEP001122334455", middle, func(c *x509.Certificate) { c.NotBefore = noon().Add(time.Minute) })

	expired := `"SEP001122334455" has expired on 2025-11-22T12:00:00Z`
	unknown := `"SEP001122334455" was issued by the unknown issuer "CN=Middle"`
	by := func(issuer *identity) *x509.Certificate { return newIdentity(t, "SEP001122334455", issuer, nil).cert }
	tests := []struct {
		name           string
		leaf           *x509.Certificate
		anchors, extra []*x509.Certificate
		opt            crypto.PathOptions
		length         int    // of the path that is found
		want           string // the refusal
	}{
		{"whole path", leaf.cert, chainOf(root.cert), chainOf(middle.cert), crypto.PathOptions{}, 3, ""},
		{"partial path", leaf.cert, chainOf(middle.cert), nil, crypto.PathOptions{}, 2, ""},
		{"the leaf itself", single.cert, chainOf(single.cert), nil, crypto.PathOptions{}, 1, ""},
		{"namesakes", leaf.cert, chainOf(namesake.cert, middle.cert), nil, crypto.PathOptions{}, 2, ""},
		{"namesakes below", leaf.cert, chainOf(root.cert), chainOf(namesake.cert, noCA.cert, middle.cert), crypto.PathOptions{}, 3, ""},
		{"loop with a way out", looped.cert, chainOf(y.cert), chainOf(y2.cert, x.cert), crypto.PathOptions{}, 3, ""},
		{"keyUsage absent", by(noUsage), chainOf(root.cert), chainOf(noUsage.cert), crypto.PathOptions{}, 3, ""},
		{"self-issued", by(rolled), chainOf(flat.cert), chainOf(rolled.cert), crypto.PathOptions{}, 3, ""},
		{"expired leaf allowed", oldLeaf.cert, chainOf(root.cert), chainOf(middle.cert), crypto.PathOptions{AllowExpired: true}, 3, ""},
		{"expired issuer allowed", leaf.cert, chainOf(root.cert), chainOf(oldMiddle.cert), crypto.PathOptions{AllowExpired: true}, 3, ""},
		{"expired and renewed issuer", leaf.cert, chainOf(oldMiddle.cert, middle.cert), nil, crypto.PathOptions{}, 2, ""},

		{"nothing trusted", leaf.cert, nil, nil, crypto.PathOptions{}, 0, unknown},
		{"self-signed", single.cert, chainOf(root.cert), nil, crypto.PathOptions{}, 0,
			`"https.example.com" was issued by the unknown issuer "CN=https.example.com"`},
		{"unknown root", leaf.cert, chainOf(flat.cert), chainOf(middle.cert), crypto.PathOptions{}, 0,
			`"Middle" was issued by the unknown issuer "CN=Root"`},
		{"other key", leaf.cert, chainOf(namesake.cert), nil, crypto.PathOptions{}, 0,
			`the signature on "SEP001122334455" is not by "Middle": x509: ECDSA verification failure`},
		{"loop", looped.cert, chainOf(root.cert), chainOf(x.cert, y2.cert), crypto.PathOptions{}, 0,
			`"Y" was issued by the unknown issuer "CN=X"`},
		{"expired leaf", oldLeaf.cert, chainOf(root.cert), chainOf(middle.cert), crypto.PathOptions{}, 0, expired},
		{"expired and unknown", oldLeaf.cert, nil, nil, crypto.PathOptions{}, 0, unknown},
		{"expired issuer", leaf.cert, chainOf(root.cert), chainOf(oldMiddle.cert), crypto.PathOptions{}, 0,
			`"Middle" has expired on 2025-11-22T12:00:00Z`},
		{"expired anchor", leaf.cert, chainOf(oldMiddle.cert), nil, crypto.PathOptions{}, 0, `"Middle" has expired on 2025-11-22T12:00:00Z`},
		{"future, though expired is allowed", future.cert, chainOf(middle.cert), nil, crypto.PathOptions{AllowExpired: true}, 0,
			`"SEP001122334455" is not valid before 2026-11-22T12:01:00Z`},
		{"no CA", by(noCA), chainOf(root.cert), chainOf(noCA.cert), crypto.PathOptions{}, 0, `the issuer "Middle" is not a CA`},
		{"no CA as anchor", by(noCA), chainOf(noCA.cert), nil, crypto.PathOptions{}, 0, `the issuer "Middle" is not a CA`},
		{"no keyCertSign", by(noSign), chainOf(root.cert), chainOf(noSign.cert), crypto.PathOptions{}, 0,
			`the issuer "Middle" has a keyUsage without keyCertSign`},
		{"path length", by(underFlat), chainOf(flat.cert), chainOf(underFlat.cert), crypto.PathOptions{}, 0,
			`the issuer "Flat" allows a path length of 0, this one has 1`},
		{"name constraints", by(constrained), chainOf(root.cert), chainOf(constrained.cert), crypto.PathOptions{}, 0,
			`the issuer "Middle" does not allow the names of "SEP001122334455": the DNS name "SEP001122334455" is not permitted`},
		{"name constraints of the anchor", by(constrained), chainOf(constrained.cert), nil, crypto.PathOptions{}, 0,
			`the issuer "Middle" does not allow the names of "SEP001122334455": the DNS name "SEP001122334455" is not permitted`},
		{"critical extension", strange.cert, chainOf(middle.cert), nil, crypto.PathOptions{}, 0,
			`"SEP001122334455" has the unknown critical extension 1.2.3.4`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chain, err := crypto.VerifyPath(test.leaf, test.anchors, test.extra, noon(), test.opt)
			if test.want == "" {
				if err != nil || len(chain) != test.length || chain[0] != test.leaf {
					t.Errorf("a path of %d certificates instead of %d: %v", len(chain), test.length, err)
				}
				return
			}
			wantError(t, err, test.want)
			if !errors.Is(err, crypto.ErrUntrusted) {
				t.Errorf("%v is not ErrUntrusted", err)
			}
		})
	}
	_, err := crypto.VerifyPath(oldLeaf.cert, chainOf(middle.cert), nil, noon(), crypto.PathOptions{})
	if !errors.Is(err, crypto.ErrExpired) {
		t.Errorf("%v is not ErrExpired", err)
	}
	_, err = crypto.VerifyPath(oldLeaf.cert, chainOf(root.cert), nil, noon(), crypto.PathOptions{})
	if errors.Is(err, crypto.ErrExpired) {
		t.Errorf("%v is ErrExpired, although the issuer is unknown", err)
	}
}

func TestVerifyPathIsBounded(t *testing.T) {
	t.Parallel()
	ids := []*identity{newIdentity(t, "CA 0", nil, asCA)}
	var extra []*x509.Certificate
	for n := 1; n <= 7; n++ {
		ids = append(ids, newIdentity(t, "CA "+strconv.Itoa(n), ids[n-1], asCA))
		extra = append(extra, ids[n].cert)
	}
	anchors := chainOf(ids[0].cert)
	if _, err := crypto.VerifyPath(newIdentity(t, "leaf", ids[6], nil).cert, anchors, extra, noon(), crypto.PathOptions{}); err != nil {
		t.Errorf("a path of 8: %v", err)
	}
	_, err := crypto.VerifyPath(newIdentity(t, "leaf", ids[7], nil).cert, anchors, extra, noon(), crypto.PathOptions{})
	wantError(t, err, `the path from "leaf" is longer than 8 certificates`)

	// Certificates of two names that all issued each other: ways without number, none out.
	var maze []*x509.Certificate
	a, b := newIdentity(t, "A", nil, asCA), newIdentity(t, "B", nil, asCA)
	for range 20 {
		maze = append(maze, certify(t, "A", a.key, b, asCA).cert, certify(t, "B", b.key, a, asCA).cert)
	}
	_, err = crypto.VerifyPath(newIdentity(t, "leaf", a, nil).cert, anchors, maze, noon(), crypto.PathOptions{})
	if !errors.Is(err, crypto.ErrUntrusted) {
		t.Errorf("the maze has a way out: %v", err)
	}
}

// MIC issuers of old phones sign with SHA-1, and the oldest roots are version 1.
func TestVerifyPathOfOldMICs(t *testing.T) {
	t.Parallel()
	rootKey, key := generate(t, crypto.RSA2048), generate(t, crypto.RSA1024)
	v3 := certify(t, "Cisco Manufacturing CA", rootKey, nil, edits(asCA, always))
	mic := signedOverSHA1(t, v3, key, "CP-7965-SEP001122334455")
	if mic.SignatureAlgorithm != x509.SHA1WithRSA {
		t.Fatalf("openssl signed with %s", mic.SignatureAlgorithm)
	}
	old := crypto.PathOptions{AllowSHA1: true}
	if _, err := crypto.VerifyPath(mic, chainOf(v3.cert), nil, mic.NotBefore, old); err != nil {
		t.Errorf("SHA-1: %v", err)
	}
	_, err := crypto.VerifyPath(mic, chainOf(v3.cert), nil, mic.NotBefore, crypto.PathOptions{})
	wantError(t, err, `the certificate of "CP-7965-SEP001122334455" is signed with SHA1-RSA: SHA-256 or better is needed`)
	md5 := signedByOpenSSL(t, v3, key, "SEP001122334455", "-md5")
	_, err = crypto.VerifyPath(md5, chainOf(v3.cert), nil, md5.NotBefore, old)
	wantError(t, err, `the signature on "SEP001122334455" is not by "Cisco Manufacturing CA": x509: cannot verify signature: insecure algorithm MD5-RSA`)

	v1 := versionOne(t, rootKey, "CAP-RTP-001")
	if v1.Version != 1 {
		t.Fatalf("openssl made a certificate of version %d", v1.Version)
	}
	byV1 := signedOverSHA1(t, &identity{v1, rootKey}, key, "SEP001122334455")
	if _, err := crypto.VerifyPath(byV1, chainOf(v1), nil, byV1.NotBefore, old); err != nil {
		t.Errorf("version 1 root: %v", err)
	}
	// The same certificate on the way to another anchor is no issuer.
	_, err = crypto.VerifyPath(byV1, chainOf(v3.cert), chainOf(v1), byV1.NotBefore, old)
	wantError(t, err, `the issuer "CAP-RTP-001" is not a CA`)
}

func signedOverSHA1(t *testing.T, ca *identity, key stdcrypto.Signer, cn string) *x509.Certificate {
	t.Helper()
	return signedByOpenSSL(t, ca, key, cn, "-sha1")
}

// signedByOpenSSL makes a leaf over a hash with which Go signs nothing. Its validity
// begins when the test runs.
func signedByOpenSSL(t *testing.T, ca *identity, key stdcrypto.Signer, cn, hash string) *x509.Certificate {
	t.Helper()
	csr := writeFile(t, "csr.pem", []byte(openssl(t, "req", "-new", "-sha256", "-key", keyFile(t, key), "-subj", "/CN="+cn)))
	extensions := writeFile(t, "ext", []byte("keyUsage=digitalSignature,keyEncipherment\n"))
	out := writeFile(t, "out.pem", nil)
	openssl(t, "x509", "-req", hash, "-in", csr, "-CA", writeFile(t, "ca.pem", crypto.CertificatePEM(ca.cert.Raw)),
		"-CAkey", keyFile(t, ca.key), "-set_serial", "7", "-extfile", extensions, "-days", "30", "-out", out)
	return readCertificate(t, out)
}

// versionOne makes a self-signed certificate without extensions.
func versionOne(t *testing.T, key stdcrypto.Signer, cn string) *x509.Certificate {
	t.Helper()
	csr := writeFile(t, "csr.pem", []byte(openssl(t, "req", "-new", "-sha256", "-key", keyFile(t, key), "-subj", "/CN="+cn)))
	out := writeFile(t, "out.pem", nil)
	openssl(t, "x509", "-req", "-sha1", "-in", csr, "-signkey", keyFile(t, key), "-days", "30", "-out", out)
	return readCertificate(t, out)
}

// always is a validity for what openssl dates by the machine's clock.
func always(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = noon().AddDate(-20, 0, 0), noon().AddDate(100, 0, 0)
}

func readCertificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	certs, err := certfile.Parse(data)
	if err != nil || len(certs) != 1 {
		t.Fatalf("%d certificates: %v", len(certs), err)
	}
	return certs[0]
}

func keyFile(t *testing.T, key stdcrypto.Signer) string {
	t.Helper()
	pem, err := crypto.PrivateKeyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "key.pem", pem)
}

func BenchmarkVerifyPath(b *testing.B) {
	for _, kind := range []crypto.KeyKind{crypto.RSA2048, crypto.EC256} {
		b.Run(fmt.Sprintf("%s issuers", kind), func(b *testing.B) {
			root := certify(b, "Root", generate(b, kind), nil, asCA)
			middle := certify(b, "Middle", generate(b, kind), root, asCA)
			leaf := certify(b, "SEP001122334455", generate(b, kind), middle, nil)
			for b.Loop() {
				if _, err := crypto.VerifyPath(leaf.cert, chainOf(root.cert), chainOf(middle.cert), noon(), crypto.PathOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
