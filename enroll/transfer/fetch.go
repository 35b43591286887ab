package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// How long a fetch waits: for an answer, and for the whole file.
const (
	answerWait = 5 * time.Second
	fetchWait  = time.Minute
)

// Fetch fetches a file of at most Largest bytes, by HTTP, and by TFTP where nothing
// answers to HTTP, as phones do. The source then keeps to the protocol by which it has
// answered. Fetch waits up to a minute. The error is ErrNotFound when the server has no such
// file, ErrForbidden when it says that the file is not for us, ErrTooLarge, or that of
// the network.
func (s *Source) Fetch(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	var failures silence
	for _, p := range s.protocols() {
		by := fetchHTTP
		if p == TFTP {
			by = fetchTFTP
		}
		file, err := by(ctx, s.address(p), name)
		if err != nil {
			err = fmt.Errorf("%s from %s://%s: %w", name, p, s.address(p), err)
		}
		if !unreachable(err) {
			s.Protocol = p
			return file, err
		}
		failures = append(failures, err)
	}
	return nil, failures
}

// silence is the error of a server from which nothing came: one for each protocol.
type silence []error

func (s silence) Error() string {
	var texts []string
	for _, err := range s {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

func (s silence) Unwrap() []error { return s }

// unreachable reports whether nothing has answered.
func unreachable(err error) bool {
	var network net.Error
	return errors.As(err, &network) && !errors.Is(err, context.Canceled)
}
