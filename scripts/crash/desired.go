package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"capf/store"
)

// many is how many things a file describes: whether all of them are as in one file
// shows whether that was one change.
const many = 40

// absent is the state of what has been deleted.
const absent = "absent"

// described is something that operators make as a file describes it, all of it or
// nothing.
type described struct {
	what string
	// look says how all of it is; two states together are a fault.
	look func(context.Context, *store.Store) (state string, err error)

	mu  sync.Mutex
	can []string // guarded by mu: the states that are possible now
	// late is what a killed command may still lead to, because serve carries on with
	// its job; "" when there is nothing of the kind. Guarded by mu.
	late string
}

// become remembers an attempt to bring it into a state. One operator at a time makes
// one, and a command that fails or is killed may or may not have done it.
func (d *described) become(state string, try func() error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if try() == nil {
		d.can = nil
	} else if state == absent {
		d.late = absent
	}
	d.can = append(d.can, state)
}

// judge says what is wrong with it.
func (d *described) judge(ctx context.Context, db *store.Store) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	is, err := d.look(ctx, db)
	if err != nil || slices.Contains(append(d.can[:len(d.can):len(d.can)], d.late), is) {
		return "", err
	}
	return fmt.Sprintf("%s: %s; it can be %s", d.what, is, strings.Join(d.can, " or ")), nil
}

// site is the devices, trust stores and parameters that are described by files.
type site struct {
	devices, trust, parameters described
	roots                      []string // PEM
}

func newSite() (*site, error) {
	w := &site{
		devices:    described{what: "devices in a file", look: lookAtDevices, can: []string{absent}},
		trust:      described{what: "certificates in a file", look: lookAtTrust, can: []string{absent}},
		parameters: described{what: "parameters in a file", look: lookAtParameters, can: []string{absent}},
	}
	for i := range many {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("making a key: %w", err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i) + 1), Subject: pkix.Name{CommonName: fmt.Sprintf("%s %d", siteRoot, i)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
		if err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		w.roots = append(w.roots, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	}
	return w, nil
}

// siteRoot begins the name of the roots.
const siteRoot = "Site Root"

// siteDevice is a phone that never connects.
func siteDevice(i int) string { return fmt.Sprintf("SEP0C0000%06X", i) }

// describe has an operator make something as a file describes it, in a state that no
// other attempt has.
func (s staff) describe(ctx context.Context, r *mathrand.Rand) {
	state := fmt.Sprintf("state %x", r.Uint32())
	switch r.IntN(4) {
	case 0:
		text := "name,description\n"
		for i := range many {
			text += siteDevice(i) + "," + state + "\n"
		}
		s.site.devices.become(state, func() error { return s.applied(ctx, text, "device", "apply", "-") })
	case 1:
		s.site.devices.become(absent, func() error { return s.deleteSite(ctx) })
	case 2:
		s.site.trust.become(state, func() error { return s.applied(ctx, s.site.document(state), "cert", "apply", "-", "--prune", "--yes") })
	case 3:
		n := fmt.Sprint(31 + r.IntN(29)) // which neither has by default
		text := fmt.Sprintf("keep_alive %s\nkeygen_timeout %s\n", n, n)
		s.site.parameters.become(n, func() error { return s.applied(ctx, text, "set", "--from", "-") })
	}
}

// deleteSite deletes the devices in a list.
func (s staff) deleteSite(ctx context.Context) error {
	var names strings.Builder
	for i := range many {
		fmt.Fprintln(&names, siteDevice(i))
	}
	return s.applied(ctx, names.String(), "bulk", "delete", "--devices", "-", "--yes")
}

// document describes the trust stores.
func (w *site) document(state string) string {
	var text strings.Builder
	text.WriteString("version: 1\ncertificates:\n")
	for _, root := range w.roots {
		fmt.Fprintf(&text, "  - description: %s\n    purposes: [capf-trust]\n    pem: |\n", state)
		for line := range strings.Lines(root) {
			text.WriteString("      " + line)
		}
	}
	return text.String()
}

const applied = "file applied"

// applied runs a command with a file on stdin.
func (s staff) applied(ctx context.Context, text string, args ...string) error {
	err := s.runWith(ctx, text, args...)
	if err == nil {
		s.count(applied)
	}
	return err
}

// endSession ends the session of one of the phones that are connected for long.
func (s staff) endSession(ctx context.Context, r *mathrand.Rand) {
	out, err := s.command(ctx, "session", "list", "--json").Output()
	var open []struct{ ID int64 }
	if err != nil || json.Unmarshal(out, &open) != nil || len(open) == 0 {
		return
	}
	if s.run(ctx, "session", "end", fmt.Sprint(open[r.IntN(len(open))].ID), "--yes") == nil {
		s.count("session ended by an operator")
	}
}

func lookAtDevices(ctx context.Context, db *store.Store) (string, error) {
	var all []string
	for i := range many {
		d, err := db.Device(ctx, siteDevice(i))
		switch {
		case errors.Is(err, store.ErrNotFound):
			d.Description = absent
		case err != nil:
			return "", err
		}
		all = append(all, d.Description)
	}
	return together(all), nil
}

func lookAtTrust(ctx context.Context, db *store.Store) (string, error) {
	rows, err := db.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return "", err
	}
	var all []string
	for _, c := range rows {
		if strings.Contains(c.Subject, siteRoot) {
			all = append(all, c.Description)
		}
	}
	for len(all) < many {
		all = append(all, absent)
	}
	return together(all), nil
}

func lookAtParameters(ctx context.Context, db *store.Store) (string, error) {
	rows, err := db.Parameters(ctx)
	if err != nil {
		return "", err
	}
	var all []string
	for _, name := range []string{"keep_alive", "keygen_timeout"} {
		if value, ok := rows[name]; ok {
			all = append(all, value)
		} else {
			all = append(all, absent)
		}
	}
	return together(all), nil
}

// together lists the different states.
func together(all []string) string {
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " and ")
}
