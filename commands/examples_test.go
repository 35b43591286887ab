package commands

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/store"
)

// before are the lines that have to be carried out for an example to be true.
var before = map[string][]string{
	"capf device add":             {"capf device delete SEP001122334455 --yes"},
	"capf lsc show":               {"issue"},
	"capf lsc export":             {"issue"},
	"capf lsc revoke":             {"issue"},
	"capf lsc release":            {"issue", "capf lsc revoke 4f3c9a0d --reason certificate-hold --yes"},
	"capf cert set":               {"capf cert upload root-ca.pem --purpose capf-trust --purpose callmanager-trust"},
	"capf template set":           {"capf template add softphones --operation install"},
	"capf template delete":        {"capf template add softphones --operation install"},
	"capf template show":          {"capf template add softphones --operation install"},
	"capf feature-group add":      {"capf template add softphones --operation install"},
	"capf feature-group delete":   {"capf template add softphones --operation install", "capf feature-group add staff --template softphones"},
	"capf ldap add":               {"capf template add softphones --operation install", "capf feature-group add staff --template softphones"},
	"capf ldap set":               oneDirectory,
	"capf ldap show":              oneDirectory,
	"capf ldap sync":              oneDirectory,
	"capf ldap delete":            oneDirectory,
	"capf trust-list delete":      {"capf trust-list add asterisk.pem --role ccm"},
	"capf trust-list write":       {"capf trust-list init"},
	"capf trust-list rotate":      {"capf trust-list init"},
	"capf trust-list sast export": {"capf trust-list init"},
	"capf phone-config sign":      {"capf trust-list add tftp.crt --role tftp --key tftp.key --yes"},
	"capf phone-config encrypt":   {"capf trust-list add tftp.crt --role tftp --key tftp.key --yes", "mic"},
	"capf restore":                {"capf backup capf-backup.db"},
	"capf job show":               {"job"},
	"capf approval show":          {"proposal"},
	"capf approval approve":       {"proposal"},
	"capf approval reject":        {"proposal"},
	"capf job cancel":             {"job"},
}

// oneDirectory has an address at which nobody answers.
var oneDirectory = []string{
	"capf template add softphones --operation install", "capf feature-group add staff --template softphones",
	"capf ldap add staff --url ldaps://127.0.0.1:1 --base dc=example --device-name CSF{uid} --feature-group staff",
}

// codes are the exit codes of examples whose other end is missing here, which are tested
// where there is one, and of dry runs that find something to do.
var codes = map[string]int{
	"capf ldap sync":        1,
	"capf online-ca test":   1,
	"capf cert apply":       6,
	"capf device apply":     6,
	"capf trust-list write": 6,
	"capf notify test":      4,
	"capf phone boot":       1,
	"capf session end":      3,
	"capf tvs ask":          1,

	"capf trust-list fetch": 1,
}

// TestExamples carries out the example of every command.
func TestExamples(t *testing.T) {
	t.Parallel()
	model := exampleHouse(t)
	for _, l := range cmdline.Leaves(tree(nil), "capf") {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run(t, "cp", "-a", model+"/.", dir)
			if l.Name == "capf check" || l.Name == "capf restore" {
				dir = house(t) // what the model is seeded with does not stand the check
			}
			for _, line := range before[l.Name] {
				prepare(t, dir, line)
			}
			line, _, _ := strings.Cut(l.Example, " > ") // into a file
			words := exampleWords(line)
			switch l.Name {
			case "capf serve":
				serveExample(t, dir, words[1:])
				return
			case "capf phone boot": // where nobody gives files
				words[slices.Index(words, "192.0.2.10")] = "http://127.0.0.1:1"
			case "capf trust-list fetch", "capf tvs ask": // where nobody answers, whatever else runs on this host
				words[slices.Index(words, "localhost")] = "127.0.0.1:1"
			case "capf phone enroll", "capf phone fetch", "capf phone delete":
				address := serveFor(t, dir)
				words[slices.Index(words, "localhost:3804")] = address
				enrolFirst(t, dir, l.Name, address)
			}
			code, out := capf(t, dir, words[1:]...)
			if code != codes[l.Name] {
				t.Errorf("%s: exit code %d, want %d\n%s", l.Example, code, codes[l.Name], out)
			}
		})
	}
}

