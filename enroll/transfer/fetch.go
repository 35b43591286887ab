package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// How long a fetch waits: for an answer, and for the whole file.
const (
	answerWait = 5 * time.Second
	fetchWait  = time.Minute
)

// Fetch fetches a file of at most Largest bytes, by HTTP, and by TFTP where nothing
// answers to HTTP, as phones do. It waits up to a minute. The error is ErrNotFound when the server has no such
// file, ErrForbidden when it says that the file is not for us, ErrTooLarge, or that of
// the network.
func Fetch(ctx context.Context, s Source, name string) ([]byte, error) {
	file, _, err := s.fetch(ctx, name)
	return file, err
}

// Answering returns the source with the protocol to which it answers, so that
// fetching several files looks for it once; name is a file that it is asked for.
func (s Source) Answering(ctx context.Context, name string) (Source, error) {
	_, p, err := s.fetch(ctx, name)
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrForbidden) && !errors.Is(err, ErrTooLarge) {
		return s, err
	}
	s.Protocol = p
	return s, nil
}

// fetch tells also by which protocol the server has answered.
func (s Source) fetch(ctx context.Context, name string) ([]byte, Protocol, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	var failures []error
	for _, p := range s.protocols() {
		by := fetchHTTP
		if p == TFTP {
			by = fetchTFTP
		}
		file, err := by(ctx, s.address(p), name)
		if err == nil {
			return file, p, nil
		}
		err = fmt.Errorf("%s from %s://%s: %w", name, p, s.address(p), err)
		if !unreachable(err) {
			return nil, p, err
		}
		failures = append(failures, err)
	}
	return nil, "", errors.Join(failures...)
}

// unreachable reports whether nothing has answered.
func unreachable(err error) bool {
	var network net.Error
	return errors.As(err, &network) && !errors.Is(err, context.Canceled)
}
