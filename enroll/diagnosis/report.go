// Package diagnosis says why a phone has no LSC and what to do about it: it puts
// together what the database has of the device, asks the rules of package enroll what
// its phone would be told now, and draws the conclusion. It changes nothing, and must
// not know how a report is shown.
package diagnosis

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"time"

	"capf/enroll"
	"capf/enroll/authority"
	"capf/enroll/caready"
	"capf/enroll/liveness"
	"capf/enroll/sessions"
	"capf/enroll/settings"
	"capf/store"
)

// Report is what is known of a device, and what follows from it.
type Report struct {
	Device       store.Device
	Attempts     []store.Event // of its phone, the newest last
	Served       Part          // whether phones are served at all
	Issuer       Part          // whether LSCs can be had
	IssuerName   string
	Waiting      *Waiting // the request that waits for the issuer
	Certificates []Certificate
	LSC          *store.LSC        // the newest that the phone has or is about to have
	Open         *sessions.Session // the phone is connected; nil when it is not
	Declined     store.Declined
	Conclusion

	untried    bool // no attempt since an operator last changed the device
	provisions bool // phones get their lists and configuration from here
	port       int  // by HTTP on it
	refusal    *enroll.SessionError
	now        time.Time
}

// Part is something that a phone needs; what is missing, and the command that mends it,
// are empty when nothing is.
type Part struct{ Problem, Mend string }

// OK reports whether nothing is missing.
func (p Part) OK() bool { return p.Problem == "" }

// Waiting is a request that waits for its certificate.
type Waiting struct {
	store.Request
	State string // of one at the online CA, in a few words
}

// Certificate is one that the phone has sent or shown.
type Certificate struct {
	Kind        enroll.CertificateKind
	Certificate *x509.Certificate
	SeenAt      time.Time
	Refusal     *enroll.SessionError // nil when the phone could authenticate with it
}

// attemptsShown is how many events of the phone are reported.
const attemptsShown = 8

// eventsRead is how many events of a device are looked through for them.
const eventsRead = 200

// Examine reports on the device with the name. ErrNotFound: there is none.
func Examine(ctx context.Context, s *store.Reader, now func() time.Time, name string) (*Report, error) {
	d, err := s.Device(ctx, name)
	if err != nil {
		return nil, err
	}
	inForce, err := settings.Read(ctx, s)
	if err != nil {
		return nil, err
	}
	r := &Report{Device: d, IssuerName: inForce.Issuer, port: inForce.ProvisionPort, now: now()}
	ask := enroll.Forecast{Reader: s, Now: now, Settings: &inForce}
	for _, look := range []func(context.Context, *store.Reader) error{
		r.readAttempts, r.readServers, r.readIssuer, r.readWaiting, r.readLSC, r.readAddress, r.readSession,
		func(ctx context.Context, _ *store.Reader) error { return r.readCertificates(ctx, ask) },
		func(ctx context.Context, _ *store.Reader) (err error) {
			r.refusal, err = ask.Session(ctx, d)
			return err
		},
	} {
		if err := look(ctx, s); err != nil {
			return nil, err
		}
	}
	r.Conclusion = r.conclude()
	return r, nil
}

func (r *Report) readAttempts(ctx context.Context, s *store.Reader) error {
	r.untried = true
	for e, err := range s.Events(ctx, store.EventFilter{Device: r.Device.Name, Limit: eventsRead}) {
		switch {
		case err != nil:
			return err
		case e.At.Before(r.Device.CreatedAt): // of an earlier device of this name
		case e.Actor.Kind == store.Phone:
			r.Attempts, r.untried = append(r.Attempts, e), false
		default:
			r.untried = true
		}
	}
	r.Attempts = r.Attempts[max(0, len(r.Attempts)-attemptsShown):]
	return nil
}

