package enroll

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// TestUploadArchive takes certificates from archives of every kind, and refuses
// all of one in which something is wrong.
func TestUploadArchive(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	root, ca := pemOf(d.root.Certificate), d.ca.Raw
	key, err := crypto.PrivateKeyPEM(d.ca.key)
	if err != nil {
		t.Fatal(err)
	}
	good := []file{{name: "a/root.pem", data: root}, {name: "a/ca.cert", data: ca}, {name: "a/README", data: []byte("hello")}}
	upload := func(data []byte) (outcomes string, err error) {
		rows, err := d.UploadTrust(t.Context(), olga, []UploadFile{{Name: "x", Data: data, Purposes: []store.Purpose{store.CAPFTrust}}}, UploadOptions{})
		for _, row := range rows {
			outcomes += row.File + " " + string(row.Outcome) + " " + row.Reason + "\n"
		}
		return outcomes, err
	}
	outcome := "added"
	for name, data := range map[string][]byte{"zip": zipOf(t, good...), "tar": tarOf(t, good...), "tgz": tgzOf(t, good...)} {
		got, err := upload(data)
		want := "x: a/root.pem " + outcome + " \nx: a/ca.cert " + outcome + " \nx: a/README skipped its name is not that of a certificate\n"
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		outcome = "already there"
	}
	before := d.facts()
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"key":     {zipOf(t, file{name: "root.pem", data: root}, file{name: "key.pem", data: key}), "x: root.pem not stored \nx: key.pem refused it holds a private key"},
		"way out": {tarOf(t, file{name: "../root.pem", data: root}), "x: ../root.pem refused its path leads out of the archive"},
		"cut off": {tgzOf(t, good...)[:60], `x refused the archive is cut off`},
		"swollen": {gzipOf(t, bytes.Repeat([]byte{0}, 40<<20)), `x refused it grows beyond reason`},
	} {
		got, err := upload(test.data)
		if !errors.Is(err, apperr.ErrRefused) || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	if after := d.facts(); after != before {
		t.Errorf("%s\nbecame\n%s", before, after)
	}
}
