package directory_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"capf/enroll/devices/devicestest"
	"capf/enroll/directory"
)

// people is how many there are in the directory of the tests.
const people = 10000

const (
	suffix   = "dc=example,dc=com"
	bindDN   = "cn=capf," + suffix
	password = "correct horse battery"
)

// slapd is a running OpenLDAP server with data of its own.
type slapd struct {
	ldap, ldaps string // addresses, as URLs
	ca          string // PEM
	folder      string
}

// startSlapd starts Debian's slapd with the LDIF, on ports of its own.
func startSlapd(t testing.TB, ldif func(*bufio.Writer)) slapd {
	t.Helper()
	s := slapd{folder: t.TempDir()}
	s.ca = s.certificates(t)
	s.configure(t)
	data := filepath.Join(s.folder, "data.ldif")
	f, err := os.Create(data)
	devicestest.Must(t, err)
	w := bufio.NewWriter(f)
	ldif(w)
	devicestest.Must(t, w.Flush())
	devicestest.Must(t, f.Close())
	s.run(t, "slapadd", "-q", "-f", filepath.Join(s.folder, "slapd.conf"), "-l", data)
	for range 5 { // a port that was free a moment ago may be taken
		if s.serve(t) {
			return s
		}
	}
	t.Fatal("slapd does not start")
	return s
}

