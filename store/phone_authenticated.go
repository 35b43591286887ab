package store

import (
	"bytes"
	"context"
)

// NoteAuthenticated resets the count of wrong strings, stores the
// certificates that the phone sent, notes the network it came from, unless
// that is "", and marks an unconfirmed LSC (issued or stale) with the
// fingerprint (SHA-256) as installed: the phone evidently has it. When
// there is nothing new, as in most sessions, it only reads. For a deleted
// device it does nothing.
func (s *Store) NoteAuthenticated(ctx context.Context, a Actor, deviceID int64, network string, certs []DeviceCertificate, lscFingerprint []byte) error {
	news, err := s.anythingNew(ctx, deviceID, certs, lscFingerprint)
	if err == nil && !news && network != "" {
		err = s.noteNetwork(ctx, deviceID, network)
	}
	if err == nil && news {
		err = s.change(ctx, func(t *tx) error { return noteAuthenticated(t, a, deviceID, network, certs, lscFingerprint) })
	}
	return failed(err, "noting that device %q has authenticated", a.Name)
}

func noteAuthenticated(t *tx, a Actor, deviceID int64, network string, certs []DeviceCertificate, lscFingerprint []byte) error {
	n, err := t.exec("UPDATE devices SET wrong_strings = 0 WHERE id = ?", deviceID)
	if err != nil || n == 0 { // deleted since
		return err
	}
	if err := noteShown(t, deviceID, certs); err != nil {
		return err
	}
	serial, err := installShown(t, deviceID, lscFingerprint)
	if err != nil {
		return err
	}
	if network != "" {
		if err := noteKnownNetwork(t, deviceID, network); err != nil {
			return err
		}
	}
	e := EventText{Action: "authenticate", Step: "authenticate"}
	if serial != "" {
		e.Detail = "the phone has installed the LSC with serial " + serial
	}
	return t.event(a, a.Name, e)
}

// anythingNew reports whether NoteAuthenticated has something to write.
func (s *Reader) anythingNew(ctx context.Context, deviceID int64, certs []DeviceCertificate, fingerprint []byte) (bool, error) {
	var wrong int
	err := s.point(ctx, "SELECT wrong_strings FROM devices WHERE id = ?", []any{deviceID}, &wrong)
	if err == ErrNotFound {
		return false, nil
	}
	if err != nil || wrong != 0 {
		return true, err
	}
	for _, c := range certs {
		var known []byte
		err := s.point(ctx, "SELECT certificate FROM device_certificates WHERE device_id = ? AND kind = ?",
			[]any{deviceID, c.Kind}, &known)
		if err != nil && err != ErrNotFound {
			return false, err
		}
		if !bytes.Equal(known, c.Certificate) {
			return true, nil
		}
	}
	if fingerprint == nil {
		return false, nil
	}
	var evident bool
	err = s.point(ctx, "SELECT EXISTS ("+selectEvident+")", []any{deviceID, fingerprint}, &evident)
	return evident, err
}

// noteShown stores the newest certificate of each kind.
func noteShown(t *tx, deviceID int64, certs []DeviceCertificate) error {
	for _, c := range certs {
		_, err := t.exec(`INSERT INTO device_certificates (device_id, kind, seen_at, certificate) VALUES (?, ?, ?, ?)
			ON CONFLICT (device_id, kind) DO UPDATE SET seen_at = excluded.seen_at, certificate = excluded.certificate`,
			deviceID, c.Kind, millis(t.now), c.Certificate)
		if err != nil {
			return err
		}
	}
	return nil
}
