package caworker

import (
	"context"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"capf/enroll/acceptance"
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

// answers is a CA that always says the same, and remembers what it was asked.
type answers struct {
	asked     *string
	submitted onlineca.Answer
	refused   error // of Submit
	fetched   onlineca.Answer
	failed    error // of Fetch
}

func (a answers) Submit(context.Context, []byte) (onlineca.Answer, error) {
	*a.asked += "submit "
	return a.submitted, a.refused
}

func (a answers) Fetch(_ context.Context, number string) (onlineca.Answer, error) {
	*a.asked += "fetch " + number
	return a.fetched, a.failed
}

func (a answers) Bind(context.Context) (*onlineca.Bound, error) { return nil, nil }
func (a answers) Close()                                        {}

// TestAttempts: what the CA says, and how the request stands then.
func TestAttempts(t *testing.T) {
	t.Parallel()
	const number = "7"
	unreachable := onlineca.Error{Kind: onlineca.ErrUnreachable, Doing: "asking", Reason: "no"}
	rejected := onlineca.Error{Kind: onlineca.ErrRejected, Doing: "asking", Reason: "no", Code: "0x80094014", Words: "not you", Advice: "ask them", RequestID: number}
	failure := func(e onlineca.Error, changes ...func(*onlineca.Error)) error {
		for _, change := range changes {
			change(&e)
		}
		return &e
	}
	sent := func(e *onlineca.Error) { e.Sent = true }
	decided := func(e *onlineca.Error) { e.Decided = true }
	patient := func(e *onlineca.Error) { e.RetryAfter = time.Hour }
	issued, pending := onlineca.Answer{State: onlineca.Issued, RequestID: number}, onlineca.Answer{State: onlineca.Pending, RequestID: number, RetryAfter: 20 * time.Minute}
	with := func(leaf []byte) onlineca.Answer { return onlineca.Answer{State: onlineca.Issued, Leaf: leaf} }
	type row struct {
		state  store.OnlineState
		number string
		words  string        // of the CA: code, words and advice
		due    time.Duration // from now, at least
		looks  int
		text   string // a part of the note, or of the reason of the request
	}
	for _, test := range []struct {
		name  string
		state store.OnlineState         // before; queued when it is empty
		says  func(leaf []byte) answers // nil for a CA that cannot be asked
		sign  func(*x509.Certificate)   // what is wrong with the certificate
		asked string
		want  row
		event string // a part of the last event
	}{
		{"issued at once", "", func(leaf []byte) answers { return answers{submitted: with(leaf)} }, nil,
			"submit ", row{state: store.OnlineIssued}, "csr-issue ok"},
		{"issued under a number", "", func(leaf []byte) answers { return answers{submitted: issued, fetched: with(leaf)} }, nil,
			"submit fetch 7", row{state: store.OnlineIssued, number: number}, "request 7 of the CA"},
		{"a manager decides", "", func([]byte) answers { return answers{submitted: pending} }, nil,
			"submit ", row{state: store.OnlineTaken, number: number, due: 20 * time.Minute, looks: 1, text: "a manager of the CA has to decide"},
			"a manager of the CA has to decide, request 7 of the CA"},
		{"issued, and the fetch fails", "", func([]byte) answers { return answers{submitted: issued, failed: failure(unreachable)} }, nil,
			"submit fetch 7", row{state: store.OnlineTaken, number: number, due: 5 * time.Second, looks: 1, text: "asking: no"}, ""},
		{"the manager has issued it", store.OnlineTaken, func(leaf []byte) answers { return answers{fetched: with(leaf)} }, nil,
			"fetch 7", row{state: store.OnlineIssued, number: number}, "request 7 of the CA"},
		{"the manager has denied it", store.OnlineTaken, func([]byte) answers { return answers{failed: failure(rejected, decided)} }, nil,
			"fetch 7", row{store.OnlineDenied, number, "0x80094014 not you ask them", 30 * time.Second, 0, "not you"}, "request 7 of the CA"},
		{"the manager has not decided", store.OnlineTaken, func([]byte) answers { return answers{fetched: pending} }, nil,
			"fetch 7", row{state: store.OnlineTaken, number: number, due: 20 * time.Minute, looks: 1, text: "a manager of the CA has to decide"}, ""},
		{"an odd page about a certificate that exists", store.OnlineTaken, func([]byte) answers { return answers{failed: failure(rejected)} }, nil,
			"fetch 7", row{store.OnlineTaken, number, "0x80094014 not you ask them", 5 * time.Second, 1, "asking: no"}, ""},
		{"refused", "", func([]byte) answers { return answers{refused: failure(rejected)} }, nil,
			"submit ", row{store.OnlineDenied, number, "0x80094014 not you ask them", 30 * time.Second, 0, "asking: no"}, "request 7 of the CA"},
		{"not reached", "", func([]byte) answers { return answers{refused: failure(unreachable, patient)} }, nil,
			"submit ", row{state: store.OnlineUnreachable, due: time.Hour, text: "asking: no"}, "asking: no"},
		{"maybe reached", "", func([]byte) answers { return answers{refused: failure(unreachable, sent)} }, nil,
			"submit ", row{state: store.OnlineUnknown, due: 30 * time.Second, text: "whether the CA has taken the request is not known"}, "is not known"},
		{"an answer that cannot be used", "", func(leaf []byte) answers {
			return answers{refused: failure(unreachable, sent, func(e *onlineca.Error) { e.Certificate = leaf })}
		}, nil, "submit ", row{state: store.OnlineUnfit, words: "  revoke the certificate", due: 30 * time.Second, text: "in an answer that cannot be used"}, "serial 1003"},
		{"another name", "", func(leaf []byte) answers { return answers{submitted: with(leaf)} },
			func(c *x509.Certificate) { c.Subject.CommonName = "SEP999999999999" },
			"submit ", row{state: store.OnlineUnfit, words: "  let the CA take the subject", due: 30 * time.Second, text: "is not fit for the phone"}, "serial 1003"},
		{"a CA that cannot be asked", "", nil, nil, "", row{state: store.OnlineUnreachable, due: 30 * time.Second, text: "is deactivated"}, "is deactivated"},
		{"a CA that cannot be asked any more", store.OnlineTaken, nil, nil, "", row{state: store.OnlineTaken, number: number}, ""},
		{"killed while it was sent", store.OnlineSent, nil, nil, "", row{state: store.OnlineUnknown, due: 30 * time.Second, text: "ended before the answer came"}, "ended before"},
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

			w, asked := New(ca(d), Options{}), ""
			in := &access{name: "est ca.example.com:443", unready: "the service enrollment is deactivated", trusted: d.Trusted()}
			if test.says != nil {
				says := test.says(leaf)
				says.asked = &asked
				in.client, in.unready = says, ""
			}
			w.config.use(in)
			told := 0
			w.Await(request.ID, func() { told++ })
			o := stand(t, d, w, test.state)
			_, before := events(d)
			if err := w.attempt(o, nil).run(t.Context()); err != nil {
				t.Fatal(err)
			}
			o, err := d.Store.Online(t.Context(), request.ID)
			if err != nil {
				t.Fatal(err)
			}
			after, err := d.Store.Request(t.Context(), request.ID)
			if err != nil {
				t.Fatal(err)
			}
			words := o.Code + " " + o.Words + " " + o.Advice
			if want := test.want; o.State != want.state || o.CARequest != want.number || o.Looks != want.looks || o.DueAt.Sub(d.Now()) < want.due ||
				!strings.HasPrefix(words, want.words) || want.words == "" && words != "  " || !strings.Contains(o.Note+after.Reason, want.text) {
				t.Errorf("the request is %+v, and decided for %q; want %+v", o, after.Reason, want)
			}
			if asked != test.asked {
				t.Errorf("the CA was asked %q, not %q", asked, test.asked)
			}
			if over := after.State != store.RequestPending; told != btoi(over) {
				t.Errorf("the request is %s, and the phone was told %d times", after.State, told)
			}
			if last, n := events(d); (test.event == "") != (n == before) || !strings.Contains(last, test.event) {
				t.Errorf("after %d events there are %d, the last one %q", before, n, last)
			}
			_, err = d.Store.LSCOfRequest(t.Context(), request.ID)
			if issued := o.State == store.OnlineIssued; issued != (err == nil) || !issued && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("its LSC: %v", err)
			}
			if unfit := o.State == store.OnlineUnfit; unfit != (o.Certificate != nil) {
				t.Errorf("%d bytes of a certificate are kept", len(o.Certificate))
			}
		})
	}
}

