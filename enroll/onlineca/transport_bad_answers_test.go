package onlineca_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

const (
	post  = "/certsrv/certfnsh.asp"
	fetch = "/certsrv/certnew.cer"
)

// answering is a site that answers one path in its own way.
func answering(t *testing.T, path string, do func(http.ResponseWriter, *http.Request)) *catest.Certsrv {
	t.Helper()
	return catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"), Intercept: at(path, do)}})
}

func endless(w http.ResponseWriter, piece string) {
	for {
		if _, err := io.WriteString(w, piece); err != nil {
			return
		}
	}
}

func cut(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Length", "100000")
	io.WriteString(w, text)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// bomb answers with 64 MiB of zeros in a small body. The body is made before
// the client waits for it: compressing takes a busy machine a while.
func bomb() http.HandlerFunc {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	io.CopyN(z, zeros{}, 64<<20)
	z.Close()
	return func(w http.ResponseWriter, _ *http.Request) { zipped(w, b.Bytes()) }
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func zipped(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(body)
}

func TestBadAnswersToThePost(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		do     func(http.ResponseWriter, *http.Request)
		kind   error
		code   string
		reason string
		sent   bool
	}{
		"endless":         {func(w http.ResponseWriter, r *http.Request) { endless(w, "<html>nothing ") }, onlineca.ErrUnreachable, "", "too long", true},
		"cut":             {func(w http.ResponseWriter, r *http.Request) { cut(w, "<html>half a p") }, onlineca.ErrUnreachable, "", "cut off", true},
		"cut in a number": {func(w http.ResponseWriter, r *http.Request) { cut(w, "<P ID=locInfoReqID> is 4") }, onlineca.ErrUnreachable, "", "cut off", true},
		"gzip bomb":       {bomb(), onlineca.ErrUnreachable, "", "too long", true},
		"bad gzip":        {func(w http.ResponseWriter, r *http.Request) { zipped(w, []byte("no gzip")) }, onlineca.ErrUnreachable, "", "decoding", true},
		"brotli": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.Write([]byte("x"))
		}, onlineca.ErrUnreachable, "", `"br"`, true},
		"empty": {func(w http.ResponseWriter, r *http.Request) {}, onlineca.ErrUnreachable, "", "not a page", true},
		"JSON": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"ok":true}`)
		}, onlineca.ErrUnreachable, "", "not a page", true},
		"binary": {func(w http.ResponseWriter, r *http.Request) { w.Write([]byte{0, 1, 2, 0xff, 0xfe}) }, onlineca.ErrUnreachable, "", "not a page", true},
		"403":    {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) }, onlineca.ErrRejected, "403", "403", false},
		"403.4": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "<h2>403.4 - SSL</h2>", http.StatusForbidden)
		},
			onlineca.ErrRejected, "403.4", "403", false},
		"404": {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, onlineca.ErrUnreachable, "404", "404", false},
		"500": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "ASP error", 500) }, onlineca.ErrUnreachable, "500", "500", true},
		"503": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "90")
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}, onlineca.ErrUnreachable, "503", "503", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			posts := 0
			s := answering(t, post, func(w http.ResponseWriter, r *http.Request) { posts++; tc.do(w, r) })
			_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
			e := failure(t, err, tc.kind)
			if e.Code != tc.code || !strings.Contains(e.Error(), tc.reason) || e.Sent != tc.sent {
				t.Errorf("%v; code %q, sent %v", e, e.Code, e.Sent)
			}
			if tc.code == "503" && e.RetryAfter != 90*time.Second {
				t.Errorf("retry after %v", e.RetryAfter)
			}
			if s.Close(); posts != 1 {
				t.Errorf("posted %d times", posts)
			}
		})
	}
}

// A page that breaks off or never ends may still hold the number.
func TestNumberOnAPartialPage(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(http.ResponseWriter){
		"cut":     func(w http.ResponseWriter) { cut(w, `<html><A Href="certnew.cer?ReqID=41&amp;Enc=b64"> and th`) },
		"endless": func(w http.ResponseWriter) { endless(w, "<html><P ID=locInfoReqID> is 41. ") },
		"zipped": func(w http.ResponseWriter) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			io.WriteString(z, `certnew.cer?ReqID=41&Enc=`)
			z.Close()
			zipped(w, b.Bytes())
		},
	} {
		s := answering(t, post, func(w http.ResponseWriter, r *http.Request) { do(w) })
		a, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
		if err != nil || a.RequestID != "41" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func TestBadAnswersToTheFetch(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(http.ResponseWriter, *http.Request){
		"endless":   func(w http.ResponseWriter, r *http.Request) { endless(w, "0000000000") },
		"cut":       func(w http.ResponseWriter, r *http.Request) { cut(w, "\x30\x82\x03") },
		"gzip bomb": bomb(),
		"empty":     func(w http.ResponseWriter, r *http.Request) {},
		"short DER": func(w http.ResponseWriter, r *http.Request) { w.Write([]byte{0x30, 0x82, 3, 0, 1}) },
		"bad PEM": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
		},
		"open PEM": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "-----BEGIN CERTIFICATE-----\nMIIB") },
		"proxy": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "<html><title>Blocked</title>by policy</html>")
		},
		"an issued page": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `<html><A Href="certnew.cer?ReqID=41&amp;Enc=b64">`)
		},
		"failed page": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `<html><TD ID=locLastStatLabel>x</TD><TD>0x80004005</TD>`)
		},
		"500": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 500) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := answering(t, fetch, do)
			_, err := client(t, s.Server, onlineca.Microsoft, nil).Fetch(t.Context(), "41")
			if e := failure(t, err, onlineca.ErrUnreachable); e.RequestID != "41" || e.Decided {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestWrongContentTypes(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"text/html; charset=Shift_JIS", "application/octet-stream", "image/png"} {
		s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Intercept: func(w http.ResponseWriter, r *http.Request) bool { return false }}})
		c := client(t, s.Server, onlineca.Microsoft, nil)
		leaf := enroll(t, c, ecRequest(t)).Leaf
		odd := answering(t, fetch, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Write(leaf)
		})
		a, err := client(t, odd.Server, onlineca.Microsoft, nil).Fetch(t.Context(), "41")
		if err != nil || !bytes.Equal(a.Leaf, leaf) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	stolen := catest.MustCertsrv(t, catest.CertsrvOptions{})
	for _, path := range []string{"/certsrv/", post, fetch} {
		for _, status := range []int{301, 302, 307, 308} {
			s := answering(t, path, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", stolen.URL()+path)
				w.WriteHeader(status)
			})
			c := client(t, s.Server, onlineca.Microsoft, nil)
			a, err := c.Submit(t.Context(), ecRequest(t))
			if path == fetch {
				_, err = c.Fetch(t.Context(), a.RequestID)
			}
			if e := failure(t, err, onlineca.ErrUnreachable); !strings.Contains(e.Reason, stolen.URL()) {
				t.Errorf("%s %d: %v", path, status, e)
			}
		}
	}
	if stolen.Requests() != 0 {
		t.Errorf("%d requests went to the other host", stolen.Requests())
	}
}

// The CA goes away in the middle of each step: before the login, within it, at
// the POST, at the fetch, at the chain.
func TestCAGoneInTheMiddle(t *testing.T) {
	t.Parallel()
	for last := 0; last <= 6; last++ {
		var s *catest.Certsrv
		seen := 0
		s = catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("NTLM"),
			Front: func(w http.ResponseWriter, r *http.Request) bool {
				if seen++; seen > last {
					panic(http.ErrAbortHandler)
				}
				return false
			}}})
		c := client(t, s.Server, onlineca.Microsoft, nil)
		a, err := c.Submit(t.Context(), ecRequest(t))
		if err == nil {
			_, err = c.Fetch(t.Context(), a.RequestID)
		}
		// Three exchanges of the login (the last is the start page), POST, certificate, chain.
		if last == 6 {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		e := failure(t, err, onlineca.ErrUnreachable)
		if e.Sent != (last == 3) || e.Decided || (e.RequestID != "") != (last > 3) {
			t.Errorf("after %d: %+v", last, e)
		}
		want := 0
		if last > 3 {
			want = 1
		}
		if n := len(s.CA.Made()); n != want {
			t.Errorf("after %d: %d certificates made", last, n)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{})
	// Not a closed port: another test may be given it.
	_, err := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) {
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
	}).Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrUnreachable); e.Sent || !strings.Contains(e.Advice, "firewalls") {
		t.Errorf("%+v", e)
	}
	_, err = client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) {
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "ca", IsNotFound: true}}
		}
	}).Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrUnreachable); !strings.Contains(e.Reason, "has no address") {
		t.Errorf("%+v", e)
	}
}

// A CA that hangs costs one POST its time; the deadline itself is the verdict,
// not how long the test waited.
func TestHangingCA(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	s := answering(t, post, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	_, err := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Limits.Post = 300 * time.Millisecond }).Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrUnreachable); !e.Sent || !strings.Contains(e.Reason, "in time") {
		t.Errorf("%+v", e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client(t, s.Server, onlineca.Microsoft, nil).Submit(ctx, ecRequest(t))
	if failure(t, err, onlineca.ErrUnreachable); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
