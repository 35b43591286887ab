package store

import (
	"context"
	"time"
)

// MarkInstalled carries out the phone's confirmation of an LSC: it is
// installed, the one before it replaced. The operation is cleared with Upgrade
// Success when it is still the one of that schedule. An LSC that is installed
// already, by a session in which the phone authenticated with it, stays so. A stale one is installed all the same: an
// earlier session of the same phone, slow to notice that the phone had gone,
// overtook it, and what the phone says that it has is the truth. ErrConflict:
// it has been replaced or deleted, or its device has, or a later one has been confirmed; ErrNotFound: there is no row of it any more.
func (s *Store) MarkInstalled(ctx context.Context, a Actor, lscID, schedule int64) error {
	err := s.change(ctx, func(t *tx) error {
		deviceID, state, err := stateOfLSC(t, lscID)
		switch {
		case err != nil:
			return err
		case deviceID == 0:
			return conflict("the device has been deleted")
		case state == LSCInstalled:
			if err := clearUnconfirmed(t, deviceID); err != nil {
				return err
			}
			return completeOperation(t, a, deviceID, schedule)
		case state != LSCIssued && state != LSCStale:
			return conflict("it is %s", state)
		}
		if err := mustNotBeOutlived(t, lscID); err != nil {
			return err
		}
		if err := installLSC(t, lscID, deviceID); err != nil {
			return err
		}
		if err := clearUnconfirmed(t, deviceID); err != nil {
			return err
		}
		if err := succeedOperation(t, deviceID, schedule, Install); err != nil {
			return err
		}
		return t.event(a, a.Name, EventText{Action: "enroll", Step: "store"})
	})
	return failed(err, "marking the LSC of device %q as installed", a.Name)
}

// mustNotBeOutlived refuses the confirmation of an LSC after that of a later one.
func mustNotBeOutlived(t *tx, lscID int64) error {
	var yes bool
	err := t.row("SELECT EXISTS (SELECT 1 FROM lscs AS l WHERE id = ? AND "+outlived+")", lscID).Scan(&yes)
	if err == nil && yes {
		err = conflict("the phone has confirmed a later one")
	}
	return err
}

// completeOperation clears the operation for an LSC that is installed already. It
// writes an event if there was something to clear.
func completeOperation(t *tx, a Actor, deviceID, schedule int64) error {
	var open bool
	err := t.row("SELECT EXISTS (SELECT 1 FROM devices WHERE id = ? AND schedule = ? AND operation = 'install')", deviceID, schedule).Scan(&open)
	if err != nil || !open {
		return err
	}
	if err := succeedOperation(t, deviceID, schedule, Install); err != nil {
		return err
	}
	return t.event(a, a.Name, EventText{Action: "enroll", Step: "store"})
}

func stateOfLSC(t *tx, lscID int64) (deviceID int64, state LSCState, err error) {
	err = t.row("SELECT device_id, state FROM lscs WHERE id = ?", lscID).Scan((*optional)(&deviceID), (*string)(&state))
	return deviceID, state, err
}

// succeedOperation clears the operation unless a new one has been scheduled, and with it
// a single-use string.
func succeedOperation(t *tx, deviceID, schedule int64, op Operation) error {
	_, err := t.exec(`UPDATE devices SET operation = 'none', completes_by = 0, status = ?, updated_at = ?,
		sealed_string = CASE WHEN string_used THEN NULL ELSE sealed_string END, string_used = 0 WHERE id = ? AND schedule = ?`,
		string(Succeeded(op)), millis(t.now), deviceID, schedule)
	return err
}

// MarkRefused makes an LSC stale that the phone did not store, and records
// the failure. ErrConflict: it is no longer in the state issued; ErrNotFound:
// it has been deleted.
func (s *Store) MarkRefused(ctx context.Context, a Actor, lscID int64, f Failure) error {
	err := s.change(ctx, func(t *tx) error {
		deviceID, state, err := stateOfLSC(t, lscID)
		if err != nil {
			return err
		}
		if state != LSCIssued {
			return conflict("it is %s", state)
		}
		if _, err := t.exec("UPDATE lscs SET state = 'stale', ended_at = ? WHERE id = ?", millis(t.now), lscID); err != nil {
			return err
		}
		if _, err := t.exec("UPDATE devices SET unconfirmed = unconfirmed + 1 WHERE id = ?", deviceID); err != nil {
			return err
		}
		return recordFailure(t, a, f)
	})
	return failed(err, "marking the LSC of device %q as refused", a.Name)
}

