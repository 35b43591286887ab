package store

import (
	"context"
	"strings"
)

// Failure says how a phone's session failed.
type Failure struct {
	DeviceID int64  // 0 when there is no such device: only the event is written
	Schedule int64  // the device's when the session began
	Session  int64  // of BeginInstall, 0 before that
	Status   Status // for the device; empty leaves it unchanged
	Action   string // of the event; empty is what the status is about, or session
	Step     string
	Outcome  string
	Detail   string
	// Unrecorded omits the event, and a status that the device already has.
	Unrecorded bool
}

// about returns the action that a status is about.
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
	if f.Session != 0 { // the later session decides how the operation fares
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
