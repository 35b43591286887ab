package commands

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// misuse makes a misused command line of the error of a parser.
func misuse(err error) error {
	if err == nil {
		return nil
	}
	return apperr.Usage("%v", err)
}

// hint finds the advice that an error carries, or that its kind calls for.
func hint(err error) string {
	if h := apperr.Hint(err); h != "" {
		return h
	}
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "listen" && errors.Is(err, fs.ErrPermission):
		return "a port below 1024 needs CAP_NET_BIND_SERVICE; capf.service says how it is given"
	case errors.Is(err, secrets.ErrNotReady):
		return "capf init makes the CAPF certificate"
	case errors.Is(err, store.ErrNewer):
		return "install the capf that wrote it, or a newer one"
	case errors.Is(err, store.ErrForeign):
		return "--db or CAPF_DB names the database"
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, fs.ErrPermission):
		return "run it as the user to whom the file belongs"
	case errors.Is(err, store.ErrReplaced):
		return "put the database that is meant in its place, with capf restore for a backup, and start again"
	case errors.Is(err, store.ErrFull):
		return "make room and try again"
	}
	return ""
}

// seen brings a secret that was printed, with err, to whoever is to read it. Its
// error does not wrap that of the output: a closed pipe is no failure otherwise.
func (env *Env) seen(err error, hint string, args ...any) error {
	if err = cmp.Or(err, env.out.Flush()); err != nil {
		unseen := fmt.Errorf("what was made is in force, but could not be shown: %v", apperr.WithoutPath(err))
		return apperr.WithHint(unseen, hint, args...)
	}
	return nil
}