// MarkDeleted carries out the phone's confirmation that it has deleted its
// LSC. The operation is cleared with Delete Success when it is still the one
// of that schedule. ErrNotFound: the device has been deleted.
func (s *Store) MarkDeleted(ctx context.Context, a Actor, deviceID, schedule int64) error {
	err := s.change(ctx, func(t *tx) error {
		var name string
		if err := t.row("SELECT name FROM devices WHERE id = ?", deviceID).Scan(&name); err != nil {
			return err
		}
		// LSCs that were never confirmed are no longer on the phone either.
		_, err := t.exec("UPDATE lscs SET state = 'deleted', ended_at = ? WHERE device_id = ? AND state IN ('installed', 'issued', 'stale')",
			millis(t.now), deviceID)
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE lscs SET held = 'deleted', ended_at = ? WHERE device_id = ? AND held IN ('installed', 'stale')", millis(t.now), deviceID)
		if err != nil {
			return err
		}
		if err := succeedOperation(t, deviceID, schedule, Delete); err != nil {
			return err
		}
		return t.event(a, name, EventText{Action: "delete", Step: "delete"})
	})
	return failed(err, "marking the LSC of device %q as deleted", a.Name)
}

// MarkFetched stores the certificates that a phone sent in a Troubleshoot, one of
// each kind. An unconfirmed LSC among them becomes installed. The operation is
// cleared with Troubleshoot Success when it is still the one of that schedule.
// ErrNotFound: the device has been deleted.
func (s *Store) MarkFetched(ctx context.Context, a Actor, deviceID, schedule int64, certs []DeviceCertificate) error {
	err := s.change(ctx, func(t *tx) error {
		var name string
		if err := t.row("SELECT name FROM devices WHERE id = ?", deviceID).Scan(&name); err != nil {
			return err
		}
		if err := noteShown(t, deviceID, certs); err != nil {
			return err
		}
		for _, c := range certs {
			sum := fingerprint(c.Certificate)
			if _, err := installShown(t, deviceID, sum); err != nil {
				return err
			}
		}
		if err := succeedOperation(t, deviceID, schedule, Troubleshoot); err != nil {
			return err
		}
		return t.event(a, name, EventText{Action: "troubleshoot", Step: "fetch"})
	})
	return failed(err, "keeping the certificates of device %q", a.Name)
}

// ForgetPossession records that the phone cannot prove possession of its key,
// so that it is not asked again. ErrNotFound: the device has been deleted.
func (s *Store) ForgetPossession(ctx context.Context, a Actor, deviceID int64) error {
	err := s.change(ctx, func(t *tx) error {
		var name string
		var known bool
		err := t.row("SELECT name, no_possession FROM devices WHERE id = ?", deviceID).Scan(&name, &known)
		if err != nil || known {
			return err
		}
		if _, err := t.exec("UPDATE devices SET no_possession = 1, updated_at = ? WHERE id = ?", millis(t.now), deviceID); err != nil {
			return err
		}
		return t.event(a, name, EventText{Action: "enroll", Step: "possession", Outcome: "not-supported"})
	})
	return failed(err, "noting that device %q proves no possession", a.Name)
}

// Outlived reports whether the phone has confirmed an LSC for a key that it
// sent after that of l. In that case l is no longer on the phone, whether or
// not it was ever confirmed.
func (s *Reader) Outlived(ctx context.Context, l LSC) (yes bool, err error) {
	err = s.point(ctx, "SELECT EXISTS (SELECT 1 FROM lscs AS l WHERE id = ? AND "+outlived+")", []any{l.ID}, &yes)
	return yes, failed(err, "looking for a later LSC of device %q", l.Device)
}

// ConfirmedAfter reports whether the phone of a device has confirmed an LSC after
// the time, by a message or by using it.
func (s *Reader) ConfirmedAfter(ctx context.Context, deviceID int64, after time.Time) (yes bool, err error) {
	err = s.point(ctx, "SELECT EXISTS (SELECT 1 FROM lscs WHERE device_id = ? AND installed_at > ?)", []any{deviceID, millis(after)}, &yes)
	return yes, failed(err, "looking for the confirmations of a device")
}

// installLSC makes an issued or stale LSC the installed one of its device.
func installLSC(t *tx, lscID, deviceID int64) error {
	_, err := t.exec("UPDATE lscs SET state = 'replaced', ended_at = ? WHERE device_id = ? AND state = 'installed'",
		millis(t.now), deviceID)
	if err != nil {
		return err
	}
	if err := replaceHeld(t, deviceID); err != nil {
		return err
	}
	_, err = t.exec("UPDATE lscs SET state = 'installed', installed_at = ?, ended_at = 0 WHERE id = ? AND state IN ('issued', 'stale')",
		millis(t.now), lscID)
	return err
}

const (
	// outlived is the condition for an LSC l whose phone has confirmed one for a
	// later key. A phone has one LSC, so whoever still presents l is not the
	// phone.
	outlived = `EXISTS (SELECT 1 FROM lscs AS later
		WHERE later.device_id = l.device_id AND later.installed_at > 0 AND later.request_id > l.request_id)`
	selectEvident = "SELECT id, serial FROM lscs AS l WHERE device_id = ? AND state IN ('issued', 'stale') AND fingerprint = ? AND NOT " + outlived
)

// installShown marks an issued or stale LSC with the fingerprint as installed and
// returns its serial, "" when there is none. This does not reset the count of
// unconfirmed LSCs: it counts as one more, unless it was counted when it became
// stale. Otherwise each LSC could be used to get the next.
func installShown(t *tx, deviceID int64, fingerprint []byte) (string, error) {
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
