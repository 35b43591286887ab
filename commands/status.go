package commands

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/host"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/health"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/serialnumber"
	"capf/store"
)

func statusCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "status", Short: "show what is wrong, and the state of capf",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About:   `Whatever needs attention comes first, with the command that helps.`,
		Example: "capf status --json",
		Output:  cmdline.Object,
		Run:     func(c *cli.Context) error { return status(c.Context, env) },
	}
}

// statusReport is the state of capf as JSON shows it.
type statusReport struct {
	Findings    []finding         `json:"findings"`
	Service     string            `json:"service"`
	Enrollment  string            `json:"enrollment"`
	Provision   string            `json:"provision"`
	TVS         string            `json:"tvs"`
	Servers     []runningNow      `json:"servers"`
	Issuer      string            `json:"issuer"`
	Certificate *ownIdentity      `json:"certificate"`
	Prepared    *preparedIdentity `json:"prepared_certificate"`
	Devices     deviceNumbers     `json:"devices"`
	Requests    int64             `json:"requests_waiting"`
	LSCs        lscNumbers        `json:"lscs"`
	Issuers     []issuedBy        `json:"lscs_by_issuer"`
	Database    string            `json:"database"`
}

type finding struct {
	Kind     health.Kind `json:"kind"`
	Object   string      `json:"object"`
	Severity string      `json:"severity"`
	Text     string      `json:"text"`
	Hint     string      `json:"hint"`
}

type ownIdentity struct {
	Subject     string    `json:"subject"`
	Serial      string    `json:"serial"`
	NotAfter    time.Time `json:"not_after"`
	DaysLeft    int       `json:"days_left"`
	Fingerprint string    `json:"fingerprint_sha256"`
}

// preparedIdentity is a CAPF certificate that is to take the place of the present one.
type preparedIdentity struct {
	ownIdentity
	Since      time.Time  `json:"prepared_since"`
	ShownAfter *time.Time `json:"shown_after"` // nil: nothing is planned
	when       string
}

type deviceNumbers struct {
	Total     int64 `json:"total"`
	Scheduled int64 `json:"scheduled"`
	Failed    int64 `json:"failed"`
	Late      int64 `json:"late"`
	// OpenByName are those that whoever knows their names can enroll as.
	OpenByName int64 `json:"open_by_null_string"`
}

type lscNumbers struct {
	Issued    int64 `json:"issued"`
	Installed int64 `json:"installed"`
	Stale     int64 `json:"stale"`
}

// issuedBy is how many LSCs on phones depend on one issuer.
type issuedBy struct {
	Issuer    string `json:"issuer"`
	Installed int64  `json:"installed"`
}

func status(ctx context.Context, env *Env) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	r, err := gatherStatus(ctx, env, s)
	if err != nil {
		return err
	}
	if env.Format == term.JSON {
		return printJSON(env, r)
	}
	for _, f := range r.Findings {
		line := fmt.Sprintf("%-8s %s", f.Severity, f.Text)
		if f.Hint != "" {
			line += " (" + f.Hint + ")"
		}
		fmt.Fprintln(env.out, typed(env, term.Cell(term.Message(line))))
	}
	if len(r.Findings) == 0 {
		fmt.Fprintln(env.out, "ok       nothing needs attention")
	}
	fmt.Fprintln(env.out)
	return showObject(env, r.fields())
}

func (r *statusReport) fields() []field {
	fields := []field{{"Services", "", fmt.Sprintf("capf %s, enrollment %s, provision %s, tvs %s", r.Service, r.Enrollment, r.Provision, r.TVS)}}
	for _, v := range r.Servers {
		if v.Alive {
			fields = append(fields, field{"Listener", "", v.String()})
			for _, b := range v.Services {
				fields = append(fields, field{"Service " + b.Name, "", b.String()})
			}
		}
	}
	fields = append(fields, field{"Issuer", "", r.Issuer})
	if c := r.Certificate; c != nil {
		fields = append(fields, field{"Certificate", "", c.Subject},
			field{"Valid until", "", fmt.Sprintf("%s, %s left", term.Cell(c.NotAfter), counted(c.DaysLeft, "day"))},
			field{"SHA-256", "", c.Fingerprint})
	}
	if p := r.Prepared; p != nil {
		fields = append(fields, field{"Prepared", "", term.Message(fmt.Sprintf("%s, to be shown %s", p.Subject, p.when))})
	}
	fields = append(fields,
		field{"Devices", "", fmt.Sprintf("%d, %d scheduled, %d of them open by null string, %d late, %d failed", r.Devices.Total, r.Devices.Scheduled, r.Devices.OpenByName, r.Devices.Late, r.Devices.Failed)},
		field{"Requests", "", fmt.Sprintf("%d waiting", r.Requests)},
		field{"LSCs", "", fmt.Sprintf("%d installed, %d issued, %d stale", r.LSCs.Installed, r.LSCs.Issued, r.LSCs.Stale)})
	for _, i := range r.Issuers {
		fields = append(fields, field{"LSCs in phones", "", fmt.Sprintf("%d of %s", i.Installed, i.Issuer)})
	}
	return append(fields, field{"Database", "", r.Database})
}

