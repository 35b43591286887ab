package commands

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

// shortestPrint is the least of a fingerprint that has to be given, and shortestDigits
// that of one which could be an id.
const (
	shortestPrint  = 4
	shortestDigits = 12
)

// findTrust finds trust certificates by id or by the beginning of the
// fingerprint, in one store or, without a purpose, in all. A fingerprint that is
// in several stores names each. A beginning that is that of several is refused.
func findTrust(ctx context.Context, s *store.Reader, purpose store.Purpose, names []string) ([]store.TrustCertificate, error) {
	all, err := s.Trust(ctx, purpose)
	if err != nil {
		return nil, err
	}
	var found []store.TrustCertificate
	for _, name := range names {
		of, err := trustNamed(all, name)
		if err != nil {
			return nil, err
		}
		found = append(found, of...)
	}
	slices.SortFunc(found, func(a, b store.TrustCertificate) int { return int(a.ID - b.ID) })
	return slices.CompactFunc(found, func(a, b store.TrustCertificate) bool { return a.ID == b.ID }), nil
}

// shortPrint says whether the beginning of a fingerprint is too short to mean one.
func shortPrint(print string) bool {
	return len(print) < shortestPrint || len(print) < shortestDigits && input.Consists(print, input.IsDigit)
}

func trustNamed(all []store.TrustCertificate, name string) (found []store.TrustCertificate, err error) {
	print := strings.ToLower(strings.ReplaceAll(name, ":", ""))
	short := shortPrint(print)
	for _, t := range all {
		if strconv.FormatInt(t.ID, 10) == name {
			return []store.TrustCertificate{t}, nil
		}
		if !short && strings.HasPrefix(hex.EncodeToString(t.Fingerprint), print) {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return nil, apperr.WithHint(fmt.Errorf("trust certificate %q: %w", name, store.ErrNotFound), "capf cert list shows the ids")
	}
	for _, t := range found[1:] {
		if !bytes.Equal(t.Fingerprint, found[0].Fingerprint) {
			return nil, apperr.WithHint(apperr.Usage("%q is the beginning of several fingerprints: %x of %s and %x of %s",
				name, found[0].Fingerprint, found[0].Subject, t.Fingerprint, t.Subject), "give more of it, or the id of capf cert list")
		}
	}
	return found, nil
}

// daysLeft is negative for what has expired.
func daysLeft(now, end time.Time) int {
	days := end.Sub(now).Hours() / 24
	if days < 0 {
		return int(days) - 1
	}
	return int(days)
}

func purposeNames() []string {
	var names []string
	for _, p := range store.Purposes() {
		names = append(names, string(p))
	}
	return names
}

// parsePurpose reads the name of a trust store; others are further names that
// the flag accepts.
func parsePurpose(s string, others ...string) (store.Purpose, error) {
	names := purposeNames()
	if i := slices.Index(names, strings.ToLower(s)); i >= 0 {
		return store.Purpose(names[i]), nil
	}
	names = append(names, others...)
	return "", apperr.WithHint(apperr.Usage("--purpose: %q is not a trust store; it is one of %s", s, strings.Join(names, ", ")),
		"%s", cmdline.DidYouMean(s, names, ""))
}

func keyWords(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		words := fmt.Sprintf("RSA %d", key.N.BitLen())
		if warning := crypto.UnusualKey(key); warning != "" {
			words += "; " + warning
		}
		return words
	case *ecdsa.PublicKey:
		return "EC " + key.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}

// sha1Of is the fingerprint that phones and the vendor's pages show.
func sha1Of(der []byte) []byte {
	sum := sha1.Sum(der)
	return sum[:]
}

func sha256Of(der []byte) []byte {
	sum := sha256.Sum256(der)
	return sum[:]
}

// onlyCAPF refuses any other word where the vendor's command line names the
// certificate; others are those that are accepted too.
func onlyCAPF(name string, others ...string) error {
	if name == capfPurpose {
		return nil
	}
	names := append([]string{capfPurpose}, others...)
	known := "capf is"
	if len(others) > 0 {
		known = strings.Join(names, " and ") + " are"
	}
	return apperr.WithHint(apperr.Usage("%s is not one of our own certificates", strconv.Quote(name)), "%s", cmdline.DidYouMean(name, names, known))
}
