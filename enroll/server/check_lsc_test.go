package server_test

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/phone"
	"capf/enroll/settings"
	"capf/enroll/wire"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
	"capf/store"
)

// record puts an LSC into the record of a device, as if it had been issued to
// it.
func (h *house) record(device string, id *phone.Identity) store.LSC {
	h.Helper()
	d := h.device(device)
	c, err := x509.ParseCertificate(id.Certificate)
	if err != nil {
		h.Fatal(err)
	}
	key, sum := crypto.KeyHash(c.RawSubjectPublicKeyInfo), sha256.Sum256(c.Raw)
	_, kind, err := crypto.ParsePublicKey(c.RawSubjectPublicKeyInfo)
	if err != nil {
		h.Fatal(err)
	}
	l, err := h.base.Store.IssueLSC(h.Context(), store.Actor{Kind: store.Phone, Name: d.Name}, store.NewLSC{
		Request: store.Request{DeviceID: d.ID, Schedule: d.Schedule, Issuer: settings.IssuerCAPF, KeyKind: string(kind), KeyHash: key[:],
			PublicKey: c.RawSubjectPublicKeyInfo, Voucher: store.Voucher{Kind: store.VouchedByNullString}},
		LSC: store.LSC{Serial: serialnumber.Text(c.SerialNumber), Subject: c.Subject.String(), Issuer: c.Issuer.String(), KeyKind: string(kind),
			NotBefore: c.NotBefore, NotAfter: c.NotAfter, Certificate: c.Raw, Fingerprint: sum[:]},
	})
	if err != nil {
		h.Fatal(err)
	}
	return l
}

// enrolled makes a device whose phone has an LSC, and returns what the phone
// has and what the record says of it.
func (h *house) enrolled(device string) (*phone.Identity, store.LSC) {
	h.Helper()
	h.add(device, store.Install)
	return h.enrolAgain(device)
}

// enrolAgain lets the phone get an LSC by null string.
func (h *house) enrolAgain(device string) (*phone.Identity, store.LSC) {
	h.Helper()
	h.change(device, mode(store.ByNullString))
	h.schedule(device, store.Install)
	f := &flash{}
	if _, err := h.phone(device, f.config); err != nil {
		h.Fatal(err)
	}
	return &phone.Identity{Certificate: f.certificate, Key: f.key, Type: wire.TypeLSC}, h.newest(device)
}

// unconfirmed lets the phone get an LSC and lose the connection before it can
// confirm that.
func (h *house) unconfirmed(device string) (*phone.Identity, store.LSC) {
	h.Helper()
	_, err := h.phone(device, func(c *phone.Config) { c.StopAfter = wire.CmdStoreCertificateRequest })
	if !errors.Is(err, phone.ErrStopped) {
		h.Fatalf("the phone ended with %v", err)
	}
	l := h.newest(device)
	key, err := keyOf(device)(crypto.RSA2048)
	if err != nil {
		h.Fatal(err)
	}
	return &phone.Identity{Certificate: l.Certificate, Key: key, Type: wire.TypeLSC}, l
}

// newest is the last LSC that was made for a device of that name.
func (h *house) newest(device string) (last store.LSC) {
	h.Helper()
	for l, err := range h.base.Store.LSCs(h.Context(), store.LSCFilter{Device: device, Discarded: true}) {
		if err != nil {
			h.Fatal(err)
		}
		last = l
	}
	return last
}

// vouched expects who the record says has vouched for the last LSC of a device.
func (h *house) vouched(device string, want store.Voucher) {
	h.Helper()
	r, err := h.base.Store.Request(h.Context(), h.newest(device).RequestID)
	if err != nil || r.Voucher.String() != want.String() {
		h.Errorf("the LSC was vouched for by %s, not %s; %v", r.Voucher, want, err)
	}
}

func (h *house) state(l store.LSC) store.LSCState {
	h.Helper()
	now, err := h.base.Store.LSC(h.Context(), l.Serial)
	if err != nil {
		h.Fatal(err)
	}
	return now.State
}

