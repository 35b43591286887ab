package store

import (
	"testing"
)

// TestMigrationOfSerials: what an earlier capf wrote without the zero in front is
// found, and shown, with it.
func TestMigrationOfSerials(t *testing.T) {
	t.Parallel()
	s := openStore(t, oldDatabase(t, 23,
		`INSERT INTO trust_certificates (purpose, subject, issuer, serial, not_before, not_after, added_at, fingerprint, certificate)
			VALUES ('capf-trust', 'CN=one', '', 'a0b', 1000, 9000, 1000, x'01', x'02'), ('capf-trust', 'CN=two', '', 'a0b0', 1000, 9000, 1000, x'03', x'04'), ('capf-trust', 'CN=old', '', '-7', 1000, 9000, 1000, x'05', x'06')`,
		`INSERT INTO requests (id, device, created_at, schedule, state, issuer, key_kind, possessed, key_hash, public_key)
			VALUES (1, 'SEP', 1000, 3, 'issued', 'capf', 'ec-384', 1, x'02', x'03')`,
		`INSERT INTO lscs (request_id, device, serial, subject, issuer, key_kind, not_before, not_after, state, issued_at, installed_at, fingerprint, certificate)
			VALUES (1, 'SEP', '4f3', '', '', 'ec-384', 1000, 9000, 'installed', 1000, 1000, x'01', x'01')`), Options{})
	trust, err := s.Trust(t.Context(), "")
	must(t, err)
	if trust[0].Serial != "0a0b" || trust[1].Serial != "a0b0" || trust[2].Serial != "-07" {
		t.Errorf("%+v", trust)
	}
	for _, typed := range []string{"4f3", "04:F3", "0x4f3", "00 04 F3"} {
		l, err := s.LSC(t.Context(), typed)
		if err != nil || l.Serial != "04f3" {
			t.Errorf("%s: %q, %v", typed, l.Serial, err)
		}
	}
}
