package host

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// User is an account of the system.
type User struct {
	Name string
	ID   int64
}

// Witness is what the system itself says about who runs a command. The environment
// says it too, but the caller can set that to anything.
type Witness struct {
	Login     func() (User, bool)                                // who logged in, if that is known
	Sudoer    func(getenv func(string) string) (u User, is bool) // who had sudo start the command, if it did and the environment says who
	Connected func(client string) bool                           // the value of SSH_CLIENT is that of an open connection
}

// SystemWitness asks the system: /proc, where that exists.
func SystemWitness() Witness { return Witness{loggedIn, sudoer, openConnection} }

// loggedIn is the user to whom the kernel attributes this process. It is set at
// login, inherited through su and sudo, and cannot be changed without privilege. In
// many containers it is not set.
func loggedIn() (User, bool) {
	text, err := os.ReadFile("/proc/self/loginuid")
	if err != nil || !knowsUsers() {
		return User{}, false
	}
	const unset = 1<<32 - 1
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil || n == unset {
		return User{}, false
	}
	return User{nameOf(int64(n)), int64(n)}, true
}

// knowsUsers reports whether user ids are those of the system. In a user namespace of
// their own (user_namespaces(7)), which anybody can make, callers give themselves the id
// of anybody else, and the kernel tells all ids by it.
func knowsUsers() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && isSystemsMap(string(text))
}

// isSystemsMap says whether a map of user ids is that of the host, or of a container that
// root has given a whole range of ids. Users can map their own id, and a range that is
// theirs to give, but not both in one piece.
func isSystemsMap(text string) bool {
	f := strings.Fields(text)
	if len(f) != 3 || f[0] != "0" {
		return false
	}
	n, err := strconv.ParseUint(f[2], 10, 32)
	return err == nil && n >= 1<<16
}

// nameOf is the name of a user.
func nameOf(id int64) string {
	uid := strconv.FormatInt(id, 10)
	u, err := user.LookupId(uid)
	if err != nil || u.Name == "" && !hasAccount(u.Username, uid) {
		return "uid " + uid
	}
	return u.Username
}

// hasAccount looks into /etc/passwd. Package user, without a C library, makes up a user of
// our own id from $USER and $HOME where the system has none; that one has no full name.
func hasAccount(name, uid string) bool {
	accounts, _ := os.ReadFile("/etc/passwd")
	for line := range strings.Lines(string(accounts)) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[0] == name && f[2] == uid {
			return true
		}
	}
	return false
}

// sudoer believes SUDO_UID when the parent is a sudo that runs as root, which a copy of
// sudo that the caller made does not, and that this user has started: the real user of
// sudo stays who that was (credentials(7)).
func sudoer(getenv func(string) string) (User, bool) {
	id, err := strconv.ParseInt(getenv("SUDO_UID"), 10, 64)
	if err != nil || !knowsUsers() {
		return User{}, false
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", os.Getppid()))
	if err != nil {
		return User{}, false
	}
	if name, real, effective := processStatus(string(text)); name != "sudo" || effective != "0" || real != strconv.FormatInt(id, 10) {
		return User{}, false
	}
	return User{nameOf(id), id}, true
}

// processStatus reads the name and the users of a process (proc_pid_status(5)).
func processStatus(text string) (name, real, effective string) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "Name:":
			name = f[1]
		case len(f) == 5 && f[0] == "Uid:":
			real, effective = f[1], f[2]
		}
	}
	return name, real, effective
}

// openConnection looks for the connection that sshd names: remote address,
// remote port, local port. It does not say whose connection that is.
func openConnection(client string) bool {
	f := strings.Fields(client)
	if len(f) != 3 {
		return false
	}
	addr, err := netip.ParseAddr(f[0])
	if err != nil {
		return false
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err == nil && inTable(string(text), addr.WithZone("").Unmap(), f[1], f[2]) {
			return true
		}
	}
	return false
}

// inTable reads a table of the kernel's connections (proc_net_tcp(5)).
func inTable(table string, remote netip.Addr, remotePort, localPort string) bool {
	const established = "01"
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 4 || f[3] != established {
			continue
		}
		_, local, ok := tableAddress(f[1])
		addr, port, ok2 := tableAddress(f[2])
		if ok && ok2 && addr == remote && strconv.Itoa(port) == remotePort && strconv.Itoa(local) == localPort {
			return true
		}
	}
	return false
}

// tableAddress reads an address in groups of four bytes, each in the order of the
// machine, and a port.
func tableAddress(text string) (addr netip.Addr, port int, ok bool) {
	digits, portDigits, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(portDigits, 16, 16)
	if err != nil || len(digits)%8 != 0 {
		return addr, 0, false
	}
	var b []byte
	for ; digits != ""; digits = digits[8:] {
		group, err := strconv.ParseUint(digits[:8], 16, 32)
		if err != nil {
			return addr, 0, false
		}
		b = binary.NativeEndian.AppendUint32(b, uint32(group))
	}
	addr, ok = netip.AddrFromSlice(b)
	return addr.Unmap(), int(n), ok
}

// UserName is the user as whom the program runs. It asks for the user of the kernel:
// user.Current believes $USER where the system has no name for that one.
func UserName() string { return nameOf(int64(os.Geteuid())) }
