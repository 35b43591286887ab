package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ListKey is a key whose certificate stands in the trust lists of phones as SAST.
type ListKey struct {
	ID          int64
	Fingerprint string // SHA-256 of the certificate, hexadecimal
	Certificate []byte // DER
	SealedKey   []byte // PKCS#8, sealed
	ListedAt    time.Time
	CeasedAt    time.Time // when it ceased to sign; zero for one that never did, or signs
	CopiedAt    time.Time // when a copy was last known outside of the database
}

// ListSigning is who signs trust lists, and who is next.
type ListSigning struct {
	Signer     ListKey
	Spare      ListKey // without an id: there is none
	SignsSince time.Time
	DueAt      time.Time // when the spare is to sign; zero: nothing is planned
	PlannedAt  time.Time // when that was decided
	PlannedBy  string
}

// HasSpare says whether there is a second key.
func (l *ListSigning) HasSpare() bool { return l.Spare.ID != 0 }

const listKeyColumns = "k.id, k.fingerprint, k.certificate, k.sealed_key, k.listed_at, k.ceased_at, k.copied_at"

func (k *ListKey) fields() []any {
	return []any{&k.ID, &k.Fingerprint, &k.Certificate, &k.SealedKey, (*instant)(&k.ListedAt), (*instant)(&k.CeasedAt), (*instant)(&k.CopiedAt)}
}

// ListSigning returns the keys of trust lists. ErrNotFound: there are none yet.
func (s *Reader) ListSigning(ctx context.Context) (ListSigning, error) {
	type row struct {
		ListSigning
		key   ListKey
		signs bool
	}
	// Both keys in one statement, so that they are of one moment.
	rows, err := few(ctx, s, `SELECT s.signs_since, s.due_at, s.planned_at, s.planned_by, k.id = s.signer, `+listKeyColumns+`
		FROM list_signing AS s JOIN list_keys AS k ON k.id = s.signer OR k.id = s.spare`, nil, func(r *row) []any {
		return append([]any{(*instant)(&r.SignsSince), (*instant)(&r.DueAt), (*instant)(&r.PlannedAt), &r.PlannedBy, &r.signs}, r.key.fields()...)
	})
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return ListSigning{}, failed(err, "reading the keys of trust lists")
	}
	l := rows[0].ListSigning
	for _, r := range rows {
		if r.signs {
			l.Signer = r.key
		} else {
			l.Spare = r.key
		}
	}
	return l, nil
}

// ListsExist says whether there are keys for trust lists, and so lists.
func (s *Reader) ListsExist(ctx context.Context) (is bool, err error) {
	err = s.point(ctx, "SELECT EXISTS (SELECT 1 FROM list_signing)", nil, &is)
	return is, failed(err, "asking for the keys of trust lists")
}

// BeginLists stores the first key that signs trust lists, and a spare unless that is nil.
// ErrConflict: there are keys already.
func (s *Store) BeginLists(ctx context.Context, a Actor, signer ListKey, spare *ListKey) error {
	err := s.change(ctx, func(t *tx) error {
		var is bool
		if err := t.row("SELECT EXISTS (SELECT 1 FROM list_signing)").Scan(&is); err != nil {
			return err
		}
		if is {
			return conflict("there are keys already")
		}
		first, err := insertListKey(t, signer, t.now)
		if err != nil {
			return err
		}
		detail := "SHA-256 " + signer.Fingerprint + " signs"
		var second any
		if spare != nil {
			if second, err = insertListKey(t, *spare, t.now); err != nil {
				return err
			}
			detail += ", SHA-256 " + spare.Fingerprint + " is the spare"
		}
		if _, err := t.exec("INSERT INTO list_signing (id, signer, spare, signs_since) VALUES (1, ?, ?, ?)", first, second, millis(t.now)); err != nil {
			return err
		}
		if err := t.event(a, "", EventText{Action: "trust-list-keys", Detail: detail}); err != nil {
			return err
		}
		return listsChanged(t)
	})
	return failed(err, "keeping the keys of trust lists")
}

func insertListKey(t *tx, k ListKey, since time.Time) (int64, error) {
	return t.insert("INSERT INTO list_keys (fingerprint, certificate, sealed_key, listed_at, copied_at) VALUES (?, ?, ?, ?, ?)",
		k.Fingerprint, k.Certificate, k.SealedKey, millis(since), millis(k.CopiedAt))
}

// ListPlan says when the spare is to sign.
type ListPlan struct {
	Due   time.Time // zero: nothing is planned
	Since time.Time // when that was decided
}

