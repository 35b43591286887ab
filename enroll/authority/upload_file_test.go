package authority

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/companytest"
	"capf/internal/apperr"
	"capf/store"
)

// TestUploadArchive takes certificates from archives of every kind, and refuses
// all of one in which something is wrong.
func TestUploadArchive(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	r := TrustStores{Store: d.Store, Now: d.Now}
	root, ca := companytest.PEM(d.Root.Certificate), d.CA.Raw
	key, err := crypto.PrivateKeyPEM(d.CA.Key)
	if err != nil {
		t.Fatal(err)
	}
	good := []companytest.File{{Name: "a/root.pem", Data: root}, {Name: "a/ca.cert", Data: ca}, {Name: "a/README", Data: []byte("hello")}}
	upload := func(data []byte) (outcomes string, err error) {
		rows, err := r.Upload(t.Context(), companytest.Olga(), []UploadFile{{Name: "x", Data: data, Purposes: []store.Purpose{store.CAPFTrust}}}, UploadOptions{})
		for _, row := range rows {
			outcomes += row.File + " " + string(row.Outcome) + " " + row.Reason + "\n"
		}
		return outcomes, err
	}
	outcome := "added"
	for name, data := range map[string][]byte{"zip": companytest.Zip(t, good...), "tar": companytest.Tar(t, good...), "tgz": companytest.Tgz(t, good...)} {
		got, err := upload(data)
		want := "x: a/root.pem " + outcome + " \nx: a/ca.cert " + outcome + " \nx: a/README skipped its name is not that of a certificate\n"
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		outcome = "already there"
	}
	before := d.Facts()
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"key":     {companytest.Zip(t, companytest.File{Name: "root.pem", Data: root}, companytest.File{Name: "key.pem", Data: key}), "x: root.pem not stored \nx: key.pem refused it holds a private key"},
		"way out": {companytest.Tar(t, companytest.File{Name: "../root.pem", Data: root}), "x: ../root.pem refused its path leads out of the archive"},
		"cut off": {companytest.Tgz(t, good...)[:60], `x refused the archive is cut off`},
		"swollen": {companytest.Gzip(t, bytes.Repeat([]byte{0}, 40<<20)), `x refused it decompresses to an unreasonable size`},
	} {
		got, err := upload(test.data)
		if !errors.Is(err, apperr.ErrRefused) || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	if after := d.Facts(); after != before {
		t.Errorf("%s\nbecame\n%s", before, after)
	}
}
