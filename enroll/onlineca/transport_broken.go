package onlineca

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

var errSlow = errors.New("no answer in time")

// broken explains a call without an answer; sent says that its request may have
// arrived.
func (t *transport) broken(c call, err error, sent bool) *Error {
	e := &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the connection broke", Err: err, Sent: sent, again: true, dead: true,
		Advice: "check that the CA's web server runs and answers at this address"}
	var name *net.DNSError
	var op *net.OpError
	troubles := t.config.tlsTroubles(err)
	switch {
	case len(troubles) > 0:
		var all []string
		for _, one := range troubles {
			all = append(all, one.reason)
		}
		e.Reason, e.Err, e.again = strings.Join(all, "; "), nil, false
		e.Advice = troubles[0].advice
	case errors.Is(err, errUnbound):
		e.Reason, e.Err, e.again, e.dead = errUnbound.Error(), nil, false, false
		e.Advice = "the phone makes a new key when it comes back; look whether the EST server closes connections early"
	case wantsRenegotiation(err):
		// Our refusal to renegotiate ended the connection before the server read
		// the request.
		e.Reason, e.Err, e.again, e.dead, e.Sent = "the web server wants a client certificate, which it asks for by TLS renegotiation", nil, false, false, false
		e.Advice = clientCertificateAdvice
	case errors.As(err, &name):
		e.Reason, e.again = fmt.Sprintf("the name %q has no address", t.config.Host), false
		e.Advice = "check online_ca_hostname and the name servers of this machine"
	case errors.Is(err, errChallenge):
		e.Reason, e.again, e.dead = "the login failed", false, false
		e.Advice = "check which authentication the CA's web server allows"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errSlow):
		e.Reason, e.Err, e.again = "the CA did not answer in time", nil, false
	case errors.As(err, new(handshakeError)):
		e.Reason = "the TLS handshake broke"
		e.Advice = "check that the CA's web server has an HTTPS certificate bound to this port, and what stands between"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		e.Advice = "the web server ended the connection instead of answering: look at its log, and at what stands between; " +
			"over TLS 1.3, IIS does so when it wants a client certificate for these pages alone: set client certificates to Ignore in the SSL Settings of CertSrv"
	case errors.As(err, &op) && op.Op == "dial":
		e.Reason = "no connection"
		e.Advice = "check online_ca_hostname, online_ca_port and the firewalls on the way"
	}
	return e
}
