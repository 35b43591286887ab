package crypto

import (
	"errors"

	"capf/internal/apperr"
)

// What a caller may want to tell apart with errors.Is. The error says in its own
// words what was found and does not repeat these texts.
var (
	// ErrUnsuitable marks a certificate that does not serve its purpose: the CAPF
	// certificate, an LSC from an external CA, a certificate for a trust store.
	ErrUnsuitable = errors.New("certificate is not fit for its purpose")
	// ErrUntrusted marks a certificate without a valid path to a trust anchor.
	ErrUntrusted = errors.New("certificate is not trusted")
	// ErrExpired marks a refusal whose only reason is that the validity has ended.
	ErrExpired = errors.New("certificate has expired")
	// These mark a refusal whose reason is a validity that has not begun, a missing key
	// usage, a missing extended key usage, a critical extension that is not understood, or a
	// name other than the one asked for.
	ErrNotYetValid = errors.New("certificate is not valid yet")
	ErrKeyUsage    = errors.New("certificate lacks a key usage")
	ErrPurpose     = errors.New("certificate lacks an extended key usage")
	ErrExtension   = errors.New("certificate has an unknown critical extension")
	ErrOtherName   = errors.New("certificate is for another name")
	// ErrBadSignature marks a signature that the key did not make over the text.
	ErrBadSignature = errors.New("signature does not verify")
	// ErrWrongKey marks sealed bytes that this master key and label do not open.
	// The key is wrong, the label is wrong or the bytes were changed; these
	// cannot be told apart.
	ErrWrongKey = errors.New("master key does not open the sealed secret")
)

// unsuitable formats an error that is ErrUnsuitable.
func unsuitable(format string, args ...any) error { return apperr.New(ErrUnsuitable, format, args...) }

// unsuitableFor formats an error that is both ErrUnsuitable and kind, a reason that
// callers tell apart.
func unsuitableFor(kind error, format string, args ...any) error {
	return apperr.New(errors.Join(ErrUnsuitable, kind), format, args...)
}
