package tvs_test

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/enroll/tvs"
)

// counts is a meter.
type counts struct {
	mu  sync.Mutex
	all map[string]int
}

func (c *counts) TVSAnswered(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]int{}
	}
	c.all[outcome]++
}

func (c *counts) of(outcome string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[outcome]
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running is a service that runs.
type running struct {
	site
	*tvs.Listener
	own    *x509.Certificate
	counts *counts
	log    *lines
}

// serve runs a service; change may set its limits.
func serve(t testing.TB, s site, address string, change func(*tvs.Service)) running {
	t.Helper()
	own, _, err := s.maker().Ensure(t.Context(), s.Actor)
	s.must(err)
	r := running{site: s, own: own, counts: &counts{}, log: &lines{}}
	service := tvs.Service{Store: s.Store.Reader, Sealer: s.Sealer, Now: time.Now, Log: slog.New(slog.NewTextHandler(r.log, nil)), Meter: r.counts}
	if change != nil {
		change(&service)
	}
	r.Listener, err = service.Open(t.Context(), address)
	s.must(err)
	t.Cleanup(func() {
		r.Shut()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r.Drain(ctx)
	})
	return r
}

func (s site) set(name, value string) {
	s.Helper()
	s.must(s.Store.SetParameter(s.Context(), s.Actor, name, value))
}

func (r running) server() tvs.Server {
	return tvs.Server{Address: r.Addr().String(), Trusted: []*x509.Certificate{r.own}}
}

// eventually waits for what another goroutine does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// python is a phone written with other libraries than ours: it sends the bytes that it
// gets in hexadecimal digits, prints what comes back, and which suite it was.
const python = `
import socket, ssl, struct, sys
host, port, ciphers, lowest, highest, cert = sys.argv[1:7]
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.check_hostname = False
c.verify_mode = ssl.CERT_NONE
c.minimum_version = getattr(ssl.TLSVersion, lowest)
c.maximum_version = getattr(ssl.TLSVersion, highest)
if ciphers:
    c.set_ciphers(ciphers)
if cert:
    c.load_cert_chain(cert)
with c.wrap_socket(socket.create_connection((host, int(port)), 30)) as s:
    f = s.makefile('rb')
    for frame in sys.argv[7:]:
        s.sendall(bytes.fromhex(frame))
        head = f.read(10)
        body = f.read(struct.unpack('>H', head[8:])[0]) if len(head) == 10 else b''
        print(s.version(), s.cipher()[0], (head + body).hex())
`

func phone(t testing.TB, address, ciphers, lowest, highest, identity string, frames ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("python3", append([]string{"-W", "ignore", "-c", python, host, port, ciphers, lowest, highest, identity}, frames...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, out)
	}
	return string(out)
}

// verify is the frame that a phone sends to verify a certificate, by the bytes of a
// recorded one.
func verify(der []byte) string {
	device := "CP-7961G-SEP001122334455"
	elements := append([]byte{1, 0, byte(len(device) + 1), 1}, device...)
	elements = append(elements, 2, byte(len(der)>>8), byte(len(der)))
	elements = append(elements, der...)
	return "5701010001020304" + hex.EncodeToString(binary.BigEndian.AppendUint16(nil, uint16(len(elements)))) + hex.EncodeToString(elements)
}

// pemOf writes an identity of a phone to a file.
func pemOf(t testing.TB, c *x509.Certificate, key stdcrypto.Signer) string {
	t.Helper()
	private, err := crypto.PrivateKeyPEM(key)
	if err != nil {
		t.Fatal(err)
	}
	name := t.TempDir() + "/phone.pem"
	if err := os.WriteFile(name, append(crypto.CertificatePEM(c.Raw), private...), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestForeignPhones: what phones send is answered to the byte, with the suite and
// versions that they speak, with an LSC and without.
func TestForeignPhones(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	s.set(settings.TLSMinVersion, "1.0")
	r := serve(t, s, "127.0.0.1:0", nil)
	stranger := certificate(t, "stranger", time.Now().AddDate(1, 0, 0))
	identity, key, err := crypto.NewTVS(rand.Reader, crypto.Name{}, time.Now())
	s.must(err)
	capf := s.capf()
	const want = "5701020001020304000f" + "07000100" + "08000104" + "0900040000012c"
	for _, p := range []struct{ ciphers, lowest, highest, identity, suite string }{
		{"AES256-SHA:@SECLEVEL=0", "TLSv1_2", "TLSv1_2", "", "TLSv1.2 AES256-SHA"},
		{"AES256-SHA:@SECLEVEL=0", "TLSv1_2", "TLSv1_2", pemOf(t, identity, key), "TLSv1.2 AES256-SHA"},
		{"AES128-SHA:@SECLEVEL=0", "TLSv1", "TLSv1", "", "TLSv1 AES128-SHA"},
		{"AES256-SHA:@SECLEVEL=0", "TLSv1", "TLSv1", pemOf(t, identity, key), "TLSv1 AES256-SHA"},
		{"ECDHE-RSA-AES256-GCM-SHA384", "TLSv1_2", "TLSv1_2", "", "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"},
		{"", "TLSv1_3", "TLSv1_3", "", "TLSv1.3 TLS_A"},
	} {
		out := phone(t, r.Addr().String(), p.ciphers, p.lowest, p.highest, p.identity, verify(capf.Raw), verify(stranger.Raw))
		got := strings.Split(strings.TrimSpace(out), "\n")
		if len(got) != 2 || !strings.HasPrefix(got[0], p.suite) || !strings.HasSuffix(got[0], " "+want) || !strings.HasSuffix(got[1], " 5701020001020304000407000101") {
			t.Errorf("%+v: %q", p, got)
		}
	}
	if r.counts.of("valid") != 6 || r.counts.of("invalid") != 6 {
		t.Errorf("%v", r.counts.all)
	}
	if text := r.log.String(); strings.Count(text, "outcome=invalid") != 6 || !strings.Contains(text, "device=CP-7961G-SEP001122334455") || !strings.Contains(text, `\"stranger\" (SHA-256 `+crypto.Fingerprint(stranger)) {
		t.Error(text)
	}
}

// TestAES256WithDefaults: newer phones too ask with AES256-SHA, which TLS 1.2 has.
func TestAES256WithDefaults(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	r := serve(t, s, "127.0.0.1:0", nil)
	cmd := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", r.Addr().String(), "-tls1_2", "-cipher", "AES256-SHA:@SECLEVEL=0", "-quiet")
	in, err := cmd.StdinPipe()
	s.must(err)
	out, err := cmd.StdoutPipe()
	s.must(err)
	s.must(cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	frame, err := hex.DecodeString(verify(s.capf().Raw))
	s.must(err)
	_, err = in.Write(frame)
	s.must(err)
	back, err := trustlist.ReadTVSFrame(out)
	s.must(err)
	if a, err := trustlist.ParseTVSAnswer(back); err != nil || !a.May(trustlist.RoleCAPF) || a.May(trustlist.RoleSAST) {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestAsk: our own client gets answers only from a server that the list names.
func TestAsk(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	r := serve(t, s, "127.0.0.1:0", nil)
	capf := s.capf()
	q := trustlist.TVSQuestion{Device: "CP-8861-SEP001122334455", Certificate: capf.Raw}
	a, err := tvs.Ask(t.Context(), r.server(), q)
	if err != nil || !a.May(trustlist.RoleCAPF) || a.Server == nil || !a.Server.Equal(r.own) || a.Keep == 0 {
		t.Errorf("%+v, %v", a, err)
	}
	q.Query = true
	if a, err = tvs.Ask(t.Context(), r.server(), q); err != nil || !a.Query || !bytes.Equal(a.Certificate, capf.Raw) {
		t.Errorf("%+v, %v", a, err)
	}
	other := r.server()
	other.Trusted = []*x509.Certificate{capf}
	if a, err = tvs.Ask(t.Context(), other, q); !errors.Is(err, tvs.ErrUntrusted) || a.Server == nil || a.Valid {
		t.Errorf("%+v, %v", a, err)
	}
	other.Trusted = nil
	if _, err = tvs.Ask(t.Context(), other, q); !errors.Is(err, tvs.ErrUntrusted) {
		t.Errorf("a list without TVS: %v", err)
	}
	other.Anyone = true
	if a, err = tvs.Ask(t.Context(), other, q); err != nil || !a.Valid {
		t.Errorf("%+v, %v", a, err)
	}
	eventually(t, "the handshakes that the client broke off are logged", func() bool { return r.counts.of("handshake") == 2 })
	if text := r.log.String(); !strings.Contains(text, "the list of the phone does not name this certificate of TVS") {
		t.Error(text)
	}
	if _, err = tvs.Ask(t.Context(), tvs.Server{Address: "127.0.0.1:1", Anyone: true}, q); err == nil || !strings.Contains(err.Error(), "connecting to TVS at 127.0.0.1:1") {
		t.Error(err)
	}
}

// answering is a server that answers each question with the same bytes.
func answering(t testing.TB, own tls.Certificate, frame []byte) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequestClientCert})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if question, err := trustlist.ReadTVSFrame(c); err == nil && len(frame) > 0 {
					answer := bytes.Clone(frame)
					copy(answer[4:8], question[4:8])
					c.Write(answer)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestAskOthers: a server with another mind is told apart, and one that asks for a
// certificate gets it.
func TestAskOthers(t *testing.T) {
	t.Parallel()
	c, key, err := crypto.NewTVS(rand.Reader, crypto.Name{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own := tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
	for text, want := range map[string]string{
		"":                             "the server has closed the connection",
		"57010200000000000004070001":   "it ends after 3 of 4 bytes",
		"5701040000000000000407000101": "it is the answer to another question",
		"5701010000000000000402000101": "a question, and no answer",
		"485454502f312e3120343030":     "no TVS frame: it begins with 4854",
	} {
		frame, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		server := tvs.Server{Address: answering(t, own, frame), Trusted: []*x509.Certificate{c}, Identity: &own}
		_, err = tvs.Ask(t.Context(), server, trustlist.TVSQuestion{Certificate: c.Raw})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the answer of TVS at ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	frame, _ := hex.DecodeString("5701020000000000000407000101")
	server := tvs.Server{Address: answering(t, own, frame), Trusted: []*x509.Certificate{c}, Identity: &own}
	if a, err := tvs.Ask(t.Context(), server, trustlist.TVSQuestion{Certificate: c.Raw}); err != nil || a.Valid {
		t.Errorf("%+v, %v", a, err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := tvs.Ask(t.Context(), tvs.Server{Address: silent.Addr().String(), Anyone: true, Timeout: 50 * time.Millisecond}, trustlist.TVSQuestion{Certificate: c.Raw}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// dial makes a connection without asking anything.
func (r running) dial() *tls.Conn {
	r.Helper()
	c, err := tls.Dial("tcp", r.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	r.must(err)
	r.Cleanup(func() { c.Close() })
	return c
}

// ended waits until the server closes a connection.
func ended(t testing.TB, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	b, err := io.ReadAll(c)
	if ne := net.Error(nil); len(b) > 0 || errors.As(err, &ne) && ne.Timeout() {
		t.Errorf("%x, %v", b, err)
	}
}

// TestNonsense: what is no question ends its own connection, is counted and logged; the
// next phone is served.
func TestNonsense(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	r := serve(t, s, "127.0.0.1:0", nil)
	for i, frame := range []string{"485454502f312e310d0a", "5701090000000000" + "0000", "5701010000000000" + "ffff", "5701010000000000" + "0000", "5701010000000000" + "0003020001"} {
		c := r.dial()
		b, _ := hex.DecodeString(frame)
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		ended(t, c)
		eventually(t, "it is counted", func() bool { return r.counts.of("malformed") == i+1 })
	}
	half := r.dial()
	half.Write([]byte{0x57, 1, 1, 0})
	half.CloseWrite()
	ended(t, half)
	eventually(t, "it is counted", func() bool { return r.counts.of("malformed") == 6 })
	if text := r.log.String(); !strings.Contains(text, "command 9 is not known") || !strings.Contains(text, "it has no CERTIFICATE to verify") || !strings.Contains(text, "more than the 16384") {
		t.Error(text)
	}
	plain, err := net.Dial("tcp", r.Addr().String())
	s.must(err)
	defer plain.Close()
	io.WriteString(plain, "GET / HTTP/1.0\r\n\r\n")
	eventually(t, "it is counted", func() bool { return r.counts.of("handshake") == 1 })
	if _, err := tvs.Ask(t.Context(), r.server(), trustlist.TVSQuestion{Certificate: s.capf().Raw}); err != nil {
		t.Error(err)
	}
}

// TestDeadlines: who sends nothing, or too slowly, is not waited for.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	r := serve(t, s, "127.0.0.1:0", func(v *tvs.Service) { v.Wait = 300 * time.Millisecond })
	plain, err := net.Dial("tcp", r.Addr().String())
	s.must(err)
	defer plain.Close()
	ended(t, plain)
	ended(t, r.dial())
	slow := r.dial()
	slow.Write([]byte{0x57})
	ended(t, slow)
}

// TestPlaces: when all places are taken, the oldest connection makes room, but not for a
// network that has more than its share.
func TestPlaces(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	r := serve(t, s, "127.0.0.1:0", func(v *tvs.Service) { v.Most = 3 })
	flood := []*tls.Conn{r.dial(), r.dial(), r.dial()}
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := from.Dial("tcp", r.Addr().String())
	s.must(err)
	defer conn.Close()
	honest := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	s.must(honest.Handshake())
	ended(t, flood[0])
	extra, err := net.Dial("tcp", r.Addr().String())
	s.must(err)
	defer extra.Close()
	more, err := net.Dial("tcp", r.Addr().String())
	s.must(err)
	defer more.Close()
	eventually(t, "the network with most is turned away", func() bool { return r.counts.of("limit") >= 1 })
	frame, _ := hex.DecodeString(verify(s.capf().Raw))
	honest.Write(frame)
	if _, err := trustlist.ReadTVSFrame(honest); err != nil {
		t.Errorf("the honest phone: %v", err)
	}
}

// TestDrain: a restart does not wait for phones that ask nothing.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	own, _, err := s.maker().Ensure(t.Context(), s.Actor)
	s.must(err)
	service := tvs.Service{Store: s.Store.Reader, Sealer: s.Sealer, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	l, err := service.Open(t.Context(), "127.0.0.1:0")
	s.must(err)
	r := running{site: s, Listener: l, own: own}
	idle := r.dial()
	frame, _ := hex.DecodeString(verify(s.capf().Raw))
	idle.Write(frame)
	if _, err := trustlist.ReadTVSFrame(idle); err != nil {
		t.Fatal(err)
	}
	l.Shut()
	l.Drain(t.Context()) // without an end
	ended(t, idle)
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

// TestIPv6: phones are served over IPv6 where the parameter says so.
func TestIPv6(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	r := serve(t, s, "[::1]:0", nil)
	q := trustlist.TVSQuestion{Certificate: s.capf().Raw}
	if _, err := tvs.Ask(t.Context(), r.server(), q); err == nil || r.counts.of("ipv6") != 1 {
		t.Errorf("%v, %v", err, r.counts.all)
	}
	s.set("enable_ipv6", "true")
	if a, err := tvs.Ask(t.Context(), r.server(), q); err != nil || !a.Valid {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestManyStrangers: the log stays short, whatever strangers ask.
func TestManyStrangers(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	r := serve(t, s, "127.0.0.1:0", nil)
	c := r.dial()
	frame, _ := hex.DecodeString(verify([]byte("no certificate")))
	for range 99 {
		c.Write(frame)
		if _, err := trustlist.ReadTVSFrame(c); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(r.log.String(), "\n"); n > 130 || r.counts.of("invalid") != 99 {
		t.Errorf("%d lines, %v", n, r.counts.all)
	}
	c.Write(frame)
	if _, err := trustlist.ReadTVSFrame(c); err != nil {
		t.Error(err)
	}
	ended(t, c) // it has asked enough
}

// TestWithoutCertificate: what is missing is said, with what makes it.
func TestWithoutCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	service := tvs.Service{Store: s.Store.Reader, Sealer: s.Sealer, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	if _, err := service.Open(t.Context(), "127.0.0.1:0"); err == nil || err.Error() != "there is no certificate of TVS yet" {
		t.Error(err)
	}
	inForce, err := settings.Read(t.Context(), s.Store.Reader)
	s.must(err)
	if _, err := service.State(t.Context(), inForce); err == nil {
		t.Error("a service without a certificate has a state")
	}
	_, _, err = s.maker().Ensure(t.Context(), s.Actor)
	s.must(err)
	first, err := service.State(t.Context(), inForce)
	s.must(err)
	_, err = s.maker().Regenerate(t.Context(), s.Actor)
	s.must(err)
	second, err := service.State(t.Context(), inForce)
	s.must(err)
	inForce.TLSMinVersion = tls.VersionTLS10
	third, err := service.State(t.Context(), inForce)
	s.must(err)
	if first == second || second == third || !strings.HasPrefix(third, "TLS 1.0 ") {
		t.Errorf("%s, %s, %s", first, second, third)
	}
}
