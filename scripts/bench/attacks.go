package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"capf/store"
)

// attacked is the measurement of phones that enroll during an attack.
type attacked struct {
	Attack      string        `json:"attack"`
	Connections int           `json:"connections"` // at the same time
	Clients     int           `json:"clients"`     // honest phones at the same time
	Alone       float64       `json:"alone_per_second"`
	Beside      float64       `json:"beside_per_second"`
	Ratio       float64       `json:"ratio"`
	P50         time.Duration `json:"p50_ns"` // during the attack
	P99         time.Duration `json:"p99_ns"`
	Made        float64       `json:"attacks_per_second"` // connections of the attack that were made
	Memory      int64         `json:"peak_bytes"`         // of the server
	Outcome     string        `json:"outcome"`
}

// attack is an attack made while phones enroll.
type attack struct {
	name string
	what string                                         // a short description
	most int                                            // connections at the same time, if fewer than asked for
	act  func(ctx context.Context, a *attackers, i int) // one connection, to its end; in another process

	// Either may be nil.
	prepare func(context.Context, options, database) error
	outcome func(context.Context, database) (string, error)
}

// attacks lists the attacks that are measured. The others need no figures:
// tests in enroll/server cover them.
func attacks() []attack {
	return []attack{
		{name: "half-open connections", what: "they get nowhere and are kept open", act: sit},
		{name: "handshakes from one address", what: "each makes the server sign, and goes", most: 250, act: shakeHands},
		{name: "oversized frames", what: "each is announced with 65,535 bytes, and they are sent", most: 250, act: sendTooMuch},
		{name: "guesses of one string", what: "four digits, at random", most: 100, act: guess, prepare: addGuessed, outcome: countGuesses},
	}
}

// attackAll lets phones enroll alone, then during each attack, with the
// default parameters.
func (e *enrolments) attackAll(ctx context.Context, say func(string, ...any)) (rows []attacked, err error) {
	side := e.sides[len(e.sides)-1]
	for _, a := range attacks() {
		r := attacked{Attack: a.name, Connections: e.attackers, Clients: 16, Outcome: a.what}
		if a.most > 0 {
			r.Connections = min(e.attackers, a.most)
		}
		say("%d %s", r.Connections, a.name)
		before := func(d database) error {
			if a.prepare == nil {
				return nil
			}
			return a.prepare(ctx, e.options, d)
		}
		err := e.onCopy(ctx, side, "attacked", before, func(l *load, server *serving) error {
			return e.compare(ctx, a, l, server, &r)
		}, func(_ *load, d database) error {
			if a.outcome == nil {
				return nil
			}
			more, err := a.outcome(ctx, d)
			r.Outcome += "; " + more
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("enrolling beside %s: %w", a.name, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (e *enrolments) compare(ctx context.Context, a attack, l *load, server *serving, r *attacked) (err error) {
	if _, err := l.storm(ctx, r.Clients, r.Clients, time.Time{}); err != nil {
		return err
	}
	began := time.Now()
	took, err := l.storm(ctx, r.Clients, len(l.phones), began.Add(e.span/2))
	if err != nil {
		return err
	}
	r.Alone = float64(len(took)) / time.Since(began).Seconds()
	at, err := beginAttack(ctx, e.options, attackOrder{a.name, l.server, r.Connections})
	if err != nil {
		return err
	}
	defer at.end()
	for at.made.Load() < int64(r.Connections)*9/10 {
		if !sleeping(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	made := at.made.Load()
	began = time.Now()
	if took, err = l.storm(ctx, r.Clients, len(l.phones), began.Add(e.span/2)); err != nil {
		return err
	}
	span := time.Since(began).Seconds()
	r.Beside, r.Made = float64(len(took))/span, float64(at.made.Load()-made)/span
	r.Ratio = r.Beside / r.Alone
	r.P50, r.P99 = percentile(took, 50), percentile(took, 99)
	r.Memory, err = peakMemory(server.cmd.Process.Pid)
	return err
}

// guessed is the device whose authentication string is guessed.
const guessed = "GUESSED"

func addGuessed(ctx context.Context, o options, d database) error {
	cmd := d.command(ctx, o, "device", "add", guessed, "--operation", "install", "--auth-mode", "auth-string", "--auth-string-file", "-")
	cmd.Stdin = strings.NewReader("8364510297\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("capf device add: %w\n%s", err, out)
	}
	return nil
}

// countGuesses reads from the record how many strings were compared.
func countGuesses(ctx context.Context, d database) (string, error) {
	judged, locked := 0, 0
	err := d.with(ctx, func(s *store.Store) error {
		for e, err := range s.Events(ctx, store.EventFilter{Device: guessed}) {
			switch {
			case err != nil:
				return err
			case e.Outcome == "wrong-string", e.Outcome == "locked":
				judged++
			case e.Outcome == "declined":
				locked++
			}
		}
		return nil
	})
	if err == nil && judged != 10 {
		err = fmt.Errorf("%d guesses were judged, not 10", judged)
	}
	return fmt.Sprintf("%d strings were compared, %d found the device locked", judged, locked), err
}

func (r report) printAttacks(b *strings.Builder) {
	fmt.Fprintf(b, "\nEnrolment of %d phones at a time beside attacks, with all parameters as they come\n", r.Attacks[0].Clients)
	t := table(b, "attack", "connections", "made per s", "alone per s", "beside per s", "ratio", "p50 ms", "p99 ms", "peak MiB")
	for _, a := range r.Attacks {
		t.row(a.Attack, a.Connections, whole(a.Made), whole(a.Alone), whole(a.Beside), fmt.Sprintf("%.2f", a.Ratio), millis(a.P50), millis(a.P99), mebibytes(a.Memory))
	}
	t.end()
	for _, a := range r.Attacks {
		fmt.Fprintf(b, "%s: %s\n", a.Attack, a.Outcome)
	}
	fmt.Fprintf(b, "made: connections of the attack while the phones enrol, each again as soon as the server ends it; ratio: beside / alone\n")
}
