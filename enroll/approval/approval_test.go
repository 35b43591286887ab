package approval_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/approval"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// office is a database in which every change that can wait has to, with a clock of its
// own.
type office struct {
	*testing.T
	store *store.Store
	keys  func(context.Context) (*crypto.Sealer, error)
	at    atomic.Pointer[time.Time]
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{T: t}
	start := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	o.at.Store(&start)
	path := filepath.Join(t.TempDir(), "capf.db")
	s, err := store.Create(t.Context(), path, store.Options{Now: o.now})
	o.must(err)
	t.Cleanup(func() { s.Close() })
	key := path + ".key"
	sealer, err := secrets.CreateSealer(t.Context(), s, key)
	o.must(err)
	o.store = s
	o.keys = func(ctx context.Context) (*crypto.Sealer, error) { return secrets.OpenSealer(ctx, s.Reader, key) }
	capf := authority.CAPF{Store: s, Sealer: sealer, Now: o.now, Rand: rand.Reader}
	_, err = capf.Init(t.Context(), store.Actor{Kind: store.Operator, Name: "test"}, crypto.Name{Organization: "Example"}, 2048)
	o.must(err)
	_, err = o.desk("olga", 1001).Parameters().Set(t.Context(), settings.Approve, "trust,issuer,regenerate")
	o.must(err)
	return o
}

func (o *office) now() time.Time { return *o.at.Load() }

func (o *office) pass(d time.Duration) {
	later := o.now().Add(d)
	o.at.Store(&later)
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) desk(name string, id int64) approval.Desk {
	return approval.Desk{Store: o.store, Now: o.now, Rand: rand.Reader, Keys: o.keys, Warn: func(string) {},
		Actor: store.Actor{Kind: store.Operator, Name: name}, Person: approval.Person{Name: name, ID: id, Vouched: true}}
}

// waits demands that a change waits, and returns its proposal.
func (o *office) waits(err error) store.Proposal {
	o.Helper()
	var w *approval.Waiting
	if !errors.As(err, &w) || !errors.Is(err, apperr.ErrWaits) {
		o.Fatalf("it does not wait: %v", err)
	}
	return w.Proposal
}

func (o *office) refused(err error, want string) {
	o.Helper()
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), want) {
		o.Errorf("the error is %v, want a refusal with %q", err, want)
	}
}

func (o *office) trust() (names []string) {
	o.Helper()
	rows, err := o.store.Trust(o.Context(), "")
	o.must(err)
	for _, r := range rows {
		names = append(names, fmt.Sprintf("%s in %s for %s", r.Subject, r.Purpose, r.For))
	}
	return names
}

// root is an upload with the certificate of a CA.
func (o *office) root(cn string, days int) []authority.UploadFile {
	o.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	o.must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: o.now().AddDate(-1, 0, 0), NotAfter: o.now().AddDate(0, 0, days)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	o.must(err)
	return []authority.UploadFile{{Name: cn + ".pem", Data: crypto.CertificatePEM(der), Purposes: []store.Purpose{store.CAPFTrust}}}
}

// TestOneApproval: of many who approve at the same time, one does.
func TestOneApproval(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.desk("olga", 1001).TrustStores().Upload(t.Context(), o.root("Root", 100), authority.UploadOptions{})
	p := o.waits(err)
	var together sync.WaitGroup
	var done atomic.Int32
	for i := range 8 {
		together.Go(func() {
			if _, err := o.desk(fmt.Sprintf("otto%d", i), 2000+int64(i)).Approve(t.Context(), p.ID); err == nil {
				done.Add(1)
			} else if !errors.Is(err, apperr.ErrRefused) && !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		})
	}
	together.Wait()
	if done.Load() != 1 || len(o.trust()) != 1 {
		t.Errorf("%d approvals, %v", done.Load(), o.trust())
	}
}

// TestOperatorsBetween: what operators do all the time does not carry a proposal out
// against another state than the one that was checked.
func TestOperatorsBetween(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.desk("olga", 1001).TrustStores().Upload(t.Context(), o.root("Root", 100), authority.UploadOptions{})
	p := o.waits(err)
	var seen store.ChainPoint
	seen, err = o.store.ChainEnd(t.Context())
	o.must(err)
	o.must(o.store.SetParameter(t.Context(), store.Actor{Kind: store.Operator, Name: "eve"}, "keep_alive", "33"))
	err = o.store.Approving(store.Actor{Kind: store.Operator, Name: "otto"}, p.ID, seen.ID).SetParameter(t.Context(), store.Actor{}, "keep_alive", "34")
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("the error is %v", err)
	}
	_, err = o.desk("otto", 1002).Approve(t.Context(), p.ID) // which looks again
	o.must(err)
}

