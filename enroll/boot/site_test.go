package boot

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/enroll/phone"
	"capf/enroll/transfer"
	"capf/enroll/trustlist"
	"capf/enroll/wire"
)

const device = "SEP001122334455"

// site is what a phone finds: files, a CAPF server that shows its certificate, and TVS.
type site struct {
	t       *testing.T
	files   map[string][]byte
	asked   []string // for
	web     *httptest.Server
	capf    *tls.Certificate // shown by the CAPF server
	capfAt  string
	tvs     *tls.Certificate
	tvsAt   string
	vouches map[string][]trustlist.Role // TVS, by the DER
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, files: map[string][]byte{}, vouches: map[string][]trustlist.Role{}}
	s.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, path.Base(r.URL.Path)) // by one phone, file after file
		file, ok := s.files[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(file)
	}))
	t.Cleanup(s.web.Close)
	s.capf, s.tvs = newIdentity(t, "CAPF-0a1b2c3d"), newIdentity(t, "TVS")
	s.capfAt = s.listen(s.capf, func(*tls.Conn) {})
	s.tvsAt = s.listen(s.tvs, s.answer)
	return s
}

// listen speaks TLS to whoever comes, one after the other.
func (s *site) listen(identity *tls.Certificate, speak func(*tls.Conn)) string {
	s.t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*identity}, ClientAuth: tls.RequestClientCert})
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if conn.(*tls.Conn).Handshake() == nil {
				speak(conn.(*tls.Conn))
			}
			conn.Close()
		}
	}()
	s.t.Cleanup(func() { l.Close(); <-ended })
	return l.Addr().String()
}

// answer is TVS: it vouches for what the test says.
func (s *site) answer(conn *tls.Conn) {
	frame, err := trustlist.ReadTVSFrame(conn)
	if err != nil {
		return
	}
	q, err := trustlist.ParseTVSQuestion(frame)
	if err != nil {
		return
	}
	a := trustlist.TVSAnswer{Query: q.Query, Session: q.Session, Keep: time.Hour}
	for der, roles := range s.vouches {
		cert, _ := x509.ParseCertificate([]byte(der))
		if der == string(q.Certificate) || q.Query && string(cert.SerialNumber.Bytes()) == string(q.Serial) {
			a.Valid, a.Roles = true, roles
			if q.Query {
				a.Certificate = []byte(der)
			}
		}
	}
	if b, err := a.Marshal(); err == nil {
		conn.Write(b)
	}
}

// config is a configuration file with the elements that matter.
func (s *site) config(mode int, more string) []byte {
	host, port, _ := net.SplitHostPort(s.capfAt)
	tvsHost, tvsPort, _ := net.SplitHostPort(s.tvsAt)
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<device><fullConfig>true</fullConfig><TVS><members><member priority="0"><port>%s</port><address>%s</address></member></members></TVS>
<capfAuthMode>%d</capfAuthMode><capfList><capf><phonePort>%s</phonePort><processNodeName>%s</processNodeName></capf></capfList>%s</device>
`, tvsPort, tvsHost, mode, port, host, more)
}

// list is a list with the SAST, signed by it, and other records.
func list(t *testing.T, records ...trustlist.Record) []byte {
	t.Helper()
	return signedList(t, "ITLFile.tlv", "sast", records...)
}

func signedList(t *testing.T, name, signer string, records ...trustlist.Record) []byte {
	t.Helper()
	sast := trustlist.NewRecord(certificate(t, signer+".crt"), trustlist.RoleSAST)
	l := &trustlist.List{
		Header:  trustlist.Header{Digest: trustlist.SHA1, SignerVersion: trustlist.SignerVersion10, FileName: name, Time: time.Unix(1, 0)},
		Records: append([]trustlist.Record{sast}, records...),
	}
	b, err := l.Sign(key(t, signer+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// with is a record for the certificate that a server shows.
func with(identity *tls.Certificate, role trustlist.Role) trustlist.Record {
	return trustlist.NewRecord(identity.Leaf, role)
}

// boot lets a phone explain, and returns what it tells, a line a decision.
func (s *site) boot(held Held, change func(*Config)) (Result, []string, error) {
	s.t.Helper()
	source, err := transfer.ParseSource(s.web.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	var told []string
	c := Config{Device: device, Model: "CP-8861", Source: source, Held: held, Explain: true, Tell: func(d Decision) {
		told = append(told, s.plain(fmt.Sprintf("%s %s: %s", d.Step, d.Verdict, d.Text)))
	}}
	c.Phone.Attempts = 1
	if change != nil {
		change(&c)
	}
	r, err := Run(s.t.Context(), c)
	return r, told, err
}

// plain has names for what differs from run to run.
func (s *site) plain(text string) string {
	return strings.NewReplacer(strings.TrimPrefix(s.web.URL, "http://"), "FILES", s.tvsAt, "TVS", s.capfAt, "CAPF").Replace(text)
}

// newIdentity is a self-signed certificate with its key.
func newIdentity(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, SerialNumber: big.NewInt(int64(len(name))), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func block(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	found, _ := pem.Decode(b)
	if found == nil {
		t.Fatalf("%s is no PEM file", name)
	}
	return found.Bytes
}

func certificate(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(block(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func key(t *testing.T, name string) *rsa.PrivateKey {
	t.Helper()
	key, err := x509.ParsePKCS1PrivateKey(block(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// anLSC is one that the phone has, with its key.
func anLSC(t *testing.T) *phone.Identity {
	t.Helper()
	return &phone.Identity{Certificate: block(t, "phone.crt"), Key: key(t, "phone.key"), Type: wire.TypeLSC}
}