// events are the last one in words, and how many there are.
func events(d *companytest.Desk) (last string, n int) {
	d.Helper()
	for e, err := range d.Store.Events(d.Context(), store.EventFilter{}) {
		if err != nil {
			d.Fatal(err)
		}
		last, n = e.Action+" "+e.Outcome+" "+e.Detail, n+1
	}
	return last, n
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
	w.config.use(&access{name: "est one.example.com:443", client: answers{asked: new(string)}})
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

// TestSerialUsedBefore: a CA that uses a serial number twice does not give a phone
// its second certificate.
func TestSerialUsedBefore(t *testing.T) {
	t.Parallel()
	d := newDesk(t, companytest.Noon)
	d.Trust(d.Root, d.CA)
	w := New(ca(d), Options{})
	want := store.OnlineIssued
	for _, device := range []string{phone, "SEP00AABBCCDDEE"} {
		request := d.Request(device)
		leaf := d.Sign(request, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(4711) }).Raw
		w.config.use(&access{name: "est ca.example.com:443", client: answers{asked: new(string), submitted: onlineca.Answer{State: onlineca.Issued, Leaf: leaf}}, trusted: d.Trusted()})
		if err := w.attempt(stand(t, d, w, ""), nil).run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if o, err := d.Store.Online(t.Context(), request.ID); err != nil || o.State != want || (want == store.OnlineUnfit) != (o.Advice == acceptance.AdviceSerial) {
			t.Errorf("the request of %s is %+v, %v", device, o, err)
		}
		want = store.OnlineUnfit
	}
}

// TestClockOfTheCAAhead: a certificate that is valid in a moment is kept then, one
// that is valid later at once.
func TestClockOfTheCAAhead(t *testing.T) {
	t.Parallel()
	for ahead, waits := range map[time.Duration]bool{-time.Second: false, 0: false, time.Second: true, acceptance.ShortWait: true, acceptance.ShortWait + time.Second: false} {
		var waited time.Duration
		a := &attempt{now: companytest.Noon, options: Options{After: func(d time.Duration) <-chan time.Time {
			waited = d
			return time.After(0)
		}}}
		a.untilValid(companytest.Noon().Add(ahead))
		if (waited == ahead) != (waits || ahead == 0) || !waits && waited != 0 {
			t.Errorf("%v ahead: waited %v", ahead, waited)
		}
	}
}
