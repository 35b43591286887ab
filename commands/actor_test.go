package commands

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestActor: the record has what the system vouches for, and what the caller says
// is recorded as his words.
func TestActor(t *testing.T) {
	t.Parallel()
	me := userName()
	for _, test := range []struct {
		name, login, sudo string
		bySudo            bool
		want              string
	}{
		{"nobody says anything", "", "", false, me},
		{"who logged in", "olga", "", false, "olga"},
		{"who logged in, through sudo", "olga", "olga", true, "olga"},
		{"who logged in says another", "olga", "eve", false, "olga"},
		{"sudo says it", "", "olga", true, "olga"},
		{"the caller says it", "", "eve", false, me + " (says eve)"},
		{"the caller says the truth", "", me, false, me},
	} {
		env := &Env{Getenv: func(name string) string { return map[string]string{"SUDO_USER": test.sudo}[name] }, witness: witness{
			login: func() string { return test.login }, bySudo: func() bool { return test.bySudo },
		}}
		if got := env.actor().Name; got != test.want {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
	}
	for said, want := range map[string]string{"": "", "192.0.2.7 50000 22": "192.0.2.7", "192.0.2.8 50000 22": "(says 192.0.2.8)"} {
		env := &Env{Getenv: func(name string) string { return map[string]string{"SSH_CLIENT": said}[name] }, witness: witness{
			login: func() string { return "" }, bySudo: func() bool { return false },
			connected: func(client string) bool { return strings.HasPrefix(client, "192.0.2.7 ") },
		}}
		if got := env.actor().Address; got != want {
			t.Errorf("%q: %q, not %q", said, got, want)
		}
	}
}

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
		if client := host + " " + port + " " + there; !standingConnection(client) {
			t.Errorf("%s does not stand", client)
		}
		for _, client := range []string{"192.0.2.7 " + port + " " + there, host + " 1 " + there, host + " " + port + " 1", host, "x y z", ""} {
			if standingConnection(client) {
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
