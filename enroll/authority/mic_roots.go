package authority

import (
	"context"
	"crypto/x509"
	"strings"

	"capf/store"
)

// MICRoots returns the manufacturer's roots in a trust store, or in all of
// them when the purpose is empty.
func MICRoots(ctx context.Context, s *store.Reader, p store.Purpose) ([]store.TrustCertificate, error) {
	rows, err := s.Trust(ctx, p)
	if err != nil {
		return nil, err
	}
	var roots []store.TrustCertificate
	for _, row := range rows {
		if c, err := x509.ParseCertificate(row.Certificate); err == nil && isMICRoot(c) {
			roots = append(roots, row)
		}
	}
	return roots, nil
}

// isMICRoot recognises the manufacturer's roots that should not stay in
// callmanager-trust (the chapter's table of interactions). The vendor lists
// them with underscores, like its file names; some certificates have blanks
// instead.
func isMICRoot(c *x509.Certificate) bool {
	switch strings.ToLower(strings.ReplaceAll(c.Subject.CommonName, "_", " ")) {
	case "cap-rtp-001", "cap-rtp-002", "cisco manufacturing ca", "cisco root ca 2048":
		return true
	}
	return false
}
