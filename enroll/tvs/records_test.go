package tvs_test

import (
	"crypto/tls"
	"encoding/hex"
	"net"
	"testing"
	"time"

	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/tls10/recordtest"
)

// TestOneRecord: an answer comes in one TLS record, with TLS 1.0 and a CBC suite too,
// since old phones stall on two.
func TestOneRecord(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	s.set(settings.TLSMinVersion, "1.0")
	r := serve(t, s, "127.0.0.1:0", nil)
	tcp, err := net.Dial("tcp", r.Addr().String())
	s.must(err)
	defer tcp.Close()
	tcp.SetDeadline(time.Now().Add(5 * time.Minute))
	counter := &recordtest.Counter{Conn: tcp}
	phone := tls.Client(counter, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
		CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA}})
	question, err := hex.DecodeString(verify(s.capf().Raw))
	s.must(err)
	for n := 1; n <= 3; n++ {
		_, err := phone.Write(question)
		s.must(err)
		_, err = trustlist.ReadTVSFrame(phone)
		s.must(err)
		if counter.Data != n {
			t.Errorf("%d answers came in %d records", n, counter.Data)
		}
	}
}
