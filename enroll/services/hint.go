package services

import (
	"errors"
	"net"
	"syscall"

	"capf/internal/apperr"
)

// withHint adds what helps against a failure to listen on the address.
func withHint(err error, address string) error {
	_, port, splitErr := net.SplitHostPort(address)
	switch {
	case splitErr != nil || apperr.Hint(err) != "":
		return err
	case errors.Is(err, syscall.EACCES):
		return apperr.WithHint(err, "a port below 1024 needs CAP_NET_BIND_SERVICE; scripts/capf-tftp.conf is the drop-in for capf.service that gives it")
	case errors.Is(err, syscall.EADDRINUSE):
		return apperr.WithHint(err, "another program has the port; as root, ss -tulpn 'sport = %s' names it", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return apperr.WithHint(err, "no interface of this host has the address")
	}
	return err
}
