package transfer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// shelf gives the files that a test has put on it, and keeps how requests ended.
type shelf struct {
	files map[string][]byte
	ended chan Result
}

func (s *shelf) Give(_ context.Context, r Request) (File, error) {
	switch file, ok := s.files[r.Name]; {
	case r.Name == "secret":
		return File{}, ErrForbidden
	case r.Name == "faulty":
		return File{}, errors.New("/var/lib/capf is on fire")
	case !ok:
		return File{}, ErrNotFound
	default:
		return File{io.NopCloser(bytes.NewReader(file)), int64(len(file)), "text/xml"}, nil
	}
}

func (s *shelf) Ended(r Result) { s.ended <- r }

// next is how the next request ended.
func (s *shelf) next(t testing.TB) Result {
	t.Helper()
	select {
	case r := <-s.ended:
		return r
	case <-time.After(time.Minute):
		t.Fatal("no request ended")
		return Result{}
	}
}

// pattern is a file of the size, of which each block is different.
func pattern(size int) []byte {
	file := make([]byte, size)
	for i := range file {
		file[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return file
}

// giving runs both servers on the host.
func giving(t testing.TB, host string, l Limits) (*shelf, map[Protocol]Source) {
	t.Helper()
	s := &shelf{files: map[string][]byte{
		"ITLFile.tlv": []byte("a list"), "empty": nil, "SEP001122334455.cnf.xml": pattern(512), "Desktops/a b.png": pattern(1024),
		"large": pattern(2 << 20), "larger": pattern(2<<20 + 1), "firmware": pattern(34 << 20),
	}, ended: make(chan Result, 10000)}
	c := Config{Giver: s, Limits: l, Log: slog.New(slog.DiscardHandler)}
	hs, err := ListenHTTP(t.Context(), net.JoinHostPort(host, "0"), c)
	must(t, err)
	ts, err := ListenTFTP(t.Context(), net.JoinHostPort(host, "0"), c)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		hs.Shut()
		hs.Drain(ctx)
		ts.Shut()
		ts.Drain(ctx)
	})
	port := func(a net.Addr) int { return int(netip.MustParseAddrPort(a.String()).Port()) }
	return s, map[Protocol]Source{HTTP: {host, HTTP, port(hs.Addr())}, TFTP: {host, TFTP, port(ts.Addr())}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fetch(ctx context.Context, s Source, name string) ([]byte, error) { return s.Fetch(ctx, name) }

// TestFetch: what one side gives, the other fetches, by both protocols and over both
// IPs, and each refusal is told apart.
func TestFetch(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "::1"} {
		s, sources := giving(t, host, DefaultLimits())
		for _, p := range []Protocol{HTTP, TFTP} {
			for name, want := range s.files {
				file, err := fetch(t.Context(), sources[p], name)
				if len(want) > Largest {
					if !errors.Is(err, ErrTooLarge) {
						t.Errorf("%s %s: %v", sources[p], name, err)
					}
					continue
				}
				if err != nil || !bytes.Equal(file, want) {
					t.Errorf("%s %s: %d bytes, %v", sources[p], name, len(file), err)
				}
			}
			if _, err := fetch(t.Context(), sources[p], "none"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "none from "+sources[p].String()) {
				t.Errorf("what is not there: %v", err)
			}
			if _, err := fetch(t.Context(), sources[p], "faulty"); err == nil || strings.Contains(err.Error(), "fire") || p == HTTP && errors.Is(err, ErrNotFound) {
				t.Errorf("what cannot be read: %v", err)
			}
			// Over TFTP every error has the code of a file that is not found.
			if _, err := fetch(t.Context(), sources[p], "secret"); p == HTTP && !errors.Is(err, ErrForbidden) || p == TFTP && !errors.Is(err, ErrNotFound) {
				t.Errorf("what is forbidden: %v", err)
			}
		}
	}
}

// TestFetchFallsBack: where nothing speaks HTTP, TFTP is tried, as phones do, and whatever
// is asked for next is asked for by what has answered.
func TestFetchFallsBack(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := nobody.Addr().String()
	nobody.Close()
	source, err := ParseSource(address)
	must(t, err)
	if _, err = fetch(t.Context(), source, "ITLFile.tlv"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("with nobody there: %v", err)
	}
	if !unreachable(err) {
		t.Errorf("%v counts as an answer", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is no line", err)
	}
	_, sources := giving(t, "127.0.0.1", DefaultLimits())
	source = sources[TFTP]
	source.Protocol = ""
	if _, err := source.Fetch(t.Context(), "none"); !errors.Is(err, ErrNotFound) || source.Protocol != TFTP {
		t.Errorf("%v, then %s is asked", err, source)
	}
	if got := (Source{Host: "tftp.example.com"}).protocols(); !slices.Equal(got, []Protocol{HTTP, TFTP}) {
		t.Errorf("%v are tried", got)
	}
}

func TestParseSource(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"cucm.example.com": "cucm.example.com", "192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1", "[2001:db8::1]": "2001:db8::1",
		"cucm:6971": "http://cucm:6971", "http://cucm": "http://cucm:6970", "HTTP://cucm/": "http://cucm:6970", "tftp://[::1]:1069": "tftp://[::1]:1069", "tftp://cucm": "tftp://cucm:69",
		"": "", "https://cucm": "", "cucm:0": "", "cucm:70000": "", "http://cucm/file": "", "a b": "", "user@cucm": "", "ftp://cucm": "", "http://": "",
	} {
		got, err := ParseSource(text)
		if want == "" && err == nil || want != "" && (err != nil || got.String() != want) {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

// curl runs it with the arguments, and returns what it has fetched.
func curl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command("curl", append([]string{"-sS", "-g", "--path-as-is", "--max-time", "60"}, args...)...).CombinedOutput()
	return string(out), err
}

// TestCurl: another program's client gets the files, by both protocols, with the
// options of TFTP.
func TestCurl(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "::1"} {
		s, sources := giving(t, host, DefaultLimits())
		for name, want := range s.files {
			if name == "firmware" && host == "::1" {
				continue // once is enough
			}
			escaped := strings.ReplaceAll(name, " ", "%20")
			got, err := curl(t, sources[HTTP].String()+"/"+escaped)
			if err != nil || got != string(want) {
				t.Errorf("http %s: %d bytes, %v", name, len(got), err)
			}
			if name == "empty" {
				continue // curl fails on a file of no bytes by TFTP
			}
			kinds := [][]string{{"--tftp-no-options"}, {"--tftp-blksize", "1428"}, {"--tftp-blksize", "512"}, {}}
			if name == "firmware" {
				kinds = kinds[:1] // it has more than 65535 blocks without options
			}
			for _, options := range kinds {
				got, err := curl(t, append(options, sources[TFTP].String()+"/"+escaped)...)
				if err != nil || got != string(want) {
					t.Errorf("tftp %s %v: %d bytes, %v", name, options, len(got), err)
				}
			}
		}
	}
}

// TestTFTPClients: the clients of Debian get a file of more than 65535 blocks, and none
// of them can leave one.
func TestTFTPClients(t *testing.T) {
	t.Parallel()
	s, sources := giving(t, "127.0.0.1", DefaultLimits())
	dir, port := t.TempDir(), fmt.Sprint(sources[TFTP].Port)
	run := func(name string, args ...string) string {
		c := exec.Command(name, args...)
		c.Dir = dir
		out, _ := c.CombinedOutput() // their exit codes differ
		return string(out)
	}
	same := func(name string) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, s.files["firmware"]) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	run("tftp", "-m", "binary", "127.0.0.1", port, "-c", "get", "firmware", "one")
	same("one")
	run("atftp", "--get", "-r", "firmware", "-l", "two", "--option", "blksize 1024", "--option", "timeout 3", "--option", "tsize", "--option", "windowsize 8", "127.0.0.1", port)
	same("two")
	must(t, os.WriteFile(filepath.Join(dir, "mine"), []byte("mine"), 0o644))
	if out := run("tftp", "127.0.0.1", port, "-c", "put", "mine"); !strings.Contains(out, "not allowed") {
		t.Errorf("tftp put: %s", out)
	}
	for { // on a busy machine a client asks again, and is answered twice
		if r := s.next(t); r.Outcome == Refused && r.Name == "mine" {
			return
		}
	}
}

// TestRudeHTTP: whatever is no plain request for a file gets a status without a body,
// and no file.
func TestRudeHTTP(t *testing.T) {
	t.Parallel()
	s, sources := giving(t, "127.0.0.1", DefaultLimits())
	for _, test := range []struct {
		line   string
		status int
	}{
		{"GET /ITLFile.tlv HTTP/1.1", 200},
		{"GET /ITLFile.tlv HTTP/1.0", 200},
		{"HEAD /ITLFile.tlv HTTP/1.1", 200},
		{"POST /ITLFile.tlv HTTP/1.1", 405},
		{"PUT /ITLFile.tlv HTTP/1.1", 405},
		{"DELETE /ITLFile.tlv HTTP/1.1", 405},
		{"OPTIONS * HTTP/1.1", 405},
		{"TRACE / HTTP/1.1", 405},
		{"CONNECT 192.0.2.1:80 HTTP/1.1", 405},
		{"GET http://other.example/ITLFile.tlv HTTP/1.1", 404},
		{"GET /%49TLFile.tlv HTTP/1.1", 404},
		{"GET /%2e%2e/ITLFile.tlv HTTP/1.1", 404},
		{"GET /ITLFile.tlv%00 HTTP/1.1", 404},
		{"GET /ITLFile.tlv? HTTP/1.1", 404},
		{"GET /ITLFile.tlv#a HTTP/1.1", 404},
		{"GET /" + strings.Repeat("a", 256) + " HTTP/1.1", 404},
		{"GET /" + strings.Repeat("a", 20000) + " HTTP/1.1", 431},
		{"GET /ITLFile.tlv\x00 HTTP/1.1", 400},
		{"GET ITLFile.tlv HTTP/1.1", 400},
		{"nonsense", 400},
	} {
		c, err := net.Dial("tcp", sources[HTTP].address(HTTP))
		must(t, err)
		fmt.Fprintf(c, "%s\r\nHost: x\r\nConnection: close\r\n\r\n", test.line)
		r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: strings.Fields(test.line)[0]})
		if err != nil {
			t.Errorf("%.60q: %v", test.line, err)
			continue
		}
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != test.status || test.status != 200 && strings.Contains(string(body), "list") {
			t.Errorf("%.60q: %s %q", test.line, r.Status, body)
		}
		c.Close()
		if test.status == 405 || test.status == 404 {
			if r := s.next(t); r.Outcome != Refused {
				t.Errorf("%.60q: %+v", test.line, r)
			}
		} else if test.status == 200 {
			if r := s.next(t); r.Outcome != Sent || r.From != netip.MustParseAddr("127.0.0.1") {
				t.Errorf("%.60q: %+v", test.line, r)
			}
		}
	}
}

