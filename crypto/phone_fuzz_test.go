package crypto_test

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"capf/crypto"
)

// FuzzPhoneCertificate goes through what is done with a certificate that a
// phone shows: nothing that was not signed by an anchor passes, and whatever
// its names are, they either make a subject or are refused.
func FuzzPhoneCertificate(f *testing.F) {
	now := time.Now()
	anchor, err := crypto.NewCAPF(rand.Reader, crypto.Name{Organization: "Anchor"}, 2048, now)
	if err != nil {
		f.Fatal(err)
	}
	stranger, err := crypto.NewCAPF(rand.Reader, crypto.Name{Organization: "Stranger"}, 2048, now)
	if err != nil {
		f.Fatal(err)
	}
	const device = "SEP001122334455"
	for _, kind := range []crypto.KeyKind{crypto.RSA1024, crypto.EC256} {
		spki := spkiOf(f, generate(f, kind))
		l := crypto.LSCTemplate{Device: device, CommonName: "CP-8861-" + device, SerialNumber: "PID:CP-8861 SN:1", SPKI: spki, ValidityDays: 10}
		der, err := stranger.Issue(rand.Reader, l, now)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der, []byte("a signature"))
	}
	f.Add(stranger.Leaf().Raw, []byte{0x30, 6, 2, 1, 1, 2, 1, 1})
	f.Fuzz(func(t *testing.T, der, signature []byte) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		for _, hash := range []stdcrypto.Hash{stdcrypto.SHA1, stdcrypto.SHA512, 0} {
			if crypto.VerifyBare(cert, hash, []byte("text"), signature) == nil {
				t.Errorf("a signature that nobody has made verifies: %x", signature)
			}
		}
		if _, err := crypto.VerifyPath(cert, []*x509.Certificate{anchor.Leaf()}, []*x509.Certificate{cert}, now, crypto.PathOptions{AllowExpired: true}); err == nil {
			t.Error("it chains to an anchor that did not sign it")
		}
		if crypto.BelongsTo(cert, device) && cert.Subject.CommonName == "" {
			t.Error("a certificate without a name belongs to a device")
		}
		cn, serial := crypto.MICNames(cert)
		_, _ = crypto.LSCTemplate{Device: cn, OrganizationalUnit: cn, SerialNumber: serial}.Subject(anchor.Leaf()) // refused or not, it ends
	})
}
