package store

import (
	"context"
	"fmt"
	"time"
)

// RevokedLSC is what RevokeLSCs has done to one LSC.
type RevokedLSC struct {
	LSC
	// Changed is false when it was revoked already and is left as it was.
	Changed bool
}

// RevokeLSCs revokes the LSCs with the ids for the reason, whatever their states
// are, and returns them, without their certificates, as they stand then. It takes them in portions, so that
// phones need not wait for the whole; with an error, those that it returns are
// revoked. One that was revoked before stays so from that time on; only a
// certificate-hold is changed into another reason, and any reason into the
// compromise of the key, which must not be hidden behind a milder one. A request
// that waits for its issuer and that a revoked LSC vouched for is superseded, as
// if the phone had come anew: what its issuer still signs becomes stale. There is
// an event for each. ErrNotFound: there is none with one of the ids.
func (s *Store) RevokeLSCs(ctx context.Context, a Actor, ids []int64, reason RevocationReason) ([]RevokedLSC, error) {
	var done []RevokedLSC
	for len(ids) > 0 {
		some := ids[:min(len(ids), portion)]
		ids = ids[len(some):]
		var rows []RevokedLSC
		err := s.change(ctx, func(t *tx) error {
			rows = rows[:0]
			for _, id := range some {
				r, err := revokeLSC(t, a, id, reason)
				if err != nil {
					return err
				}
				rows = append(rows, r)
			}
			return nil
		})
		if err != nil {
			return done, failed(err, "revoking LSCs")
		}
		done = append(done, rows...)
	}
	return done, nil
}

func revokeLSC(t *tx, a Actor, id int64, reason RevocationReason) (r RevokedLSC, err error) {
	if err := t.row("SELECT "+lscColumns+" FROM lscs AS l WHERE id = ?", id).Scan(r.fields()...); err != nil {
		return r, err
	}
	r.Certificate = nil
	was := r.LSC
	held := LSCState("")
	switch {
	case was.State != LSCRevoked && reason == CertificateHold:
		held = was.State
		if held == LSCIssued { // whether the phone has stored it will never be known
			held = LSCStale
		}
	case was.State != LSCRevoked:
	case was.Reason == reason, was.Reason != CertificateHold && reason != KeyCompromise:
		return r, nil
	}
	r.State, r.Reason, r.Held, r.Changed = LSCRevoked, reason, held, true
	if was.State != LSCRevoked {
		r.RevokedAt = t.now
	}
	_, err = t.exec("UPDATE lscs SET state = 'revoked', revoked_at = ?, reason = ?, held = ? WHERE id = ?",
		millis(r.RevokedAt), string(reason), string(held), id)
	if err != nil {
		return r, err
	}
	if err := distrustLSC(t, r.LSC); err != nil {
		return r, err
	}
	return r, t.event(a, r.Device, EventText{Action: "lsc-revoke",
		Detail: fmt.Sprintf("serial %s, which was %s: %s", r.Serial, stateInWords(was), reason)})
}

// revokeAllOf revokes what a phone that calls itself like the device may still use.
func revokeAllOf(t *tx, a Actor, d Device, reason RevocationReason) error {
	q := query{selection: "SELECT id FROM lscs", order: "id"}
	q.where("(device_id = ? OR device_id IS NULL AND device = ?)", d.ID, d.Name)
	q.where("not_after >= ? AND (state <> 'revoked' OR reason = 'certificate-hold')", millis(t.now))
	ids, err := rowsOf(t, q, func(id *int64) []any { return []any{id} })
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := revokeLSC(t, a, id, reason); err != nil {
			return err
		}
	}
	return nil
}

// stateInWords returns the state in words, with the reason of an earlier
// revocation.
func stateInWords(l LSC) string {
	if l.State == LSCRevoked {
		return fmt.Sprintf("revoked (%s)", l.Reason)
	}
	return string(l.State)
}

// distrustLSC supersedes requests that a revoked LSC vouched for and no issuer
// has signed yet.
func distrustLSC(t *tx, l LSC) error {
	_, err := t.exec("UPDATE requests SET state = 'superseded', reason = ? WHERE state = 'pending' AND voucher = 'lsc' AND voucher_fingerprint = ?",
		"the LSC with serial "+l.Serial+", with which the phone authenticated, has been revoked", l.Fingerprint)
	return err
}

// revokeLike revokes a late LSC if the LSC with which its phone authenticated
// has been revoked, and for the same reason: what a thief has requested is no
// better than what they have stolen.
func revokeLike(t *tx, a Actor, l *LSC) error {
	var reason RevocationReason
	err := t.row(`SELECT v.reason FROM lscs AS v, requests AS r WHERE r.id = ? AND r.voucher = 'lsc' AND v.fingerprint = r.voucher_fingerprint
		AND v.state = 'revoked'`, l.RequestID).Scan((*string)(&reason))
	if err == ErrNotFound {
		return nil
	}
	if err == nil {
		var r RevokedLSC
		r, err = revokeLSC(t, a, l.ID, reason)
		l.State = r.State
	}
	return err
}

// ReleaseLSC lifts a certificate-hold: the LSC returns to its earlier state,
// or to what that has become meanwhile. An unconfirmed one becomes stale,
// until the phone uses it. ErrNotFound: there is none with the id;
// ErrConflict: it is not revoked, or for another reason, which is for good.
func (s *Store) ReleaseLSC(ctx context.Context, a Actor, id int64) (LSC, error) {
	var l LSC
	err := s.change(ctx, func(t *tx) error {
		if err := t.row("SELECT "+lscColumns+" FROM lscs AS l WHERE id = ?", id).Scan(l.fields()...); err != nil {
			return err
		}
		switch {
		case l.State != LSCRevoked:
			return conflict("the LSC %q is %s, not revoked", l.Serial, l.State)
		case l.Reason != CertificateHold:
			return conflict("the LSC %q is revoked for good: %s", l.Serial, l.Reason)
		}
		l.State, l.Held, l.Reason, l.RevokedAt = l.Held, "", "", time.Time{}
		if l.State != LSCInstalled && l.EndedAt.IsZero() {
			l.EndedAt = t.now
		}
		_, err := t.exec("UPDATE lscs SET state = ?, ended_at = ?, revoked_at = 0, reason = '', held = '' WHERE id = ?",
			string(l.State), millis(l.EndedAt), id)
		if err != nil {
			return err
		}
		return t.event(a, l.Device, EventText{Action: "lsc-release", Detail: fmt.Sprintf("serial %s, which is %s again", l.Serial, l.State)})
	})
	return l, failed(err, "releasing an LSC")
}

// replaceHeld makes a release lead to replaced from now on, for an LSC of the
// device that is held and was the installed one.
func replaceHeld(t *tx, deviceID int64) error {
	// The last term is word for word that of the index lscs_held: on the way of
	// each phone, this finds nothing.
	_, err := t.exec("UPDATE lscs SET held = 'replaced', ended_at = ? WHERE device_id = ? AND held = 'installed'", millis(t.now), deviceID)
	return err
}
