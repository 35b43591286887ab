// Package services runs the listeners beside that of CAPF while operators want them:
// it starts and stops them, starts them again when what they read has changed, and
// tells how they are. It must not know what a listener serves.
package services

import (
	"context"
	"net"

	"capf/enroll/settings"
)

// Service is what an operator activates: one listener or several.
type Service struct {
	Name  string // as in the database
	Parts []Part
}

// Part is one listener of a service. Each part starts and fails on its own, so that
// what can be served is.
type Part struct {
	Name   string // in reports and in the file of serve's addresses, such as tftp
	Listen string // HOST:PORT in place of the port; "" for that of the parameter
	Port   func(settings.Settings) int
	// State is what the listener reads once, besides its address: when it has become
	// another one, the listener is started again. Nil when it reads everything anew.
	State func(ctx context.Context, inForce settings.Settings) (string, error)
	// Open begins to listen on the address.
	Open func(ctx context.Context, address string) (Listener, error)
}

// Listener is a part that runs.
type Listener interface {
	Addr() net.Addr
	// Shut closes the socket; when it returns, the address is free.
	Shut()
	// Drain waits for what is under way until ctx ends, then ends it.
	Drain(ctx context.Context)
}

// Address is one on which a part listens.
type Address struct {
	Part string
	net.Addr
}