func (r *Report) readServers(ctx context.Context, s *store.Reader) error {
	services, err := s.Services(ctx)
	if err != nil {
		return err
	}
	for _, v := range services {
		r.provisions = r.provisions || v.Name == settings.ServiceProvision && v.Active
	}
	for _, v := range services {
		if v.Name == settings.ServiceCAPF && !v.Active {
			r.Served = Part{"the service capf is deactivated", "capf service activate capf"}
			return nil
		}
	}
	servers, err := s.Servers(ctx)
	if err != nil {
		return err
	}
	for _, v := range servers {
		if liveness.Alive(v, r.now) && len(v.Addresses) > 0 {
			return nil
		}
	}
	r.Served = Part{"no serve is running that listens", "capf serve, or systemctl start capf"}
	return nil
}

func (r *Report) readIssuer(ctx context.Context, s *store.Reader) error {
	if r.IssuerName == settings.IssuerOnline {
		lacks, err := caready.MissingForIssuer(ctx, s)
		for _, lack := range lacks {
			if lack.Severity == "error" {
				r.Issuer = Part{lack.Text, lack.Hint}
				break
			}
		}
		return err
	}
	if r.IssuerName != settings.IssuerCAPF {
		return nil
	}
	c, err := authority.Certificate(ctx, s)
	switch {
	case err != nil:
		r.Issuer = Part{"there is no CAPF certificate that can be read", "capf init, or capf check"}
	case r.now.After(c.NotAfter):
		r.Issuer = Part{"the CAPF certificate expired on " + c.NotAfter.Format(time.DateOnly), "capf cert regenerate capf"}
	}
	return nil
}

func (r *Report) readWaiting(ctx context.Context, s *store.Reader) error {
	for q, err := range s.Requests(ctx, store.RequestFilter{Device: r.Device.Name, State: store.RequestPending}) {
		if err != nil {
			return err
		}
		if q.DeviceID != r.Device.ID {
			continue
		}
		r.Waiting = &Waiting{Request: q}
	}
	if r.Waiting == nil || r.Waiting.Issuer != settings.IssuerOnline {
		return nil
	}
	o, err := s.Online(ctx, r.Waiting.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	r.Waiting.State = o.Note
	if o.Note == "" {
		r.Waiting.State = string(o.State)
	}
	return err
}

func (r *Report) readLSC(ctx context.Context, s *store.Reader) error {
	for l, err := range s.LSCs(ctx, store.LSCFilter{DeviceID: r.Device.ID}) {
		if err != nil {
			return err
		}
		if l.State == store.LSCInstalled || l.State == store.LSCIssued || l.State == store.LSCRevoked {
			r.LSC = &l
		}
	}
	return nil
}

func (r *Report) readSession(ctx context.Context, s *store.Reader) error {
	open, err := sessions.List(ctx, s, r.now, store.SessionFilter{Device: r.Device.Name})
	if len(open) > 0 {
		r.Open = &open[len(open)-1]
	}
	return err
}

// readAddress finds out whether the address of the last attempt is declined.
func (r *Report) readAddress(ctx context.Context, s *store.Reader) error {
	if len(r.Attempts) == 0 {
		return nil
	}
	from, err := netip.ParseAddr(r.Attempts[len(r.Attempts)-1].Actor.Address)
	if err != nil {
		return nil // an older record has none
	}
	network := enroll.NetworkName(enroll.PhoneNetwork(from))
	until, err := s.NetworkDeclined(ctx, r.Device.ID, network)
	if err == nil && !until.IsZero() {
		r.Declined = store.Declined{Network: network, Until: until}
	}
	return err
}

func (r *Report) readCertificates(ctx context.Context, ask enroll.Forecast) error {
	rows, err := ask.Reader.DeviceCertificates(ctx, r.Device.ID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil {
			continue // a fetched one is whatever the phone sent
		}
		kind := enroll.CertificateKind(row.Kind)
		refusal, err := ask.Certificate(ctx, r.Device, kind, c)
		if err != nil {
			return err
		}
		r.Certificates = append(r.Certificates, Certificate{kind, c, row.SeenAt, refusal})
	}
	return nil
}
