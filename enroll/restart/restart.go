// Package restart tells which changes a running serve does not obey before it is
// restarted. A new CAPF certificate is one on purpose: phones have to trust it
// before they meet it. It knows what serve reads only when it begins, and compares
// that with what the database says now. It does not restart anything.
package restart

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"capf/crypto"
	"capf/enroll/liveness"
	"capf/enroll/settings"
	"capf/store"
)

// What a serve has in force, besides parameters, which have their own names.
const (
	Certificate = "certificate"
	masterKey   = "master key"
	schema      = "schema"
)

// Waiting is a change that a running serve does not obey yet.
type Waiting struct {
	Server store.Server
	What   string    // the name of a parameter, Certificate, or another word
	Old    string    // what it uses, in words
	New    string    // what it would use; "" when that has no name
	Since  time.Time // when the change was made; zero when that is not recorded
	Hint   string    // the command that puts it in force
}

// String says it in a sentence without its hint.
func (w Waiting) String() string {
	text := fmt.Sprintf("serve (pid %d on %s) still uses %s", w.Server.PID, w.Server.Host, w.Old)
	if w.New != "" {
		text += "; it is " + w.New
	}
	if !w.Since.IsZero() {
		text += " since " + w.Since.UTC().Format(time.RFC3339)
	}
	return text
}

// Process is what serve reads once in its life.
func Process(ctx context.Context, s *store.Reader) (map[string]string, error) {
	ours, _, err := s.SchemaVersion(ctx)
	if err != nil {
		return nil, err
	}
	key, err := sealedUnder(ctx, s)
	if err != nil {
		return nil, err
	}
	return map[string]string{schema: strconv.Itoa(ours), masterKey: key}, nil
}

// Listener is what serve reads each time it begins to listen. With addresses that
// serve was given as flags, the parameter for the port does not count.
func Listener(capf *crypto.Authority, inForce settings.Settings, ownAddresses bool) map[string]string {
	var chain [][]byte
	for _, c := range capf.Chain {
		chain = append(chain, c.Raw)
	}
	values := inForce.AfterRestart()
	if ownAddresses {
		delete(values, settings.Port)
	}
	values[Certificate] = fingerprints(chain)
	return values
}

// Changes returns what the running servers do not obey yet, by server.
func Changes(ctx context.Context, s *store.Reader, now time.Time) ([]Waiting, error) {
	servers, err := running(ctx, s, now)
	if err != nil || len(servers) == 0 {
		return nil, err
	}
	present, err := read(ctx, s)
	if err != nil {
		return nil, err
	}
	var all []Waiting
	for _, v := range servers {
		found, err := present.compare(ctx, s, v)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// OwnAddresses returns the running servers that listen on addresses which they
// were given as flags, whatever the parameter for the port says.
func OwnAddresses(ctx context.Context, s *store.Reader, now time.Time) ([]store.Server, error) {
	servers, err := running(ctx, s, now)
	return slices.DeleteFunc(servers, func(v store.Server) bool {
		return v.InForce[Certificate] == "" || v.InForce[settings.Port] != ""
	}), err
}

func running(ctx context.Context, s *store.Reader, now time.Time) ([]store.Server, error) {
	servers, err := s.Servers(ctx)
	return slices.DeleteFunc(servers, func(v store.Server) bool { return !liveness.Alive(v, now) }), err
}

// present is what a serve that began now would use.
type present struct {
	values map[string]string
	since  time.Time // when the certificate was made
}

func read(ctx context.Context, s *store.Reader) (present, error) {
	inForce, err := settings.Read(ctx, s)
	if err != nil {
		return present{}, err
	}
	p := present{values: inForce.AfterRestart()}
	id, err := s.Identity(ctx)
	switch {
	case err == nil:
		p.values[Certificate], p.since = fingerprints(id.Chain), id.CreatedAt
	case !errors.Is(err, store.ErrNotFound):
		return p, err
	}
	_, version, err := s.SchemaVersion(ctx)
	if err != nil {
		return p, err
	}
	p.values[schema] = strconv.Itoa(version)
	p.values[masterKey], err = sealedUnder(ctx, s)
	return p, err
}

// compare returns what a server does not obey. Of what it has not reported, such
// as the certificate while it does not listen, nothing is known.
func (p present) compare(ctx context.Context, s *store.Reader, v store.Server) (all []Waiting, err error) {
	if v.InForce == nil {
		return []Waiting{older(v)}, nil
	}
	for _, name := range slices.Sorted(maps.Keys(v.InForce)) {
		was, now := v.InForce[name], p.values[name]
		if was == now || now == "" {
			continue
		}
		w := Waiting{Server: v, What: name, Hint: "capf service restart capf"}
		switch name {
		case schema:
			w = older(v)
		case masterKey:
			w.Old, w.Hint = "the old master key", "systemctl restart capf"
			w.Since, err = lastEvent(ctx, s, v, "master-key-rotate", "")
		case Certificate:
			w.Old, w.New = certificates(was, now)
			w.Since = p.since
			if w.New != "" { // phones that do not trust it get no further than the handshake
				w.Hint = "once phones trust the new one, " + w.Hint
			}
		default:
			w.Old, w.New = name+" "+was, now
			w.Since, err = lastEvent(ctx, s, v, "set", name)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// older is a serve of a capf from before the last change of the schema.
func older(v store.Server) Waiting {
	return Waiting{Server: v, What: "version", Old: "capf " + cmp.Or(v.Version, "of an earlier version") + ", while a newer one has brought the database up to date",
		Hint: "systemctl restart capf"}
}

// lastEvent is when the last change of its kind was made while the server ran.
func lastEvent(ctx context.Context, s *store.Reader, v store.Server, action, about string) (at time.Time, err error) {
	for e, err := range s.Events(ctx, store.EventFilter{Action: action, Since: &v.Since}) {
		if err != nil {
			return at, err
		}
		if strings.Contains(e.Detail, about) {
			at = e.At
		}
	}
	return at, nil
}

// shownDigits of a fingerprint tell two certificates apart.
const shownDigits = 16

// certificates says which certificate a serve uses, and which is the present one.
func certificates(was, now string) (older, newer string) {
	was, _, _ = strings.Cut(was, " ")
	now, _, _ = strings.Cut(now, " ")
	if was == now {
		return "the CAPF certificate with another chain", ""
	}
	return "the old CAPF certificate " + was[:min(len(was), shownDigits)], now[:min(len(now), shownDigits)]
}

// fingerprints is the SHA-256 of the first certificate, and of the others if there are
// any.
func fingerprints(chain [][]byte) string {
	var prints []string
	for _, der := range chain {
		prints = append(prints, hex.EncodeToString(crypto.RawFingerprint(der)))
	}
	return strings.Join(prints, " ")
}

// sealedUnder tells master keys apart by what the present one has sealed.
func sealedUnder(ctx context.Context, s *store.Reader) (string, error) {
	sealed, err := s.KeyCheck(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	sum := sha256.Sum256(sealed)
	return hex.EncodeToString(sum[:8]), err
}