// TestBusySite: where operators change devices all the time, proposals can be approved.
func TestBusySite(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.desk("olga", 1001).TrustStores().Upload(t.Context(), o.root("Root", 100), authority.UploadOptions{})
	p := o.waits(err)
	busy := make(chan struct{})
	done := make(chan struct{})
	var site sync.WaitGroup
	site.Go(func() {
		for i := 0; ; i++ {
			d, err := devices.New(fmt.Sprintf("SEP%012X", i))
			if err == nil {
				_, err = o.store.AddDevice(o.Context(), store.Actor{Kind: store.Operator, Name: "script"}, d)
			}
			if err != nil {
				t.Error(err)
			}
			if i == 0 {
				close(busy)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	<-busy
	_, err = o.desk("otto", 1002).Approve(t.Context(), p.ID)
	close(done)
	site.Wait()
	o.must(err)
}

// TestRulesAgain: what the rules refuse by the time of the approval is not done.
func TestRulesAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	olga, otto := o.desk("olga", 1001), o.desk("otto", 1002)
	_, err := olga.TrustStores().Upload(t.Context(), o.root("Soon", 2), authority.UploadOptions{})
	soon := o.waits(err)
	_, err = olga.Parameters().Set(t.Context(), settings.Issuer, settings.IssuerOnline)
	online := o.waits(err)
	o.pass(3 * 24 * time.Hour)
	_, err = otto.Approve(t.Context(), soon.ID)
	o.refused(err, "expired")
	otto.Bypass = "FIPS first"
	_, err = otto.Parameters().Set(t.Context(), settings.FIPSMode, "true")
	o.must(err)
	otto.Bypass = ""
	_, err = otto.Approve(t.Context(), online.ID)
	o.refused(err, "FIPS")
	if len(o.trust()) != 0 {
		t.Error(o.trust())
	}
	// Nothing waits for ever.
	o.pass(5 * 24 * time.Hour)
	_, err = otto.Approve(t.Context(), online.ID)
	o.refused(err, "has expired")
}

// TestWho: only another operator, for whom the system vouches.
func TestWho(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.desk("olga", 1001).TrustStores().Upload(t.Context(), o.root("Root", 100), authority.UploadOptions{})
	p := o.waits(err)
	for _, test := range []struct {
		who  approval.Person
		says string
	}{
		{approval.Person{Name: "olga", ID: 1001, Vouched: true}, "is your own, olga"},
		{approval.Person{Name: "olga2", ID: 1001, Vouched: true}, "olga and olga2 have the same user id 1001"},
		{approval.Person{Name: "capf (says otto)", ID: 997}, "nobody vouches for who you are"},
		{approval.Person{Name: "root", ID: 0, Vouched: true}, "root does not count"},
	} {
		d := o.desk(test.who.Name, test.who.ID)
		d.Person = test.who
		_, err := d.Approve(t.Context(), p.ID)
		o.refused(err, test.says)
	}
	d := o.desk("capf", 997)
	d.Person.Vouched = false
	_, err = d.TrustStores().Upload(t.Context(), o.root("Other", 100), authority.UploadOptions{})
	o.refused(err, "nobody vouches for who proposes it")
	// A dry run of the same is no proposal, nor is one that changes nothing.
	d.Store = o.store.Rehearsal()
	_, err = d.TrustStores().Upload(t.Context(), o.root("Other", 100), authority.UploadOptions{})
	o.must(err)
	if len(o.trust()) != 0 {
		t.Error(o.trust())
	}
}

// TestSecretOfProposal: a secret waits sealed, for one server and under one master key.
func TestSecretOfProposal(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	olga, otto := o.desk("olga", 1001), o.desk("otto", 1002)
	_, err := olga.Parameters().SetSecret(t.Context(), settings.OnlinePassword, []byte("correct horse"))
	p := o.waits(err)
	if strings.Contains(string(p.Document), "correct") || strings.Contains(strings.Join(p.Effects, ""), "correct") {
		t.Errorf("it is in the clear: %s", p.Document)
	}
	_, err = olga.Parameters().SetSecret(t.Context(), settings.OnlinePassword, []byte("correct horse"))
	if again := o.waits(err); again.ID != p.ID {
		t.Error("the same secret waits twice")
	}
	_, err = olga.Parameters().SetSecret(t.Context(), settings.OnlinePassword, []byte("another"))
	if other := o.waits(err); other.ID == p.ID {
		t.Error("another secret is the same proposal")
	}
	otto.Bypass = "moved"
	_, err = otto.Parameters().Set(t.Context(), settings.OnlineHost, "evil.example.com")
	o.must(err)
	otto.Bypass = ""
	_, err = otto.Approve(t.Context(), p.ID)
	o.refused(err, "would do something else now: ~ online_ca_password: a new value, for evil.example.com:443")

	_, err = olga.Parameters().SetSecret(t.Context(), settings.OnlinePassword, []byte("correct horse"))
	p = o.waits(err)
	other, err := secrets.CreateSealer(t.Context(), newEmpty(t), filepath.Join(t.TempDir(), "other.key"))
	o.must(err)
	otto.Keys = func(context.Context) (*crypto.Sealer, error) { return other, nil }
	_, err = otto.Approve(t.Context(), p.ID)
	o.refused(err, "was sealed under another master key")
	otto.Keys = o.keys
	_, err = otto.Approve(t.Context(), p.ID)
	o.must(err)
	if is, err := settings.HasSecret(t.Context(), o.store.Reader, settings.OnlinePassword); !is || err != nil {
		t.Errorf("the secret is set: %v, %v", is, err)
	}
	if kept, err := o.store.Proposal(t.Context(), p.ID); err != nil || len(kept.Document) != 0 {
		t.Errorf("the document is kept: %s, %v", kept.Document, err)
	}
}

func newEmpty(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "other.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestOwnCertificate: the key is made when it is approved, and GiveUp takes what there is
// by then.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	before, err := authority.Certificate(t.Context(), o.store.Reader)
	o.must(err)
	_, _, err = o.desk("olga", 1001).CAPF().GiveUp(t.Context(), nil, 2048)
	p := o.waits(err)
	if now, err := authority.Certificate(t.Context(), o.store.Reader); err != nil || !now.Equal(before) {
		t.Errorf("it was replaced without approval: %v", err)
	}
	_, err = o.desk("otto", 1002).Approve(t.Context(), p.ID)
	o.must(err)
	if now, err := authority.Certificate(t.Context(), o.store.Reader); err != nil || now.Equal(before) {
		t.Errorf("it was not replaced: %v", err)
	}
	if len(o.trust()) != 0 {
		t.Errorf("what was given up is trusted: %v", o.trust())
	}
	_, _, err = o.desk("otto", 1002).CAPF().Regenerate(t.Context(), nil, 2048, authority.Delay{})
	p = o.waits(err)
	_, err = o.desk("olga", 1001).Approve(t.Context(), p.ID)
	o.must(err)
	if len(o.trust()) != 1 {
		t.Errorf("the old one is not trusted: %v", o.trust())
	}
}

// TestProgramsWait: whoever names a program that serve runs could have it change what
// waits, so that waits too.
func TestProgramsWait(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	olga, otto := o.desk("olga", 1001), o.desk("otto", 1002)
	for _, name := range []string{settings.NotifyCommand, settings.ApplyCommand} {
		_, err := olga.Parameters().Set(t.Context(), name, "/bin/true {device}")
		p := o.waits(err)
		o.refused(approveAs(o, olga, p), "is your own")
		o.must(approveAs(o, otto, p))
	}
	_, err := olga.Parameters().SetAll(t.Context(), []settings.Described{{Name: settings.NotifyCommand, Value: "/bin/false"}}, nil)
	o.waits(err)
	otto.Bypass = "back to nobody"
	_, err = otto.Parameters().Set(t.Context(), settings.Approve, "none")
	o.must(err)
	olga.Person.Vouched = false
	_, err = olga.Parameters().Set(t.Context(), settings.NotifyCommand, "/bin/false")
	o.must(err)
}

func approveAs(o *office, d approval.Desk, p store.Proposal) error {
	_, err := d.Approve(o.Context(), p.ID)
	return err
}

// TestEffectIsOneLine: a certificate whose name has lines shows no effects that are none,
// and can be approved.
func TestEffectIsOneLine(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.desk("olga", 1001).TrustStores().Upload(t.Context(), o.root("Evil\n+ capf-trust: Good\u202e", 100), authority.UploadOptions{})
	p := o.waits(err)
	kept, err := o.store.Proposal(t.Context(), p.ID)
	o.must(err)
	if len(kept.Effects) != 1 || !strings.Contains(kept.Effects[0], `Evil\n`) || !strings.Contains(kept.Effects[0], `Good\u202e`) {
		t.Errorf("the effects are %q", kept.Effects)
	}
	o.must(approveAs(o, o.desk("otto", 1002), p))
}
