package server

import (
	"crypto/tls"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"

	"capf/crypto"
	"capf/enroll"
)

// distrust are the words for the alerts with which a phone turns our certificate down,
// each with what it says. What they have in common is that no TLS setting helps.
var distrust = []struct{ alert, hint string }{
	{"unknown certificate authority", notInList},
	{"bad certificate", notInList},
	{"unknown certificate", notInList},
	{"access denied", notInList},
	{"error decrypting message", "the phone's trust list names another certificate of this name: give it a list with the one that serve shows"},
	{"revoked certificate", notInList},
	{"expired certificate", "compare the phone's clock with the dates of the CAPF certificate: capf cert show capf"},
	{"unsupported certificate", "the phone cannot use a CAPF certificate of this kind: those with RSA keys up to 2048 bits suit all phones"},
}

const notInList = "the phone's trust list (ITL or CTL) does not name the CAPF certificate that serve shows: capf trust-list list, capf trust-list verify, capf phone boot --explain"

// handshakeFailed returns why the handshake failed: how the connection was lost, with a
// hint where the reason has one.
func handshakeFailed(c *connection, lowest uint16, err, lost error) error {
	var failure *enroll.SessionError
	if !errors.As(lost, &failure) || !errors.Is(lost, enroll.ErrLost) || c.cutBy.Load() != int32(notCut) {
		return lost
	}
	text := err.Error()
	for _, d := range distrust {
		if strings.HasPrefix(text, "remote error: ") && strings.HasSuffix(text, "tls: "+d.alert) {
			return enroll.NotTrusted(d.hint, "%s", failure.Detail)
		}
	}
	offer := c.tls.Offer()
	switch {
	case strings.Contains(text, "unsupported versions"):
		return enroll.NoCommonTLS(versionHint(offer.Versions, lowest), "%s", failure.Detail)
	case strings.Contains(text, "protocol version not supported"):
		return enroll.NoCommonTLS("the phone wants another version of TLS than the one agreed on: see tls_min_version", "%s", failure.Detail)
	case strings.Contains(text, "no cipher suite supported"):
		return enroll.NoCommonTLS(suiteHint(offer.Suites, lowest), "%s", failure.Detail)
	case strings.Contains(text, "signature algorithms"):
		return enroll.NoCommonTLS("with TLS 1.2, the phone takes no signature better than SHA-1: it needs newer firmware", "%s", failure.Detail)
	case strings.Contains(text, "does not look like a TLS handshake"):
		failure.Hint = "this is no TLS: something else than a phone speaks to this port"
	case offer.Versions != nil && brokeOff(err):
		failure.Hint = "it broke off when it had seen the CAPF certificate: " + notInList
	}
	return failure
}

// brokeOff says that the phone ended the handshake without a word that we understand.
// With TLS 1.3 some clients send the alert unencrypted, which then has a bad MAC.
func brokeOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || strings.HasSuffix(err.Error(), "tls: bad record MAC")
}

// versionHint says how the phone could agree on a version with us.
func versionHint(offered []uint16, lowest uint16) string {
	highest := uint16(0)
	if len(offered) > 0 {
		highest = slices.Max(offered)
	}
	if highest < tls.VersionTLS10 {
		return "the phone speaks no TLS that is served here: it needs newer firmware"
	}
	number := strings.TrimPrefix(tls.VersionName(highest), "TLS ")
	if highest >= lowest {
		return "see tls_min_version"
	}
	return "the phone speaks TLS " + number + " at most: capf set tls_min_version " + number + ", then capf service restart capf"
}

// suiteHint says how the phone could agree on a cipher suite with us.
func suiteHint(offered []uint16, lowest uint16) string {
	old := func(suite uint16) bool { return slices.Contains(crypto.PhoneSuites(), suite) }
	if lowest >= tls.VersionTLS12 && slices.ContainsFunc(offered, old) {
		return "the phone offers only suites that are served to old phones: capf set tls_min_version 1.1, then capf service restart capf"
	}
	return "the phone offers no suite that is served, such as RC4 or DES alone: it needs newer firmware"
}
