package authority_test

import (
	"errors"
	"strings"
	"testing"

	"capf/enroll/authority"
	"capf/internal/apperr"
	"capf/internal/document"
)

// FuzzTrustDocument holds that a document either describes certificates, each for a
// store, or is refused with the lines that are wrong.
func FuzzTrustDocument(f *testing.F) {
	const root = `-----BEGIN CERTIFICATE-----
MIIBfDCCASGgAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQDEwxFeGFtcGxl
-----END CERTIFICATE-----
`
	for _, seed := range []string{
		"version: 1\ncertificates:\n  - file: root.pem\n    purposes: [capf-trust, callmanager-trust]\n    for: lsc,https\n    description: x\n",
		"version: 1\ncertificates:\n  - purposes: capf-trust\n    pem: |\n      " + strings.ReplaceAll(root, "\n", "\n      "),
		"version: 1\ncertificates:\n  - {file: a, pem: b}\n  - {accept_eku: maybe, for: []}\n  - x\n", "version: 1\ncertificates: {}\n", "certificates:\n", "- - -",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := authority.ReadTrustDocument(data, func(string) ([]byte, error) { return []byte(root), nil })
		var problems document.Problems
		if err != nil {
			if !errors.As(err, &problems) || !errors.Is(err, apperr.ErrRefused) {
				t.Fatalf("%v", err)
			}
			for _, p := range problems {
				if p.Text == "" {
					t.Errorf("a problem without words in line %d", p.Line)
				}
			}
			return
		}
		for _, d := range all {
			if d.Certificate == nil || len(d.Purposes) == 0 || d.Line < 1 {
				t.Errorf("%+v", d)
			}
		}
	})
}
