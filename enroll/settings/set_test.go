package settings

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

var operator = store.Actor{Kind: store.Operator, Name: "test"}

// open makes a database and a master key.
func open(t *testing.T) (*store.Store, *crypto.Sealer) {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Create(t.Context(), filepath.Join(dir, "capf.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sealer, err := crypto.CreateMasterKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return s, sealer
}

func TestParameters(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	for _, test := range []struct{ name, value, stored, problem string }{
		{"keep_alive", "5", "5", ""},
		{"keep-alive", " 60 ", "60", ""},
		{"KEEP_ALIVE", "07", "7", ""},
		{"keep_alive", "4", "", `keep_alive must be a number from 5 to 60, not "4"`},
		{"keep_alive", "61", "", `keep_alive must be a number from 5 to 60, not "61"`},
		{"keep_alive", "15m", "", `keep_alive must be a number from 5 to 60, not "15m"`},
		{"enable_ipv6", "TRUE", "true", ""},
		{"enable_ipv6", "yes", "", `enable_ipv6 must be true or false, not "yes"`},
		{"tls_min_version", "1.0", "1.0", ""},
		{"tls_min_version", "0.9", "", `tls_min_version must be 1.0, 1.1, 1.2 or 1.3, not "0.9"`},
		{"max_sessions", "0", "0", ""},
		{"max_sessions", "-1", "", `max_sessions must be a number from 0 to 1000000, not "-1"`},
		{"no_such", "1", "", `parameter "no_such": not found`},
	} {
		c, err := Set(t.Context(), s, operator, test.name, test.value)
		if test.problem != "" {
			if err == nil || err.Error() != test.problem {
				t.Errorf("%s=%s: %v", test.name, test.value, err)
			}
			continue
		}
		if err != nil || c.New != test.stored {
			t.Errorf("%s=%s: %+v, %v", test.name, test.value, c, err)
		}
	}
	inForce, err := Read(t.Context(), s.Reader)
	if err != nil || inForce.KeepAlive != 7*time.Minute || !inForce.IPv6 || inForce.MaxSessions != 0 || inForce.ValidityDays != 1825 {
		t.Errorf("the settings are %+v: %v", inForce, err)
	}
}

func TestOnlineParameters(t *testing.T) {
	t.Parallel()
	s, sealer := open(t)
	set := func(name, value string) (Change, error) {
		return Set(t.Context(), s, operator, name, value)
	}
	if _, err := set("certificate_issuer", "online-ca"); err != nil {
		t.Errorf("setting the issuer: %v", err)
	}
	if _, err := set("fips_mode", "true"); !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("FIPS beside an online CA: %v", err)
	}
	if _, err := set("certificate_issuer", "capf"); err != nil {
		t.Fatal(err)
	}
	if _, err := set("fips_mode", "true"); err != nil {
		t.Fatal(err)
	}
	if _, err := set("certificate_issuer", "online-ca"); !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("an online CA beside FIPS: %v", err)
	}
	if _, err := set("online_ca_password", "secret"); !errors.Is(err, apperr.ErrRefused) || strings.Contains(err.Error(), `"secret"`) {
		t.Errorf("a password as argument: %v", err)
	}
	if _, err := set("online_ca_require_ntlm", "true"); err != nil {
		t.Error(err)
	}
	if _, err := set("online_ca_template", "Cisco Phones"); err != nil { // of Microsoft's
		t.Error(err)
	}
	if _, err := set("online_ca_type", "est"); !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "has blanks") {
		t.Errorf("a template with blanks as label: %v", err)
	}
	for _, label := range []string{"none", "phones"} {
		if _, err := set("online_ca_template", label); err != nil {
			t.Error(err)
		}
	}
	if _, err := set("online_ca_type", "est"); err != nil {
		t.Fatal(err)
	}
	for label, reason := range map[string]string{"cacerts": "operation of EST", "a/b": "one segment", "a b": "has blanks"} {
		if _, err := set("online_ca_template", label); !errors.Is(err, apperr.ErrValue) || !strings.Contains(err.Error(), reason) {
			t.Errorf("label %q: %v", label, err)
		}
	}
	for _, host := range []string{"https://ca", "ca/certsrv", "ca:443", "a b", strings.Repeat("a", 300), "-x"} {
		if _, err := set("online_ca_hostname", host); !errors.Is(err, apperr.ErrValue) {
			t.Errorf("host %q: %v", host, err)
		}
	}
	for _, host := range []string{"ca.example.com", "ca", "192.0.2.1", "2001:db8::1"} {
		if _, err := set("online_ca_hostname", host); err != nil {
			t.Errorf("host %q: %v", host, err)
		}
	}
	if _, err := SetSecret(t.Context(), s, sealer, operator, "online_ca_password", []byte("a secret word")); err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Secret(t.Context(), "online_ca_password")
	if err != nil || strings.Contains(string(sealed), "a secret word") {
		t.Errorf("the password at rest is %q, %v", sealed, err)
	}
	values, err := Values(t.Context(), s.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if v.Name == "online_ca_password" && v.Value != "(set)" {
			t.Errorf("the password is shown as %q", v.Value)
		}
	}
	if _, err := SetSecret(t.Context(), s, sealer, operator, "online_ca_client_certificate", []byte("nonsense")); !errors.Is(err, apperr.ErrValue) {
		t.Errorf("nonsense as a client certificate: %v", err)
	}
}
