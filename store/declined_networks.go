package store

import (
	"context"
	"fmt"
	"time"
)

const (
	// maxKnownNetworks is the largest number of networks from which a device is known.
	maxKnownNetworks = 8
	// declinedShown is how long a network is listed after it was declined.
	declinedShown = 24 * time.Hour
)

// Declined is a network that has sent too many wrong authentication strings.
type Declined struct {
	Network string
	Until   time.Time
	Times   int // since it was last off the list
}

// NetworkDeclined returns the time until which strings from the network are not
// compared for the device, zero when they are. A declined network is not
// declined for devices that have authenticated from it and have sent no wrong
// string from it since.
func (s *Reader) NetworkDeclined(ctx context.Context, deviceID int64, network string) (until time.Time, err error) {
	err = s.point(ctx, networkDeclined, []any{network, millis(s.options.Now()), millis(s.options.Now().Add(LockTime)), deviceID, network}, (*instant)(&until))
	if err == ErrNotFound {
		return time.Time{}, nil
	}
	return until, failed(err, "looking whether %s is declined", network)
}

const networkDeclined = `SELECT until FROM declined_networks WHERE network = ? AND until > ? AND until <= ?
	AND NOT EXISTS (SELECT 1 FROM device_networks WHERE device_id = ? AND network = ?)`

// declinedUntil is NetworkDeclined within a transaction.
func declinedUntil(t *tx, deviceID int64, network string) (until time.Time, err error) {
	err = t.row(networkDeclined, network, millis(t.now), millis(t.now.Add(LockTime)), deviceID, network).Scan((*instant)(&until))
	if err == ErrNotFound {
		return time.Time{}, nil
	}
	return until, err
}

// noteNetwork is noteKnownNetwork in its own transaction. It writes nothing
// for a device that is already known from there, as most are.
func (s *Store) noteNetwork(ctx context.Context, deviceID int64, network string) error {
	var known bool
	err := s.point(ctx, "SELECT EXISTS (SELECT 1 FROM device_networks WHERE device_id = ? AND network = ?)", []any{deviceID, network}, &known)
	if err != nil || known {
		return err
	}
	return s.change(ctx, func(t *tx) error { return noteKnownNetwork(t, deviceID, network) })
}

// noteKnownNetwork notes that the device has authenticated from the network.
func noteKnownNetwork(t *tx, deviceID int64, network string) error {
	n, err := t.exec(`INSERT INTO device_networks (device_id, network, at) SELECT id, ?, ? FROM devices WHERE id = ? ON CONFLICT DO NOTHING`,
		network, millis(t.now), deviceID)
	if err != nil || n == 0 {
		return err
	}
	_, err = t.exec(`DELETE FROM device_networks WHERE device_id = ? AND network NOT IN
		(SELECT network FROM device_networks WHERE device_id = ? ORDER BY at DESC LIMIT ?)`, deviceID, deviceID, maxKnownNetworks)
	return err
}

// noteGuessFrom counts a wrong string for a device from the network. If that
// string gets the network declined, it returns until when. For a network that
// is declined already nothing is counted.
func noteGuessFrom(t *tx, a Actor, deviceID int64, network string, l GuessLimits) (until time.Time, err error) {
	if _, err := t.exec("DELETE FROM device_networks WHERE device_id = ? AND network = ?", deviceID, network); err != nil {
		return until, err
	}
	if l.Network == 0 {
		return until, nil
	}
	if until, err = declinedUntil(t, deviceID, network); err != nil || !until.IsZero() {
		return time.Time{}, err
	}
	since := millis(t.now.Add(-l.Span))
	if _, err := t.exec("DELETE FROM wrong_strings WHERE at <= ? OR at > ?", since, millis(t.now.Add(l.Span))); err != nil {
		return until, err
	}
	if _, err := t.exec("INSERT INTO wrong_strings (at, network) VALUES (?, ?)", millis(t.now), network); err != nil {
		return until, err
	}
	var n int
	if err := t.row("SELECT count(*) FROM wrong_strings WHERE network = ? AND at > ?", network, since).Scan(&n); err != nil || n < l.Network {
		return until, err
	}
	return declineNetwork(t, a, network, n, l.Span)
}

func declineNetwork(t *tx, a Actor, network string, wrong int, span time.Duration) (until time.Time, err error) {
	until = t.now.Add(span)
	if _, err = t.exec("DELETE FROM wrong_strings WHERE network = ?", network); err != nil {
		return until, err
	}
	if _, err = t.exec("DELETE FROM declined_networks WHERE until <= ?", millis(t.now.Add(-declinedShown))); err != nil {
		return until, err
	}
	_, err = t.exec("INSERT INTO declined_networks (network, until) VALUES (?, ?) ON CONFLICT (network) DO UPDATE SET until = excluded.until, times = times + 1",
		network, millis(until))
	if err != nil {
		return until, err
	}
	return until, t.event(a, "", EventText{Action: "address-decline", Step: "authenticate", Outcome: "locked",
		Detail: fmt.Sprintf("%s until %s: %d wrong strings within %.0f minutes", network, until.Format(time.RFC3339), wrong, span.Minutes())})
}

// DeclinedNetworks returns the networks declined within the last day, the
// newest first, at most limit of them, and how many are declined now and in
// all.
func (s *Reader) DeclinedNetworks(ctx context.Context, limit int) (list []Declined, now, all int64, err error) {
	at := s.options.Now()
	since := millis(at.Add(-declinedShown))
	list, err = few(ctx, s, "SELECT network, until, times FROM declined_networks WHERE until > ? ORDER BY until DESC LIMIT ?", []any{since, limit},
		func(d *Declined) []any { return []any{&d.Network, (*instant)(&d.Until), &d.Times} })
	if err == nil {
		err = s.point(ctx, "SELECT count(*), coalesce(sum(until > ?), 0) FROM declined_networks WHERE until > ?", []any{millis(at), since}, &all, &now)
	}
	return list, now, all, failed(err, "looking for declined addresses")
}
