package enroll

import (
	"crypto/rand"
	"fmt"
	"math/big"

	"capf/store"
)

// NewDevice is a device of that name with the defaults of the vendor's pages,
// not stored yet. ErrValue: it is not a device's name.
func NewDevice(name string) (store.Device, error) {
	name, err := ParseDeviceName(name)
	return store.Device{
		Name: name, SecurityMode: store.Nonsecure, IPMode: store.TwoStack,
		Operation: store.NoOperation, AuthMode: store.ByNullString, KeyOrder: store.RSAOnly,
		RSABits: defaultRSABits, ECBits: defaultECBits, Status: store.StatusNone,
	}, err
}

// Edit makes an edit of a device under the rules that hold for one operator's
// change of one device, for those who change many in one transaction. hasLSC
// says whether an LSC is installed. Errors: ErrValue, ErrRefused.
func (r *Rules) Edit(d *store.Device, e DeviceEdit, s Settings, hasLSC bool) error {
	return r.apply(d, e, s, hasLSC)
}

// Describe names what the edit changes, for the record: never the string.
func (e DeviceEdit) Describe() string { return e.describe() }

// Warnings tells what an operator should know about an edit, whatever the
// device.
func (e DeviceEdit) Warnings() []string {
	if e.RSABits == nil {
		return nil
	}
	return warnings(store.Device{RSABits: *e.RSABits}, e)
}

// NewString makes an authentication string of ten digits.
func (r *Rules) NewString() (string, error) {
	n, err := rand.Int(r.Rand, big.NewInt(1e10))
	if err != nil {
		return "", fmt.Errorf("generating an authentication string: %w", err)
	}
	return fmt.Sprintf("%010d", n), nil
}
