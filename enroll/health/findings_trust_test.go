package health_test

import (
	"testing"

	"capf/enroll/companytest"
	"capf/enroll/health"
	"capf/store"
)

// TestMICRootsFound: MIC roots are named where they should not be, and nowhere else.
func TestMICRootsFound(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	for i, want := range []string{
		"the MIC root CAP-RTP-001 is in callmanager-trust",
		"MIC roots are in callmanager-trust: CAP-RTP-001, CAP-RTP-002",
		"MIC roots are in callmanager-trust: CAP-RTP-001, CAP-RTP-002, Cisco_Manufacturing_CA",
	} {
		root := d.NewCA([]string{"CAP-RTP-001", "CAP-RTP-002", "Cisco_Manufacturing_CA"}[i], nil)
		d.TrustFor(root.Certificate, store.CAPFTrust)
		d.TrustFor(root.Certificate, store.CallManagerTrust)
		found, err := health.TrustFindings(t.Context(), d.Store.Reader, d.Now())
		if err != nil || len(found) != 1 || found[0].Text != want {
			t.Errorf("got %+v, %v, want %q", found, err, want)
		}
	}
}
