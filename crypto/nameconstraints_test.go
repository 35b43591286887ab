package crypto_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
)

// TestNameConstraints has openssl make anchors with constraints and leaves below
// them, judge each, and holds our judgement against that. Only the common name of
// a phone is taken more strictly.
func TestNameConstraints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, constraints, subject, san string
		critical                        bool
		want                            string // the end of the refusal, "" for none
		stricter                        bool   // than openssl
	}{
		{"DNS within", "permitted;DNS:example.com", "/CN=x", "DNS:a.example.com", true, "", false},
		{"DNS itself", "permitted;DNS:example.com", "/CN=x", "DNS:EXAMPLE.com", true, "", false},
		{"DNS outside", "permitted;DNS:example.com", "/CN=x", "DNS:SEP001122334455", true, `the DNS name "SEP001122334455" is not permitted`, false},
		{"DNS that only ends so", "permitted;DNS:example.com", "/CN=x", "DNS:badexample.com", true, `the DNS name "badexample.com" is not permitted`, false},
		{"DNS below a dot", "permitted;DNS:.example.com", "/CN=x", "DNS:a.example.com", true, "", false},
		{"not critical", "permitted;DNS:example.com", "/CN=x", "DNS:SEP001122334455", false, `the DNS name "SEP001122334455" is not permitted`, false},
		{"one of two", "permitted;DNS:example.com,permitted;DNS:example.org", "/CN=x", "DNS:a.example.org", true, "", false},
		{"one name outside", "permitted;DNS:example.com", "/CN=x", "DNS:a.example.com,DNS:b.example.net", true, `the DNS name "b.example.net" is not permitted`, false},
		{"excluded", "excluded;DNS:phones.example.com", "/CN=x", "DNS:a.phones.example.com", true, `the DNS name "a.phones.example.com" is excluded`, false},
		{"not excluded", "excluded;DNS:phones.example.com", "/CN=x", "DNS:a.example.com", true, "", false},
		{"common name like a host", "permitted;DNS:example.com", "/CN=a.example.net", "", true, `the DNS name "a.example.net" is not permitted`, false},
		{"common name of a phone", "permitted;DNS:example.com", "/CN=CP-8861-SEP001122334455", "", true, `the DNS name "CP-8861-SEP001122334455" is not permitted`, true},
		{"common name like a host, of all letters", "permitted;DNS:example.com", "/CN=aZ-zA09.example.net", "", true, `the DNS name "aZ-zA09.example.net" is not permitted`, false},
		{"no common name", "permitted;DNS:example.com", "/O=Acme", "", true, "", false},
		{"DNS and an address", "permitted;DNS:example.com", "/CN=x", "DNS:a.example.com,IP:192.0.2.7", true, "", false},
		{"a leaf of the issuer's name", "permitted;DNS:example.com", "/CN=Root", "DNS:a.example.net", true, `the DNS name "a.example.net" is not permitted`, false},
		{"no subject", "permitted;dirName:dir", "/", "DNS:x", true, "", false},
		{"common name of people", "permitted;DNS:example.com", "/CN=Jane Doe", "", true, "", false},
		{"subject within", "permitted;dirName:dir", "/O=Acme/OU=Phones/CN=x", "", true, "", false},
		{"subject in another case", "permitted;dirName:dir", "/O=ACME/OU=phones/CN=x", "", true, "", false},
		{"subject itself", "permitted;dirName:dir", "/O=Acme/OU=Phones", "", true, "", false},
		{"subject outside", "permitted;dirName:dir", "/O=Acme/OU=People/CN=x", "", true, `the subject "CN=x,OU=People,O=Acme" is not permitted`, false},
		{"subject shorter", "permitted;dirName:dir", "/O=Acme", "", true, `the subject "O=Acme" is not permitted`, false},
		{"subject excluded", "excluded;dirName:dir", "/O=Acme/OU=Phones/CN=x", "", true, `the subject "CN=x,OU=Phones,O=Acme" is excluded`, false},
		{"address within", "permitted;IP:192.0.2.0/255.255.255.0", "/CN=Jane Doe", "IP:192.0.2.7", true, "", false},
		{"address outside", "permitted;IP:192.0.2.0/255.255.255.0", "/CN=Jane Doe", "IP:198.51.100.7", true, "the address 198.51.100.7 is not permitted", false},
		{"address of the other kind", "permitted;IP:192.0.2.0/255.255.255.0", "/CN=Jane Doe", "IP:2001:db8::7", true, "the address 2001:db8::7 is not permitted", false},
		{"mail outside", "permitted;email:example.com", "/CN=Jane Doe", "email:jane@example.net", true, "a name of the form 1 is limited in a way that is not understood", false},
		{"mail that nobody has", "permitted;email:example.com", "/CN=Jane Doe", "DNS:x", true, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root, leaf, accepted := constrainedByOpenSSL(t, test.constraints, test.critical, test.subject, test.san)
			_, err := crypto.VerifyPath(leaf, chainOf(root), nil, leaf.NotBefore, crypto.PathOptions{})
			if accepted != (test.want == "" || test.stricter) {
				t.Errorf("openssl accepts it: %v", accepted)
			}
			if (err == nil) != (test.want == "") || err != nil && !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// constrainedByOpenSSL makes a root with name constraints and a leaf below it, and
// says whether openssl accepts the leaf.
func constrainedByOpenSSL(t *testing.T, constraints string, critical bool, subject, san string) (root, leaf *x509.Certificate, accepted bool) {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	mark := ""
	if critical {
		mark = "critical,"
	}
	config := fmt.Sprintf("[req]\ndistinguished_name=dn\n[dn]\n[dir]\nO=Acme\nOU=Phones\n[ca]\nbasicConstraints=critical,CA:TRUE\nnameConstraints=%s%s\n[leaf]\nkeyUsage=digitalSignature\n", mark, constraints)
	if san != "" {
		config += "subjectAltName=" + san + "\n"
	}
	if err := os.WriteFile(file("conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	openssl(t, "req", "-x509", "-config", file("conf"), "-extensions", "ca", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-keyout", file("root.key"), "-out", file("root.pem"), "-subj", "/CN=Root")
	openssl(t, "req", "-config", file("conf"), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-keyout", file("leaf.key"), "-out", file("leaf.csr"), "-subj", subject)
	openssl(t, "x509", "-req", "-in", file("leaf.csr"), "-CA", file("root.pem"), "-CAkey", file("root.key"), "-CAcreateserial",
		"-extfile", file("conf"), "-extensions", "leaf", "-out", file("leaf.pem"))
	read := func(name string) *x509.Certificate {
		data, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		return parse(t, block.Bytes)
	}
	verdict := opensslSays(t, "verify", "-CAfile", file("root.pem"), file("leaf.pem"))
	return read("root.pem"), read("leaf.pem"), strings.HasSuffix(strings.TrimSpace(verdict), "OK")
}
