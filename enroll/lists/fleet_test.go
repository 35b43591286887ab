package lists_test

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/crypto/keyfile"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// handset is a phone of a fleet, with what it holds.
type handset struct {
	name, model string
	often       float64 // how probable it is that it boots on a day
	held        []*trustlist.List
	booted      time.Time // when it has fetched its list last
}

// fleet is a site over months: an operator changes what phones trust, and phones boot when
// they will.
type fleet struct {
	house
	dice     *mathrand.Rand
	composer *lists.Composer
	handsets []*handset
	// since when lists carry each certificate that they carry now, by role and DER
	since   map[string]time.Time
	given   []*x509.Certificate // CAPF certificates that were compromised
	done    map[string]int      // what has happened how often
	strands int                 // phones that were locked out, as was said beforehand
}

func newFleet(t *testing.T, seed uint64) *fleet {
	f := &fleet{house: newHouse(t), dice: mathrand.New(mathrand.NewPCG(seed, 17)), since: map[string]time.Time{}, done: map[string]int{}}
	f.composer = f.house.composer()
	f.look()
	models := []string{"8861", "7821", "CP-7962G", "6911", "6921", ""}
	for i := range 50 {
		p := &handset{name: fmt.Sprintf("SEP0000000000%02X", i), model: models[i%len(models)], often: []float64{0.6, 0.15, 0.02}[i%3]}
		edit := devices.Edit{Model: &p.model}
		f.Add(p.name, edit)
		f.handsets = append(f.handsets, p)
		f.boot(p)
	}
	return f
}

// look notes since when lists carry what they carry.
func (f *fleet) look() {
	f.Helper()
	l := f.parsed("ITLFile.tlv")
	now := map[string]time.Time{}
	for _, r := range l.Records {
		k := r.Role.String() + string(r.DER)
		now[k] = f.Clock.Now()
		if was, there := f.since[k]; there {
			now[k] = was
		}
	}
	f.since = now
}

// parsed is a list as a phone gets it; nil for none.
func (f *fleet) parsed(name string) *trustlist.List {
	f.Helper()
	data := f.file(f.composer, name)
	if data == "" {
		return nil
	}
	l, err := trustlist.Parse([]byte(data))
	ok(f, err)
	return l
}

// boot fetches the lists of a phone in the order of phones. It may be locked out only if
// it has fetched none since lists carry the key that signs them now, which trust-list
// rotate says before it does that.
func (f *fleet) boot(p *handset) {
	f.Helper()
	names := []string{"CTL" + p.name + ".tlv"}
	if p.model != "6911" {
		own := "ITL" + p.name + ".tlv"
		if f.file(f.composer, own) == "" {
			own = "ITLFile.tlv"
		}
		names = append(names, own)
	}
	for _, name := range names {
		next := f.parsed(name)
		if next == nil {
			continue
		}
		switch v := trustlist.Judge(p.held, next); v.Outcome {
		case trustlist.Accepted, trustlist.LeapOfFaith:
		default:
			if since := f.since["sast"+string(v.Signer.DER)]; !p.booted.Before(since) {
				f.Errorf("%s has fetched a list on %s, the signer is in lists since %s, and yet: %s", p.name, p.booted, since, v.Reason)
			}
			f.strands++
			p.held = nil // somebody deletes the list on the phone
		}
		p.held = trustlist.Replace(p.held, next)
	}
	p.booted = f.Clock.Now()
	f.check(p)
}

// check looks at what a phone holds that has just booted.
func (f *fleet) check(p *handset) {
	f.Helper()
	f.connect(p)
	for _, c := range f.given {
		if trustlist.Find(p.held, c, trustlist.RoleCAPF) != nil {
			f.Errorf("%s goes on trusting a CAPF certificate that was compromised", p.name)
		}
	}
	wanted, err := lists.WantSigned(f.Context(), f.Rules.Store.Reader)
	ok(f, err)
	if trustlist.NeedsSignedFiles(p.held) != wanted {
		f.Errorf("%s asks for signed files: %v; they are made: %v", p.name, !wanted, wanted)
	}
	d := f.Device(p.name)
	if d.KeyOrder != store.RSAOnly && strings.Contains(p.model, "8861") && !trustlist.TakesEC(p.held) {
		f.Errorf("%s takes no EC keys, which its key order asks for", p.name)
	}
	for _, l := range p.held {
		if l.Digest == trustlist.SHA512 && (strings.Contains(p.model, "79") || strings.HasPrefix(p.model, "69")) {
			f.Errorf("%s, a %s, has a list with SHA-512", p.name, p.model)
		}
	}
	if wanted {
		f.checkSigned(p)
	}
}

