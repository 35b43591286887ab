package offline

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"sync"
	"testing"

	"capf/enroll/archive"
	"capf/enroll/authority"
	"capf/enroll/companytest"
)

var noon, olga = companytest.Noon(), companytest.Olga()

type file = companytest.File

// desk is where an operator exchanges files with the company's CA.
type desk struct{ *companytest.Desk }

func newDesk(t testing.TB) *desk {
	t.Helper()
	return &desk{companytest.New(t)}
}

// sub is the desk in a subtest.
func (d *desk) sub(t testing.TB) *desk { return &desk{d.For(t)} }

// rehearsal is the desk for a dry run.
func (d *desk) rehearsal() *desk {
	dry := *d.Desk
	dry.Store = d.Store.Rehearsal()
	return &desk{&dry}
}

func (d *desk) offline() CA { return CA{Store: d.Store, Now: d.Now} }

// Bytes is a source in memory.
func Bytes(name string, data []byte) archive.Source {
	return archive.Stream(name, bytes.NewReader(data))
}

// rsaKey is made once, since it takes its time.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func der(c *x509.Certificate) []byte { return c.Raw }

// lines imports and returns what an operator reads, with serials left out.
func (d *desk) lines(o ImportOptions, sources ...archive.Source) (lines []string, report ImportReport, err error) {
	d.Helper()
	o.Row = func(r Row) error {
		line := fmt.Sprintf("%s: %s", r.Source, r.Outcome)
		if r.Reason != "" {
			line += ": " + r.Reason
		}
		lines = append(lines, line)
		return nil
	}
	report, err = d.offline().Import(d.Context(), olga, sources, o)
	return lines, report, err
}

func (d *desk) trustStores() authority.TrustStores {
	return authority.TrustStores{Store: d.Store, Now: d.Now}
}
