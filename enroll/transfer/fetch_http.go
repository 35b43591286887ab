package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// fetchHTTP fetches a file as a phone does: without a proxy, and without going where
// the server points to.
func fetchHTTP(ctx context.Context, address, name string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: answerWait}).DialContext,
			ResponseHeaderTimeout: answerWait, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	where := url.URL{Scheme: "http", Host: address, Path: "/" + name}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, ErrNotFound
	case http.StatusForbidden, http.StatusUnauthorized:
		return nil, fmt.Errorf("the server answers %s: %w", answer.Status, ErrForbidden)
	default:
		return nil, fmt.Errorf("the server answers %s", answer.Status)
	}
	file, err := io.ReadAll(io.LimitReader(answer.Body, Largest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the file breaks off after %d bytes: %w", len(file), err)
	case len(file) > Largest:
		return nil, ErrTooLarge
	}
	return file, nil
}

// withoutURL removes what the caller has named already.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
