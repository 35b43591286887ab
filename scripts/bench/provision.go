package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// provisioned is the measurement of files that phones fetch, and of phones that enroll
// meanwhile.
type provisioned struct {
	File    string  `json:"file"`
	Clients int     `json:"clients"`            // that fetch at the same time
	Fetched float64 `json:"fetched_per_second"` // while no phone enrolls
	// Server is the server's processor time for each file, HTTP and all.
	Server   time.Duration `json:"server_cpu_ns"`
	Offered  float64       `json:"offered_per_second"` // while phones enroll
	Meantime float64       `json:"beside_per_second"`  // of them, what was answered
	Alone    float64       `json:"alone_per_second"`   // enrolments while nothing is fetched
	Beside   float64       `json:"enrolled_per_second"`
	Ratio    float64       `json:"ratio"`
}

// The goals: so many files a second, and so much of the enrolments beside them.
const (
	goalFetched = 5000
	goalRatio   = 0.8
)

// fetchers is how many clients fetch at the same time.
const fetchers = 16

// provisionAll measures the list that all phones share, and the configurations of as many
// devices as enroll: each phone asks for its own.
func (e *enrolments) provisionAll(ctx context.Context, say func(string, ...any)) (rows []provisioned, err error) {
	side := e.sides[0]
	configurations := make([]string, len(side.names))
	for i, name := range side.names {
		configurations[i] = name + ".cnf.xml"
	}
	for _, one := range []struct {
		shown string
		names []string
	}{{"ITLFile.tlv", []string{"ITLFile.tlv"}}, {"SEP….cnf.xml", configurations}} {
		r := provisioned{File: one.shown, Clients: fetchers, Offered: goalFetched}
		say("%s for %d clients", one.shown, fetchers)
		before := func(d database) error { return provisioning(ctx, e.options, d) }
		err := e.onCopy(ctx, side, "provisioned", before, func(l *load, server *serving) error {
			return e.fetchBeside(ctx, l, server, one.names, &r)
		}, func(*load, database) error { return nil })
		if err != nil {
			return nil, fmt.Errorf("fetching %s: %w", one.shown, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// provisioning makes the database one of a server that gives files to phones.
func provisioning(ctx context.Context, o options, d database) error {
	for _, words := range []string{"trust-list init", "service activate provision"} {
		if out, err := d.command(ctx, o, strings.Fields(words)...).CombinedOutput(); err != nil {
			return fmt.Errorf("capf %s: %w\n%s", words, err, out)
		}
	}
	return nil
}

// fetchBeside fetches alone, lets phones enroll alone, and then both at once.
func (e *enrolments) fetchBeside(ctx context.Context, l *load, server *serving, names []string, r *provisioned) error {
	at := "http://" + server.provision + "/"
	if _, err := l.storm(ctx, r.Clients, r.Clients, time.Time{}); err != nil {
		return err
	}
	part := e.span / 3
	before, err := processorTimes(server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	began := time.Now()
	stop := beginFetching(at, names, r.Clients, 0)
	if !sleeping(ctx, part) {
		return errors.Join(ctx.Err(), second(stop()))
	}
	if r.Fetched, err = stop(); err != nil {
		return err
	}
	after, err := processorTimes(server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	r.Server = time.Duration(float64(after.since(before).server) / (r.Fetched * time.Since(began).Seconds()))
	if r.Alone, err = e.enrolled(ctx, l, r.Clients, part); err != nil {
		return err
	}
	stop = beginFetching(at, names, r.Clients, r.Offered)
	r.Beside, err = e.enrolled(ctx, l, r.Clients, part)
	meantime, fetchErr := stop()
	if err := errors.Join(err, fetchErr); err != nil {
		return err
	}
	r.Meantime, r.Ratio = meantime, r.Beside/r.Alone
	return nil
}

func second(_ float64, err error) error { return err }

// enrolled is how many phones enroll a second.
func (e *enrolments) enrolled(ctx context.Context, l *load, clients int, span time.Duration) (float64, error) {
	began := time.Now()
	took, err := l.storm(ctx, clients, len(l.phones), began.Add(span))
	return float64(len(took)) / time.Since(began).Seconds(), err
}

// beginFetching fetches files in turn, again and again, so many a second or, with 0, as
// often as they are given. The function that it returns ends it, and tells how many a second were
// fetched.
func beginFetching(at string, names []string, clients int, rate float64) (stop func() (float64, error)) {
	ctx, cancel := context.WithCancelCause(context.Background())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	began := time.Now()
	var turns, next, fetched atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				if rate > 0 { // each turn has its moment
					due := began.Add(time.Duration(float64(turns.Add(1)) / rate * float64(time.Second)))
					if !sleeping(ctx, time.Until(due)) {
						return
					}
				}
				name := names[int(next.Add(1))%len(names)]
				if err := fetchOnce(ctx, client, at+name); err != nil {
					cancel(err)
					return
				}
				fetched.Add(1)
			}
		})
	}
	return func() (float64, error) {
		span := time.Since(began).Seconds()
		done := float64(fetched.Load()) / span
		cancel(errEnough)
		all.Wait()
		if err := context.Cause(ctx); !errors.Is(err, errEnough) {
			return 0, err
		}
		return done, nil
	}
}

// errEnough says that fetching has ended because it was meant to.
var errEnough = errors.New("enough")

func fetchOnce(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || n == 0) {
		err = fmt.Errorf("%s with %d bytes", answer.Status, n)
	}
	return err
}

func (r report) printProvision(b *strings.Builder) {
	fmt.Fprintf(b, "\nFiles by HTTP for %d clients at a time, and %d phones at a time that enrol beside them\n", r.Provision[0].Clients, r.Provision[0].Clients)
	t := table(b, "file", "fetched per s", "goal", "server µs", "offered per s", "fetched beside", "alone per s", "beside per s", "ratio", "goal")
	for _, p := range r.Provision {
		t.row(p.File, whole(p.Fetched), goalFetched, p.Server.Microseconds(), whole(p.Offered), whole(p.Meantime), whole(p.Alone), whole(p.Beside), fmt.Sprintf("%.2f", p.Ratio), goalRatio)
	}
	t.end()
	fmt.Fprintf(b, "fetched: while no phone enrols; server: its processor time for each file; offered: requests a second beside phones that enrol, of which so many were answered; ratio: enrolments beside / alone\n")
}