// checkSigned has the phone take a file that is signed now.
func (f *fleet) checkSigned(p *handset) {
	f.Helper()
	c, key, err := lists.FileSigner(f.Context(), f.Rules.Store.Reader, f.Rules.Sealer)
	ok(f, err)
	data, err := trustlist.SignFile(p.name+".cnf.xml.sgn", []byte("x"), trustlist.Signer{Certificate: c, Key: key, Digest: trustlist.SHA1}, f.Clock.Now())
	ok(f, err)
	file, err := trustlist.ParseFile(data)
	ok(f, err)
	if v := trustlist.JudgeFile(p.held, file); v.Outcome != trustlist.Accepted {
		f.Errorf("%s does not take a signed file: %s", p.name, v.Reason)
	}
}

// connect has a phone go to CAPF with what it holds. It may turn the certificate down only
// if it has fetched no list since lists carry that.
func (f *fleet) connect(p *handset) {
	f.Helper()
	a, err := f.CAPF().Load(f.Context())
	ok(f, err)
	shown := a.Leaf()
	if trustlist.Find(p.held, shown, trustlist.RoleCAPF) != nil {
		return
	}
	if since := f.since["capf"+string(shown.Raw)]; !p.booted.Before(since) {
		f.Errorf("%s has fetched a list on %s, the CAPF certificate is in lists since %s, and the phone does not know it", p.name, p.booted, since)
	}
	f.strands++
}

// day lets a day pass: perhaps a change, and the phones that boot or connect.
func (f *fleet) day() {
	f.Helper()
	f.Clock.Move(24*time.Hour + time.Duration(f.dice.IntN(3600))*time.Second)
	_, err := f.Rules.Store.SwitchListKeysDue(f.Context(), store.Actor{Kind: store.System})
	ok(f, err)
	_, err = f.CAPF().ShowDue(f.Context(), store.Actor{Kind: store.System})
	ok(f, err)
	f.look()
	if f.dice.Float64() < 0.5 {
		f.change()
		f.look()
	}
	for _, p := range f.handsets {
		switch {
		case f.dice.Float64() < p.often:
			f.boot(p)
		case f.dice.Float64() < 0.1:
			f.connect(p)
		}
	}
}

// change is one thing that an operator does; what is refused is no fault.
func (f *fleet) change() {
	f.Helper()
	t, actor := f.Context(), devicestest.Operator
	signing := lists.Signing{Store: f.Rules.Store, Sealer: f.Rules.Sealer, Now: f.Clock.Now, Rand: rand.Reader}
	rotate := func(r lists.Rotation) error { _, err := signing.Rotate(t, actor, r); return err }
	set := func(name, one, other string) error {
		value := []string{one, other}[f.dice.IntN(2)]
		_, err := settings.Set(t, f.Rules.Store, actor, name, value)
		return err
	}
	all := []struct {
		what string
		do   func() error
	}{
		{"rotate", func() error { return rotate(lists.Rotation{}) }},
		{"rotate later", func() error { return rotate(lists.Rotation{After: authority.Delay{Span: 10 * 24 * time.Hour}}) }},
		{"rotate back", func() error { return rotate(lists.Rotation{Back: true}) }},
		{"new spare", func() error { return rotate(lists.Rotation{Fresh: true}) }},
		{"cancel", func() error { _, err := signing.CancelRotation(t, actor); return err }},
		{"import", func() error {
			_, _, err := signing.Import(t, actor, keyfile.Pair{Certificate: f.spare.Certificate, Key: f.spare.key}, "")
			return err
		}},
		{"regenerate", func() error {
			_, _, err := f.CAPF().Regenerate(t, actor, nil, 2048, authority.Delay{Span: 5 * 24 * time.Hour})
			return err
		}},
		{"hurry", func() error { // phones that have not booted since are told of by cert regenerate
			if _, _, err := f.CAPF().Regenerate(t, actor, nil, 2048, authority.Delay{}); err != nil && !errors.Is(err, apperr.ErrRefused) {
				return err
			}
			f.look()
			_, err := f.CAPF().Show(t, actor)
			return err
		}},
		{"chain", func() error { return f.chain() }},
		{"compromised", func() error { return f.compromise() }},
		{"tftp", func() error {
			_, err := f.members().Add(t, actor, lists.NewMember{Certificate: f.signer.Certificate, Roles: []store.ListRole{store.RoleTFTP}, Key: f.signer.key})
			return err
		}},
		{"no tftp", func() error { return f.deleteMembers() }},
		{"digest", func() error { return set("trust_list_digest", "sha1", "sha512") }},
		{"signer version", func() error { return set("trust_list_signer_version", "1.0", "1.1") }},
		{"key order", func() error {
			for _, p := range f.handsets[:20] {
				f.order(p.name, []store.KeyOrder{store.RSAOnly, store.ECPreferred}[f.dice.IntN(2)])
			}
			return nil
		}},
	}
	one := all[f.dice.IntN(len(all))]
	if err := one.do(); err != nil {
		f.done[one.what+" refused"]++
		return
	}
	f.done[one.what]++
}