func (s *slapd) run(t testing.TB, program string, args ...string) {
	t.Helper()
	out, err := exec.Command(daemon(t, program), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// daemon finds a program that may be outside of the PATH of ordinary users.
func daemon(t testing.TB, program string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	path := "/usr/sbin/" + program
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing; scripts/need.sh slapd installs it", program)
	}
	return path
}

func (s *slapd) configure(t testing.TB) {
	t.Helper()
	devicestest.Must(t, os.Mkdir(filepath.Join(s.folder, "db"), 0o700))
	text := fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/pid
TLSCertificateFile %[1]s/server.pem
TLSCertificateKeyFile %[1]s/server.key
referral ldap://elsewhere.example.net
# As most directories: no more than 500 entries at once, but by pages.
sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited
security simple_bind=64
database mdb
suffix "%[2]s"
rootdn "cn=root,%[2]s"
rootpw unused
maxsize 268435456
directory %[1]s/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="%[3]s" read by * none
`, s.folder, suffix, bindDN)
	devicestest.Must(t, os.WriteFile(filepath.Join(s.folder, "slapd.conf"), []byte(text), 0o600))
}

// authority is the certificate of a CA, as PEM.
func authority(t testing.TB) string {
	t.Helper()
	s := slapd{folder: t.TempDir()}
	return s.certificates(t)
}

// certificates makes a CA and the server's certificate for "localhost".
func (s *slapd) certificates(t testing.TB) string {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	devicestest.Must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	devicestest.Must(t, err)
	now := time.Now()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Directory CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	devicestest.Must(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	devicestest.Must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	devicestest.Must(t, err)
	write := func(name, kind string, der []byte) {
		devicestest.Must(t, os.WriteFile(filepath.Join(s.folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	write("server.pem", "CERTIFICATE", der)
	write("server.key", "PRIVATE KEY", keyDER)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}))
}

// serve starts the server and waits until it answers; false when it does not.
func (s *slapd) serve(t testing.TB) bool {
	t.Helper()
	plain, secure := freePort(t), freePort(t)
	s.ldap, s.ldaps = "ldap://localhost:"+plain, "ldaps://localhost:"+secure
	cmd := exec.Command(daemon(t, "slapd"), "-f", filepath.Join(s.folder, "slapd.conf"), "-d", "0",
		"-h", fmt.Sprintf("ldap://127.0.0.1:%s/ ldaps://127.0.0.1:%s/", plain, secure))
	devicestest.Must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); <-ended })
	for {
		conn, err := net.Dial("tcp", "127.0.0.1:"+secure)
		if err == nil {
			conn.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	devicestest.Must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	devicestest.Must(t, err)
	return port
}

// company writes the directory of the tests: many people, and under other
// bases those that make trouble.
func company(w *bufio.Writer) {
	fmt.Fprintf(w, "dn: %s\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n", suffix)
	fmt.Fprintf(w, "dn: %s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: capf\nuserPassword: %s\n\n", bindDN, password)
	for _, ou := range []string{"people", "nameless", "doubles", "odd", "split", "forest", "empty"} {
		fmt.Fprintf(w, "dn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %s\n\n", ou, suffix, ou)
	}
	for i := range people {
		person(w, "people", fmt.Sprintf("user%05d", i), fmt.Sprintf("Person Number %d", i))
	}
	person(w, "nameless", "anna", "Anna")
	fmt.Fprintf(w, "dn: cn=Nobody,ou=nameless,%s\nobjectClass: inetOrgPerson\ncn: Nobody\nsn: Nobody\n\n", suffix)
	person(w, "doubles", "bert", "Bert")
	fmt.Fprintf(w, "dn: cn=Bert Two,ou=doubles,%s\nobjectClass: inetOrgPerson\ncn: Bert Two\nsn: x\nuid: BERT\n\n", suffix)
	person(w, "odd", "carl", "Carl")
	fmt.Fprintf(w, "dn: cn=Umlaut,ou=odd,%s\nobjectClass: inetOrgPerson\ncn: Umlaut\nsn: x\nuid:: bcO8bGxlcg==\n\n", suffix) // müller
	person(w, "split", "dora", "Dora")
	refer(w, "split", "ou=far")
	person(w, "forest", "emil", "Emil")
	for _, other := range []string{"DC=ForestDnsZones,DC=example,DC=com", "DC=DomainDnsZones,DC=example,DC=com", "CN=Configuration,DC=example,DC=com"} {
		refer(w, "forest", other)
	}
}

// refer puts an entry that refers to another directory below a base.
func refer(w *bufio.Writer, ou, other string) {
	name, _, _ := strings.Cut(other, ",")
	_, name, _ = strings.Cut(name, "=")
	fmt.Fprintf(w, "dn: ou=%s,ou=%s,%s\nobjectClass: referral\nobjectClass: extensibleObject\nou: %[1]s\nref: ldap://elsewhere.example.net/%[4]s\n\n", name, ou, suffix, other)
}

func person(w *bufio.Writer, ou, uid, cn string) {
	fmt.Fprintf(w, "dn: uid=%s,ou=%s,%s\nobjectClass: inetOrgPerson\ncn: %s\nsn: x\nuid: %s\n\n", uid, ou, suffix, cn, uid)
}

// directory is how the server is reached, for the people under one base.
func (s slapd) directory(base string) directory.Directory {
	return directory.Directory{
		URL: s.ldaps, CA: s.ca, BindDN: bindDN, Base: "ou=" + base + "," + suffix, Filter: directory.DefaultFilter,
		DeviceName: "CSF{uid}", About: "{cn}", PageSize: directory.DefaultPageSize, Seconds: 20,
	}
}

// addDirectory adds a directory with the right password.
func (h *house) addDirectory(name, group string, d directory.Directory) {
	h.Helper()
	_, err := directory.AddDirectory(h.Context(), h.Rules, devicestest.Operator, name, group, new(password), d)
	devicestest.Must(h.TB, err)
}

func (h *house) sync(name string, o directory.SyncOptions) (directory.Synced, error) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 5*time.Minute)
	defer cancel()
	return directory.Sync(ctx, h.Rules, devicestest.Operator, name, o)
}

// lines is what a sync says, a line a device.
func lines(s directory.Synced) string {
	var all []string
	for _, r := range s.Rows {
		text := string(r.Outcome)
		if r.Problem != "" {
			text = "(" + r.Problem + ")"
		}
		all = append(all, r.Device+" "+text)
	}
	return strings.Join(all, "; ")
}

// BenchmarkSync10000 makes the devices of 10,000 people of a real OpenLDAP
// server, each with a string of its own.
func BenchmarkSync10000(b *testing.B) {
	s := startSlapd(b, company)
	for range b.N {
		b.StopTimer()
		h := newHouse(b)
		h.addDirectory("people", "", s.directory("people"))
		b.StartTimer()
		got, err := h.sync("people", directory.SyncOptions{})
		devicestest.Must(b, err)
		if got.Entries != people {
			b.Fatalf("%d entries", got.Entries)
		}
	}
	b.ReportMetric(people*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
