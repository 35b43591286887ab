package term

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestRuledZone holds what rules of POSIX come to against date(1).
func TestRuledZone(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "<+0545>-5:45", "JST-9", "AEST-10AEDT,M10.1.0,M4.1.0/3", "IST-1GMT0,M10.5.0,M3.5.0/1",
	} {
		zone, ok := ruledZone(rule)
		if !ok {
			t.Errorf("%s is taken for no rule", rule)
			continue
		}
		for _, at := range []time.Time{
			time.Date(2027, 1, 31, 18, 0, 0, 0, time.UTC), time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC),
			time.Date(2027, 3, 28, 0, 59, 59, 0, time.UTC), time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC), time.Date(2027, 10, 31, 1, 0, 0, 0, time.UTC),
		} {
			date := exec.Command("date", "-d", at.Format(time.RFC3339), "+%Y-%m-%d %H:%M:%S %z")
			date.Env = []string{"TZ=" + rule}
			out, err := date.Output()
			check(t, err)
			if got, want := at.In(zone).Format("2006-01-02 15:04:05 -0700"), strings.TrimSpace(string(out)); got != want {
				t.Errorf("%s: %s is %s, want %s", rule, at.Format(time.RFC3339), got, want)
			}
		}
	}
	for _, rule := range []string{"Europe/Berln", "CET", "foo", "CE-1", "CET-1CEST,M3.5.0", "CET-1CEST,nonsense", "CET-1\nCEST"} {
		if _, ok := ruledZone(rule); ok {
			t.Errorf("%q is taken for a rule", rule)
		}
	}
}
