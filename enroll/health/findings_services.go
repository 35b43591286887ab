package health

import (
	"context"

	"capf/enroll/caready"
	"capf/enroll/settings"
)

func (x examination) serviceFindings(ctx context.Context) ([]Finding, error) {
	services, err := x.Services(ctx)
	if err != nil {
		return nil, err
	}
	inForce, err := settings.Read(ctx, x.Reader)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, s := range services {
		if s.Active {
			continue
		}
		switch {
		case s.Name == "capf":
			found = append(found, severe(ServiceDeactivated, "the service capf is deactivated: no phone is served", "capf service activate capf").of(s.Name))
		case s.Name == caready.Service && inForce.Issuer == settings.IssuerOnline:
			lack := caready.Inactive()
			found = append(found, severe(ServiceDeactivated, lack.Text, lack.Hint).of(s.Name))
		}
	}
	return found, nil
}

// onlineFindings reports what is missing for the online CA, if it is in
// use.
func (x examination) onlineFindings(ctx context.Context) ([]Finding, error) {
	inForce, err := settings.Read(ctx, x.Reader)
	if err != nil || inForce.Issuer != settings.IssuerOnline {
		return nil, err
	}
	var found []Finding
	missing, err := caready.Missing(ctx, x.Reader)
	for _, lack := range missing {
		found = append(found, Finding{Kind: OnlineCASetup, Object: lack.Object, Severity: lack.Severity, Text: lack.Text, Hint: lack.Hint})
	}
	return found, err
}
