package enroll

import (
	"errors"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// unboundStringLabel is of strings that were sealed before they were bound to
// their devices.
const unboundStringLabel = "authentication string"

// stringLabel binds an authentication string to its device, whose name never
// changes.
func stringLabel(device string) string { return fmt.Sprintf("authentication string of %q", device) }

// AuthenticationString is the string of the device, "" when it has none.
func (r *Rules) AuthenticationString(d store.Device) (string, error) {
	if d.SealedString == nil {
		return "", nil
	}
	s, err := r.Sealer.Open(stringLabel(d.Name), d.SealedString)
	if errors.Is(err, crypto.ErrWrongKey) {
		if old, oldErr := r.Sealer.Open(unboundStringLabel, d.SealedString); oldErr == nil {
			return string(old), nil
		}
	}
	return string(s), err
}
