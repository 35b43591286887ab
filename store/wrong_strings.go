package store

import (
	"context"
	"time"
)

// GuessLimits say how many wrong authentication strings are tolerated; 0
// means no limit.
type GuessLimits struct {
	Device  int // for a device, in a row
	Network int // from a network, within Span, for any devices
	// Once says that a correct string is valid for one operation only.
	Once bool
	// Span is how long a device is locked and a network declined.
	Span time.Duration
}

// WrongString says what a wrong authentication string has caused.
type WrongString struct {
	// Locked is until when the device is locked, Declined until when the
	// network is declined; zero when it is not.
	Locked, Declined time.Time
	// Counted is false when the device was locked or the network declined
	// already, so that the string was no guess.
	Counted bool
}

// OutcomeWrongString is the outcome of an event that tells of a wrong authentication
// string that locked nothing.
const OutcomeWrongString = "wrong-string"

// NoteWrongString counts a wrong authentication string that came from the
// network, and sets the status, unless that is empty or the operation is not
// that of the schedule any more. The string that makes a
// count reach its limit locks the device or declines the network, and sets the
// count back. Strings that come while it is so are not counted: they are judged
// one after the other, here and in NoteRightString, so that no more of them than
// the limits can be tried however many have been compared meanwhile.
// ErrNotFound: the device has been deleted.
func (s *Store) NoteWrongString(ctx context.Context, a Actor, deviceID, schedule int64, network string, l GuessLimits, status Status) (w WrongString, err error) {
	err = s.change(ctx, func(t *tx) error {
		w = WrongString{}
		if l.Network > 0 {
			until, err := declinedUntil(t, deviceID, network)
			if err != nil || !until.IsZero() {
				w.Declined = until
				return err
			}
		}
		name, err := noteGuess(t, &w, deviceID, l)
		if err != nil {
			return err
		}
		if err := setStatus(t, deviceID, schedule, status); err != nil {
			return err
		}
		e := EventText{Action: about(status), Step: "authenticate", Outcome: OutcomeWrongString}
		switch {
		case !w.Counted:
			e.Outcome, e.Detail = "declined", "locked until "+w.Locked.Format(time.RFC3339)
		case !w.Locked.IsZero():
			e.Outcome, e.Detail = "locked", "until "+w.Locked.Format(time.RFC3339)
		}
		if err := t.event(a, name, e); err != nil || !w.Counted {
			return err
		}
		w.Declined, err = noteGuessFrom(t, a, deviceID, network, l)
		return err
	})
	if err != nil {
		return WrongString{}, failed(err, "counting a wrong authentication string")
	}
	return w, nil
}

// noteGuess counts a wrong string for the device, unless it is locked.
func noteGuess(t *tx, w *WrongString, deviceID int64, l GuessLimits) (name string, err error) {
	var count int
	err = t.row(`UPDATE devices SET wrong_strings = wrong_strings + (locked_until <= ? OR locked_until > ?), updated_at = ? WHERE id = ?
		RETURNING name, wrong_strings, locked_until`, millis(t.now), millis(t.now.Add(l.Span)), millis(t.now), deviceID).Scan(&name, &count, (*instant)(&w.Locked))
	if err != nil || inForce(w.Locked, t.now, l.Span) {
		return name, err
	}
	w.Counted, w.Locked = true, time.Time{}
	if l.Device == 0 || count < l.Device {
		return name, nil
	}
	w.Locked = t.now.Add(l.Span)
	_, err = t.exec("UPDATE devices SET wrong_strings = 0, locked_until = ?, locked_for = 'wrong-strings' WHERE id = ?", millis(w.Locked), deviceID)
	return name, err
}

// NoteRightString forgets wrong strings and notes that the device is known from
// the network, unless the one is locked or the other declined, which it returns:
// then the string is not to be taken. Of a device that has been deleted there is
// nothing to note.
func (s *Store) NoteRightString(ctx context.Context, a Actor, deviceID int64, network string, l GuessLimits) (w WrongString, err error) {
	err = s.change(ctx, func(t *tx) (err error) {
		w = WrongString{}
		if l.Network > 0 {
			if w.Declined, err = declinedUntil(t, deviceID, network); err != nil || !w.Declined.IsZero() {
				return err
			}
		}
		var wrong int
		err = t.row("SELECT wrong_strings, locked_until FROM devices WHERE id = ?", deviceID).Scan(&wrong, (*instant)(&w.Locked))
		if err == ErrNotFound {
			return nil
		}
		if err != nil || inForce(w.Locked, t.now, l.Span) {
			return err
		}
		w.Locked = time.Time{}
		if err := noteKnownNetwork(t, deviceID, network); err != nil || wrong == 0 && !l.Once {
			return err
		}
		n, err := t.exec("UPDATE devices SET wrong_strings = 0, string_used = ? WHERE id = ? AND (wrong_strings > 0 OR string_used <> ?)", l.Once, deviceID, l.Once)
		if err != nil || n == 0 {
			return err
		}
		e := EventText{Action: "authenticate", Step: "authenticate"}
		if l.Once {
			e.Detail = "the authentication string is good for this operation only"
		}
		return t.event(a, a.Name, e)
	})
	if err != nil {
		return WrongString{}, failed(err, "noting that device %q has authenticated", a.Name)
	}
	return w, nil
}
