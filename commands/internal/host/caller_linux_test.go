package host

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestOtherUsers: in a user namespace of the caller's making, where ids are whose the
// caller likes, nobody vouches for anyone.
func TestOtherUsers(t *testing.T) {
	if os.Getenv("TEST_NAMESPACE") != "" {
		if u, is := loggedIn(); is {
			t.Errorf("it believes that %+v logged in", u)
		}
		return
	}
	t.Parallel()
	for text, systems := range map[string]bool{
		"         0          0 4294967295\n": true, "         0     100000      65536\n": true, "      1002       1001          1\n": false, "": false,
		"         0       1001          1\n         1     100000      65536\n": false,
	} {
		if isSystemsMap(text) != systems {
			t.Errorf("%q: %v", text, !systems)
		}
	}
	id := os.Getuid()
	if u, is := loggedIn(); is {
		id = int(u.ID)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestOtherUsers$")
	cmd.Env = append(os.Environ(), "TEST_NAMESPACE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: []syscall.SysProcIDMap{{ContainerID: 1002, HostID: id, Size: 1}}}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		t.Errorf("%v: %s", err, out)
	case err != nil && os.Getenv("CI") != "":
		t.Fatalf("no user namespace can be made here: %v", err)
	case err != nil: // as where only root may
		t.Skipf("no user namespace can be made here: %v", err)
	}
}
