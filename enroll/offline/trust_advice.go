package offline

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
)

// trustAdvice collects what the trust stores lack. It is bounded: files from
// outside must not make it grow without end, and no operator would read more.
type trustAdvice struct {
	missing map[string]bool   // subjects in DER
	call    map[string]bool   // subjects
	brought map[string]string // subjects in DER, to the file with the certificate
	known   map[string]bool   // issuers seen already, by their keys
}

// mostAdvice is how many certificates of each kind are remembered.
const mostAdvice = 100

func newTrustAdvice() trustAdvice {
	return trustAdvice{map[string]bool{}, map[string]bool{}, map[string]string{}, map[string]bool{}}
}

func (t trustAdvice) bring(c *x509.Certificate, source string) {
	if len(t.brought) < mostAdvice {
		t.brought[string(c.RawSubject)] = source
	}
}

func (t trustAdvice) miss(rawName []byte) {
	if len(t.missing) < mostAdvice {
		t.missing[string(rawName)] = true
	}
}

func (t trustAdvice) missForCallManager(c *x509.Certificate) {
	if len(t.call) < mostAdvice {
		t.call[c.Subject.String()] = true
	}
}

// markSeen reports whether an issuer was seen before, and remembers it. Only
// issuers in capf-trust come here, so there are few.
func (t trustAdvice) markSeen(c *x509.Certificate) bool {
	before := t.known[string(c.Raw)]
	t.known[string(c.Raw)] = true
	return before
}

func (t trustAdvice) conclude() (missing []MissingCA, call []string) {
	for raw := range t.missing {
		missing = append(missing, MissingCA{nameFromDER(raw), t.brought[raw]})
	}
	for subject := range t.call {
		call = append(call, subject)
	}
	slices.SortFunc(missing, func(a, b MissingCA) int { return strings.Compare(a.Subject, b.Subject) })
	slices.Sort(call)
	return missing, call
}

// nameFromDER formats a distinguished name.
func nameFromDER(raw string) string {
	var rdn pkix.RDNSequence
	if _, err := asn1.Unmarshal([]byte(raw), &rdn); err != nil {
		return "an unreadable name"
	}
	return rdn.String()
}
