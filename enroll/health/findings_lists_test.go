package health_test

import (
	"strings"
	"testing"

	"capf/enroll/companytest"
	"capf/enroll/health"
	"capf/store"
)

// TestListsTrouble: that a serve cannot keep the folder of trust lists is told, with what
// helps, while it lasts.
func TestListsTrouble(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	for _, lists := range []*store.ListFolder{nil, {Folder: "/srv/tftp"}, {Folder: "/srv/tftp", Trouble: "no space left on device", Hint: "make room"}, nil} {
		err := d.Store.ReportServer(t.Context(), store.Server{PID: 7, Host: "a", Since: d.Now(), Addresses: []string{"127.0.0.1:3804"}, Lists: lists})
		if err != nil {
			t.Fatal(err)
		}
		found, err := health.Findings(t.Context(), d.Store.Reader, d.Now(), store.DeviceCounts{})
		if err != nil {
			t.Fatal(err)
		}
		told := false
		for _, f := range found {
			if f.Kind == health.ListsTrouble {
				told = f.Severity == health.Error && f.Hint == "make room" && strings.Contains(f.Text, `serve (pid 7 on a) does not keep trust lists in "/srv/tftp": no space left on device`)
			}
		}
		if want := lists != nil && lists.Trouble != ""; told != want {
			t.Errorf("%+v: %v, %+v", lists, told, found)
		}
	}
}
