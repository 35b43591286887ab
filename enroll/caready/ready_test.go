package caready

import (
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/store"
)

var olga = store.Actor{Kind: store.Operator, Name: "olga"}

// TestMissing sets up an online CA step by step, and asks at each what is missing.
func TestMissing(t *testing.T) {
	t.Parallel()
	s, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "capf.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	key := filepath.Join(t.TempDir(), "key")
	sealer, err := crypto.CreateMasterKey(key)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name, value string) func() error {
		return func() error { _, err := settings.Set(t.Context(), s, olga, name, value); return err }
	}
	secret := func(value []byte) func() error {
		return func() error {
			_, err := settings.SetSecret(t.Context(), s, sealer, olga, settings.OnlinePassword, value)
			return err
		}
	}
	trust := func(uses store.Uses) func() error {
		return func() error {
			row := store.TrustCertificate{Purpose: store.CAPFTrust, Subject: "CN=" + uses.String(), Issuer: "CN=root", Serial: "1", Certificate: []byte(uses.String()),
				Fingerprint: make([]byte, 32), For: uses}
			copy(row.Fingerprint, uses.String())
			_, _, err := s.AddTrusts(t.Context(), olga, []store.NewTrust{{TrustCertificate: row}})
			return err
		}
	}
	const host, service, user, template = "online_ca_hostname is not set", "enrollment is deactivated", "online_ca_username is not set", "online_ca_template is not set"
	const noTrust, noHTTPS, noLSC = "capf-trust is empty", "vouches for https", "vouches for lsc"
	for _, step := range []struct {
		do      func() error
		missing []string // in order
		unready string
	}{
		{func() error { return nil }, []string{host, user, template, noTrust, service}, host},
		{set(settings.OnlineHost, "ca.example.com"), []string{user, template, noTrust, service}, service},
		{func() error { return s.SetService(t.Context(), olga, Service, true) }, []string{user, template, noTrust}, ""},
		{set(settings.OnlineTemplate, "Phones"), []string{user, noTrust}, ""},
		{secret([]byte("secret")), []string{"online_ca_password is set, but no user name", noTrust}, ""},
		{set(settings.OnlineUsername, "capf"), []string{noTrust}, ""},
		{trust(store.ForMIC), []string{noHTTPS, noLSC}, ""},
		{trust(store.ForHTTPS), []string{noLSC}, ""},
		{trust(store.ForLSC), nil, ""},
		{secret(nil), []string{"online_ca_username is set, but no password"}, "online_ca_username is set, but no password"},
		{set(settings.OnlineUsername, "none"), []string{user}, ""},
		{set(settings.OnlineType, "est"), nil, ""},
		{set(settings.FIPSMode, "true"), []string{settings.NoOnlineCAInFIPS}, settings.NoOnlineCAInFIPS},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		found, err := MissingForIssuer(t.Context(), s.Reader)
		var texts []string
		for _, lack := range found {
			texts = append(texts, lack.Text)
			if lack.Hint == "" || lack.Severity != "error" && lack.Severity != "warning" {
				t.Errorf("%+v", lack)
			}
		}
		if err != nil || len(texts) != len(step.missing) {
			t.Fatalf("missing are %q, %v; want %q", texts, err, step.missing)
		}
		for i, want := range step.missing {
			if !strings.Contains(texts[i], want) {
				t.Errorf("missing is %q, want %q", texts[i], want)
			}
		}
		inForce, err := settings.Read(t.Context(), s.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if why, err := Unready(t.Context(), s.Reader, inForce); err != nil || (why == "") != (step.unready == "") || !strings.Contains(why, step.unready) {
			t.Errorf("unready is %q, %v; want %q", why, err, step.unready)
		}
	}
}
