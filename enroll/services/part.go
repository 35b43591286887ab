package services

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"capf/enroll/settings"
	"capf/internal/backoff"
)

// runningPart is a part and, while it listens, its listener.
type runningPart struct {
	Part
	service  string
	log      *slog.Logger
	failures backoff.Backoff
	listener Listener // nil while it does not listen
	read     string   // what the listener has read
	bound    string   // the address of the first start, where the flag left the port to the system
	trouble  error    // why it does not listen; nil when it does, or is not meant to
}

func newRunningPart(service string, p Part, log *slog.Logger) *runningPart {
	return &runningPart{Part: p, service: service, log: log, failures: backoff.Backoff{Log: log, Doing: "cannot listen for " + p.Name}}
}

// wants is what a listener that started now would read: its address, and whatever
// else it reads once.
func (p *runningPart) wants(ctx context.Context, inForce settings.Settings) (string, error) {
	read := p.address(inForce)
	if p.State == nil {
		return read, nil
	}
	more, err := p.State(ctx, inForce)
	return read + " " + more, err
}

// address is the one of the flag, or the port of the parameter on all addresses. A
// port of 0 is replaced by the one that the first start got.
func (p *runningPart) address(inForce settings.Settings) string {
	switch {
	case p.bound != "":
		return p.bound
	case p.Listen != "":
		return p.Listen
	}
	return net.JoinHostPort("", strconv.Itoa(p.Port(inForce)))
}

// start begins to listen, or keeps the reason why it cannot.
func (p *runningPart) start(ctx context.Context, read string) {
	address, _, _ := strings.Cut(read, " ")
	l, err := p.Open(ctx, address)
	if err != nil {
		p.failed(explained(p.Name, address, err))
		return
	}
	p.failures.Succeeded()
	p.listener, p.read, p.trouble = l, read, nil
	if p.Listen != "" {
		p.bound = l.Addr().String()
		p.read = p.bound + strings.TrimPrefix(read, address)
	}
	p.log.Info("listening", "listener", p.Name, "address", l.Addr().String())
}

// failed keeps the reason, and logs it once.
func (p *runningPart) failed(err error) {
	p.trouble = err
	p.failures.Failed(err)
}

// explained says what could not be done and, where that is known, what helps.
func explained(name, address string, err error) error {
	return withHint(fmt.Errorf("listening on %s for %s: %w", address, name, err), address)
}
