package lists_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/devices/devicestest"
	"capf/enroll/lists"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// members are the rules for what operators add.
func (h house) members() lists.Members {
	return lists.Members{Store: h.Rules.Store, Now: h.Clock.Now, Sealer: h.Rules.Sealer}
}

func (h house) add(n lists.NewMember) {
	h.Helper()
	_, err := h.members().Add(h.Context(), devicestest.Operator, n)
	ok(h, err)
}

// TestOpenSSL has openssl verify a list from which the signature was cut.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := t.TempDir()
	spki, err := x509.MarshalPKIXPublicKey(h.signer.PublicKey)
	ok(t, err)
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		ok(t, os.WriteFile(path, data, 0o600))
		return path
	}
	key := write("key.der", spki)
	for _, digest := range []string{"sha1", "sha512"} {
		h.Set("trust_list_digest", digest)
		data := []byte(h.file(h.composer(), "ITLFile.tlv"))
		l, err := trustlist.Parse(data)
		ok(t, err)
		at := bytes.Index(data, l.Signature)
		list, signature := write("list", append(bytes.Clone(data[:at-3]), data[at+len(l.Signature):]...)), write("signature", l.Signature)
		out, err := exec.CommandContext(t.Context(), "openssl", "dgst", "-"+digest, "-verify", key, "-keyform", "DER", "-signature", signature, list).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Verified OK") {
			t.Errorf("%s: %v, %s", digest, err, out)
		}
	}
}

// TestReadByPython has a program that was written from the description of the format read
// a list with all that may stand in one: long names, letters beyond ASCII, an EC key, a
// host name, a certificate in two roles.
func TestReadByPython(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	long := newRSA(t, strings.Repeat("ü", 64)) // 128 bytes
	odd := newCertificate(t, pkix.Name{CommonName: "Zürich ☎, Haus \"5\""}, h.spare.key, nil)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	ok(t, err)
	ec := newCertificate(t, pkix.Name{CommonName: strings.Repeat("n", 128)}, key, nil)
	h.add(lists.NewMember{Certificate: long.Certificate, Roles: []store.ListRole{store.RoleCCM, store.RoleAppServer}, DNSName: "sip.example.com"})
	h.add(lists.NewMember{Certificate: odd.Certificate, Roles: []store.ListRole{store.RoleTVS}})
	h.add(lists.NewMember{Certificate: ec.Certificate, Roles: []store.ListRole{store.RoleTFTP}})
	path := filepath.Join(t.TempDir(), "list")
	ok(t, os.WriteFile(path, []byte(h.file(h.composer(), "CTLFile.tlv")), 0o600))
	out, err := exec.CommandContext(t.Context(), "python3", "testdata/read_list.py", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	changed, err := h.Rules.Store.ListsChanged(t.Context())
	ok(t, err)
	capf, err := h.CAPF().Load(t.Context())
	ok(t, err)
	want := fmt.Sprintf(`version 0102 signer 0100 digest 1 file CTLFile.tlv time %d
by CN=SAST-1,O=Example\, GmbH serial %x signature 256
role 0 subject CN=SAST-1,O=Example\, GmbH dns - key 270 certificate 3082
role 0 subject CN=SAST-2,O=Example\, GmbH dns - key 270 certificate 3082
role 4 subject %s dns - key 270 certificate 3082
role 1 subject CN=%s,O=Example\, GmbH dns sip.example.com key 270 certificate 3082
role 7 subject CN=%[4]s,O=Example\, GmbH dns sip.example.com key 270 certificate 3082
role 21 subject CN=Zürich ☎\, Haus \"5\" dns - key 270 certificate 3082
role 3 subject CN=%s dns - key 97 certificate 3082
`, changed.Unix(), h.signer.SerialNumber.Bytes(), trustlist.Name(capf.Leaf().RawSubject), strings.Repeat("ü", 64), strings.Repeat("n", 128))
	// Go writes O before CN.
	if got := string(out); sorted(got) != sorted(want) {
		t.Errorf("it has read\n%s, not\n%s", got, want)
	}
}

// sorted has the parts of names in no order.
func sorted(text string) string {
	return strings.NewReplacer(`O=Example\, GmbH,CN=SAST-1`, `CN=SAST-1,O=Example\, GmbH`, `O=Example\, GmbH,CN=SAST-2`, `CN=SAST-2,O=Example\, GmbH`,
		`O=Example\, GmbH,CN=`+strings.Repeat("ü", 64), `CN=`+strings.Repeat("ü", 64)+`,O=Example\, GmbH`).Replace(text)
}

// TestExpired: what has ended goes into no list, nor does what would make one too long.
func TestExpired(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	past := newCertificate(t, pkix.Name{CommonName: "past"}, h.spare.key, func(c *x509.Certificate) { c.NotAfter = devicestest.Start.Add(-1) })
	_, err := h.members().Add(t.Context(), devicestest.Operator, lists.NewMember{Certificate: past.Certificate, Roles: []store.ListRole{store.RoleCCM}})
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "past: it expired on") {
		t.Errorf("the error is %v", err)
	}
	// 60 KB a record.
	for i := range 40 {
		big := newCertificate(t, pkix.Name{CommonName: fmt.Sprintf("big-%d", i)}, h.spare.key, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Value: make([]byte, 60<<10)}}
		})
		_, err = h.members().Add(t.Context(), devicestest.Operator, lists.NewMember{Certificate: big.Certificate, Roles: []store.ListRole{store.RoleCCM}})
		if err != nil {
			break
		}
	}
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "more than the 2097152 bytes that phones take") {
		t.Errorf("the error is %v", err)
	}
	if list := h.file(h.composer(), "ITLFile.tlv"); len(list) < 1900<<10 {
		t.Errorf("the list has %d bytes", len(list))
	}
	// A record has 64 KB.
	big := newCertificate(t, pkix.Name{CommonName: "biggest"}, h.spare.key, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Value: make([]byte, 66<<10)}}
	})
	_, err = newHouse(t).members().Add(t.Context(), devicestest.Operator, lists.NewMember{Certificate: big.Certificate, Roles: []store.ListRole{store.RoleCCM}})
	if !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("the error is %v", err)
	}
}

// TestUnfitCAPF: with a CAPF certificate that phones cannot handle there is no list, and
// the reason says what to do.
func TestUnfitCAPF(t *testing.T) {
	t.Parallel()
	h := house{House: devicestest.New(t)}
	if _, err := h.CAPF().Init(t.Context(), devicestest.Operator, crypto.Name{Organization: "Acme"}, 3072); err != nil {
		t.Fatal(err)
	}
	_, err := newKeys(h).composer().Shared(t.Context(), trustlist.ITL)
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "in the role capf: phones handle RSA keys up to 2048 bits") || !strings.Contains(apperr.Hint(err), "--key-bits 2048") {
		t.Errorf("the error is %v, %s", err, apperr.Hint(err))
	}
}
