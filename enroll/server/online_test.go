package server_test

import (
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/store"
)

const (
	caUser     = "phones"
	caPassword = "corr&ct horse+battery"
)

// fast are the pauses of tests, which are otherwise those of people.
func fast(c *server.Config) {
	c.Online = enroll.OnlineOptions{
		Poll: 20 * time.Millisecond, FirstLook: 20 * time.Millisecond, LastLook: 100 * time.Millisecond,
		Retry: 20 * time.Millisecond, Grace: 50 * time.Millisecond,
	}
	c.Grace = 50 * time.Millisecond
}

// throwAway is a CA for one test.
func throwAway(t testing.TB, o catest.Options) *catest.CA {
	t.Helper()
	o.EC = true
	ca, err := catest.NewCA(o)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func certsrv(t testing.TB, o catest.CertsrvOptions) *catest.Certsrv {
	t.Helper()
	if o.CA == nil {
		o.CA = throwAway(t, catest.Options{})
	}
	s, err := catest.StartCertsrv(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func estServer(t testing.TB, o catest.ESTOptions) *catest.EST {
	t.Helper()
	if o.CA == nil {
		o.CA = throwAway(t, catest.Options{})
	}
	s, err := catest.StartEST(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// online points the house at a CA as an operator does.
func (h *house) online(kind onlineca.Type, s *catest.Server) {
	h.Helper()
	for name, value := range map[string]string{
		"online_ca_hostname": s.Host, "online_ca_port": fmt.Sprint(s.Port), "online_ca_type": string(kind),
		"online_ca_username": caUser, "certificate_issuer": "online-ca",
	} {
		h.set(name, value)
	}
	if kind == onlineca.Microsoft {
		h.set("online_ca_template", "CiscoRA")
	}
	h.secret("online_ca_password", []byte(caPassword))
	h.trust(s.CA.Root())
	h.activate(true)
}

func (h *house) secret(name string, value []byte) {
	h.Helper()
	if _, err := h.rules.SetSecret(h.Context(), operator, name, value); err != nil {
		h.Fatal(err)
	}
}

func (h *house) trust(c *x509.Certificate) {
	h.Helper()
	file := enroll.UploadFile{Name: "ca.pem", Data: crypto.CertificatePEM(c.Raw), Purposes: []store.Purpose{store.CAPFTrust}}
	_, err := h.rules.UploadTrust(h.Context(), operator, []enroll.UploadFile{file}, enroll.UploadOptions{})
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) activate(active bool) {
	h.Helper()
	if err := h.rules.Store.SetService(h.Context(), operator, "enrollment", active); err != nil {
		h.Fatal(err)
	}
}

func login(schemes ...string) catest.Login {
	return catest.Login{Username: caUser, Password: caPassword, Schemes: schemes}
}

// request is the newest request of a device.
func (h *house) request(device string) (store.Request, store.OnlineRequest) {
	h.Helper()
	var newest store.Request
	for r, err := range h.rules.Store.Requests(h.Context(), store.RequestFilter{Device: device}) {
		if err != nil {
			h.Fatal(err)
		}
		newest = r
	}
	o, err := h.rules.Store.Online(h.Context(), newest.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		h.Fatal(err)
	}
	// Once more, since the two change together and were read one after the other.
	if again, err := h.rules.Store.Request(h.Context(), newest.ID); err == nil {
		newest = again
	}
	return newest, o
}

// online waits until a request of the device is in the state at the CA.
func (h *house) until(device string, state store.OnlineState) (store.Request, store.OnlineRequest) {
	h.Helper()
	var r store.Request
	var o store.OnlineRequest
	eventually(h, device+" is "+string(state), func() bool { r, o = h.request(device); return o.State == state })
	return r, o
}

func ecKey(e *enroll.DeviceEdit) { order := store.ECOnly; e.KeyOrder = &order }

func anew(c *phone.Config) { c.NewKey = nil }

func TestOnlineMicrosoft(t *testing.T) {
	for _, test := range []struct {
		name    string
		options catest.CertsrvOptions
	}{
		{"basic", catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic")}}},
		{"ntlm", catest.CertsrvOptions{Transport: catest.Transport{Login: login("NTLM")}, Language: "fr"}},
		{"extended-protection", catest.CertsrvOptions{Language: "ja", Transport: catest.Transport{Login: catest.Login{
			Username: caUser, Password: caPassword, Schemes: []string{"Negotiate", "NTLM"}, ExtendedProtection: "required"}}}},
		{"text-html", catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic")}, TextHTML: true}},
		{"drop-fetch", catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic")}, DropFetches: 4}},
		{"manager", catest.CertsrvOptions{Transport: catest.Transport{Login: login("NTLM")}, Outcome: catest.Pend, ManagerDelay: 150 * time.Millisecond}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			ca := certsrv(t, test.options)
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
	client := throwAway(t, catest.Options{})
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
		{"rsa", catest.ESTOptions{Transport: catest.Transport{Login: login("Basic")}}, nil, func(*enroll.DeviceEdit) {}},
		{"ec", catest.ESTOptions{Transport: catest.Transport{Login: login("Basic")}, Chain: true, BER: true}, nil, ecKey},
		{"label", catest.ESTOptions{Transport: catest.Transport{Login: login("Basic")}, Label: "phones", Encoding: "one-line"},
			func(h *house) { h.set("online_ca_template", "phones") }, ecKey},
		{"later", catest.ESTOptions{Transport: catest.Transport{Login: login("Basic")}, Waits: 2, RetryAfter: "1"}, nil, ecKey},
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
			ca := estServer(t, test.options)
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

// TestOnlineResume: the certificate is there, its fetch fails, and serve ends.
// The next serve fetches the same one.
func TestOnlineResume(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	var closed atomic.Bool
	closed.Store(true)
	ca := certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic"), Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		if closed.Load() && strings.HasSuffix(r.URL.Path, "certnew.cer") {
			panic(http.ErrAbortHandler)
		}
		return false
	}}})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	w := h.waits(sep)
	_, o := h.until(sep, store.OnlineTaken)
	if o.CARequest != "41" {
		t.Fatalf("the number of the request is %q", o.CARequest)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	<-w.done
	closed.Store(false)
	h.start(fast)
	h.clock.advance(10 * time.Minute) // what a serve that was killed had begun is abandoned after that
	r, _ := h.until(sep, store.OnlineIssued)
	if r.State != store.RequestIssued || len(ca.CA.Made()) != 1 {
		t.Errorf("the request is %s, the CA has made %d certificates", r.State, len(ca.CA.Made()))
	}
	if got := h.lscs(sep); len(got) != 1 || got[0] != store.LSCIssued {
		t.Errorf("the LSCs are %v", got)
	}
	if d := h.device(sep); d.Operation != store.Install {
		t.Errorf("the operation is %s", d.Operation)
	}
	// The phone has made a new key meanwhile.
	if r, err := h.phone(sep, anew); err != nil || r.Did != phone.Installed {
		t.Errorf("the phone did %v: %v", r.Did, err)
	}
	if got := h.lscs(sep); len(got) != 2 || got[0] != store.LSCStale || got[1] != store.LSCInstalled {
		t.Errorf("the LSCs are %v", got)
	}
}

// TestOnlineKilled is a serve that died between the post and its answer: the
// request is not sent again.
func TestOnlineKilled(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic")}, DropPosts: 1})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	_, err := h.phone(sep)
	if !errors.Is(err, phone.ErrCommunication) {
		t.Errorf("the phone ended with %v", err)
	}
	r, o := h.until(sep, store.OnlineUnknown)
	h.failed(sep, "Upgrade Failed: CA Communication Failure", "whether the CA has taken the request is not known")
	if n := len(ca.CA.Made()); r.State != store.RequestRejected || o.Certificate != nil || n != 1 {
		t.Errorf("the request is %s, the CA has made %d certificates", r.State, n)
	}
	if r, err := h.phone(sep, anew); err != nil || r.Did != phone.Installed || len(ca.CA.Made()) != 2 {
		t.Errorf("with a new key the phone did %v: %v", r.Did, err)
	}
}

// TestOnlineAbandoned is a serve that stops working while its request is on the
// way: another one does not send it again.
func TestOnlineAbandoned(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	release := make(chan struct{})
	var posts atomic.Int64
	ca := certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic"), Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			posts.Add(1)
			<-release
		}
		return false
	}}})
	t.Cleanup(func() { close(release) })
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	w := h.waits(sep)
	eventually(t, "the request is at the CA", func() bool { return posts.Load() == 1 })
	h.start(fast)
	h.clock.advance(10 * time.Minute)
	h.until(sep, store.OnlineUnknown)
	<-w.done
	h.failed(sep, "Upgrade Failed: CA Communication Failure", "ended before the answer came")
	if n := posts.Load(); n != 1 {
		t.Errorf("%d requests have reached the CA", n)
	}
}

// failed demands the status, the operation still scheduled, and the reason in
// the request and in the record.
func (h *house) failed(device, status, reason string) {
	h.Helper()
	if d := h.device(device); d.Status.Long() != status || d.Operation != store.Install {
		h.Errorf("the device has %q and the operation %s, not %q", d.Status.Long(), d.Operation, status)
	}
	r, _ := h.request(device)
	if r.ID != 0 && !strings.Contains(r.Reason, reason) {
		h.Errorf("the reason is %q, not %q", r.Reason, reason)
	}
	if strings.ContainsAny(r.Reason, "\n\r") || strings.Contains(r.Reason, caPassword) {
		h.Errorf("the reason is %q", r.Reason)
	}
	seen := false
	for e, err := range h.rules.Store.Events(h.Context(), store.EventFilter{Device: device}) {
		if err != nil {
			h.Fatal(err)
		}
		seen = seen || strings.Contains(e.Detail, reason)
	}
	if !seen {
		h.Errorf("no event says %q", reason)
	}
}

func TestOnlineRefused(t *testing.T) {
	for _, test := range []struct {
		name    string
		options catest.CertsrvOptions
		set     func(*house)
		edit    func(*enroll.DeviceEdit)
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
		{name: "name", set: func(h *house) { h.set("online_ca_hostname", "127.0.0.2") }, status: "CA Communication Failure", reason: "127.0.0.2", back: true},
		{name: "inactive", set: func(h *house) { h.activate(false) }, status: "CA Communication Failure", reason: "service enrollment is deactivated"},
		{name: "no-host", set: func(h *house) { h.set("online_ca_hostname", "none") }, status: "CA Communication Failure", reason: "online_ca_hostname is not set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			test.options.Login = login("Basic")
			ca := certsrv(t, test.options)
			h.online(onlineca.Microsoft, ca.Server)
			if test.set != nil {
				test.set(h)
			}
			if test.edit == nil {
				test.edit = func(*enroll.DeviceEdit) {}
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
	ca := certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic")}})
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
	if r, err := h.phone(sep); err != nil || r.Did != phone.Installed || len(ca.CA.Made()) != 1 {
		t.Errorf("when it signs: %v, %v", r.Did, err)
	}
	if h.device(sep).NoPossession {
		t.Error("it is still taken for one that does not sign")
	}
}

// distrust empties capf-trust.
func (h *house) distrust() {
	h.Helper()
	rows, err := h.rules.Store.Trust(h.Context(), store.CAPFTrust)
	if err != nil {
		h.Fatal(err)
	}
	for _, row := range rows {
		if err := h.rules.Store.DeleteTrust(h.Context(), operator, row.ID); err != nil {
			h.Fatal(err)
		}
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
		{"too-long", catest.Options{Shape: func(c *x509.Certificate) { c.NotAfter = c.NotAfter.AddDate(20, 0, 0) }}, "longer than its issuer"},
		{"expired", catest.Options{Shape: func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(time.Minute) }}, "expired"},
		{"early", catest.Options{Shape: func(c *x509.Certificate) { c.NotBefore = c.NotBefore.AddDate(0, 1, 0) }}, "not valid before"},
	} {
		for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
			t.Run(test.name+"-"+string(kind), func(t *testing.T) {
				t.Parallel()
				h := open(t, fast)
				signs := throwAway(t, test.options)
				var s *catest.Server
				if kind == onlineca.EST {
					s = estServer(t, catest.ESTOptions{Transport: catest.Transport{CA: signs, Login: login("Basic")}}).Server
				} else {
					s = certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: signs, Login: login("Basic")}}).Server
				}
				h.online(kind, s)
				h.add(sep, store.Install)
				if r, err := h.phone(sep); err == nil || r.Certificate != nil {
					t.Errorf("the phone did %v: %v", r.Did, err)
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

// TestOnlineDown is a CA that is not there and comes back: the phones are told
// to come back, and the breaker leaves the CA alone.
func TestOnlineDown(t *testing.T) {
	t.Parallel()
	h := open(t, fast, func(c *server.Config) { c.Online.Limits = onlineca.Limits{Pause: 200 * time.Millisecond, Failures: 2} })
	ca := certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic")}})
	h.online(onlineca.Microsoft, ca.Server)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	h.set("online_ca_port", port)
	const phones = 8
	addMany(h, phones)
	inParallel(h, phones, phones, func(i int) error {
		r, err := h.phone(nthDevice(i))
		if !errors.Is(err, phone.ErrCommunication) || r.Delay < 30*time.Second {
			return fmt.Errorf("the phone ended with %v, delay %v", err, r.Delay)
		}
		return nil
	})
	for i := range phones {
		h.failed(nthDevice(i), "Upgrade Failed: CA Communication Failure", "sending the request to the CA")
	}
	h.set("online_ca_port", fmt.Sprint(ca.Port))
	inParallel(h, phones, phones, func(i int) error { _, err := h.phone(nthDevice(i)); return err })
	if n := len(ca.CA.Made()); n != phones {
		t.Errorf("the CA has made %d certificates", n)
	}
}

// TestOnlineHang: a CA that takes requests and says nothing stops nobody else.
func TestOnlineHang(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	release := make(chan struct{})
	ca := certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic"), Intercept: func(http.ResponseWriter, *http.Request) bool {
		<-release
		return false
	}}})
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	h.online(onlineca.Microsoft, ca.Server)
	const phones = 24
	addMany(h, phones)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var hung sync.WaitGroup
	for i := range phones {
		hung.Go(func() {
			_, _ = phone.Run(ctx, phone.Config{Device: nthDevice(i), Servers: []string{h.address}, Attempts: 1, NewKey: cachedKey})
		})
	}
	eventually(t, "requests are on their way", func() bool { _, o := h.request(nthDevice(0)); return o.State != "" })
	h.set("certificate_issuer", "capf")
	h.add(sep, store.Install)
	began := time.Now()
	if r, err := h.phone(sep); err != nil || r.Did != phone.Installed {
		t.Errorf("the phone that needs no CA did %v: %v", r.Did, err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the phone that needs no CA took %v", took)
	}
	cancel()
	hung.Wait()
}

// TestOnlineLate: the manager does not decide in the time for the operation.
func TestOnlineLate(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic")}, Outcome: catest.Pend})
	h.online(onlineca.Microsoft, ca.Server)
	by := h.clock.now().Add(time.Hour)
	h.add(sep, store.Install, func(e *enroll.DeviceEdit) { e.CompletesBy = &by })
	w := h.waits(sep)
	h.until(sep, store.OnlineTaken)
	h.clock.advance(2 * time.Hour)
	if <-w.done; w.err == nil {
		t.Error("the phone was content")
	}
	h.until(sep, store.OnlineLate)
	h.failed(sep, "Upgrade Failed: User Initiated Request Late/Timedout", "did not decide in the time")
}

// TestOnlineGone is a phone that leaves before its request was sent, and one
// whose certificate comes when it has made a newer key.
func TestOnlineGone(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := certsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: login("Basic")}, Outcome: catest.Pend})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	leaves := func(c *phone.Config) { c.WaitForIssue = 300 * time.Millisecond; c.NewKey = nil }
	for range 2 {
		if _, err := h.phone(sep, leaves); !errors.Is(err, phone.ErrCommunication) {
			t.Fatalf("the phone ended with %v", err)
		}
		h.until(sep, store.OnlineTaken)
	}
	if err := ca.Decide("41", catest.Issue); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the older one is stale", func() bool { got := h.lscs(sep); return len(got) == 1 && got[0] == store.LSCStale })
	if r, o := h.request(sep); r.State != store.RequestPending || o.State != store.OnlineTaken {
		t.Errorf("the newer one is %s, %s", r.State, o.State)
	}
}

