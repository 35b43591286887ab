package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"testing"
)

// madeCA is a certificate with its key.
type madeCA struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// makeCA makes a certificate, self-signed without a parent, that edit may change.
func makeCA(t *testing.T, cn string, parent *madeCA, edit func(*x509.Certificate)) *madeCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: cn}, NotBefore: start, NotAfter: start.AddDate(1, 0, 0),
		BasicConstraintsValid: true, IsCA: parent == nil,
	}
	if edit != nil {
		edit(c)
	}
	if parent == nil {
		parent = &madeCA{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent.Certificate, &key.PublicKey, parent.key)
	must(t, err)
	made, err := x509.ParseCertificate(der)
	must(t, err)
	return &madeCA{made, key}
}

// TestMigrationOfTrust has a certificate of each kind in an older capf-trust, where
// each vouched for everything, and phones that have used them.
func TestMigrationOfTrust(t *testing.T) {
	t.Parallel()
	const mic, lsc = "mic", "lsc"
	company, unknown, foreign := makeCA(t, "Company Root", nil, nil), makeCA(t, "Other Manufacturing CA", nil, nil), makeCA(t, "CAPF-f0e1d2c3", nil, nil)
	before := makeCA(t, "Company before CAPF", nil, nil)
	both := makeCA(t, "CA of another cluster", nil, nil)
	namesake := makeCA(t, "Company Root", nil, nil) // has signed nothing that is here
	ours := makeCA(t, "CAPF-00112233", nil, nil)
	type row struct {
		cert    *madeCA
		foreign int
		want    string
	}
	rows := []row{
		{makeCA(t, "Cisco_Root_CA_2048", nil, nil), 0, "mic"},
		{makeCA(t, "Cisco Manufacturing CA SHA2", nil, nil), 0, "mic"},
		{company, 0, "lsc,https"},
		{ours, 0, "lsc"},
		{foreign, 1, "foreign-lsc"},
		{makeCA(t, "ca.example.com", company, nil), 0, "https"},
		{unknown, 0, "mic,lsc,https undecided"},
		{before, 0, "lsc,foreign-lsc,https undecided"},
		{both, 1, "lsc,foreign-lsc undecided"},
		{namesake, 0, "lsc,https"},
	}
	var script []string
	for _, r := range rows {
		sum := sha256.Sum256(r.cert.Raw)
		for _, purpose := range []Purpose{CAPFTrust, CallManagerTrust} {
			script = append(script, fmt.Sprintf(`INSERT INTO trust_certificates (purpose, subject, issuer, serial, not_before, not_after, foreign_capf, added_at, fingerprint, certificate)
				VALUES ('%s', '%s', '', '1', 1000, 9000, %d, 1000, x'%x', x'%x')`, purpose, r.cert.Subject, r.foreign, sum, r.cert.Raw))
		}
	}
	script = append(script, "INSERT INTO trust_certificates (purpose, subject, issuer, serial, not_before, not_after, added_at, fingerprint, certificate) VALUES ('capf-trust', 'CN=none', '', '1', 1000, 9000, 1000, x'01', x'02')")
	device := 0
	shown := func(kind string, c *madeCA) {
		device++
		script = append(script, fmt.Sprintf(`INSERT INTO devices (name, security_mode, ip_mode, operation, auth_mode, key_order, rsa_bits, ec_bits, completes_by, status, schedule, created_at, updated_at)
			VALUES ('SEP00000000000%d', 'encrypted', 'ipv6', 'install', 'mic', 'ec', 2048, 384, 5000, 'pending', 3, 1000, 2000)`, device),
			fmt.Sprintf("INSERT INTO device_certificates VALUES (%d, '%s', 1000, x'%x')", device, kind, c.Raw))
	}
	issued := func(c *madeCA) {
		script = append(script, fmt.Sprintf(`INSERT INTO requests (id, device, created_at, schedule, state, issuer, key_kind, possessed, key_hash, public_key)
			VALUES (%[1]d, 'SEP', 1000, 3, 'issued', 'capf', 'ec-384', 1, x'02', x'03')`, device), fmt.Sprintf(`INSERT INTO lscs (request_id, device, serial, subject, issuer, key_kind, not_before, not_after, state, issued_at, fingerprint, certificate)
			VALUES (%d, 'SEP', '%x', '', '', 'ec-384', 1000, 9000, 'installed', 1000, x'%x', x'%x')`, device, device, sha256.Sum256(c.Raw), c.Raw))
	}
	phone := "SEP001122334455"
	shown(mic, makeCA(t, "CP-8861-"+phone, rows[0].cert, nil))
	shown(mic, makeCA(t, "CP-8861-"+phone, unknown, nil))
	shown(mic, makeCA(t, "bob-"+phone, company, nil))     // an attack, not a MIC
	shown(mic, makeCA(t, "CP-8861-"+phone, foreign, nil)) // another one
	shown(lsc, makeCA(t, phone, foreign, nil))
	shown(lsc, makeCA(t, phone, before, nil))
	shown(lsc, makeCA(t, phone, both, nil))
	for _, by := range []*madeCA{company, ours, both} {
		made := makeCA(t, phone, by, nil)
		shown(lsc, made)
		issued(made)
	}
	s := openStore(t, oldDatabase(t, 8, script...), Options{})
	stored, err := s.Trust(t.Context(), "")
	must(t, err)
	if len(stored) != 2*len(rows)+1 {
		t.Fatalf("%d rows", len(stored))
	}
	word := func(c TrustCertificate) string {
		if c.Undecided {
			return c.For.String() + " undecided"
		}
		return c.For.String()
	}
	for i, r := range rows {
		if got := word(stored[2*i]); got != r.want {
			t.Errorf("%s vouches for %q, not %q", r.cert.Subject, got, r.want)
		}
		if got := word(stored[2*i+1]); got != "" {
			t.Errorf("%s vouches for %q in callmanager-trust", r.cert.Subject, got)
		}
	}
	if got := word(stored[2*len(rows)]); got != " undecided" {
		t.Errorf("what cannot be read vouches for %q", got)
	}
	if faults := all(t, s.SchemaFaults(t.Context())); faults != nil {
		t.Errorf("%v", faults)
	}
	// Whoever says what it is for has decided.
	uses := ForMIC
	after, outcomes, err := s.EditTrusts(t.Context(), operator, []int64{stored[12].ID}, TrustEdit{For: &uses})
	if err != nil || outcomes[0] != TrustChanged || word(after[0]) != "mic" {
		t.Errorf("%v, %v, %v", after, outcomes, err)
	}
}
