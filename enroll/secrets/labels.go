package secrets

import (
	"errors"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// A label binds a sealed secret to its use, so that it cannot be put in another's
// place. The label of a parameter is its name.
const (
	CAPFKeyLabel           = "capf private key"
	TVSKeyLabel            = "tvs private key"
	TemplateStringLabel    = "template authentication string"
	JobStringLabel         = "job authentication string"
	DirectoryPasswordLabel = "directory password"

	// unboundStringLabel is the label of strings sealed by versions that did
	// not bind them to their devices.
	unboundStringLabel = "authentication string"
)

// stringLabel binds an authentication string to its device, whose name never
// changes.
func stringLabel(device string) string { return fmt.Sprintf("authentication string of %q", device) }

// listMemberLabel binds the key of a certificate in trust lists to the certificate.
func listMemberLabel(fingerprint string) string { return "key of trust list member " + fingerprint }

// listKeyLabel binds a SAST key to its certificate, by the SHA-256 of that.
func listKeyLabel(fingerprint string) string { return "private key of SAST " + fingerprint }

// labelOf returns the label of a secret.
func labelOf(v store.SealedSecret) string {
	switch v.Kind {
	case store.CAPFKeySecret, store.PreparedSecret: // it becomes the CAPF key as it is sealed
		return CAPFKeyLabel
	case store.TVSKeySecret:
		return TVSKeyLabel
	case store.KeyCheckSecret:
		return keyCheckLabel
	case store.DeviceSecret:
		return stringLabel(v.Name)
	case store.TemplateSecret:
		return TemplateStringLabel
	case store.JobSecret:
		return JobStringLabel
	case store.DirectorySecret:
		return DirectoryPasswordLabel
	case store.ListMemberSecret:
		return listMemberLabel(v.Name)
	case store.ListKeySecret:
		return listKeyLabel(v.Name)
	}
	return v.Name // of a parameter
}

// SealString seals the authentication string of a device.
func SealString(sealer *crypto.Sealer, device, text string) ([]byte, error) {
	sealed, err := sealer.Seal(stringLabel(device), []byte(text))
	if err != nil {
		return nil, fmt.Errorf("sealing the authentication string of %q: %w", device, err)
	}
	return sealed, nil
}

// AuthenticationString opens the string of the device, "" when it has none. The
// error is crypto.ErrWrongKey when another master key sealed it.
func AuthenticationString(sealer *crypto.Sealer, d store.Device) (string, error) {
	if d.SealedString == nil {
		return "", nil
	}
	s, err := sealer.Open(stringLabel(d.Name), d.SealedString)
	if errors.Is(err, crypto.ErrWrongKey) {
		if old, oldErr := sealer.Open(unboundStringLabel, d.SealedString); oldErr == nil {
			return string(old), nil
		}
	}
	return string(s), err
}
