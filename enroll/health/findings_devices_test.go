package health_test

import (
	"testing"
	"time"

	"capf/enroll/companytest"
	"capf/enroll/health"
	"capf/store"
)

// TestRequestsThatWait: a request that waits for long is reported, with how many of
// the phones are still there.
func TestRequestsThatWait(t *testing.T) {
	t.Parallel()
	now := companytest.Noon()
	d := companytest.NewAt(t, func() time.Time { return now })
	d.Request("SEP000000000001")
	waiting := func() (found []health.Finding) {
		t.Helper()
		all, err := health.Findings(t.Context(), d.Store.Reader, now, store.DeviceCounts{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if f.Kind == health.RequestsWaiting {
				found = append(found, f)
			}
		}
		return found
	}
	began := now
	now = now.Add(23 * time.Hour)
	if found := waiting(); len(found) != 0 {
		t.Errorf("found %+v", found)
	}
	now = now.Add(2 * time.Hour)
	found := waiting()
	if len(found) != 1 || found[0].Text != "1 request has waited for a certificate for more than a day" {
		t.Errorf("found %+v", found)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.Store.ReportServer(t.Context(), store.Server{Host: "elsewhere.example", PID: 1, Since: began.Add(-time.Hour)}))
	must(d.Store.ReportSessions(t.Context(), "elsewhere.example", 1, []store.OpenSession{
		{Number: 1, Device: "SEP000000000001", State: store.AwaitCA, Since: began, StateSince: began},
		{Number: 2, Device: "SEP000000000002", State: store.AwaitCA, Since: now, StateSince: now},
	}, nil))
	found = waiting()
	if len(found) != 1 || found[0].Text != "1 request has waited for a certificate for more than a day; 1 phone still connected for it" ||
		found[0].Hint != "capf csr list; capf offline export, then capf offline import; capf session list --state await-ca-resp" {
		t.Errorf("found %+v", found)
	}
}