func TestOnlineParameters(t *testing.T) {
	t.Parallel()
	r := newRules(t, &clock{})
	set := func(name, value string) (enroll.Change, error) {
		return r.SetParameter(t.Context(), operator, name, value)
	}
	c, err := set("certificate_issuer", "online-ca")
	if err != nil || len(c.Missing) == 0 {
		t.Errorf("setting the issuer: %v, missing %v", err, c.Missing)
	}
	if _, err := set("fips_mode", "true"); !errors.Is(err, enroll.ErrRefused) {
		t.Errorf("FIPS beside an online CA: %v", err)
	}
	if _, err := set("certificate_issuer", "capf"); err != nil {
		t.Fatal(err)
	}
	if _, err := set("fips_mode", "true"); err != nil {
		t.Fatal(err)
	}
	if _, err := set("certificate_issuer", "online-ca"); !errors.Is(err, enroll.ErrRefused) {
		t.Errorf("an online CA beside FIPS: %v", err)
	}
	if _, err := set("online_ca_password", "secret"); !errors.Is(err, enroll.ErrRefused) || strings.Contains(err.Error(), `"secret"`) {
		t.Errorf("a password as argument: %v", err)
	}
	for _, host := range []string{"https://ca", "ca/certsrv", "ca:443", "a b", strings.Repeat("a", 300), "-x"} {
		if _, err := set("online_ca_hostname", host); !errors.Is(err, enroll.ErrValue) {
			t.Errorf("host %q: %v", host, err)
		}
	}
	for _, host := range []string{"ca.example.com", "ca", "192.0.2.1", "2001:db8::1"} {
		if _, err := set("online_ca_hostname", host); err != nil {
			t.Errorf("host %q: %v", host, err)
		}
	}
	if _, err := r.SetSecret(t.Context(), operator, "online_ca_password", []byte(caPassword)); err != nil {
		t.Fatal(err)
	}
	sealed, err := r.Store.Secret(t.Context(), "online_ca_password")
	if err != nil || strings.Contains(string(sealed), caPassword) {
		t.Errorf("the password at rest is %q, %v", sealed, err)
	}
	values, err := r.Values(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if v.Name == "online_ca_password" && v.Value != "(set)" {
			t.Errorf("the password is shown as %q", v.Value)
		}
	}
	if _, err := r.SetSecret(t.Context(), operator, "online_ca_client_certificate", []byte("nonsense")); !errors.Is(err, enroll.ErrValue) {
		t.Errorf("nonsense as a client certificate: %v", err)
	}
}
