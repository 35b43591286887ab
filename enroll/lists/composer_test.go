package lists_test

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/lists"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/store"
)

// house is a CAPF with trust lists.
type house struct {
	*devicestest.House
	signer, spare *made
}

// made is a certificate with its key.
type made struct {
	*x509.Certificate
	key stdcrypto.Signer
}

// fingerprint is the SHA-256 of the certificate in hex.
func (m *made) fingerprint() string { return fmt.Sprintf("%x", crypto.RawFingerprint(m.Raw)) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newCertificate is one that is signed with its own key.
func newCertificate(t testing.TB, name pkix.Name, key stdcrypto.Signer, edit func(*x509.Certificate)) *made {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: name, NotBefore: devicestest.Start.Add(-time.Hour), NotAfter: devicestest.Start.AddDate(5, 0, 0)}
	if edit != nil {
		edit(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ok(t, err)
	c, err := x509.ParseCertificate(der)
	ok(t, err)
	return &made{c, key}
}

func newRSA(t testing.TB, cn string) *made {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	return newCertificate(t, pkix.Name{CommonName: cn, Organization: []string{"Example, GmbH"}}, key, nil)
}

// newHouse is a CAPF whose lists have a signer and a spare.
func newHouse(t testing.TB) house {
	t.Helper()
	h := house{House: devicestest.New(t)}
	h.Init()
	return newKeys(h)
}

// newKeys is the house with keys that sign lists.
func newKeys(h house) house {
	t := h.TB
	t.Helper()
	h.signer, h.spare = newRSA(t, "SAST-1"), newRSA(t, "SAST-2")
	keys := make([]store.ListKey, 2)
	for i, m := range []*made{h.signer, h.spare} {
		sealed, err := secrets.SealListKey(h.Rules.Sealer, m.fingerprint(), m.key)
		ok(t, err)
		keys[i] = store.ListKey{Fingerprint: m.fingerprint(), Certificate: m.Raw, SealedKey: sealed}
	}
	ok(t, h.Rules.Store.BeginLists(t.Context(), devicestest.Operator, keys[0], &keys[1]))
	return h
}

func (h house) composer() *lists.Composer {
	return lists.NewComposer(h.Rules.Store.Reader, h.Rules.Sealer)
}

// file is what a phone gets under a name, "" for nothing.
func (h house) file(c *lists.Composer, name string) string {
	h.Helper()
	set, err := settings.Read(h.Context(), h.Rules.Store.Reader)
	ok(h, err)
	shared, err := lists.Shared(set)
	ok(h, err)
	data, err := c.File(h.Context(), name, shared)
	if errors.Is(err, lists.ErrNoFile) {
		return ""
	}
	ok(h, err)
	return string(data)
}

// TestComposer: a list is the same until something changes that it shows, and what stands
// in it is what there is.
func TestComposer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.composer()
	first := h.file(c, "ITLFile.tlv")
	h.Clock.Move(time.Hour)
	h.Set("keep_alive", "20")
	if again := h.file(h.composer(), "ITLFile.tlv"); again != first {
		t.Error("a list made twice has other bytes")
	}
	l, err := trustlist.Parse([]byte(first))
	ok(t, err)
	ok(t, l.Verify())
	var roles []string
	for _, r := range l.Records {
		roles = append(roles, r.Role.String())
	}
	if got := strings.Join(roles, " "); got != "sast sast capf" || l.SignerVersion != trustlist.SignerVersion10 || l.Digest != trustlist.SHA1 {
		t.Errorf("it has %s, %s, %s", got, l.SignerVersion, l.Digest)
	}
	ctl, err := trustlist.Parse([]byte(h.file(c, "CTLFile.tlv")))
	ok(t, err)
	if ctl.FileName != "CTLFile.tlv" || !ctl.Time.Equal(l.Time) {
		t.Errorf("the CTL is %q of %v", ctl.FileName, ctl.Time)
	}

	h.Set("trust_list_digest", "sha512")
	next, err := trustlist.Parse([]byte(h.file(c, "ITLFile.tlv")))
	ok(t, err)
	if next.Digest != trustlist.SHA512 || !next.Time.Equal(devicestest.Start.Add(time.Hour)) {
		t.Errorf("the next one has %s of %v", next.Digest, next.Time)
	}
	if _, prepared, err := h.CAPF().Regenerate(t.Context(), devicestest.Operator, nil, 2048, authority.Delay{}); err != nil || !prepared {
		t.Fatalf("prepared %v, %v", prepared, err)
	}
	both, err := trustlist.Parse([]byte(h.file(c, "ITLFile.tlv")))
	ok(t, err)
	if n := len(both.Records); n != 4 || both.Records[2].Role != trustlist.RoleCAPF || both.Records[3].Role != trustlist.RoleCAPF {
		t.Errorf("it has %d records", n)
	}
}

// TestNoLists: without keys there is no list, and to a phone that is no error.
func TestNoLists(t *testing.T) {
	t.Parallel()
	h := house{House: devicestest.New(t)}
	h.Init()
	c := h.composer()
	if h.file(c, "ITLFile.tlv") != "" {
		t.Error("there is a list")
	}
	if _, err := c.Shared(t.Context(), trustlist.ITL); !errors.Is(err, lists.ErrNone) {
		t.Errorf("the error is %v", err)
	}
}

// TestVariants: what a device gets follows from its model, then from its key order.
func TestVariants(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ec, preferred := store.ECOnly, store.ECPreferred
	for i, test := range []struct {
		model          string
		order          *store.KeyOrder
		digest, signer string // the parameters
		want           string // of the device; "" for the shared list
		why            string
		lacking        bool
	}{
		{"8861", nil, "sha1", "1.0", "", "", false},
		{"", nil, "sha512", "1.1", "", "", false},
		{"8861", &ec, "sha1", "1.0", "sha1 1.1", "its key order is EC Only", false},
		{"8861", &preferred, "sha512", "1.0", "sha512 1.1", "EC Preferred", false},
		{"8861", &ec, "sha1", "1.1", "", "", false},
		{"7962", nil, "sha1", "1.0", "", "", false},
		{"CP-7942G", nil, "sha512", "1.1", "sha1 1.0", "79xx series take sha1 alone; phones of the 79xx series know signer version 1.0 alone", false},
		{"Cisco Unified IP Phone 6921", &ec, "sha1", "1.1", "sha1 1.0", "69xx", true},
		{"17962", nil, "sha512", "1.1", "", "", false},
		{"7821", nil, "sha512", "1.1", "", "", false},
	} {
		h.Set("trust_list_digest", test.digest)
		h.Set("trust_list_signer_version", test.signer)
		name := fmt.Sprintf("sep0000000000a%d", i)
		h.Add(name, devices.Edit{Model: &test.model, KeyOrder: test.order})
		c := h.composer()
		own := h.file(c, fmt.Sprintf("ITLSEP0000000000A%d.tlv", i))
		got := ""
		if own != "" {
			l, err := trustlist.Parse([]byte(own))
			ok(t, err)
			ok(t, l.Verify())
			got = l.Digest.String() + " " + l.SignerVersion.String()
			if l.FileName != "ITLFile.tlv" {
				t.Errorf("its file name is %q", l.FileName)
			}
		}
		if got != test.want || h.file(c, fmt.Sprintf("CTLSEP0000000000A%d.tlv", i)) != "" {
			t.Errorf("%+v: it has %q, or a CTL, which the phone would keep", test, got)
		}
		digest, err := trustlist.ParseDigest(test.digest)
		ok(t, err)
		signer, err := trustlist.ParseSignerVersion(test.signer)
		ok(t, err)
		f := lists.Variant{Digest: digest, SignerVersion: signer}.Files(h.Device(name))
		if !strings.Contains(f.Reason(), test.why) || (f.Reason() == "") != (test.why == "") || (f.Lacking != "") != test.lacking {
			t.Errorf("%+v: %q, %q", test, f.Reason(), f.Lacking)
		}
	}
	// 6911 takes no ITL.
	model := "6911"
	h.Set("trust_list_digest", "sha1")
	h.Set("trust_list_signer_version", "1.0")
	h.Add("SEP0000000000B1", devices.Edit{Model: &model})
	c := h.composer()
	if h.file(c, "ITLSEP0000000000B1.tlv") != "" || h.file(c, "CTLSEP0000000000B1.tlv") != h.file(c, "CTLFile.tlv") {
		t.Error("6911 gets other files than a CTL of its own")
	}
}
