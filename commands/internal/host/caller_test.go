package host

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestStandingConnection looks for connections of this process, over both families.
func TestStandingConnection(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err)
			continue
		}
		defer l.Close()
		conn, err := net.Dial("tcp", l.Addr().String())
		check(t, err)
		defer conn.Close()
		host, port, err := net.SplitHostPort(conn.LocalAddr().String())
		check(t, err)
		_, there, err := net.SplitHostPort(l.Addr().String())
		check(t, err)
		if client := host + " " + port + " " + there; !openConnection(client) {
			t.Errorf("%s does not stand", client)
		}
		for _, client := range []string{"192.0.2.7 " + port + " " + there, host + " 1 " + there, host + " " + port + " 1", host, "x y z", ""} {
			if openConnection(client) {
				t.Errorf("%q stands", client)
			}
		}
	}
}

// TestConnectionTable reads the kernel's own example of an address of each kind.
func TestConnectionTable(t *testing.T) {
	t.Parallel()
	const line = "   1: 0100007F:0016 0700A8C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1\n"
	if littleEndian() && !inTable(line, netip.MustParseAddr("192.168.0.7"), "50000", "22") {
		t.Error("the connection is not found")
	}
	if inTable(strings.Replace(line, " 01 ", " 06 ", 1), netip.MustParseAddr("192.168.0.7"), "50000", "22") {
		t.Error("one that has ended is found")
	}
}

func littleEndian() bool {
	addr, _, ok := tableAddress("0100007F:0016")
	return ok && addr == netip.MustParseAddr("127.0.0.1")
}

// TestProcessStatus reads what Debian's kernel says of a sudo that a user has started.
func TestProcessStatus(t *testing.T) {
	t.Parallel()
	name, real, effective := processStatus("Name:\tsudo\nUmask:\t0022\nPPid:\t1888\nUid:\t1001\t0\t0\t0\nGid:\t1001\t1001\t1001\t1001\n")
	if name != "sudo" || real != "1001" || effective != "0" {
		t.Errorf("%q %q %q", name, real, effective)
	}
	if name, real, effective := processStatus(""); name+real+effective != "" {
		t.Errorf("%q %q %q", name, real, effective)
	}
}
