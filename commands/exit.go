package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"syscall"

	"capf/commands/internal/host"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/phone"
	"capf/enroll/secrets"
	"capf/enroll/wire"
	"capf/internal/apperr"
	"capf/store"
)

// exitCode is the number with which a command exits. As an error it means that the
// reason has been printed already.
type exitCode int

// The exit codes. Scripts rely on them, and capf --help lists them. A shell that a
// signal has ended exits with 128 plus the signal's number.
const (
	exitDone     exitCode = 0
	exitFailed   exitCode = 1 // the network, a disk, or a fault of ours
	exitMisused  exitCode = 2 // the command line, or a value in it, is not accepted
	exitNotFound exitCode = 3
	exitRefused  exitCode = 4 // a rule forbids it, or there is nothing to do
	exitPartly   exitCode = 5 // partly done, and the rest has been reported
	// A dry run has found that something is not as it is described.
	exitWouldChange exitCode = 6
	exitExpires     exitCode = 7 // something expires within the time asked
	exitWaits       exitCode = 8 // not done yet: another operator has to approve it
)

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// codeOf is the one place where errors become exit codes.
func codeOf(err error) exitCode {
	var declined *phone.DeclinedError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, apperr.ErrPartly):
		return exitPartly
	case errors.Is(err, apperr.ErrWaits):
		return exitWaits
	case errors.Is(err, apperr.ErrUsage), errors.Is(err, apperr.ErrValue):
		return exitMisused
	case errors.Is(err, store.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return exitNotFound
	case errors.Is(err, apperr.ErrRefused), errors.Is(err, store.ErrConflict):
		return exitRefused
	case errors.Is(err, errNothing), errors.Is(err, crypto.ErrOpenKey), errors.Is(err, store.ErrReplaced):
		return exitRefused
	case errors.As(err, &declined) && declined.Reason == wire.ReasonUnknownDevice:
		return exitNotFound
	case errors.As(err, &declined):
		return exitRefused
	}
	return exitFailed
}

// hint finds the advice that an error carries, or the advice for its kind.
func hint(err error) string {
	if h := apperr.Hint(err); h != "" {
		return h
	}
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "listen" && errors.Is(err, fs.ErrPermission):
		return "a port below 1024 needs CAP_NET_BIND_SERVICE; capf.service says how to grant it"
	case errors.Is(err, secrets.ErrNotReady):
		return "capf init makes the CAPF certificate"
	case errors.Is(err, store.ErrNewer):
		return "install the capf that wrote it, or a newer one"
	case errors.Is(err, store.ErrForeign):
		return "--db or CAPF_DB names the database"
	case errors.Is(err, store.ErrReadOnlyDisk), errors.Is(err, syscall.EROFS):
		return "questions are answered, changes are not; dmesg says why it is read-only, mount -o remount,rw makes it writable"
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, fs.ErrPermission):
		return "run it as the user who owns the file"
	case errors.Is(err, store.ErrReplaced):
		return "put the right database in its place, with capf restore for a backup, and start again"
	case errors.Is(err, store.ErrFull):
		return "questions are answered, changes are not; free some space and try again"
	case errors.Is(err, store.ErrDisk):
		return "dmesg tells of a broken disk, quota and ulimit -f of a limit"
	}
	return ""
}

// report prints what went wrong and returns the exit code.
func (env *Env) report(err error) int {
	var explained exitCode
	switch {
	case errors.As(err, &explained):
		return int(explained)
	case errors.Is(err, syscall.EPIPE):
		return int(exitDone) // the reader has closed the output
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	if err != nil {
		priority := ""
		if host.InJournal(env.Stderr, env.Getenv) {
			priority = host.JournalPriority(slog.LevelError)
		}
		text := err.Error()
		if code := codeOf(err); code != exitMisused { // whose times are as they were typed, or have to be
			text = term.Message(text).Zoned()
		}
		tell(env, priority+"capf: "+text)
		if h := hint(err); h != "" {
			tell(env, priority+"hint: "+h)
		}
	}
	return int(codeOf(err))
}

// misuse turns the error of a parser into a usage error.
func misuse(err error) error {
	if err == nil {
		return nil
	}
	return apperr.Usage("%v", err)
}
