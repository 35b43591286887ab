package host

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// Witness is what the system itself says about who runs a command. The environment
// says it too, but the caller can set that to anything.
type Witness struct {
	Login     func() string            // the user who logged in, "" when that is not known
	BySudo    func() bool              // sudo itself has started the command, and so has set SUDO_USER
	Connected func(client string) bool // the value of SSH_CLIENT is that of an open connection
}

// SystemWitness asks the system: /proc, where that exists.
func SystemWitness() Witness { return Witness{loginName, startedBySudo, openConnection} }

// loginName is the user to whom the kernel attributes this process. It is set at
// login, inherited through su and sudo, and cannot be changed without privilege. In
// many containers it is not set.
func loginName() string {
	text, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return ""
	}
	id := strings.TrimSpace(string(text))
	const unset = 1<<32 - 1
	if n, err := strconv.ParseUint(id, 10, 32); err != nil || n == unset {
		return ""
	}
	u, err := user.LookupId(id)
	if err != nil {
		return "uid " + id
	}
	return u.Username
}

// startedBySudo says whether the parent is a sudo that runs as root, which a copy of
// sudo that the caller made does not.
func startedBySudo() bool {
	parent := fmt.Sprintf("/proc/%d", os.Getppid())
	info, err := os.Stat(parent)
	if err != nil {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	name, err := os.ReadFile(parent + "/comm")
	return ok && err == nil && owner.Uid == 0 && strings.TrimSpace(string(name)) == "sudo"
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

// UserName is the user as whom the program runs.
func UserName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Geteuid())
}
