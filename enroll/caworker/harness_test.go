package caworker

import (
	"log/slog"
	"testing"
	"time"

	"capf/enroll/companytest"
	"capf/enroll/settings"
)

// newDesk is a database with requests for the online CA.
func newDesk(t testing.TB, now func() time.Time) *companytest.Desk {
	t.Helper()
	d := companytest.NewAt(t, now)
	d.Issuer = settings.IssuerOnline
	return d
}

func ca(d *companytest.Desk) CA {
	return CA{Store: d.Store, Now: d.Now, Log: slog.New(slog.DiscardHandler)}
}