// reason is the detail of the last event of a device.
func (h *house) reason(device string) (last string) {
	h.Helper()
	for e, err := range h.base.Store.Events(h.Context(), store.EventFilter{Device: device}) {
		if err != nil {
			h.Fatal(err)
		}
		last = e.Detail
	}
	return last
}

// shows lets the phone authenticate with an LSC.
func (h *house) shows(device string, id *phone.Identity) error {
	h.Helper()
	h.change(device, mode(store.ByLSCPrecedence))
	h.schedule(device, store.Install)
	_, err := h.phone(device, func(c *phone.Config) { c.Existing = id })
	return err
}

// refused expects that an LSC does not count, for the reason, and that what the
// honest phone has is as it was.
func (h *house) refused(device string, id *phone.Identity, why string) {
	h.Helper()
	before := fmt.Sprint(h.lscs(device))
	h.declined(device, "Upgrade Failed: Invalid LSC", h.shows(device, id))
	if got := h.reason(device); !strings.Contains(got, why) {
		h.Errorf("the reason is %q, without %q", got, why)
	}
	if after := fmt.Sprint(h.lscs(device)); after != before {
		h.Errorf("the LSCs of the device were %s and are %s", before, after)
	}
}

func (h *house) revoke(l store.LSC, reason store.RevocationReason) {
	h.Helper()
	if _, err := h.base.Store.RevokeLSCs(h.Context(), operator, []int64{l.ID}, reason); err != nil {
		h.Fatal(err)
	}
}

