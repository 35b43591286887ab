package approval_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"capf/crypto"
	"capf/crypto/keyfile"
	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/store"
)

// TestListKeysWait: whom phones trust because of trust lists waits for another operator. A
// key that is imported waits sealed, and what changes nothing waits for nobody.
func TestListKeysWait(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	olga, otto := o.desk("olga", 1001), o.desk("otto", 1002)
	_, err := olga.Parameters().Set(t.Context(), settings.Approve, settings.ListSubject)
	o.must(approveAs(o, otto, o.waits(err)))

	_, _, err = olga.Lists().Init(t.Context())
	p := o.waits(err)
	if _, err := lists.Stand(t.Context(), o.store.Reader); err == nil {
		t.Error("there are keys before anybody has approved them")
	}
	o.must(approveAs(o, otto, p))
	if signer, spare, err := olga.Lists().Init(t.Context()); signer || spare || err != nil {
		t.Errorf("again: %v, %v, %v", signer, spare, err)
	}

	c, key, err := crypto.NewSAST(rand.Reader, crypto.Name{Organization: "Vendor"}, o.now())
	o.must(err)
	_, _, err = olga.Lists().Import(t.Context(), keyfile.Pair{Certificate: c, Key: key}, "")
	p = o.waits(err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	o.must(err)
	if kept, err := o.store.Proposal(t.Context(), p.ID); err != nil || bytes.Contains(kept.Document, der[100:200]) || len(kept.Document) < len(der) {
		t.Errorf("the proposal has the key as it is, or not at all: %v", err)
	}
	o.must(approveAs(o, otto, p))
	st, err := lists.Stand(t.Context(), o.store.Reader)
	o.must(err)
	if !st.Spare.Certificate.Equal(c) {
		t.Errorf("the spare is %s", st.Spare.Certificate.Subject)
	}

	// A time that has passed when it is approved is too late.
	_, err = olga.Lists().Rotate(t.Context(), lists.Rotation{After: authority.Delay{At: o.now().Add(2 * time.Hour)}})
	p = o.waits(err)
	o.pass(3 * time.Hour)
	o.refused(approveAs(o, otto, p), "has passed")
	_, err = olga.Lists().Rotate(t.Context(), lists.Rotation{After: authority.Delay{Span: 24 * time.Hour}})
	p = o.waits(err)
	o.pass(time.Hour)
	o.must(approveAs(o, otto, p))
	if st, err = lists.Stand(t.Context(), o.store.Reader); err != nil || !st.DueAt.Equal(o.now().Add(24*time.Hour)) {
		t.Errorf("it is due at %s, %v", st.DueAt, err)
	}
	_, err = olga.Lists().CancelRotation(t.Context())
	o.must(approveAs(o, otto, o.waits(err)))
	if was, err := olga.Lists().CancelRotation(t.Context()); was || err != nil {
		t.Errorf("taken back again: %v, %v", was, err)
	}
}

// TestStoresOfTVSWait: with approval of trust lists alone, nobody has TVS vouch by himself
// for a signer of lists, whichever command he takes; the other stores are free.
func TestStoresOfTVSWait(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	olga, otto := o.desk("olga", 1001), o.desk("otto", 1002)
	_, err := olga.Parameters().Set(t.Context(), settings.Approve, settings.ListSubject)
	o.must(approveAs(o, otto, o.waits(err)))

	c, _, err := crypto.NewSAST(rand.Reader, crypto.Name{Organization: "Stranger"}, o.now())
	o.must(err)
	file := []authority.UploadFile{{Name: "sast.pem", Data: crypto.CertificatePEM(c.Raw), Purposes: []store.Purpose{store.PhoneSASTTrust}}}
	_, err = olga.TrustStores().Upload(t.Context(), file, authority.UploadOptions{})
	o.waits(err)
	want := []authority.Desired{{Certificate: c, Purposes: []store.Purpose{store.PhoneSASTTrust}}}
	_, err = olga.TrustStores().Apply(t.Context(), want, false, nil)
	o.must(approveAs(o, otto, o.waits(err)))
	_, err = olga.TrustStores().Upload(t.Context(), o.root("Root", 100), authority.UploadOptions{})
	o.must(err)

	rows, err := o.store.Trust(t.Context(), store.PhoneSASTTrust)
	o.must(err)
	text := "cluster B"
	_, _, _, err = olga.TrustStores().Edit(t.Context(), rows, store.TrustEdit{Description: &text})
	o.waits(err)
	o.waits(olga.TrustStores().Delete(t.Context(), rows))
	_, err = olga.TrustStores().Apply(t.Context(), nil, true, nil) // prunes both stores
	o.waits(err)
	root, err := o.store.Trust(t.Context(), store.CAPFTrust)
	o.must(err)
	o.must(olga.TrustStores().Delete(t.Context(), root))
}