// chain has a company CA sign the CAPF certificate.
func (f *fleet) chain() error {
	der, _, err := f.CAPF().Request(f.Context())
	if err != nil {
		return err
	}
	csr, err := x509.ParseCertificateRequest(der)
	ok(f, err)
	ca := newCertificate(f.TB, csr.Subject, f.spare.key, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = "Company CA", true, true, x509.KeyUsageCertSign
	})
	template := *ca.Certificate
	template.RawSubject, template.Subject, template.NotBefore = csr.RawSubject, csr.Subject, f.Clock.Now().Add(-time.Hour)
	template.SerialNumber = newCertificate(f.TB, csr.Subject, f.spare.key, nil).SerialNumber
	template.MaxPathLen, template.MaxPathLenZero = 0, true
	template.SubjectKeyId, template.KeyUsage = nil, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment
	leaf, err := x509.CreateCertificate(rand.Reader, &template, ca.Certificate, csr.PublicKey, f.spare.key)
	ok(f, err)
	data := crypto.CertificatePEM(leaf, ca.Raw)
	_, err = f.CAPF().UploadChain(f.Context(), devicestest.Operator, []authority.UploadFile{{Name: "chain.pem", Data: data}}, authority.UploadOptions{}, authority.Delay{Span: 3 * 24 * time.Hour})
	return err
}

func (f *fleet) compromise() error {
	found, err := f.CAPF().Compromised(f.Context())
	if err != nil {
		return err
	}
	if _, _, err := f.CAPF().GiveUp(f.Context(), devicestest.Operator, found, nil, 0); err != nil {
		return err
	}
	f.given = append(f.given, found.Certificate)
	return nil
}

func (f *fleet) deleteMembers() error {
	members, err := f.Rules.Store.ListMembers(f.Context())
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := f.members().Delete(f.Context(), devicestest.Operator, m.ID); err != nil {
			return err
		}
	}
	return nil
}

// TestFleet: fifty phones, of which some sleep for weeks, live through months of changes.
// None is locked out but those of which it was said, none trusts what was given up, and
// none asks for files that nobody makes.
func TestFleet(t *testing.T) {
	t.Parallel()
	done := map[string]int{}
	for _, seed := range []uint64{1, 2, 3} {
		f := newFleet(t, seed)
		for range 60 {
			f.day()
		}
		for what, n := range f.done {
			done[what] += n
		}
		if f.strands == 0 {
			t.Error("no phone slept for too long, so that nothing was tried")
		}
	}
	for _, what := range []string{"rotate", "rotate later", "rotate back", "new spare", "import", "regenerate", "hurry", "chain", "compromised", "tftp", "no tftp"} {
		if done[what] == 0 {
			t.Errorf("%q was never tried: %v", what, done)
		}
	}
}
