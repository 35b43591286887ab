package store

import (
	"testing"
	"time"
)

// TestStatusOfAnother: whoever fails says nothing of an operation that its phone
// has confirmed meanwhile, or that was scheduled after it.
func TestStatusOfAnother(t *testing.T) {
	t.Parallel()
	bad := Failed(Install, InvalidString)
	writers := map[string]func(*testing.T, *Store, Device, OnlineRequest){
		"failure": func(t *testing.T, s *Store, d Device, _ OnlineRequest) {
			must(t, s.NoteFailure(t.Context(), phone(d.Name), Failure{DeviceID: d.ID, Schedule: d.Schedule, Status: bad}))
		},
		"unrecorded failure": func(t *testing.T, s *Store, d Device, _ OnlineRequest) {
			must(t, s.NoteFailure(t.Context(), phone(d.Name), Failure{DeviceID: d.ID, Schedule: d.Schedule, Status: bad, Unrecorded: true}))
		},
		"wrong string": func(t *testing.T, s *Store, d Device, _ OnlineRequest) {
			_, err := s.NoteWrongString(t.Context(), phone(d.Name), d.ID, d.Schedule, near, threeStrings, bad)
			must(t, err)
		},
		"online CA": func(t *testing.T, s *Store, _ Device, o OnlineRequest) {
			o.State = OnlineDenied
			must(t, s.EndOnline(t.Context(), operator, o, "no", bad))
		},
	}
	for name, write := range writers {
		for _, meanwhile := range []string{"nothing", "completed", "scheduled anew", "scheduled anew by an older capf"} {
			t.Run(name+" after "+meanwhile, func(t *testing.T) {
				t.Parallel()
				s, _ := newStore(t)
				d := addDevice(t, s, "SEP000000000001")
				older := issue(t, s, d)
				_, o := onlineRequest(t, s, d)
				o, _, err := s.ClaimOnline(t.Context(), o, true, start.Add(time.Minute))
				must(t, err)
				want := bad
				switch meanwhile {
				case "completed":
					must(t, s.MarkInstalled(t.Context(), phone(d.Name), older.ID, d.Schedule))
					want = Succeeded(Install)
				case "scheduled anew":
					schedule(t, s, d)
					want = StatusPending
				case "scheduled anew by an older capf": // which leaves the request pending
					must(t, s.change(t.Context(), func(t *tx) error {
						_, err := t.exec("UPDATE devices SET schedule = schedule + 1 WHERE id = ?", d.ID)
						return err
					}))
					want = StatusPending
				}
				write(t, s, d, o)
				if got := deviceNow(t, s, d.Name).Status; got != want {
					t.Errorf("the status is %s, not %s", got, want)
				}
			})
		}
	}
}

// TestAuthenticatedDeleted: a device may go between the look at what there is to
// note and the note.
func TestAuthenticatedDeleted(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	must(t, s.DeleteDevice(t.Context(), operator, d.Name))
	shown := []DeviceCertificate{{Kind: "mic", Certificate: []byte{0x30}, SeenAt: start}}
	events(t, s, 0, func() {
		must(t, s.change(t.Context(), func(tx *tx) error { return noteAuthenticated(tx, phone(d.Name), d.ID, "", shown, nil) }))
		must(t, s.NoteAuthenticated(t.Context(), phone(d.Name), d.ID, "", shown, nil))
	})
}
