package lists_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"capf/crypto"
	"capf/crypto/keyfile"
	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/enroll/secrets"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

var olga = store.Actor{Kind: store.Operator, Name: "olga"}

// office is a database with a CAPF certificate, and a clock of its own.
type office struct {
	*testing.T
	lists.Signing
	at atomic.Pointer[time.Time]
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{T: t}
	o.pass(0)
	now := func() time.Time { return *o.at.Load() }
	path := filepath.Join(t.TempDir(), "capf.db")
	s, err := store.Create(t.Context(), path, store.Options{Now: now})
	o.must(err)
	t.Cleanup(func() { s.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), s, path+".key")
	o.must(err)
	o.Signing = lists.Signing{Store: s, Sealer: sealer, Now: now, Rand: rand.Reader}
	_, err = authority.CAPF{Store: s, Sealer: sealer, Now: now, Rand: rand.Reader}.Init(t.Context(), olga, crypto.Name{Organization: "Example"}, 2048)
	o.must(err)
	return o
}

// begun is a office with keys.
func begun(t *testing.T) *office {
	t.Helper()
	o := newOffice(t)
	signer, spare, err := o.Init(t.Context(), olga)
	o.must(err)
	if !signer || !spare {
		t.Fatalf("made: signer %v, spare %v", signer, spare)
	}
	return o
}

func (o *office) pass(d time.Duration) {
	later := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	if before := o.at.Load(); before != nil {
		later = before.Add(d)
	}
	o.at.Store(&later)
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) refused(err error, want string) {
	o.Helper()
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), want) {
		o.Errorf("the error is %v, want a refusal with %q", err, want)
	}
}

func (o *office) stand() lists.Standing {
	o.Helper()
	st, err := lists.Stand(o.Context(), o.Store.Reader)
	o.must(err)
	return st
}

// rotate demands that a step is the next one.
func (o *office) rotate(r lists.Rotation, want lists.Step) {
	o.Helper()
	step, err := o.Rotate(o.Context(), olga, r)
	o.must(err)
	if step != want {
		o.Fatalf("the step is %s, not %s", step, want)
	}
}

// list is the ITL of now, as a phone reads it.
func (o *office) list() *trustlist.List {
	o.Helper()
	bytes, err := lists.NewComposer(o.Store.Reader, o.Sealer).Shared(o.Context(), trustlist.ITL)
	o.must(err)
	l, err := trustlist.Parse(bytes)
	o.must(err)
	if n := len(l.With(trustlist.RoleSAST)); n > 2 {
		o.Errorf("there are %d SAST records", n)
	}
	return l
}

// addTVS makes lists name a TVS server, which phones ask about signers.
func (o *office) addTVS() {
	o.Helper()
	c, _, err := crypto.NewTVS(rand.Reader, crypto.Name{Organization: "Example"}, o.Now())
	o.must(err)
	o.must(o.Store.SaveTVSCertificate(o.Context(), olga, store.TVSCertificate{Certificate: c.Raw, SealedKey: []byte("sealed")}, true))
}

func (o *office) judged(held, next *trustlist.List, want trustlist.Outcome) {
	o.Helper()
	all := []*trustlist.List{held}
	if held == nil {
		all = nil
	}
	if v := trustlist.Judge(all, next); v.Outcome != want {
		o.Errorf("the phone says %q, not %q: %s", v.Outcome, want, v.Reason)
	}
}

// TestRotation goes through two rotations, and judges the list of each step as phones do:
// one that fetches each list, one that slept through a rotation, one that slept through
// two, and one that has no list.
func TestRotation(t *testing.T) {
	t.Parallel()
	for _, tvs := range []bool{false, true} {
		o := begun(t)
		if tvs {
			o.addTVS()
		}
		first := o.list()
		held := first
		next := func(want trustlist.Outcome) {
			o.Helper()
			l := o.list()
			o.judged(held, l, trustlist.Accepted)
			o.judged(nil, l, trustlist.LeapOfFaith)
			o.judged(first, l, want)
			held = l
		}
		// The spare was in each list that there was, so it may sign at once.
		o.rotate(lists.Rotation{}, lists.Sign)
		next(trustlist.Accepted)
		// And back, for phones that did not take that.
		o.rotate(lists.Rotation{Back: true}, lists.GoBack)
		next(trustlist.Accepted)
		o.rotate(lists.Rotation{Back: true}, lists.GoBack)
		next(trustlist.Accepted)
		o.rotate(lists.Rotation{}, lists.NewSpare)
		next(trustlist.Accepted) // slept through one rotation

		_, err := o.Rotate(t.Context(), olga, lists.Rotation{})
		o.refused(err, "not both steps at once")
		o.pass(2 * time.Hour)
		o.rotate(lists.Rotation{}, lists.Sign)
		slept := trustlist.Refused
		if tvs {
			slept = trustlist.AskTVS
		}
		next(slept) // slept through two
		o.rotate(lists.Rotation{}, lists.NewSpare)
		next(slept)
	}
}