// exampleWords are the words of an example, in which quotes stand around whole words
// only.
func exampleWords(line string) (words []string) {
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(line, -1) {
		words = append(words, strings.Trim(word, `'"`))
	}
	return words
}

// exampleHouse is a house with the files that examples name.
func exampleHouse(t *testing.T) string {
	t.Helper()
	dir := house(t)
	check(t, os.RemoveAll(filepath.Join(dir, "up")))
	root, web := exampleCA(t)
	for name, data := range map[string][]byte{
		"root-ca.pem": root, "web.pem": web, "phones.csv": []byte("name,description\nSEP00112233445A,new\n"),
		"trust.yaml": []byte("version: 1\ncertificates:\n  - {file: root-ca.pem, purposes: capf-trust}\n"),
	} {
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	run(t, "cp", "../enroll/trustlist/testdata/ITLFile.tlv", dir)
	const recorded = "../enroll/phoneconfig/testdata/"
	run(t, "cp", recorded+"SEP001122334455.cnf.xml", recorded+"SEP001122334455.cnf.xml.enc.sgn", recorded+"phone.key", dir)
	run(t, "cp", recorded+"ccm.crt", filepath.Join(dir, "tftp.crt"))
	run(t, "cp", recorded+"ccm.key", filepath.Join(dir, "tftp.key"))
	check(t, os.Mkdir(filepath.Join(dir, "public"), 0o700))
	run(t, "cp", "../enroll/trustlist/testdata/capf.crt", filepath.Join(dir, "capf.pem"))
	run(t, "cp", "../enroll/trustlist/testdata/ccm.crt", filepath.Join(dir, "asterisk.pem"))
	check(t, os.Mkdir(filepath.Join(dir, "tftp"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "password"), []byte("correct horse\n"), 0o600))
	run(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", filepath.Join(dir, "sast.key"), "-out", filepath.Join(dir, "sast.pem"), "-subj", "/CN=ITLRECOVERY_cucm", "-days", "3650")
	run(t, "openssl", "pkcs12", "-export", "-in", filepath.Join(dir, "sast.pem"), "-inkey", filepath.Join(dir, "sast.key"), "-passout", "file:"+filepath.Join(dir, "password"), "-out", filepath.Join(dir, "ITLRecovery.p12"))
	run(t, "tar", "-C", dir, "-czf", filepath.Join(dir, "signed.tgz"), "root-ca.pem")
	must(t, dir, "set", "certificate_issuer", "offline-ca")
	seedFor(t, dir, "pending", "SEP00112233446A")
	seedFor(t, dir, "stale", "SEP00112233446B")
	return dir
}

// exampleCA makes the root of a CA and the certificate of its web server.
func exampleCA(t *testing.T) (root, web []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "ca.example.com"}, NotBefore: template.NotBefore, NotAfter: template.NotAfter}
	webDER, err := x509.CreateCertificate(rand.Reader, leaf, template, &key.PublicKey, key)
	check(t, err)
	return crypto.CertificatePEM(rootDER), crypto.CertificatePEM(webDER)
}

func seedFor(t *testing.T, dir, what, name string) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(dir, "capf.db"), store.Options{})
	check(t, err)
	defer s.Close()
	check(t, seedDevice(context.Background(), s, what, name, len(name)))
}

