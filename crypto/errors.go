package crypto

import (
	"errors"

	"capf/internal/apperr"
)

// What a caller may want to tell apart with errors.Is. The error itself says what
// was found in words of its own and does not repeat these texts.
var (
	// ErrUnfit marks a certificate that does not serve its purpose: the CAPF
	// certificate, an LSC from an external CA, a certificate for a trust store.
	ErrUnfit = errors.New("certificate is not fit for its purpose")
	// ErrUntrusted marks a certificate from which no valid path leads to an anchor.
	ErrUntrusted = errors.New("certificate is not trusted")
	// ErrExpired marks a refusal for no other reason than a validity that has ended.
	ErrExpired = errors.New("certificate has expired")
	// ErrNotYetValid marks a refusal for a validity that has not begun, ErrKeyUsage one
	// for missing key usages, ErrPurpose one for missing extended ones, ErrExtension one for
	// an extension that must be understood and is not, ErrOtherName one for another name
	// than the one asked for.
	ErrNotYetValid = errors.New("certificate is not valid yet")
	ErrKeyUsage    = errors.New("certificate lacks a key usage")
	ErrPurpose     = errors.New("certificate lacks an extended key usage")
	ErrExtension   = errors.New("certificate has an unknown critical extension")
	ErrOtherName   = errors.New("certificate is for another name")
	// ErrBadSignature marks a signature that the key did not make over that text.
	ErrBadSignature = errors.New("signature does not verify")
	// ErrWrongKey marks sealed bytes that this master key and label do not open:
	// another key, another label, or changed bytes (they cannot be told apart).
	ErrWrongKey = errors.New("master key does not open the sealed secret")
)

// unfit returns an error that reads as formatted and is ErrUnfit.
func unfit(format string, args ...any) error { return apperr.New(ErrUnfit, format, args...) }

// unfitFor is unfit for a reason that callers tell apart.
func unfitFor(kind error, format string, args ...any) error {
	return apperr.New(errors.Join(ErrUnfit, kind), format, args...)
}