// TestPlannedRotation: what is planned is seen, can be moved and taken back, and is
// carried out when its time has come.
func TestPlannedRotation(t *testing.T) {
	t.Parallel()
	o := begun(t)
	before := o.stand()
	_, err := o.Rotate(t.Context(), olga, lists.Rotation{After: authority.Delay{At: o.Now().Add(-time.Second)}})
	o.refused(err, "has passed")
	due := o.Now().Add(7 * 24 * time.Hour)
	o.rotate(lists.Rotation{After: authority.Delay{At: due}}, lists.Plan)
	o.rotate(lists.Rotation{After: authority.Delay{At: due}}, lists.Nothing)
	o.pass(time.Minute)
	o.rotate(lists.Rotation{After: authority.Delay{Span: 7 * 24 * time.Hour}}, lists.Nothing)
	if st := o.stand(); !st.DueAt.Equal(due) || st.PlannedBy != "olga" || st.Signer.Fingerprint != before.Signer.Fingerprint {
		t.Errorf("planned: %+v", st)
	}
	if was, err := o.CancelRotation(t.Context(), olga); !was || err != nil {
		t.Errorf("taken back: %v, %v", was, err)
	}
	if was, err := o.CancelRotation(t.Context(), olga); was || err != nil {
		t.Errorf("taken back again: %v, %v", was, err)
	}
	o.rotate(lists.Rotation{After: authority.Delay{At: due}}, lists.Plan)
	o.rotate(lists.Rotation{After: authority.Delay{At: due.Add(time.Hour)}}, lists.Plan)
	old := o.list()
	o.pass(7*24*time.Hour + time.Hour)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() { lists.Watch(ctx, o.Store, slog.New(slog.DiscardHandler)); close(done) }()
	for o.stand().Signer.Fingerprint == before.Signer.Fingerprint {
		if t.Context().Err() != nil {
			t.Fatal("the time has come, and the spare does not sign")
		}
	}
	stop()
	<-done
	o.judged(old, o.list(), trustlist.Accepted)

	// With the former key as the second one, a new one comes first, and signs an hour later
	// at the earliest.
	_, err = o.Rotate(t.Context(), olga, lists.Rotation{After: authority.Delay{At: o.Now().Add(time.Minute)}})
	o.refused(err, "not both steps at once")
	at := o.Now().Add(time.Hour)
	o.rotate(lists.Rotation{After: authority.Delay{At: at}}, lists.NewSpare)
	if st := o.stand(); !st.DueAt.Equal(at) || st.Unfinished() || st.Signer.Fingerprint != before.Spare.Fingerprint {
		t.Errorf("both steps, one of them planned: %+v", st)
	}
	_, err = o.Rotate(t.Context(), olga, lists.Rotation{Back: true})
	o.refused(err, "has never signed")
}

// pair is a key as it is imported.
func (o *office) pair(name string) keyfile.Pair {
	o.Helper()
	c, key, err := crypto.NewSAST(rand.Reader, crypto.Name{Organization: name}, o.Now())
	o.must(err)
	return keyfile.Pair{Certificate: c, Key: key}
}

func (o *office) imports(p keyfile.Pair, wanted, want lists.Place, wantKnown bool) {
	o.Helper()
	place, known, err := o.Import(o.Context(), olga, p, wanted)
	o.must(err)
	if place != want || known != wantKnown {
		o.Errorf("imported as %s, known %v; want %s, %v", place, known, want, wantKnown)
	}
}

// TestImport: a key that exists signs from the beginning where there is none; later it is
// the spare, so that phones with a list of the present signer take the next one.
func TestImport(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	vendor := o.pair("vendor")
	_, _, err := o.Import(t.Context(), olga, vendor, lists.SparePlace)
	o.refused(err, "to which this one could be the spare")
	o.imports(vendor, "", lists.SignerPlace, false)
	o.imports(vendor, "", lists.SignerPlace, true)
	held := o.list()
	if signer, spare, err := o.Init(t.Context(), olga); signer || !spare || err != nil {
		t.Errorf("made: signer %v, spare %v, %v", signer, spare, err)
	}
	o.judged(held, o.list(), trustlist.Accepted)
	_, err = o.Rotate(t.Context(), olga, lists.Rotation{})
	o.refused(err, "not both steps at once") // the list that phones hold has no spare

	other := o.pair("other")
	for _, one := range []struct {
		p     keyfile.Pair
		place lists.Place
		want  string
	}{
		{other, lists.SignerPlace, "phones that hold a list of SHA-256"},
		{vendor, lists.SparePlace, "cannot be its own spare"},
	} {
		_, _, err := o.Import(t.Context(), olga, one.p, one.place)
		o.refused(err, one.want)
	}
	o.imports(other, "", lists.SparePlace, false)
	o.imports(other, lists.SparePlace, lists.SparePlace, true)
	_, _, err = o.Import(t.Context(), olga, other, lists.SignerPlace)
	o.refused(err, "it is the spare already")
	held = o.list()
	o.pass(2 * time.Hour)
	o.rotate(lists.Rotation{}, lists.Sign)
	o.judged(held, o.list(), trustlist.Accepted)
	if st := o.stand(); !st.Signer.Certificate.Equal(other.Certificate) {
		t.Errorf("%s signs", st.Signer.Certificate.Subject)
	}
}

// TestImportPlanned: while the spare is to sign, it is not exchanged for a key that phones
// do not know.
func TestImportPlanned(t *testing.T) {
	t.Parallel()
	o := begun(t)
	o.rotate(lists.Rotation{After: authority.Delay{At: o.Now().Add(time.Hour)}}, lists.Plan)
	_, _, err := o.Import(t.Context(), olga, o.pair("other"), lists.SparePlace)
	o.refused(err, "is to sign from")
}
