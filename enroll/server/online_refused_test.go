package server_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"capf/enroll/caworker"
	"capf/enroll/devices"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/store"
)

func TestOnlineRefused(t *testing.T) {
	for _, test := range []struct {
		name    string
		options catest.CertsrvOptions
		set     func(*house)
		edit    func(*devices.Edit)
		phone   func(*phone.Config)
		status  string
		reason  string
		back    bool // the phone is told to come back
	}{
		{name: "denied", options: catest.CertsrvOptions{Outcome: catest.Deny}, status: "CA Rejected Connection", reason: "0x80094014"},
		{name: "template", options: catest.CertsrvOptions{Templates: []string{"Other"}}, status: "CA Rejected Connection", reason: "0x80094800"},
		{name: "short", options: catest.CertsrvOptions{MinBits: 3072, Language: "ja"}, status: "CA Rejected Connection", reason: "0x80094811"},
		{name: "password", set: func(h *house) { h.secret("online_ca_password", []byte("wrong")) }, status: "CA Rejected Connection",
			reason: "refuses the user name or the password"},
		{name: "manager", options: catest.CertsrvOptions{Outcome: catest.Pend}, status: "CA Rejected Connection", reason: "0x80094014",
			phone: func(c *phone.Config) {}},
		{name: "refuses", phone: func(c *phone.Config) { c.Possession = phone.Refuse }, status: "CA Rejected Connection", reason: "did not prove"},
		{name: "ec", edit: ecKey, status: "CA Rejected Connection", reason: "RSA keys only"},
		{name: "broken", options: catest.CertsrvOptions{Outcome: catest.Broken}, status: "CA Rejected Connection", reason: "0x80094001"},
		{name: "away", options: catest.CertsrvOptions{Outcome: catest.Away}, status: "CA Communication Failure", reason: "0x800706ba", back: true},
		{name: "strange", options: catest.CertsrvOptions{Outcome: catest.Strange}, status: "CA Communication Failure", reason: "not a page of Web Enrollment", back: true},
		{name: "untrusted", set: func(h *house) { h.distrust() }, status: "CA Communication Failure", reason: "not in capf-trust", back: true},
		{name: "name", set: func(h *house) {
			h.set("online_ca_hostname", "127.0.0.2")
			h.secret("online_ca_password", []byte(caPassword))
		}, status: "CA Communication Failure", reason: "127.0.0.2", back: true},
		{name: "moved", set: func(h *house) { h.set("online_ca_port", "1") }, status: "CA Communication Failure", reason: "is set, but no password"},
		{name: "inactive", set: func(h *house) { h.activate(false) }, status: "CA Communication Failure", reason: "service enrollment is deactivated"},
		{name: "no-host", set: func(h *house) { h.set("online_ca_hostname", "none") }, status: "CA Communication Failure", reason: "online_ca_hostname is not set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			test.options.Login = catest.UserLogin("Basic")
			ca := catest.MustCertsrv(t, test.options)
			h.online(onlineca.Microsoft, ca.Server)
			if test.set != nil {
				test.set(h)
			}
			if test.edit == nil {
				test.edit = func(*devices.Edit) {}
			}
			h.add(sep, store.Install, test.edit)
			if test.phone == nil {
				test.phone = func(*phone.Config) {}
			}
			w := h.waits(sep, test.phone)
			if test.name == "manager" {
				h.until(sep, store.OnlineTaken)
				if err := ca.Decide("41", catest.Deny); err != nil {
					t.Fatal(err)
				}
			}
			<-w.done
			h.failed(sep, "Upgrade Failed: "+test.status, test.reason)
			if test.name == "password" { // the CA has not seen the request
				r, _ := h.request(sep)
				if a, err := caworker.AnswerTo(t.Context(), h.base.Store.Reader, r.ID); err != nil || !strings.Contains(a.Standing, "did not let us in") {
					t.Errorf("it is said that %q, %v", a.Standing, err)
				}
			}
			var declined *phone.DeclinedError
			comesBack := errors.Is(w.err, phone.ErrCommunication) && w.r.Delay >= 30*time.Second
			if test.back != comesBack || test.back == (errors.As(w.err, &declined) || errors.Is(w.err, phone.ErrRefused)) {
				t.Errorf("the phone ended with %v, delay %v", w.err, w.r.Delay)
			}
			if n := len(ca.CA.Made()); n != 0 {
				t.Errorf("the CA has made %d certificates", n)
			}
		})
	}
}

