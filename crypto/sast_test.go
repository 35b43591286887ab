package crypto_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"
	"time"

	"capf/crypto"
)

// TestNewSAST: the certificate lasts twenty years, but not beyond what two digits of a
// year can say, as long as that is some time away.
func TestNewSAST(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ now, end time.Time }{
		{time.Date(2026, 11, 28, 2, 0, 0, 5, time.UTC), time.Date(2046, 11, 28, 2, 0, 0, 0, time.UTC)},
		{time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)},
		{time.Date(2049, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2069, 6, 1, 0, 0, 0, 0, time.UTC)},
	} {
		c, key, err := crypto.NewSAST(rand.Reader, crypto.Name{Organization: "Example, Inc."}, v.now)
		if err != nil {
			t.Fatal(err)
		}
		if !c.NotAfter.Equal(v.end) {
			t.Errorf("one made on %s ends on %s, not %s", v.now, c.NotAfter, v.end)
		}
		if c.IsCA || c.KeyUsage != x509.KeyUsageDigitalSignature {
			t.Errorf("it may do more than sign: CA %v, usage %b", c.IsCA, c.KeyUsage)
		}
		if !c.PublicKey.(*rsa.PublicKey).Equal(key.Public()) {
			t.Error("the key is not that of the certificate")
		}
	}
}
