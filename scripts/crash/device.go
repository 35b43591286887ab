package main

import (
	stdcrypto "crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"capf/internal/serialnumber"
	"capf/store"
)

// device is a phone with its flash, and what it and its operators remember.
type device struct {
	*storm
	name    string
	number  int
	careful bool // it authenticates with its LSC as soon as it has one
	secret  bool // it authenticates with an authentication string

	// The contents of its flash. Only the phone uses it, one session at a time.
	certificate []byte
	key         stdcrypto.Signer

	scheduling sync.Mutex // one operator at a time schedules something

	mu       sync.Mutex
	attempts []attempt // guarded by mu
	deeds    []deed    // guarded by mu
}

// attempt is an operator's attempt to schedule an operation.
type attempt struct {
	op           store.Operation
	began, ended int64
	sure         bool // capf said that it is done; otherwise it may or may not be
}

// deed is something that a phone did or learned.
type deed struct {
	kind        deedKind
	at          int64
	began       int64 // when its session had authenticated
	granted     int64 // when capf had told the phone what to do
	op          store.Operation
	certificate []byte
	gave        []byte // the LSC that it gave to a Troubleshoot
}

type deedKind string

const (
	keyed     deedKind = "keyed"     // sent a key, which makes the previous LSC stale
	received  deedKind = "received"  // a certificate
	said      deedKind = "said"      // that the operation is done
	showed    deedKind = "showed"    // its certificate, to authenticate
	confirmed deedKind = "confirmed" // was told END_SESSION success after it had reported that
)

func newDevice(s *storm, number int) *device {
	return &device{storm: s, number: number, name: fmt.Sprintf("SEP%012X", number), careful: number%3 == 0, secret: number%5 == 1 && number%3 != 0}
}

// row is the device as it is added: phones with all kinds of keys.
func (d *device) row() store.Device {
	v := store.Device{
		Name: d.name, SecurityMode: store.Nonsecure, IPMode: store.TwoStack, Operation: store.NoOperation, AuthMode: store.ByNullString,
		KeyOrder: store.ECOnly, RSABits: 1024, ECBits: 256, Status: store.StatusNone, CompletesBy: time.Time{},
	}
	if d.number%4 == 0 {
		v.KeyOrder = store.RSAOnly
	}
	return v
}

func (d *device) did(one deed) {
	one.at = d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deeds = append(d.deeds, one)
}

// tried remembers an attempt to schedule, which began at that moment.
func (d *device) tried(op store.Operation, began int64, sure bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attempts = append(d.attempts, attempt{op, began, d.now(), sure})
}

// wants says whether something may be scheduled for the device.
func (d *device) wants() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.attempts) == 0 {
		return false
	}
	last := d.attempts[len(d.attempts)-1]
	for _, one := range d.deeds {
		if one.kind == confirmed && one.began > last.ended {
			return false
		}
	}
	return true
}

// serial is the serial number of a certificate as store writes it.
func serial(der []byte) string {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return "none: " + err.Error()
	}
	return serialnumber.Text(c.SerialNumber)
}

func fingerprint(der []byte) [32]byte { return sha256.Sum256(der) }
