package authority_test

import (
	"fmt"
	"slices"
	"testing"

	"capf/enroll/authority"
	"capf/store"
)

// TestImpactOnMICs holds that removing a manufacturer's CA says which phones have
// MICs under it, and that another certificate of the same CA makes up for it.
func TestImpactOnMICs(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	maker, other := issue(t, "Cisco Manufacturing CA SHA2", nil, ca), issue(t, "Cisco Root CA M2", nil, ca)
	renewed := issueFor(t, "Cisco Manufacturing CA SHA2", maker.key, maker.PublicKey, nil, ca)
	for _, c := range []*issued{maker, other} {
		upload(t, r, c, authority.UploadOptions{})
	}
	for i, mode := range []store.AuthMode{store.ByMICPrecedence, store.ByMICPrecedence, store.ByNullString} {
		d, err := r.Store.AddDevice(t.Context(), jane, store.Device{
			Name: fmt.Sprintf("SEP00000000000%d", i), SecurityMode: store.Nonsecure, IPMode: store.TwoStack, Operation: store.NoOperation,
			AuthMode: mode, KeyOrder: store.RSAOnly, RSABits: 2048, ECBits: 384, Status: store.StatusNone,
		})
		if err != nil {
			t.Fatal(err)
		}
		mic := []store.DeviceCertificate{{Kind: "mic", Certificate: issue(t, "CP-8861-"+d.Name, maker).Raw}}
		if err := r.Store.NoteAuthenticated(t.Context(), jane, d.ID, "", mic, nil); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := r.Store.Trust(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	impact := func(rows []store.TrustCertificate, e *store.TrustEdit) []string {
		lines, err := r.stores().ImpactOn(t.Context(), rows, e)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	want := []string{`3 phones have MICs under "Cisco Manufacturing CA SHA2", which no longer count; 2 phones authenticate by MIC`}
	forLSC := store.ForLSC
	if got := impact(rows[:1], nil); !slices.Equal(got, want) {
		t.Errorf("removed: %q", got)
	}
	if got := impact(rows[:1], &store.TrustEdit{For: &forLSC}); !slices.Equal(got, want) {
		t.Errorf("narrowed: %q", got)
	}
	if got := impact(rows[1:], nil); got != nil {
		t.Errorf("the other: %q", got)
	}
	upload(t, r, renewed, authority.UploadOptions{})
	if got := impact(rows[:1], nil); got != nil {
		t.Errorf("there is another of that CA: %q", got)
	}
}
