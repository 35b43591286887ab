package server_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"capf/enroll/wire"
	"capf/store"
)

// segmentsIn is how many segments with data the connection has received.
func segmentsIn(t *testing.T, conn *net.TCPConn) (n uint32) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if failed := raw.Control(func(fd uintptr) {
		var info *unix.TCPInfo
		if info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			n = info.Data_segs_in
		}
	}); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	return n
}

// TestOneSegment: each flight of the handshake and each frame comes in one segment,
// of which the phone's kernel keeps count, whatever the version of TLS: old phones
// stall on a frame that comes in two. With TLS 1.0 and a CBC suite it is two records.
func TestOneSegment(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.set("tls_min_version", "1.0")
	h.stop()
	h.start()
	for name, test := range map[string]struct {
		tls     *tls.Config
		flights uint32
	}{
		"SEP000000000010": {&tls.Config{MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, 2},
		"SEP000000000011": {&tls.Config{MaxVersion: tls.VersionTLS11}, 2},
		"SEP000000000012": {&tls.Config{MaxVersion: tls.VersionTLS12}, 2},
		"SEP000000000013": {&tls.Config{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h.add(name, store.Install)
			conn, err := net.Dial("tcp", h.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			config := test.tls
			config.InsecureSkipVerify, config.MinVersion = true, tls.VersionTLS10
			c := &conversation{t, tls.Client(conn, config), 0}
			tcp := conn.(*net.TCPConn)
			c.install(name, func(frames int, f wire.Frame) {
				// After END_SESSION may come the close_notify.
				if n := segmentsIn(t, tcp) - test.flights; n != uint32(frames) && f.Command != wire.CmdEndSession {
					t.Errorf("%d frames came in %d segments, up to %v", frames, n, f.Command)
				}
			})
		})
	}
}
