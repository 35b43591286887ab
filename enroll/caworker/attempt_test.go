package caworker

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"capf/enroll/companytest"
	"capf/enroll/onlineca"
	"capf/store"
)

const phone = "SEP001122334455"

// TestMoreTimeMeanwhile: an operator gives an operation more time between the
// moment when its request is read and the one when the worker looks at the clock.
func TestMoreTimeMeanwhile(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]bool{"more time": true, "as it was": false} {
		now := companytest.Noon()
		d := newDesk(t, func() time.Time { return now })
		request := d.Request(phone)
		completeBy(d, now.Add(time.Hour))
		due, err := d.Store.DueOnline(t.Context(), 1, false)
		if err != nil || len(due) != 1 || due[0].GiveUpAt.IsZero() {
			t.Fatalf("due are %+v, %v", due, err)
		}
		now = due[0].GiveUpAt.Add(time.Hour)
		if more {
			completeBy(d, now.Add(time.Hour))
		}
		if err := New(ca(d), Options{}).attempt(due[0], nil).run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := store.OnlineLate
		if more {
			want = store.OnlineQueued
		}
		if o, err := d.Store.Online(t.Context(), request.ID); err != nil || o.State != want {
			t.Errorf("%s: the request is %s, %v", name, o.State, err)
		}
	}
}

// completeBy gives the operation of the phone that time.
func completeBy(d *companytest.Desk, at time.Time) {
	d.Helper()
	if _, err := d.Store.ChangeDevice(d.Context(), companytest.Olga(), phone, store.EventText{Action: "device-changed", Step: "admin", Outcome: "changed"}, func(d *store.Device) error {
		d.CompletesBy = at
		return nil
	}); err != nil {
		d.Fatal(err)
	}
}

// answers is a CA that says always the same.
type answers struct {
	submitted onlineca.Answer
	refused   error // of Submit
	fetched   onlineca.Answer
	failed    error // of Fetch
}

func (a answers) Submit(context.Context, []byte) (onlineca.Answer, error) {
	return a.submitted, a.refused
}
func (a answers) Fetch(context.Context, string) (onlineca.Answer, error) { return a.fetched, a.failed }
func (a answers) Bind(context.Context) (*onlineca.Bound, error)          { return nil, nil }
func (a answers) Close()                                                 {}

// TestAttempts: what the CA says, and how the request stands then.
func TestAttempts(t *testing.T) {
	t.Parallel()
	refused := func(e onlineca.Error) error { e.Doing, e.Reason = "asking", "no"; return &e }
	const number = "7"
	for _, test := range []struct {
		name  string
		state store.OnlineState         // before; queued when it is empty
		says  func(leaf []byte) answers // nil for a CA that cannot be asked
		sign  func(*x509.Certificate)   // what is wrong with the certificate
		want  store.OnlineState
		note  string // a part of the note, or of the reason of the request
	}{
		{"issued at once", "", func(leaf []byte) answers {
			return answers{submitted: onlineca.Answer{State: onlineca.Issued, Leaf: leaf}}
		}, nil, store.OnlineIssued, ""},
		{"issued under a number", "", func(leaf []byte) answers {
			return answers{submitted: onlineca.Answer{State: onlineca.Issued, RequestID: number}, fetched: onlineca.Answer{State: onlineca.Issued, Leaf: leaf}}
		}, nil, store.OnlineIssued, ""},
		{"a manager decides", "", func([]byte) answers {
			return answers{submitted: onlineca.Answer{State: onlineca.Pending, RequestID: number}}
		}, nil, store.OnlineTaken, "a manager of the CA has to decide"},
		{"issued, and the fetch fails", "", func([]byte) answers {
			return answers{submitted: onlineca.Answer{State: onlineca.Issued, RequestID: number}, failed: refused(onlineca.Error{Kind: onlineca.ErrUnreachable})}
		}, nil, store.OnlineTaken, "asking: no"},
		{"the manager has denied it", store.OnlineTaken, func([]byte) answers {
			return answers{failed: refused(onlineca.Error{Kind: onlineca.ErrRejected, Decided: true, Words: "not you"})}
		}, nil, store.OnlineDenied, "not you"},
		{"the manager has not decided", store.OnlineTaken, func([]byte) answers {
			return answers{fetched: onlineca.Answer{State: onlineca.Pending}}
		}, nil, store.OnlineTaken, "a manager of the CA has to decide"},
		{"an odd page about a certificate that exists", store.OnlineTaken, func([]byte) answers {
			return answers{failed: refused(onlineca.Error{Kind: onlineca.ErrRejected})}
		}, nil, store.OnlineTaken, "asking: no"},
		{"refused", "", func([]byte) answers { return answers{refused: refused(onlineca.Error{Kind: onlineca.ErrRejected})} }, nil, store.OnlineDenied, "asking: no"},
		{"not reached", "", func([]byte) answers { return answers{refused: refused(onlineca.Error{Kind: onlineca.ErrUnreachable})} }, nil, store.OnlineUnreachable, "asking: no"},
		{"maybe reached", "", func([]byte) answers {
			return answers{refused: refused(onlineca.Error{Kind: onlineca.ErrUnreachable, Sent: true})}
		}, nil, store.OnlineUnknown, "whether the CA has taken the request is not known"},
		{"an answer that cannot be used", "", func(leaf []byte) answers {
			return answers{refused: refused(onlineca.Error{Kind: onlineca.ErrUnreachable, Sent: true, Certificate: leaf})}
		}, nil, store.OnlineUnfit, "in an answer that cannot be used"},
		{"another name", "", func(leaf []byte) answers {
			return answers{submitted: onlineca.Answer{State: onlineca.Issued, Leaf: leaf}}
		}, func(c *x509.Certificate) { c.Subject.CommonName = "SEP999999999999" }, store.OnlineUnfit, "is not fit for the phone"},
		{"a CA that cannot be asked", "", nil, nil, store.OnlineUnreachable, "is deactivated"},
		{"a CA that cannot be asked any more", store.OnlineTaken, nil, nil, store.OnlineTaken, ""},
		{"killed while it was sent", store.OnlineSent, nil, nil, store.OnlineUnknown, "ended before the answer came"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, companytest.Noon)
			d.Trust(d.Root, d.CA)
			request := d.Request(phone)
			edits := []func(*x509.Certificate){}
			if test.sign != nil {
				edits = append(edits, test.sign)
			}
			leaf := d.Sign(request, edits...).Raw

			w := New(ca(d), Options{})
			w.config.current = &access{name: "est ca.example.com:443", unready: "the service enrollment is deactivated", trusted: d.Trusted()}
			if test.says != nil {
				w.config.current.client, w.config.current.unready = test.says(leaf), ""
			}
			w.config.use(w.config.current)
			told := 0
			w.Await(request.ID, func() { told++ })
			if err := w.attempt(stand(t, d, w, test.state), nil).run(t.Context()); err != nil {
				t.Fatal(err)
			}
			o, err := d.Store.Online(t.Context(), request.ID)
			if err != nil || o.State != test.want {
				t.Fatalf("the request is %+v, %v", o, err)
			}
			after, err := d.Store.Request(t.Context(), request.ID)
			if err != nil || !strings.Contains(o.Note+after.Reason, test.note) {
				t.Errorf("the note is %q, the reason %q, %v", o.Note, after.Reason, err)
			}
			if over := after.State != store.RequestPending; told != btoi(over) {
				t.Errorf("the request is %s, and the phone was told %d times", after.State, told)
			}
			_, err = d.Store.LSCOfRequest(t.Context(), request.ID)
			if issued := test.want == store.OnlineIssued; issued != (err == nil) || !issued && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("its LSC: %v", err)
			}
			if unfit := test.want == store.OnlineUnfit; unfit != (o.Certificate != nil) {
				t.Errorf("%d bytes of a certificate are kept", len(o.Certificate))
			}
		})
	}
}