// gatherStatus queries the database for everything that is shown.
func gatherStatus(ctx context.Context, env *Env, s *store.Store) (*statusReport, error) {
	r := &statusReport{Findings: []finding{}, Servers: []runningNow{}, Issuers: []issuedBy{}, Database: s.Path()}
	for _, state := range []struct {
		of string
		to *string
	}{{settings.ServiceCAPF, &r.Service}, {settings.ServiceEnrollment, &r.Enrollment}, {settings.ServiceProvision, &r.Provision}, {settings.ServiceTVS, &r.TVS}} {
		service, err := findService(ctx, s.Reader, state.of)
		if err != nil {
			return nil, err
		}
		*state.to = serviceState(service)
	}
	inForce, err := settings.Read(ctx, s.Reader)
	if err != nil {
		return nil, err
	}
	r.Issuer = inForce.Issuer
	if inForce.FIPS {
		r.Issuer += ", FIPS mode"
	}
	if err := r.servers(ctx, env, s.Reader); err != nil {
		return nil, err
	}
	if r.Certificate, err = identityNow(ctx, s.Reader, env.Now()); err != nil {
		return nil, err
	}
	if r.Prepared, err = preparedNow(ctx, s.Reader, env.Now()); err != nil {
		return nil, err
	}
	counts, err := s.DeviceCounts(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.count(ctx, s.Reader, counts); err != nil {
		return nil, err
	}
	if r.Devices.OpenByName, err = devices.OpenByNullString(ctx, s.Reader); err != nil {
		return nil, err
	}
	found, err := findings(ctx, env, s.Reader, counts)
	for _, f := range found {
		r.Findings = append(r.Findings, finding{f.Kind, f.Object, f.Severity, f.Text, f.Hint})
	}
	return r, err
}

// findings are those of the database, and before them those of the files in which it is.
func findings(ctx context.Context, env *Env, s *store.Reader, counts store.DeviceCounts) (all []health.Finding, err error) {
	for _, e := range host.Exposures(s.Path(), secrets.MasterKeyFile(s.Path(), env.Getenv)) {
		all = append(all, health.Finding{Kind: health.FileModes, Object: e.Path, Severity: e.Severity(), Text: e.Text, Hint: e.Hint})
	}
	found, err := health.Findings(ctx, s, env.Now(), counts)
	return append(all, found...), err
}

func identityNow(ctx context.Context, s *store.Reader, now time.Time) (*ownIdentity, error) {
	id, err := s.Identity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(id.Chain[0])
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
	}
	return identityOf(c, now), nil
}

func identityOf(c *x509.Certificate, now time.Time) *ownIdentity {
	return &ownIdentity{c.Subject.String(), serialnumber.Text(c.SerialNumber), c.NotAfter.UTC(), daysLeft(now, c.NotAfter), crypto.Fingerprint(c)}
}

func preparedNow(ctx context.Context, s *store.Reader, now time.Time) (*preparedIdentity, error) {
	p, c, err := authority.PreparedNow(ctx, s)
	if err != nil || p == nil {
		return nil, err
	}
	prepared := &preparedIdentity{ownIdentity: *identityOf(c, now), Since: p.Since.UTC(), when: p.When()}
	if !p.ShownAfter.IsZero() {
		after := p.ShownAfter.UTC()
		prepared.ShownAfter = &after
	}
	return prepared, nil
}

func (r *statusReport) count(ctx context.Context, s *store.Reader, counts store.DeviceCounts) (err error) {
	r.Devices = deviceNumbers{Total: counts.Total, Failed: counts.Failed, Late: counts.Late}
	for operation, n := range counts.ByOperation {
		if operation != store.NoOperation {
			r.Devices.Scheduled += n
		}
	}
	if r.Requests, err = s.CountRequests(ctx, store.RequestFilter{State: store.RequestPending}); err != nil {
		return err
	}
	for _, n := range []struct {
		state store.LSCState
		count *int64
	}{{store.LSCIssued, &r.LSCs.Issued}, {store.LSCInstalled, &r.LSCs.Installed}, {store.LSCStale, &r.LSCs.Stale}} {
		if *n.count, err = s.CountLSCs(ctx, store.LSCFilter{State: n.state}); err != nil {
			return err
		}
	}
	issuers, err := s.LSCIssuers(ctx)
	for _, i := range issuers {
		if i.Installed > 0 {
			r.Issuers = append(r.Issuers, issuedBy{i.Issuer, i.Installed})
		}
	}
	return err
}
