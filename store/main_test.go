package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// roleVariable makes the test binary act as another process on a database.
const roleVariable = "CAPF_STORE_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := act(context.Background(), role, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func act(ctx context.Context, role, path string) error {
	s, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	switch role {
	case "open":
		return s.Close()
	case "hold": // until stdin ends
		if _, err := s.Services(ctx); err != nil {
			return err
		}
		fmt.Println("open")
		_, err := io.Copy(io.Discard, os.Stdin)
		return errors.Join(err, s.Close())
	case "work":
		for i := range 50 {
			name := fmt.Sprintf("SEP%012X-%d", i, os.Getpid())
			d, err := s.AddDevice(ctx, operator, device(name))
			if err != nil {
				return err
			}
			l := certificate()
			l.Serial = fmt.Sprintf("%x%08x", os.Getpid(), i)
			if l, err = s.IssueLSC(ctx, phone(name), NewLSC{Request: ofProcess(request(d)), LSC: l}); err != nil {
				return err
			}
			if err := s.MarkInstalled(ctx, phone(name), l.ID, d.Schedule); err != nil {
				return err
			}
		}
		return s.Close()
	case "crash":
		d, err := s.Device(ctx, "SEP000000000001")
		if err != nil {
			return err
		}
		l := certificate()
		l.Serial = "c0ffee"
		if _, err := s.IssueLSC(ctx, phone(d.Name), NewLSC{Request: request(d), LSC: l}); err != nil {
			return err
		}
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return fmt.Errorf("unknown role %q", role)
}

// process is the test binary in the role, on the database.
func process(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	c := exec.CommandContext(t.Context(), self, path)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	return c
}
