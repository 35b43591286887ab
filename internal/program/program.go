// Package program runs a program that an operator has named: without a shell, for a
// limited time, and with little of its output kept. It must not know what the program
// is for.
package program

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// outputLimit is how many bytes at the end of a program's output are kept.
const outputLimit = 4 << 10

// Run runs a program with its arguments until ctx ends, and returns the end of its
// output. Then it is killed with everything that it started. Of capf's environment it
// gets only PATH, and what is added: the rest may hold secrets.
func Run(ctx context.Context, line, env []string, stdin []byte) ([]byte, error) {
	out := &tail{limit: outputLimit}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for a child that has left the process group and holds the output open
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the program itself has succeeded
	}
	return out.kept, err
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	kept  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(b), nil
}

// LastLine returns the last line that is not blank.
func LastLine(out []byte) string {
	lines := bytes.Split(bytes.TrimSpace(bytes.ToValidUTF8(out, []byte("?"))), []byte("\n"))
	text := string(bytes.TrimSpace(lines[len(lines)-1]))
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	const most = 200
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return text
}

// Reason returns the error of starting a program without its name, which
// the reader knows.
func Reason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
