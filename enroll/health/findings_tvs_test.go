package health_test

import (
	"crypto/rand"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/companytest"
	"capf/enroll/health"
	"capf/store"
)

// TestTVSCertificateEnds: the end of the certificate of TVS is told before and after it.
func TestTVSCertificateEnds(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	c, _, err := crypto.NewTVS(rand.Reader, crypto.Name{}, d.Now())
	if err == nil {
		err = d.Store.SaveTVSCertificate(t.Context(), store.Actor{Kind: store.Operator}, store.TVSCertificate{Certificate: c.Raw, SealedKey: []byte("key")}, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		at   time.Time
		want health.Kind
	}{{d.Now(), ""}, {c.NotAfter.AddDate(0, 0, -20), health.TVSEnds}, {c.NotAfter.AddDate(0, 0, 1), health.TVSEnded}} {
		found, err := health.Findings(t.Context(), d.Store.Reader, test.at, store.DeviceCounts{})
		if err != nil {
			t.Fatal(err)
		}
		var got health.Kind
		for _, f := range found {
			if f.Kind == health.TVSEnds || f.Kind == health.TVSEnded {
				got = f.Kind
				if f.Hint != "capf cert regenerate tvs" {
					t.Errorf("%+v", f)
				}
			}
		}
		if got != test.want {
			t.Errorf("at %s: %q, not %q", test.at, got, test.want)
		}
	}
}
