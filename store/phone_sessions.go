package store

import (
	"bytes"
	"context"
	"strings"
)

// Failure is how a phone's session failed.
type Failure struct {
	DeviceID int64  // 0 for a device that there is not: only the event is written
	Schedule int64  // the device's when the session began
	Session  int64  // of BeginInstall, 0 before that
	Status   Status // for the device; empty leaves what it has
	Action   string // of the event; empty is what the status is about, or session
	Step     string
	Outcome  string
	Detail   string
	// Unrecorded leaves out the event, and a status that the device has already.
	Unrecorded bool
}

// about is the action that a status tells of.
func about(status Status) string {
	switch {
	case strings.HasPrefix(string(status), "upgrade-"):
		return "enroll"
	case strings.HasPrefix(string(status), "delete-"):
		return "delete"
	case strings.HasPrefix(string(status), "troubleshoot-"):
		return "troubleshoot"
	}
	return "session"
}

// NoteFailure sets the status, unless meanwhile another session has completed the
// operation or a later one has sent a key, a newer operation has been scheduled or
// the device has been deleted, and records the failure, unless it is not to be.
// The operation stays scheduled.
func (s *Store) NoteFailure(ctx context.Context, a Actor, f Failure) error {
	if f.Unrecorded && (f.DeviceID == 0 || f.Status == "") {
		return nil
	}
	err := s.change(ctx, func(t *tx) error { return recordFailure(t, a, f) })
	return failed(err, "recording the failure of device %q", a.Name)
}

func recordFailure(t *tx, a Actor, f Failure) error {
	if f.Action == "" {
		f.Action = about(f.Status)
	}
	if f.Session != 0 { // how the later session fares is how the operation fares
		later, err := hasBeenOvertaken(t, f.DeviceID, f.Session)
		if err != nil {
			return err
		}
		if later {
			f.Status = ""
		}
	}
	if err := setStatus(t, f.DeviceID, f.Schedule, f.Status); err != nil || f.Unrecorded {
		return err
	}
	return t.event(a, a.Name, EventText{Action: f.Action, Step: f.Step, Outcome: f.Outcome, Detail: f.Detail})
}

// setStatus says how an operation fares, "" nothing, while it is still the one
// of that schedule and not completed. Whoever has something to say of an
// operation that a phone did not confirm says it here.
func setStatus(t *tx, deviceID, schedule int64, status Status) error {
	if status == "" {
		return nil
	}
	_, err := t.exec("UPDATE devices SET status = ?, updated_at = ? WHERE id = ? AND schedule = ? AND operation <> 'none' AND status <> ?",
		string(status), millis(t.now), deviceID, schedule, string(status))
	return err
}

// BeginInstall numbers a session that has authenticated for an installation: of
// two sessions of a device the later one has the greater number, whatever
// processes they are with. A phone sends its key when it has been asked for it,
// and it is asked after this. ErrConflict: the device has been deleted.
func (s *Store) BeginInstall(ctx context.Context, device Device) (session int64, err error) {
	err = s.change(ctx, func(t *tx) error {
		err := t.row("UPDATE devices SET sessions = sessions + 1 WHERE id = ? RETURNING sessions", device.ID).Scan(&session)
		if err == ErrNotFound {
			return conflict("the device has been deleted")
		}
		return err
	})
	return session, failed(err, "numbering the session of device %q", device.Name)
}

// NoteAuthenticated forgets wrong strings, keeps the certificates that the
// phone showed, notes the network from which it did, unless that is "", and
// takes an LSC with the fingerprint (SHA-256) that has not been confirmed,
// issued or stale, for installed: the phone evidently has it.
// When all of that is so already, as in most sessions, it only reads. Of a
// device that has been deleted there is nothing to note.
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
	serial, err := evidentState(t, deviceID, lscFingerprint)
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

// anythingNew says whether NoteAuthenticated has something to write.
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

// noteShown keeps the newest certificate of each kind.
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

const (
	// outlived is true of an LSC l whose phone has confirmed one for a key that it
	// sent later. A phone has one LSC, so whoever still shows l is not the phone.
	outlived = `EXISTS (SELECT 1 FROM lscs AS later
		WHERE later.device_id = l.device_id AND later.installed_at > 0 AND later.request_id > l.request_id)`
	selectEvident = "SELECT id, serial FROM lscs AS l WHERE device_id = ? AND state IN ('issued', 'stale') AND fingerprint = ? AND NOT " + outlived
)

// evidentState takes an issued or stale LSC with the fingerprint for installed and
// returns its serial, "" when there is none. That is not the confirmation that
// ends the count of the unconfirmed: it counts as one more of them, unless
// it has been counted when it became stale. Else each LSC could fetch the next.
func evidentState(t *tx, deviceID int64, fingerprint []byte) (string, error) {
	if fingerprint == nil {
		return "", nil
	}
	var id int64
	var serial string
	err := t.row(selectEvident, deviceID, fingerprint).Scan(&id, &serial)
	if err == ErrNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	_, err = t.exec("UPDATE devices SET unconfirmed = unconfirmed + 1 WHERE id = ? AND EXISTS (SELECT 1 FROM lscs WHERE id = ? AND state = 'issued')", deviceID, id)
	if err != nil {
		return "", err
	}
	return serial, installLSC(t, id, deviceID)
}
