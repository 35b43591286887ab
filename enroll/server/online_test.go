package server_test

import (
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/caready"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

func TestOnlineMicrosoft(t *testing.T) {
	for _, test := range []struct {
		name    string
		options catest.CertsrvOptions
	}{
		{"basic", catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}}},
		{"ntlm", catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("NTLM")}, Language: "fr"}},
		{"extended-protection", catest.CertsrvOptions{Language: "ja", Transport: catest.Transport{Login: catest.Login{
			Username: caUser, Password: caPassword, Schemes: []string{"Negotiate", "NTLM"}, ExtendedProtection: "required"}}}},
		{"text-html", catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, TextHTML: true}},
		{"drop-fetch", catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, DropFetches: 4}},
		{"manager", catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("NTLM")}, Outcome: catest.Pend, ManagerDelay: 150 * time.Millisecond}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			ca := catest.MustCertsrv(t, test.options)
			h.online(onlineca.Microsoft, ca.Server)
			h.add(sep, store.Install)
			r, err := h.phone(sep)
			if err != nil || r.Did != phone.Installed {
				t.Fatalf("the phone did %v: %v", r.Did, err)
			}
			if d := h.device(sep); d.Operation != store.NoOperation || d.Status.Long() != "Upgrade Success" {
				t.Errorf("the device has %s, %q", d.Operation, d.Status.Long())
			}
			if made := ca.CA.Made(); len(made) != 1 || string(made[0]) != string(r.Certificate) {
				t.Errorf("the CA has made %d certificates, or the phone has another", len(made))
			}
			if _, o := h.request(sep); o.State != store.OnlineIssued || o.CARequest != "41" || o.Certificate != nil {
				t.Errorf("the request is %+v", o)
			}
			h.authenticates(r)
		})
	}
}

// authenticates has the phone come back with its LSC, whose issuer is not in
// capf-trust itself.
func (h *house) authenticates(r phone.Result) {
	h.Helper()
	mode, op := store.ByLSCPrecedence, store.Troubleshoot
	h.change(sep, func(e *enroll.DeviceEdit) { e.AuthMode, e.Operation = &mode, &op })
	me := &phone.Identity{Certificate: r.Certificate, Key: r.Key, Type: 1}
	if got, err := h.phone(sep, func(c *phone.Config) { c.Existing, c.LSC = me, r.Certificate }); err != nil || got.Did != phone.Fetched {
		h.Errorf("with its LSC the phone did %v: %v", got.Did, err)
	}
}

func TestOnlineEST(t *testing.T) {
	client := catest.MustCA(t, catest.Options{})
	mine, err := client.Client("capf")
	if err != nil {
		t.Fatal(err)
	}
	key, err := crypto.PrivateKeyPEM(mine.PrivateKey.(stdcrypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	bundle := append(crypto.CertificatePEM(mine.Certificate...), key...)
	for _, test := range []struct {
		name    string
		options catest.ESTOptions
		set     func(*house)
		edit    func(*enroll.DeviceEdit)
	}{
		{"rsa", catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}}, nil, func(*enroll.DeviceEdit) {}},
		{"ec", catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Chain: true, BER: true}, nil, ecKey},
		{"label", catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Label: "phones", Encoding: "one-line"},
			func(h *house) { h.set("online_ca_template", "phones") }, ecKey},
		{"later", catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Waits: 2, RetryAfter: "1"}, nil, ecKey},
		{"client-certificate", catest.ESTOptions{Transport: catest.Transport{Login: catest.Login{ClientCAs: []*x509.Certificate{client.Root()}}}},
			func(h *house) {
				h.set("online_ca_username", "none")
				h.secret("online_ca_password", nil)
				h.secret("online_ca_client_certificate", bundle)
			}, ecKey},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			ca := catest.MustEST(t, test.options)
			h.online(onlineca.EST, ca.Server)
			if test.set != nil {
				test.set(h)
			}
			h.add(sep, store.Install, test.edit)
			r, err := h.phone(sep)
			if err != nil || r.Did != phone.Installed {
				t.Fatalf("the phone did %v: %v", r.Did, err)
			}
			if made := ca.CA.Made(); len(made) != 1 {
				t.Errorf("the CA has made %d certificates", len(made))
			}
			h.authenticates(r)
		})
	}
}

func TestOnlineParameters(t *testing.T) {
	t.Parallel()
	r := newRules(t, &clock{})
	set := func(name, value string) (settings.Change, error) {
		return settings.Set(t.Context(), r.Store, operator, name, value)
	}
	if _, err := set("certificate_issuer", "online-ca"); err != nil {
		t.Errorf("setting the issuer: %v", err)
	}
	if missing, err := caready.MissingForIssuer(t.Context(), r.Store.Reader); err != nil || len(missing) == 0 {
		t.Errorf("missing are %v, %v", missing, err)
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
	if _, err := settings.SetSecret(t.Context(), r.Store, r.Sealer, operator, "online_ca_password", []byte(caPassword)); err != nil {
		t.Fatal(err)
	}
	sealed, err := r.Store.Secret(t.Context(), "online_ca_password")
	if err != nil || strings.Contains(string(sealed), caPassword) {
		t.Errorf("the password at rest is %q, %v", sealed, err)
	}
	values, err := settings.Values(t.Context(), r.Store.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if v.Name == "online_ca_password" && v.Value != "(set)" {
			t.Errorf("the password is shown as %q", v.Value)
		}
	}
	if _, err := settings.SetSecret(t.Context(), r.Store, r.Sealer, operator, "online_ca_client_certificate", []byte("nonsense")); !errors.Is(err, apperr.ErrValue) {
		t.Errorf("nonsense as a client certificate: %v", err)
	}
}
