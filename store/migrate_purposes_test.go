package store

import (
	"testing"
)

// TestMigrationOfPurposes: an older database keeps its trust certificates, with their
// ids, and takes those of the trust stores that are new.
func TestMigrationOfPurposes(t *testing.T) {
	t.Parallel()
	s := openStore(t, oldDatabase(t, 29,
		`INSERT INTO trust_certificates (id, purpose, subject, issuer, serial, not_before, not_after, description, foreign_capf, for_mic, for_foreign_lsc, undecided, added_at, fingerprint, certificate)
			VALUES (3, 'capf-trust', 'CN=one', 'CN=root', '0a0b', 1000, 9000, 'text', 1, 1, 1, 1, 1000, x'01', x'02'), (7, 'callmanager-trust', 'CN=two', '', '01', 1000, 9000, '', 0, 0, 0, 0, 2000, x'01', x'02'), (9, 'capf-trust', 'CN=gone', '', '01', 1000, 9000, '', 0, 0, 0, 0, 2000, x'05', x'06')`,
		"DELETE FROM trust_certificates WHERE id = 9"), Options{})
	before, err := s.Trust(t.Context(), "")
	must(t, err)
	if len(before) != 2 || before[0].ID != 3 || before[0].For != ForMIC|ForForeignLSC || !before[0].Undecided || before[0].Description != "text" ||
		before[0].Issuer != "CN=root" || before[0].Serial != "0a0b" || before[1].ID != 7 || before[1].Purpose != CallManagerTrust {
		t.Errorf("%+v", before)
	}
	for i, purpose := range Purposes() {
		c := TrustCertificate{Purpose: purpose, Subject: "CN=new", Serial: "01", NotBefore: start, NotAfter: start, Fingerprint: []byte{9}, Certificate: []byte{9}}
		rows, _, err := s.AddTrusts(t.Context(), operator, []NewTrust{{TrustCertificate: c}})
		if err != nil || rows[0].ID != int64(10+i) {
			t.Errorf("%s: %+v, %v", purpose, rows, err)
		}
	}
	if _, _, err := s.AddTrusts(t.Context(), operator, []NewTrust{{TrustCertificate: TrustCertificate{Purpose: "other", Fingerprint: []byte{1}, Certificate: []byte{1}}}}); err == nil {
		t.Error("a trust store of any name is taken")
	}
	if faults := all(t, s.SchemaFaults(t.Context())); faults != nil {
		t.Errorf("%v", faults)
	}
}
