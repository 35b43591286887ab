package transfer

import (
	"encoding/binary"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// FuzzTFTP: whatever packet comes, the server goes on, and answers with nothing but
// data, an acknowledgement of options or an error.
func FuzzTFTP(f *testing.F) {
	for _, packet := range []string{
		"\x00\x01ITLFile.tlv\x00octet\x00", "\x00\x01ITLFile.tlv\x00netascii\x00tsize\x000\x00blksize\x001428\x00timeout\x003\x00windowsize\x0016\x00",
		"\x00\x01../../etc/shadow\x00octet\x00", "\x00\x01ITLFile.tlv\x00octet\x00blksize\x00-1\x00blksize\x0099999999999\x00",
		"\x00\x01ITLFile.tlv\x00octet\x00tsize\x00" + strings.Repeat("9", 480) + "\x00", "\x00\x02ITLFile.tlv\x00octet\x00",
		"\x00\x03\x00\x01data", "\x00\x04\x00\x01", "\x00\x05\x00\x01no\x00", "\x00\x06blksize\x0012\x00", "\x00\x01", "\x00\x01a", "\x00\x01\x00\x00", "\x00", "", "\xff\xff\xff\xff",
		"\x00\x01" + strings.Repeat("a", 600) + "\x00octet\x00",
	} {
		f.Add([]byte(packet))
	}
	s := &shelf{files: map[string][]byte{"ITLFile.tlv": []byte("a list")}, ended: make(chan Result)}
	go func() {
		for range s.ended {
		}
	}()
	server, err := ListenTFTP(f.Context(), "127.0.0.1:0", Config{Giver: s, Limits: Limits{All: 64, PerAddress: 64, Rate: 1, Burst: 1, Stalled: time.Second, Slowest: 1 << 10}, Log: slog.New(slog.DiscardHandler)})
	must(f, err)
	f.Fuzz(func(t *testing.T, packet []byte) {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		must(t, err)
		defer c.Close()
		if len(packet) > 0 {
			_, err = c.WriteTo(packet, server.Addr())
			must(t, err)
		}
		answer := make([]byte, 70000)
		var sent time.Time
		for {
			if time.Since(sent) > time.Second { // the kernel may have dropped one
				_, err = c.WriteTo([]byte("\x00\x01none\x00octet\x00"), server.Addr())
				must(t, err)
				sent = time.Now()
			}
			must(t, c.SetReadDeadline(time.Now().Add(2*time.Second)))
			n, err := c.Read(answer)
			if err != nil {
				continue
			}
			switch op := binary.BigEndian.Uint16(answer); {
			case op != 3 && op != 5 && op != 6 || n > 4+largestBlock && op == 3:
				t.Fatalf("%q is answered with %q", packet, answer[:n])
			case op == 5 && (strings.Contains(string(answer[:n]), errTellNotFound.Error()) || strings.Contains(string(answer[:n]), errTellLimited.Error())):
				return
			}
		}
	})
}