// stand is the only request, in the state.
func stand(t *testing.T, d *companytest.Desk, w *Worker, state store.OnlineState) store.OnlineRequest {
	t.Helper()
	due, err := d.Store.DueOnline(t.Context(), 1, false)
	if err != nil || len(due) != 1 {
		t.Fatalf("due are %d, %v", len(due), err)
	}
	if state == "" {
		return due[0]
	}
	o, _, err := d.Store.ClaimOnline(t.Context(), due[0], true, d.Now())
	if err != nil {
		t.Fatal(err)
	}
	if state == store.OnlineTaken {
		o.State, o.CA, o.CARequest, o.DueAt = state, w.config.current.name, "7", d.Now()
		if err := d.Store.PostponeOnline(t.Context(), actor(), o, store.EventText{}); err != nil {
			t.Fatal(err)
		}
	}
	if o, err = d.Store.Online(t.Context(), o.RequestID); err != nil {
		t.Fatal(err)
	}
	return o
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestAnotherCA: a request that one CA has is not sent to another.
func TestAnotherCA(t *testing.T) {
	t.Parallel()
	d := newDesk(t, companytest.Noon)
	request := d.Request(phone)
	w := New(ca(d), Options{})
	w.config.use(&access{name: "est one.example.com:443", client: answers{}})
	o := stand(t, d, w, store.OnlineTaken)
	w.config.current.name = "est two.example.com:443"
	if err := w.attempt(o, nil).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	o, err := d.Store.Online(t.Context(), request.ID)
	if err != nil || o.State != store.OnlineTaken || o.CA != "est one.example.com:443" || !strings.Contains(o.Note, "another CA has the request: est one.example.com:443") {
		t.Errorf("the request is %+v, %v", o, err)
	}
}

// TestPausesGrow: a CA that has a request is asked less and less often, and never
// later than the operation has to be completed.
func TestPausesGrow(t *testing.T) {
	t.Parallel()
	a := &attempt{options: Options{}.withDefaults()}
	for looks, want := range map[int]time.Duration{0: 5 * time.Second, 1: 7500 * time.Millisecond, 2: 11250 * time.Millisecond, 30: 5 * time.Minute} {
		if got := a.between(looks); got < want || got > want+want/4 {
			t.Errorf("after %d looks: %v, want %v and up to a quarter more", looks, got, want)
		}
	}
}
