package directory_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"capf/enroll/devices/devicestest"
	"capf/enroll/directory"
	"capf/internal/apperr"
)

// ldapAnswer is an answer to the first request of a connection (RFC 4511): the
// tag is that of BindResponse or ExtendedResponse.
func ldapAnswer(tag, code byte, words string) []byte {
	result := []byte{0x0a, 1, code, 0x04, 0, 0x04, byte(len(words))}
	result = append(result, words...)
	op := append([]byte{2, 1, 1, tag, byte(len(result))}, result...)
	return append([]byte{0x30, byte(len(op))}, op...)
}

// directoryLike is a server that shows the certificate, after StartTLS or at
// once, and gives one answer to a bind.
func directoryLike(t *testing.T, cert tls.Certificate, startTLS bool, bind []byte) string {
	t.Helper()
	read := func(c net.Conn) error { _, err := c.Read(make([]byte, 4096)); return err }
	return listen(t, func(c net.Conn) {
		defer c.Close()
		if startTLS {
			if read(c) != nil {
				return
			}
			c.Write(ldapAnswer(0x78, 0, ""))
		}
		secure := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
		if secure.Handshake() != nil || read(secure) != nil {
			return
		}
		secure.Write(bind)
		read(secure)
	})
}

// serverCertificate makes a certificate with its CA, as PEM.
func serverCertificate(t *testing.T, change func(*x509.Certificate)) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	devicestest.Must(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "directory"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	change(leaf)
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	devicestest.Must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
	devicestest.Must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
}

// explained is the error of a sync with the server.
func explained(t *testing.T, address, ca string, startTLS bool) (text, hint string) {
	t.Helper()
	h := newHouse(t)
	d := directory.Directory{URL: "ldaps://" + address, CA: ca, BindDN: bindDN, Base: suffix, Filter: directory.DefaultFilter,
		DeviceName: "CSF{uid}", PageSize: 500, Seconds: 60}
	if startTLS {
		d.URL, d.StartTLS = "ldap://"+address, true
	}
	h.addDirectory("staff", "", d)
	_, err := h.sync("staff", directory.SyncOptions{})
	if err == nil {
		t.Fatal("the sync succeeded")
	}
	if strings.Contains(err.Error(), password) {
		t.Error("the password is in the error")
	}
	return err.Error(), apperr.Hint(err)
}

// TestDirectoryCertificates: what is wrong with the certificate of a directory
// is said in the same words after StartTLS as with ldaps.
func TestDirectoryCertificates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change     func(*x509.Certificate)
		ca         string
		want, hint string
	}{
		"of another CA": {func(*x509.Certificate) {}, authority(t), "comes from a CA that is not known", "--ca-file"},
		"for others": {func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames = nil, []string{"ldap.example.com", "dc1.example.com"}
		}, "",
			`not for "127.0.0.1", but for ldap.example.com, dc1.example.com`, "--url"},
		"for nobody": {func(c *x509.Certificate) { c.IPAddresses = nil }, "", `not for "127.0.0.1"; it names no server`, "--url"},
		"with a common name only": {func(c *x509.Certificate) { c.IPAddresses, c.Subject.CommonName = nil, "127.0.0.1" }, "",
			`has "127.0.0.1" as common name only, which does not count`, "subject alternative names"},
		"expired":       {func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, -1, 0) }, "", "is not valid: x509: certificate has expired", ""},
		"for a purpose": {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, "", "incompatible key usage", ""},
	} {
		for _, startTLS := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", StartTLS"}[startTLS], func(t *testing.T) {
				t.Parallel()
				cert, ca := serverCertificate(t, test.change)
				if test.ca != "" {
					ca = test.ca
				}
				text, hint := explained(t, directoryLike(t, cert, startTLS, nil), ca, startTLS)
				if !strings.Contains(text, test.want) || !strings.Contains(hint, test.hint) {
					t.Errorf("the error is %s, the hint %q", text, hint)
				}
			})
		}
	}
}

// TestRefusedBind: why Active Directory refuses a bind is said, and not that the
// password were wrong.
func TestRefusedBind(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 52e, v4563\x00": "the directory refuses the name or the password (data 52e)",
		"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 525, v4563\x00": "the directory knows no such user (data 525)",
		"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 775, v4563\x00": "the account is locked (data 775)",
		"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 532, v4563\x00": "the password of the account has expired (data 532)",
		"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 533, v4563\x00": "the account is disabled (data 533)",
		"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 701, v4563\x00": "the account has expired (data 701)",
		"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 773, v4563\x00": "must be changed before its first use (data 773)",
		"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 57, v4563\x00":  "refuses the name or the password (data 57)",
		"": "the directory refuses the name or the password",
	} {
		cert, ca := serverCertificate(t, func(*x509.Certificate) {})
		text, hint := explained(t, directoryLike(t, cert, false, ldapAnswer(0x61, 49, words)), ca, false)
		if !strings.HasSuffix(text, want) || hint == "" || bytes.ContainsRune([]byte(text), 0) {
			t.Errorf("%q is said as %q, with the hint %q", words, text, hint)
		}
	}
}