// TestTheRecordDecides: who has the key of an LSC that is not meant any more
// gets nothing for it.
func TestTheRecordDecides(t *testing.T) {
	t.Parallel()
	h := open(t)
	t.Run("installed", func(t *testing.T) {
		h := h.in(t)
		old, l := h.enrolled("installed")
		if err := h.shows("installed", old); err != nil || h.state(l) != store.LSCReplaced {
			t.Errorf("the honest phone: %v; its LSC is %s", err, h.state(l))
		}
	})
	t.Run("replaced", func(t *testing.T) {
		h := h.in(t)
		old, l := h.enrolled("replaced")
		h.enrolAgain("replaced")
		h.refused("replaced", old, "the LSC with serial "+l.Serial+" was replaced on 2")
	})
	t.Run("deleted", func(t *testing.T) {
		h := h.in(t)
		old, l := h.enrolled("deleted")
		h.schedule("deleted", store.Delete)
		if _, err := h.phone("deleted"); err != nil {
			t.Fatal(err)
		}
		h.refused("deleted", old, "the LSC with serial "+l.Serial+" was deleted on 2")
	})
	t.Run("device added again", func(t *testing.T) {
		h := h.in(t)
		old, _ := h.enrolled("again")
		if err := h.base.Store.DeleteDevice(t.Context(), operator, "again"); err != nil {
			t.Fatal(err)
		}
		h.add("again", store.Install)
		h.refused("again", old, "is of a device of this name that has been deleted")
		if h.newest("again").DeviceID != 0 {
			t.Error("the new device has the LSC of the old one")
		}
	})
	t.Run("of another device", func(t *testing.T) {
		h := h.in(t)
		other, _ := h.enrolled("other")
		h.add("mine", store.Install)
		h.refused("mine", other, `is of the device "other"`)
	})
	t.Run("revoked and released", func(t *testing.T) {
		h := h.in(t)
		held, l := h.enrolled("held")
		h.revoke(l, store.CertificateHold)
		h.refused("held", held, ": certificate-hold")
		if _, err := h.revoker().Release(t.Context(), operator, l.Serial); err != nil {
			t.Fatal(err)
		}
		if err := h.shows("held", held); err != nil {
			t.Error("released:", err)
		}
		h.revoke(l, store.KeyCompromise)
		h.refused("held", held, ": key-compromise")
	})
	t.Run("discarded", func(t *testing.T) {
		h := h.in(t)
		h.add("lost", store.Install)
		has, stale := h.unconfirmed("lost")
		h.enrolAgain("lost")
		if n, err := h.base.Store.DeleteStale(t.Context(), operator, []string{stale.Serial}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		h.refused("lost", has, "was stale, and an operator has deleted it")
		h.revoke(stale, store.Unspecified)
		h.refused("lost", has, "was revoked on 2")
	})
	t.Run("stale, and a later one was confirmed", func(t *testing.T) {
		h := h.in(t)
		h.add("passed", store.Install)
		has, stale := h.unconfirmed("passed")
		_, honest := h.enrolAgain("passed")
		h.refused("passed", has, "the phone has confirmed a later one than the LSC with serial "+stale.Serial)
		h.revoke(stale, store.CertificateHold)
		if _, err := h.revoker().Release(t.Context(), operator, stale.Serial); err != nil {
			t.Fatal(err)
		}
		h.refused("passed", has, "the phone has confirmed a later one")
		// Nor does a phone that gives it to a Troubleshoot, or one that looked
		// for it before the later one was confirmed.
		d := h.device("passed")
		certs := []store.DeviceCertificate{{Kind: "lsc", SeenAt: h.clock.now(), Certificate: has.Certificate}}
		if err := h.base.Store.MarkFetched(t.Context(), operator, d.ID, d.Schedule, certs); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(has.Certificate)
		if err := h.base.Store.NoteAuthenticated(t.Context(), operator, d.ID, "", nil, sum[:]); err != nil {
			t.Fatal(err)
		}
		if h.state(honest) != store.LSCInstalled || h.state(stale) != store.LSCStale {
			t.Errorf("the honest phone's LSC is %s, the stale one %s", h.state(honest), h.state(stale))
		}
	})
	t.Run("stale, and the phone has deleted what it had", func(t *testing.T) {
		h := h.in(t)
		h.add("cleared", store.Install)
		has, stale := h.unconfirmed("cleared")
		_, held := h.unconfirmed("cleared")
		h.revoke(held, store.CertificateHold)
		h.schedule("cleared", store.Delete)
		if _, err := h.phone("cleared"); err != nil {
			t.Fatal(err)
		}
		h.refused("cleared", has, "the LSC with serial "+stale.Serial+" was deleted on 2")
		if l, err := h.revoker().Release(t.Context(), operator, held.Serial); err != nil || l.State != store.LSCDeleted {
			t.Errorf("the one that was held is %s, %v", l.State, err)
		}
	})
	t.Run("stale, but on the phone", func(t *testing.T) {
		h := h.in(t)
		h.add("silent", store.Install)
		has, first := h.unconfirmed("silent")
		_, second := h.unconfirmed("silent")
		if h.state(first) != store.LSCStale || h.state(second) != store.LSCIssued {
			t.Fatalf("the LSCs are %s and %s", h.state(first), h.state(second))
		}
		if err := h.shows("silent", has); err != nil || h.state(first) != store.LSCReplaced {
			t.Errorf("%v; the LSC is %s", err, h.state(first))
		}
	})
}

// in is the house for a part of a test.
func (h *house) in(t *testing.T) *house {
	return &house{TB: t, base: h.base, address: h.address, clock: h.clock}
}

// TestLSCsOfOthers shows LSCs that are in no record of ours.
func TestLSCsOfOthers(t *testing.T) {
	t.Parallel()
	h := open(t)
	ours, err := h.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	foreign := newCA(t, "CAPF-0badcafe")
	upload := authority.UploadOptions{ForeignCAPF: true}
	files := []authority.UploadFile{{Data: foreign.Leaf().Raw, Purposes: []store.Purpose{store.CAPFTrust}}}
	if _, err := h.trustStores().Upload(t.Context(), operator, files, upload); err != nil {
		t.Fatal(err)
	}
	h.add(sep, store.Install)
	h.add("soft", store.Install)
	h.add("CP-8862-"+sep, store.NoOperation) // a name that somebody chose
	lsc := func(a *crypto.Authority, cn string) *phone.Identity {
		return identity(t, a, crypto.RSA2048, cn, "", h.clock.now(), 90)
	}
	for cn, device := range map[string]string{
		sep: sep, "CP-8861-" + sep: sep, "cp-7965G-" + strings.ToLower(sep): sep, "SOFT": "soft",
	} {
		if err := h.shows(device, lsc(foreign, cn)); err != nil {
			t.Errorf("%q of the other cluster for %s: %v", cn, device, err)
		}
		if r, err := h.base.Store.Request(t.Context(), h.newest(device).RequestID); err != nil || r.Voucher.Kind != store.VouchedByForeignLSC {
			t.Errorf("%q was vouched for by %s, %v", cn, r.Voucher, err)
		}
	}
	for cn, device := range map[string]string{
		"lab-" + sep: sep, "CP--" + sep: sep, "CP-a-b-" + sep: sep, "XCP-8861-" + sep: sep, "CP-8862-" + sep: sep, "CP-8861-" + sep + "0": sep,
		"CP-8861-soft": "soft", "x-soft": "soft", "SEP00112233445F": sep,
	} {
		h.refused(device, lsc(foreign, cn), "does not belong to the device")
	}
	// One from before what the phone has confirmed here is not on it any more.
	before := lsc(foreign, sep)
	h.clock.advance(3 * time.Hour)
	h.enrolAgain(sep)
	h.refused(sep, before, "the phone has confirmed a later one")
	if err := h.shows(sep, lsc(foreign, sep)); err != nil {
		t.Error("a phone that was away and came back:", err)
	}
	own := lsc(ours, sep)
	h.refused(sep, own, "is not in the record; it would count if accept_unrecorded_lsc were true")
	h.set("accept_unrecorded_lsc", "true")
	h.refused(sep, lsc(ours, "lab-"+sep), `does not belong to the device: it is not in the record, and with lsc_common_name as it is now the device's would be "`+sep+`"`)
	if err := h.shows(sep, own); err != nil {
		t.Error("with accept_unrecorded_lsc:", err)
	}
	// The parameter for names is one for our own, not for another cluster's.
	h.set("lsc_common_name", "lab-{name}")
	h.refused(sep, lsc(foreign, "lab-"+sep), "")
	h.refused(sep, lsc(ours, "den-"+sep), "does not belong to the device")
	if err := h.shows(sep, lsc(ours, "lab-"+sep)); err != nil {
		t.Error("in the form of lsc_common_name:", err)
	}
	h.set("lsc_common_name", "{name}")
	// An earlier CAPF certificate of ours does not become another cluster's.
	if _, _, err := h.capf().Regenerate(t.Context(), operator, nil, 2048, authority.Delay{}); err != nil {
		t.Fatal(err)
	}
	rows, err := h.base.Store.Trust(t.Context(), store.CAPFTrust)
	if err != nil {
		t.Fatal(err)
	}
	h.enrolled("ours") // serve goes on with the earlier one
	uses := store.ForLSC | store.ForForeignLSC
	if _, _, _, err := h.trustStores().Edit(t.Context(), operator, rows[len(rows)-1:], store.TrustEdit{For: &uses}); !errors.Is(err, apperr.ErrRefused) {
		t.Error("for foreign-lsc:", err)
	}
	// What the record knows is judged by it all the same.
	old, _ := h.enrolAgain(sep)
	h.enrolAgain(sep)
	h.refused(sep, old, "was replaced on")
}

// TestLSCAsMIC: an LSC of ours does not become a MIC by being called one, not
// even when the device has gone whose name it bears.
func TestLSCAsMIC(t *testing.T) {
	t.Parallel()
	h := open(t)
	const longer, victim = "x-SEP0000000000BB", "SEP0000000000BB"
	id, _ := h.enrolled(longer)
	h.add(victim, store.Install)
	for _, gone := range []bool{false, true} {
		if gone {
			if err := h.base.Store.DeleteDevice(t.Context(), operator, longer); err != nil {
				t.Fatal(err)
			}
		}
		h.refused(victim, id, `is of the device "`+longer+`"`)
		id.Type = wire.TypeMIC
		h.declined(victim, "Upgrade Failed: Invalid MIC", h.shows(victim, id))
		id.Type = wire.TypeLSC
	}
}
