package server_test

import (
	stdcrypto "crypto"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/devices"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
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
			if err != nil || r.Outcome != phone.Installed {
				t.Fatalf("the phone did %v: %v", r.Outcome, err)
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
	h.change(sep, func(e *devices.Edit) { e.AuthMode, e.Operation = &mode, &op })
	me := &phone.Identity{Certificate: r.Certificate, Key: r.Key, Type: 1}
	if got, err := h.phone(sep, func(c *phone.Config) { c.Existing, c.LSC = me, r.Certificate }); err != nil || got.Outcome != phone.Fetched {
		h.Errorf("with its LSC the phone did %v: %v", got.Outcome, err)
	}
}

func ofModel8861(e *devices.Edit) {
	model := "8861"
	e.Model = &model
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
		edit    func(*devices.Edit)
	}{
		{"rsa", catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}}, nil, func(*devices.Edit) {}},
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
		{"name", catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}},
			func(h *house) { h.set("lsc_common_name", "CP-{model}-{name}") }, ofModel8861},
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
			if err != nil || r.Outcome != phone.Installed {
				t.Fatalf("the phone did %v: %v", r.Outcome, err)
			}
			if made := ca.CA.Made(); len(made) != 1 {
				t.Errorf("the CA has made %d certificates", len(made))
			}
			if l := h.newest(sep); test.name == "name" && !strings.HasPrefix(l.Subject, "CN=CP-8861-"+sep+",") {
				t.Errorf("the LSC is of %s", l.Subject)
			}
			h.authenticates(r)
		})
	}
}