// TestOnlineDrops is a phone that drops the session when it is asked for the
// proof. Once may be an accident, so it is asked again; twice is not.
func TestOnlineDrops(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	drops := func(c *phone.Config) { c.Possession = phone.Drop }
	if _, err := h.phone(sep, drops); err == nil {
		t.Error("the phone that drops the session was content")
	}
	h.settled(sep, "Upgrade Failed: Phone Communication Failure")
	eventually(t, "it is remembered", func() bool { return h.device(sep).NoPossession })
	if _, err := h.phone(sep, drops); err == nil {
		t.Error("the phone that drops the session again was content")
	}
	h.settled(sep, "Upgrade Failed: CA Rejected Connection")
	h.failed(sep, "Upgrade Failed: CA Rejected Connection", "did not prove")
	if r, err := h.phone(sep); err != nil || r.Outcome != phone.Installed || len(ca.CA.Made()) != 1 {
		t.Errorf("when it signs: %v, %v", r.Outcome, err)
	}
	if h.device(sep).NoPossession {
		t.Error("it is still taken for one that does not sign")
	}
}

// TestOnlineUnfit are certificates that a phone must not get.
func TestOnlineUnfit(t *testing.T) {
	for _, test := range []struct {
		name    string
		options catest.Options
		reason  string
	}{
		{"key", catest.Options{OtherKey: true}, "another key"},
		{"name", catest.Options{Shape: func(c *x509.Certificate) { c.RawSubject = nil; c.Subject.CommonName = "SEP999999999999" }}, "common name"},
		{"ca", catest.Options{Shape: func(c *x509.Certificate) { c.IsCA = true; c.KeyUsage |= x509.KeyUsageCertSign }}, "is a CA's"},
		{"usages", catest.Options{Shape: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }}, "keyEncipherment"},
		{"purpose", catest.Options{Shape: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }}, "extendedKeyUsage without clientAuth"},
		{"another's SAN", catest.Options{Shape: func(c *x509.Certificate) { c.DNSNames = []string{"ca.example.com"} }}, "subjectAltName"},
		{"expired", catest.Options{Shape: func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(time.Minute) }}, "expired"},
		{"early", catest.Options{Shape: func(c *x509.Certificate) { c.NotBefore = c.NotBefore.AddDate(0, 1, 0) }}, "not valid before"},
	} {
		for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
			t.Run(test.name+"-"+string(kind), func(t *testing.T) {
				t.Parallel()
				h := open(t, fast)
				signs := catest.MustCA(t, test.options)
				var s *catest.Server
				if kind == onlineca.EST {
					s = catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{CA: signs, Login: catest.UserLogin("Basic")}}).Server
				} else {
					s = catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: signs, Login: catest.UserLogin("Basic")}}).Server
				}
				h.online(kind, s)
				h.add(sep, store.Install)
				if r, err := h.phone(sep); err == nil || r.Certificate != nil {
					t.Errorf("the phone did %v: %v", r.Outcome, err)
				}
				h.failed(sep, "Upgrade Failed: CA Rejected Connection", test.reason)
				if _, o := h.request(sep); o.State != store.OnlineUnfit || o.Certificate == nil {
					t.Errorf("the request is %s, its certificate has %d bytes", o.State, len(o.Certificate))
				}
				if got := h.lscs(sep); len(got) != 0 {
					t.Errorf("the LSCs are %v", got)
				}
			})
		}
	}
}
