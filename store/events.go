package store

import (
	"context"
	"iter"
	"strings"
	"time"
)

// ActorKind is the kind of an actor: an operator, a phone or capf itself.
type ActorKind string

// The kinds of actor.
const (
	Operator ActorKind = "operator"
	Phone    ActorKind = "phone"
	System   ActorKind = "system"
)

// Actor is who makes a change. Each method that changes something takes one
// and records it in the event.
type Actor struct {
	Kind     ActorKind
	Name     string // the operator's user name, or the device
	Address  string // of the phone, or of the operator's SSH client
	Terminal string
	Command  string // the operator's command line, without secrets
}

// Event is one line of the record of who did what, when, from where and with
// what outcome. Events are only ever added.
type Event struct {
	ID      int64
	At      time.Time
	Actor   Actor
	Device  string // "" when the event is not about a device
	Action  string // such as device-set, enroll, stale-lsc-delete
	Step    string // of a phone's session, such as authenticate, key, issue, store
	Outcome string // ok, or what went wrong in a word, such as declined
	Detail  string // one line for a person
}

// EventText is the part of an event that the caller supplies.
type EventText struct {
	Action  string // such as device-set
	Step    string // of a phone's session; empty for an operator
	Outcome string // ok, or what went wrong in a word; empty is ok
	Detail  string // one line for a person, without secrets
}

// EventFilter limits a list of events; what is empty or nil does not limit.
// Device, Action and Operator are patterns, as for package wildcard.
type EventFilter struct {
	Device   string
	Since    *time.Time
	Action   string
	Operator string // the user name of an operator, for what that one did
	Limit    int    // only so many of the newest
}

const eventColumns = `id, at, actor_kind, actor_name, address, terminal, command,
	device, action, step, outcome, detail`

func (e *Event) fields() []any {
	return []any{&e.ID, (*instant)(&e.At), (*string)(&e.Actor.Kind), &e.Actor.Name, &e.Actor.Address, &e.Actor.Terminal,
		&e.Actor.Command, &e.Device, &e.Action, &e.Step, &e.Outcome, &e.Detail}
}

// event adds an event to the record, with the transaction's time.
func (t *tx) event(a Actor, device string, e EventText) error {
	if e.Outcome == "" {
		e.Outcome = "ok"
	}
	if t.note != "" {
		e.Detail = strings.TrimPrefix(e.Detail+"; "+t.note, "; ")
	}
	return t.follow(&Event{At: t.now, Actor: a, Device: device, Action: e.Action, Step: e.Step, Outcome: e.Outcome, Detail: e.Detail})
}

// AddEvent records something that changes no other row, such as a refused session. The
// id and the time of the event are the store's.
func (s *Store) AddEvent(ctx context.Context, e Event) error {
	err := s.change(ctx, func(t *tx) error {
		return t.event(e.Actor, e.Device, EventText{Action: e.Action, Step: e.Step, Outcome: e.Outcome, Detail: e.Detail})
	})
	return failed(err, "recording the event %q", e.Action)
}

// AddEventWithin is AddEvent for what anyone could do at will: it adds nothing
// when the record has, within the last span, ofOne events of the action by the
// same actor, or ofAll by all actors.
func (s *Store) AddEventWithin(ctx context.Context, e Event, ofOne, ofAll int, span time.Duration) error {
	err := s.change(ctx, func(t *tx) error {
		var one, all int
		err := t.row("SELECT count(CASE WHEN actor_name = ? THEN 1 END), count(*) FROM events WHERE at >= ? AND action = ?",
			e.Actor.Name, millis(t.now.Add(-span)), e.Action).Scan(&one, &all)
		if err != nil || one >= ofOne || all >= ofAll {
			return err
		}
		return t.event(e.Actor, e.Device, EventText{Action: e.Action, Step: e.Step, Outcome: e.Outcome, Detail: e.Detail})
	})
	return failed(err, "recording the event %q", e.Action)
}

// Events yields the record, oldest first.
func (s *Reader) Events(ctx context.Context, f EventFilter) iter.Seq2[Event, error] {
	return stream(ctx, s, "reading events", f.query(), (*Event).fields)
}

func (f EventFilter) query() query {
	q := query{selection: "SELECT " + eventColumns + " FROM events", order: "at, id"}
	if f.Device != "" {
		q.where("device <> ''") // for the index of the events that have one
		q.named("device", f.Device)
	}
	if f.Since != nil {
		q.where("at >= ?", millis(*f.Since))
	}
	q.like("action", f.Action)
	if f.Operator != "" {
		q.where("actor_kind = 'operator'")
		// An operator known only by the name that they gave is found by it, too.
		q.where("(matches(?, actor_name) OR matches(?, actor_name))", f.Operator, "* (says "+f.Operator+")")
	}
	if f.Limit > 0 {
		q.order = "at DESC, id DESC LIMIT ?"
		q = query{
			selection: "SELECT " + eventColumns + " FROM (" + q.String() + ")",
			args:      append(q.args, f.Limit),
			order:     "at, id",
		}
	}
	return q
}
