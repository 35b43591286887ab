package onlineca

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"
)

func (t *transport) checkName(ctx context.Context) Step {
	addresses, err := t.config.Lookup(ctx, t.config.Host)
	if err != nil || len(addresses) == 0 {
		return Step{Name: StepName, Text: fmt.Sprintf("the name %q has no address", t.config.Host),
			Advice: "check online_ca_hostname and the name servers of this machine"}
	}
	return Step{Name: StepName, OK: true, Text: fmt.Sprintf("%q is %s", t.config.Host, plain(strings.Join(addresses, ", "), maxWords))}
}

func (t *transport) checkConnection(ctx context.Context) Step {
	ctx, cancel := context.WithTimeoutCause(ctx, t.config.Limits.Get, errSlow)
	defer cancel()
	conn, err := t.config.Dial(ctx, "tcp", t.config.address())
	if err != nil {
		return failed(StepConnection, t.broken(call{doing: "connecting to " + t.config.address()}, err, false))
	}
	conn.Close()
	return Step{Name: StepConnection, OK: true, Text: t.config.address() + " takes connections"}
}

func (t *transport) checkTLS(ctx context.Context) Step {
	ctx, cancel := context.WithTimeoutCause(ctx, t.config.Limits.Get, errSlow)
	defer cancel()
	conn, err := t.dialTLS(ctx, "tcp", "")
	if err != nil {
		step := failed(StepTLS, t.broken(call{doing: "making a TLS connection"}, err, false))
		if troubles := t.config.tlsTroubles(err); len(troubles) > 1 {
			var all []string
			for _, one := range troubles {
				all = append(all, one.advice)
			}
			step.Advice = strings.Join(all, "; ")
		}
		return step
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	leaf := state.PeerCertificates[0]
	return Step{Name: StepTLS, OK: true, Text: fmt.Sprintf("%s, certificate of %s is trusted until %s",
		tls.VersionName(state.Version), nameOf(leaf), leaf.NotAfter.UTC().Format(time.DateOnly))}
}
