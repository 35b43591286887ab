package enroll_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/enroll"
	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/store"
)

// TestUnauthenticatedEvents: phones that fail to authenticate again and again do not
// fill the record of events, and the status of a device is right all the same.
func TestUnauthenticatedEvents(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "capf.db")
	s, err := store.Create(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sealer, err := secrets.CreateSealer(t.Context(), s, path+".key")
	if err != nil {
		t.Fatal(err)
	}
	moment := time.Now()
	now := func() time.Time { return moment }
	inForce, err := settings.Read(t.Context(), s.Reader)
	if err != nil {
		t.Fatal(err)
	}
	registrar := enroll.NewRegistrar(s, sealer, now, rand.Reader)
	try := func(device string) {
		_, err := registrar.Authenticate(t.Context(), &inForce, enroll.Claim{Device: device, Address: "192.0.2.1", Version: 3, Accepted: true})
		if !errors.Is(err, enroll.ErrUnknownDevice) && !errors.Is(err, enroll.ErrDeclined) {
			t.Fatalf("%s: %v", device, err)
		}
	}
	events := func() (n int, last store.Event) {
		for e, err := range s.Events(t.Context(), store.EventFilter{Action: "session"}) {
			if err != nil {
				t.Fatal(err)
			}
			n, last = n+1, e
		}
		return n, last
	}
	for i := range 1500 {
		try(fmt.Sprint("nobody-", i%7))
	}
	if n, _ := events(); n != 1000 {
		t.Errorf("1500 failures at once made %d events", n)
	}
	mode, operator := store.ByLSCPrecedence, store.Actor{Kind: store.Operator, Name: "test"}
	if _, _, err := (&devices.Rules{Store: s, Now: now}).Add(t.Context(), operator, "known", devices.Edit{Operation: new(store.Install), AuthMode: &mode}); err != nil {
		t.Fatal(err)
	}
	try("known")
	d, err := s.Device(t.Context(), "known")
	if err != nil || !d.Status.IsFailure() {
		t.Errorf("the device that failed has the status %q, %v", d.Status, err)
	}
	moment = moment.Add(3 * time.Second)
	for range 10 {
		try("nobody")
	}
	n, last := events()
	if n != 1003 {
		t.Errorf("after three seconds there are %d events", n)
	}
	for e, err := range s.Events(t.Context(), store.EventFilter{Action: "session", Limit: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.Detail, "501 other failures before it") != (e.ID == last.ID-2) {
			t.Errorf("event %d: %s", e.ID, e.Detail)
		}
	}
}