// prepare carries out a line, or makes what no line makes.
func prepare(t *testing.T, dir, line string) {
	t.Helper()
	switch line {
	case "issue":
		s, err := store.Open(t.Context(), filepath.Join(dir, "capf.db"), store.Options{})
		check(t, err)
		defer s.Close()
		d, err := s.Device(t.Context(), "SEP001122334455")
		check(t, err)
		_, err = s.IssueLSC(t.Context(), store.Actor{Kind: store.Phone, Name: d.Name}, store.NewLSC{
			Request: store.Request{DeviceID: d.ID, Device: d.Name, Schedule: d.Schedule, Issuer: "capf", KeyKind: "rsa-2048", KeyHash: digest("example", 1), PublicKey: []byte("key")},
			LSC: store.LSC{Serial: "4f3c9a0d", Subject: "CN=x", Issuer: "CN=y", KeyKind: "rsa-2048", NotBefore: seedTime, NotAfter: seedTime.AddDate(1, 0, 0),
				Certificate: []byte("certificate"), Fingerprint: digest("example", 1)},
		})
		check(t, err)
	case "mic":
		s, err := store.Open(t.Context(), filepath.Join(dir, "capf.db"), store.Options{})
		check(t, err)
		defer s.Close()
		d, err := s.Device(t.Context(), "SEP001122334455")
		check(t, err)
		pemFile, err := os.ReadFile("../enroll/phoneconfig/testdata/phone.crt")
		check(t, err)
		block, _ := pem.Decode(pemFile)
		check(t, s.NoteAuthenticated(t.Context(), store.Actor{Kind: store.Phone, Name: d.Name}, d.ID, "", []store.DeviceCertificate{{Kind: "mic", Certificate: block.Bytes}}, nil))
	case "job":
		run(t, "sqlite3", filepath.Join(dir, "capf.db"), "INSERT OR REPLACE INTO sqlite_sequence (name, seq) VALUES ('jobs', 11)")
		must(t, dir, "bulk", "update", "SEP*", "--operation", "install", "--at", "+1d", "--yes")
	case "proposal":
		run(t, "sqlite3", filepath.Join(dir, "capf.db"), `INSERT INTO proposals (id, subject, action, effects, document, digest, state, proposed_at, proposed_by,
			proposer, address, command, expires_at) VALUES (7, 'issuer', 'set', '~ clock_tolerance: 9; was 5', CAST('{"Name":"clock_tolerance","Value":"9"}' AS BLOB), zeroblob(32), 'waiting',
			unixepoch() * 1000, 'otto', 1, '', '', (unixepoch() + 86400) * 1000)`)
	default:
		must(t, dir, strings.Fields(line)[1:]...)
	}
}

// serveFor runs a listener for the phone of an example and returns its address.
func serveFor(t *testing.T, dir string) string {
	t.Helper()
	must(t, dir, "set", "certificate_issuer", "capf")
	address, _ := startServe(t, dir, "serve", "--listen", "127.0.0.1:0", "--address-file", "capf.address")
	return address
}

// enrolFirst gives the phone a certificate, unless that is the example, and
// schedules what the example does.
func enrolFirst(t *testing.T, dir, example, address string) {
	t.Helper()
	must(t, dir, "device", "set", "SEP001122334455", "--operation", "install")
	if example == "capf phone enroll" {
		return
	}
	must(t, dir, "phone", "enroll", "SEP001122334455", "--server", address, "--out", ".")
	operation := map[string]string{"capf phone fetch": "troubleshoot", "capf phone delete": "delete"}[example]
	must(t, dir, "device", "set", "SEP001122334455", "--operation", operation)
}

func serveExample(t *testing.T, dir string, args []string) {
	t.Helper()
	address, stop := startServe(t, dir, args...)
	conn, err := net.Dial("tcp", address)
	check(t, err)
	conn.Close()
	if err := stop(); err != nil {
		t.Errorf("serve ends with %v", err)
	}
}

func startServe(t *testing.T, dir string, args ...string) (address string, stop func() error) {
	t.Helper()
	cmd := capfProcess(t, dir, args...)
	var log bytes.Buffer
	cmd.Stderr = &log
	check(t, cmd.Start())
	var err error
	ended := make(chan struct{})
	go func() { err = cmd.Wait(); close(ended) }()
	stop = func() error {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		return err
	}
	t.Cleanup(func() { stop() })
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if data, err := os.ReadFile(filepath.Join(dir, "capf.address")); err == nil {
			return strings.TrimSpace(string(data)), stop
		}
		select {
		case <-ended:
			t.Fatalf("serve has ended: %s", log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("serve does not listen")
	return "", nil
}
