package expiry_test

import (
	"strings"
	"testing"

	"capf/enroll/companytest"
	"capf/enroll/expiry"
	"capf/store"
)

// TestBefore: a certificate that is in both trust stores is there once, and all come
// in the order in which they end.
func TestBefore(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	root := d.NewCA("Example Root", nil)
	d.TrustFor(root.Certificate, store.CAPFTrust)
	d.TrustFor(root.Certificate, store.CallManagerTrust)
	look := func(scope expiry.Scope) string {
		var words []string
		for e, err := range expiry.Before(t.Context(), d.Store.Reader, scope, d.Now().AddDate(100, 0, 0)) {
			if err != nil {
				t.Fatal(err)
			}
			words = append(words, string(e.Kind)+" "+e.Name+" "+strings.Join(e.Purposes, "+")+" "+strings.Join(e.IDs, "+"))
		}
		return strings.Join(words, ", ")
	}
	if got := look(expiry.Scope{Trust: true}); got != "trust Example Root capf-trust+callmanager-trust 1+2" {
		t.Error(got)
	}
	if got := look(expiry.Scope{CAPF: true, LSCs: true}); got != "" {
		t.Errorf("without a CAPF certificate: %s", got)
	}
}