// SetListSpare stores a key as the next one to sign, and when it is to. The spare that it replaces is forgotten. ErrConflict: the keys are not as seen any more, or the spare is to sign at a
// time that has been planned.
func (s *Store) SetListSpare(ctx context.Context, a Actor, seen ListSigning, next ListKey, plan ListPlan) error {
	err := s.change(ctx, func(t *tx) error {
		if !seen.DueAt.IsZero() {
			return conflict("the spare is to sign at a planned time")
		}
		// Later than the signer by at least the smallest difference: lists that it has
		// signed may be without this one.
		since := t.now
		if least := seen.SignsSince.Add(time.Millisecond); since.Before(least) {
			since = least
		}
		id, err := insertListKey(t, next, since)
		if err != nil {
			return err
		}
		if err := changeSigning(t, seen, "spare = ?", id); err != nil {
			return err
		}
		detail := "SHA-256 " + next.Fingerprint + " is the next to sign"
		if !plan.Due.IsZero() {
			if err := planSwitch(t, a, plan); err != nil {
				return err
			}
			detail += ", from " + plan.Due.UTC().Format(time.RFC3339) + " on"
		}
		if seen.HasSpare() {
			if _, err := t.exec("DELETE FROM list_keys WHERE id = ?", seen.Spare.ID); err != nil {
				return err
			}
			detail += "; SHA-256 " + seen.Spare.Fingerprint + " is forgotten"
		}
		if err := t.event(a, "", EventText{Action: "trust-list-spare", Detail: detail}); err != nil {
			return err
		}
		return listsChanged(t)
	})
	return failed(err, "keeping the spare key of trust lists")
}

// changeSigning changes who signs, if that is as seen. ErrConflict.
func changeSigning(t *tx, seen ListSigning, set string, args ...any) error {
	n, err := t.exec("UPDATE list_signing SET "+set+" WHERE signer = ? AND coalesce(spare, 0) = ? AND due_at = ?", append(args, seen.Signer.ID, seen.Spare.ID, millis(seen.DueAt))...)
	if err == nil && n == 0 {
		err = conflict("the keys of trust lists were changed meanwhile")
	}
	return err
}

// PlanListSwitch has the spare sign at a time; without one, what was planned is taken back.
// ErrConflict: the keys are not as seen any more.
func (s *Store) PlanListSwitch(ctx context.Context, a Actor, seen ListSigning, plan ListPlan) error {
	err := s.change(ctx, func(t *tx) error {
		if err := changeSigning(t, seen, "due_at = 0, planned_at = 0, planned_by = ''"); err != nil {
			return err
		}
		detail := fmt.Sprintf("SHA-256 %s does not sign from %s on", seen.Spare.Fingerprint, seen.DueAt.UTC().Format(time.RFC3339))
		if !plan.Due.IsZero() {
			detail = fmt.Sprintf("SHA-256 %s signs from %s on", seen.Spare.Fingerprint, plan.Due.UTC().Format(time.RFC3339))
			if err := planSwitch(t, a, plan); err != nil {
				return err
			}
		}
		return t.event(a, "", EventText{Action: "trust-list-plan", Detail: detail})
	})
	return failed(err, "planning who signs trust lists")
}

func planSwitch(t *tx, a Actor, p ListPlan) error {
	_, err := t.exec("UPDATE list_signing SET due_at = ?, planned_at = ?, planned_by = ?", millis(p.Due), millis(p.Since), a.Name)
	return err
}

// SwitchListKeys has the spare sign, and the signer be the spare. ErrConflict: the keys
// are not as seen any more.
func (s *Store) SwitchListKeys(ctx context.Context, a Actor, seen ListSigning) error {
	err := s.change(ctx, func(t *tx) error { return switchListKeys(t, a, seen) })
	return failed(err, "changing who signs trust lists")
}

func switchListKeys(t *tx, a Actor, seen ListSigning) error {
	err := changeSigning(t, seen, "signer = ?, spare = ?, signs_since = ?, due_at = 0, planned_at = 0, planned_by = ''", seen.Spare.ID, seen.Signer.ID, millis(t.now))
	if err != nil {
		return err
	}
	if _, err := t.exec("UPDATE list_keys SET ceased_at = CASE id WHEN ? THEN ? ELSE 0 END", seen.Signer.ID, millis(t.now)); err != nil {
		return err
	}
	if err := listsChanged(t); err != nil {
		return err
	}
	return t.event(a, "", EventText{Action: "trust-list-rotate",
		Detail: fmt.Sprintf("SHA-256 %s signs; SHA-256 %s does not sign any more", seen.Spare.Fingerprint, seen.Signer.Fingerprint)})
}

// SwitchListKeysDue does SwitchListKeys where the time that was planned for it has come,
// and says whether it did.
func (s *Store) SwitchListKeysDue(ctx context.Context, a Actor) (done bool, err error) {
	seen, err := s.ListSigning(ctx)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	// A look costs no transaction: hardly ever is it time.
	if err != nil || seen.DueAt.IsZero() || s.options.Now().Before(seen.DueAt) {
		return false, err
	}
	err = s.change(ctx, func(t *tx) error {
		if t.now.Before(seen.DueAt) {
			return conflict("its time has not come")
		}
		return switchListKeys(t, a, seen)
	})
	if errors.Is(err, ErrConflict) { // somebody else changed it first
		return false, nil
	}
	return err == nil, failed(err, "changing who signs trust lists")
}

// MarkListKeyCopied records that a copy of a key has left the database. ErrNotFound: it
// is not there any more.
func (s *Store) MarkListKeyCopied(ctx context.Context, a Actor, fingerprint, to string) error {
	err := s.change(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE list_keys SET copied_at = ? WHERE fingerprint = ?", millis(t.now), fingerprint)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "trust-list-export", Detail: fmt.Sprintf("the private key of SHA-256 %s, to %s", fingerprint, to)})
	})
	return failed(err, "recording a copy of a key of trust lists")
}
