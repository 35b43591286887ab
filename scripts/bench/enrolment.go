package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"capf/crypto"
	"capf/store"
)

// enrolment is one measurement.
type enrolment struct {
	Phones    string        `json:"phones"`  // the kind of their keys
	Clients   int           `json:"clients"` // phones at the same time
	Devices   int           `json:"devices"` // in the database
	Made      int           `json:"enrolments"`
	PerSecond float64       `json:"per_second"`
	Bound     float64       `json:"bound_per_second"` // two signatures each, on the server's cores
	Doubt     float64       `json:"bound_doubt"`      // the largest deviation of its measurements from their mean
	Ratio     float64       `json:"ratio"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Spread    float64       `json:"p99_to_p50"`
	Alone     time.Duration `json:"floor_ns"` // for one phone: two signatures, two syncs
	Sync      time.Duration `json:"sync_ns"`

	// Processor time for each enrolment, and the share of all cores that others used:
	// the kernel by itself, and other programs.
	Server time.Duration `json:"server_cpu_ns"`
	Client time.Duration `json:"client_cpu_ns"`
	Others float64       `json:"others_share"`
	// Signing is the share of the server's processor time that two signatures need: what
	// the ratio would be if its cores were never idle.
	Signing float64 `json:"signing_share"`

	Peak int64 `json:"server_peak_bytes"`
	// Growth of the database file for 10,000 enrolments, and how much of it is
	// the certificates and public keys themselves.
	Growth  int64 `json:"file_growth_bytes"`
	Content int64 `json:"content_bytes"`
}

// side is one kind of phones.
type side struct {
	kind  crypto.KeyKind
	order store.KeyOrder
	names []string
}

// enrolments measures on copies of one database.
type enrolments struct {
	options
	base    database
	devices int // in it
	keys    *keyPool
	prober  *prober
	sides   []*side
}

// measureEnrolment measures for each number of devices, and with the first the attacks
// and the files that phones fetch.
func measureEnrolment(ctx context.Context, o options, say func(string, ...any), r *report) error {
	prober, err := newProber(o)
	if err != nil {
		return err
	}
	first, err := prober.look(ctx)
	if err != nil {
		return err
	}
	// As many phones as can enroll, and a few for the start.
	most := int(1.2*first.enrolments()*o.span.Seconds()) + slices.Max(o.clients)
	say("making keys for %d phones", most)
	keys, err := newKeyPool(most)
	if err != nil {
		return err
	}
	for i, devices := range o.devices {
		e := &enrolments{options: o, devices: devices, keys: keys, prober: prober,
			sides: []*side{{kind: crypto.RSA2048, order: store.RSAOnly}, {kind: crypto.EC256, order: store.ECOnly}}}
		if err := e.makeBase(ctx, most, say); err != nil {
			return err
		}
		some, err := e.measureAll(ctx, say)
		if err != nil {
			return err
		}
		r.Enrolment = append(r.Enrolment, some...)
		if i == 0 && o.attackers > 0 {
			if r.Attacks, err = e.attackAll(ctx, say); err != nil {
				return err
			}
		}
		if i == 0 {
			if r.Provision, err = e.provisionAll(ctx, say); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(filepath.Dir(string(e.base))); err != nil {
			return err
		}
	}
	return nil
}

func (e *enrolments) measureAll(ctx context.Context, say func(string, ...any)) (rows []enrolment, err error) {
	for _, side := range e.sides {
		for _, clients := range e.clients {
			say("%s, %d clients, %d devices", side.kind, clients, e.devices)
			row, err := e.measure(ctx, side, clients)
			if err != nil {
				return nil, fmt.Errorf("enrolling %d phones at a time: %w", clients, err)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// makeBase fills a database with the devices that enroll, in an order of their
// own, spread evenly among those that do not.
func (e *enrolments) makeBase(ctx context.Context, most int, say func(string, ...any)) (err error) {
	enrolling := most * len(e.sides)
	e.devices += enrolling
	if e.base, err = newDatabase(ctx, e.options, fmt.Sprint("base-", e.devices)); err != nil {
		return err
	}
	for _, s := range e.sides {
		s.names = make([]string, most)
	}
	turns := rand.New(rand.NewPCG(1, 2)).Perm(enrolling) // the same in each run
	began := time.Now()
	err = e.base.with(ctx, func(s *store.Store) error {
		return eachOf(e.devices, func(i int) error {
			d := device(i)
			if n := i * enrolling / e.devices; n != (i+1)*enrolling/e.devices {
				turn := turns[n]
				side := e.sides[turn%len(e.sides)]
				side.names[turn/len(e.sides)] = d.Name
				d = scheduled(d, side.order)
			}
			_, err := s.AddDevice(ctx, operator, d)
			return err
		})
	})
	if err == nil {
		say("added %d devices, %.0f a second", e.devices, float64(e.devices)/time.Since(began).Seconds())
	}
	return err
}

// measure lets phones enroll with a new server on a copy of the database.
func (e *enrolments) measure(ctx context.Context, side *side, clients int) (row enrolment, err error) {
	row = enrolment{Phones: string(side.kind), Clients: clients, Devices: e.devices}
	return row, e.onCopy(ctx, side, fmt.Sprintf("%s-%d", side.kind, clients), nil, func(l *load, server *serving) error {
		return e.storm(ctx, l, server, &row)
	}, func(l *load, d database) error { return e.weigh(ctx, l, d, &row) })
}

// onCopy runs a new server on a copy of the database, which may be prepared before
// and is examined afterwards.
func (e *enrolments) onCopy(ctx context.Context, side *side, name string, before func(database) error, work func(*load, *serving) error, after func(*load, database) error) (err error) {
	d, err := e.base.copyTo(filepath.Join(e.dir, name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Dir(string(d)))) }()
	if before != nil {
		if err := before(d); err != nil {
			return err
		}
	}
	server, err := serve(ctx, e.options, d)
	if err != nil {
		return err
	}
	l := &load{server: server.address, kind: side.kind, phones: side.names, keys: e.keys}
	if err := work(l, server); err != nil {
		server.cmd.Process.Kill()
		<-server.ended
		return server.failure(err.Error())
	}
	if err := server.stop(); err != nil {
		return err
	}
	return after(l, d)
}

// storm is the timed part of a measurement. Each client has enrolled one phone before
// it: otherwise a server that has just started would count as slow. The bound is
// measured before, between and after the slices of the load, because a shared
// machine has good and bad seconds.
func (e *enrolments) storm(ctx context.Context, l *load, server *serving, row *enrolment) error {
	if _, err := l.storm(ctx, row.Clients, row.Clients, time.Time{}); err != nil {
		return err
	}
	var took []time.Duration
	var used processors
	var span time.Duration
	looks := make([]bound, e.parts+1)
	for i := range looks {
		var err error
		if looks[i], err = e.prober.look(ctx); err != nil {
			return err
		}
		if i == e.parts {
			break
		}
		some, one, cpu, err := e.slice(ctx, l, server, row.Clients)
		if err != nil {
			return err
		}
		took, span = append(took, some...), span+one
		used = used.plus(cpu)
	}
	if len(took) == 0 {
		return fmt.Errorf("no phone enrolled within %v", e.span)
	}
	slices.Sort(took)
	row.setTimes(took, span, used)
	row.setBound(looks)
	var err error
	row.Peak, err = peakMemory(server.cmd.Process.Pid)
	return err
}

// slice is the load for part of the time.
func (e *enrolments) slice(ctx context.Context, l *load, server *serving, clients int) (took []time.Duration, span time.Duration, used processors, err error) {
	pid := server.cmd.Process.Pid
	before, err := processorTimes(pid)
	if err != nil {
		return nil, 0, used, err
	}
	began := time.Now()
	took, err = l.storm(ctx, clients, len(l.phones), began.Add(e.span/time.Duration(e.parts)))
	span = time.Since(began)
	if err != nil {
		return nil, 0, used, err
	}
	after, err := processorTimes(pid)
	return took, span, after.since(before), err
}

func (row *enrolment) setTimes(took []time.Duration, span time.Duration, used processors) {
	row.Made = len(took)
	row.PerSecond = float64(row.Made) / span.Seconds()
	row.P50, row.P99 = percentile(took, 50), percentile(took, 99)
	row.Spread = float64(row.P99) / float64(row.P50)
	n := time.Duration(row.Made)
	row.Server, row.Client = used.server/n, used.client/n
	row.Others = max(0, float64(used.busy-used.server-used.client)/float64(span)/float64(cores()))
}

func (row *enrolment) setBound(looks []bound) {
	b, doubt := middle(looks)
	row.Bound, row.Doubt, row.Alone, row.Sync = b.enrolments(), doubt, b.alone(), b.Sync
	row.Ratio = row.PerSecond / row.Bound
	row.Signing = 2 * float64(b.Signature) / float64(row.Server)
}

// weigh measures the growth of the database, and checks that nothing was
// lost.
func (e *enrolments) weigh(ctx context.Context, l *load, d database, row *enrolment) error {
	made := l.next.Load()
	var installed int64
	err := d.with(ctx, func(s *store.Store) (err error) {
		installed, err = s.CountLSCs(ctx, store.LSCFilter{State: store.LSCInstalled})
		return err
	})
	if err != nil {
		return err
	}
	if installed != made {
		return fmt.Errorf("%d phones have enrolled, but %d LSCs are installed", made, installed)
	}
	key, err := l.keys.key(l.kind, 0)
	if err != nil {
		return err
	}
	spki, err := crypto.MarshalPublicKey(key.Public())
	if err != nil {
		return err
	}
	small, err := e.base.size()
	if err != nil {
		return err
	}
	large, err := d.size()
	if err != nil {
		return err
	}
	const unit = 10_000
	row.Growth = (large - small) * unit / made
	row.Content = l.certificates.Load()*unit/made + int64(len(spki))*unit
	return nil
}