// TestSlowReader: a client that takes nothing more of a file is given up, and what it
// held is free again.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	l := DefaultLimits()
	l.Stalled, l.All = 200*time.Millisecond, 1
	s, sources := giving(t, "127.0.0.1", l)
	c, err := net.Dial("tcp", sources[HTTP].address(HTTP))
	must(t, err)
	defer c.Close()
	must(t, c.(*net.TCPConn).SetReadBuffer(4096))
	fmt.Fprint(c, "GET /firmware HTTP/1.1\r\nHost: x\r\n\r\n")
	if r := s.next(t); r.Outcome != Broken || r.Bytes >= int64(len(s.files["firmware"])) {
		t.Errorf("it ended as %+v", r)
	}
	for {
		file, err := fetch(t.Context(), sources[HTTP], "ITLFile.tlv")
		if err == nil && string(file) == "a list" {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

// TestBodyThatNeverComes: a client that promises a body, and sends none, does not keep its
// place.
func TestBodyThatNeverComes(t *testing.T) {
	t.Parallel()
	for _, promise := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked", "Content-Length: 10\r\nExpect: 100-continue"} {
		s, sources := giving(t, "127.0.0.1", DefaultLimits())
		c, err := net.Dial("tcp", sources[HTTP].address(HTTP))
		must(t, err)
		defer c.Close()
		fmt.Fprintf(c, "POST /ITLFile.tlv HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", promise)
		if r := s.next(t); r.Outcome != Refused {
			t.Errorf("%s: it ended as %+v", promise, r)
		}
		must(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 405 ") {
			t.Errorf("%s: %q, and the connection is not closed: %v", promise, answer, err)
		}
	}
}

// TestSilentTFTPClient: one that acknowledges nothing is given up after a few
// retransmissions, and does not keep others from their files.
func TestSilentTFTPClient(t *testing.T) {
	t.Parallel()
	s, sources := giving(t, "127.0.0.1", DefaultLimits())
	c, err := net.Dial("udp", sources[TFTP].address(TFTP))
	must(t, err)
	defer c.Close()
	fmt.Fprint(c, "\x00\x01firmware\x00octet\x00blksize\x001428\x00")
	if file, err := fetch(t.Context(), sources[TFTP], "ITLFile.tlv"); err != nil || string(file) != "a list" {
		t.Errorf("another client got %q, %v", file, err)
	}
	if r := s.next(t); r.Outcome != Sent {
		t.Errorf("another client: %+v", r)
	}
	if r := s.next(t); r.Outcome != Broken || r.Took > time.Minute {
		t.Errorf("the silent one: %+v", r)
	}
}

// TestLimitsOfAnAddress: an address that asks too often, or for too much at once, is
// refused, and others are not.
func TestLimitsOfAnAddress(t *testing.T) {
	t.Parallel()
	g := newGate(Limits{All: 5, PerAddress: 2, Rate: 1, Burst: 3})
	one, two, lan := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")
	// How often it is granted before it is refused for the first time.
	times := func(what func(netip.Addr) bool, from netip.Addr) (n int) {
		for n < 100 && what(from) {
			n++
		}
		return n
	}
	if n := times(g.enter, one); n != 2 {
		t.Errorf("an address has %d transfers", n)
	}
	if n := times(g.enter, two); n != 2 {
		t.Errorf("another one has %d", n)
	}
	if n := times(g.enter, lan); n != 1 {
		t.Errorf("five are all, and the last address has %d", n)
	}
	g.leave(one)
	if n := times(g.enter, one); n != 1 {
		t.Errorf("of its free places an address got %d", n)
	}
	if n := times(g.ask, one); n != 3 {
		t.Errorf("an address asks %d times at once", n)
	}
	if n := times(g.ask, two); n != 3 {
		t.Errorf("another one asks %d times", n)
	}
	for range 3 * hostsOfNetwork {
		if !g.ask(lan) {
			t.Fatal("a LAN may ask for all its phones")
		}
	}
	if g.ask(netip.MustParseAddr("2001:db8::2")) {
		t.Error("but the LAN is one")
	}
	for range 100 {
		if !g.ask(netip.MustParseAddr("127.0.0.1")) {
			t.Fatal("this host may always ask")
		}
	}
}
