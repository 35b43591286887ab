package offline

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"

	"capf/enroll/archive"
	"capf/internal/apperr"
	"capf/store"
)

// Outcome is what becomes of one file, or one certificate in it.
type Outcome string

// The outcomes of an import.
const (
	Imported     Outcome = "imported"
	Stale        Outcome = "stale"         // the phone has made a newer key meanwhile
	AlreadyThere Outcome = "already there" // an earlier import brought it
	ChainOnly    Outcome = "not a phone's" // a CA certificate: never trusted by arriving
	Skipped      Outcome = "skipped"       // not a certificate by its name, or not asked for
	Refused      Outcome = "refused"
)

// Row is one line of the plan.
type Row struct {
	Source  string // the file, as its archive or folder names it
	Device  string
	Serial  string // lower-case hexadecimal
	Outcome Outcome
	Reason  string
}

// ImportOptions are the choices of an import.
type ImportOptions struct {
	Device string                   // only certificates for devices that match, as for package wildcard
	Row    func(Row) error          // sees each line of the plan as it is made; may be nil
	Ready  func(ImportReport) error // called between the plan and its application; may be nil
}

// ImportReport is what an import did, or would do.
type ImportReport struct {
	Outcomes map[Outcome]int
	// Overtaken are those of Imported that became stale after the plan was
	// made, because their phones sent newer keys.
	Overtaken int
	// MissingCAs are not in capf-trust: issuers for which certificates were
	// refused, and those above them that complete the chain.
	MissingCAs []MissingCA
	// NotForCallManager are the issuers that the call server does not trust yet.
	NotForCallManager []string
}

// MissingCA is a CA certificate that an operator has to upload.
type MissingCA struct {
	Subject string
	Source  string // the file of this import that holds it, if one does
}

// Count is how many rows had the outcome.
func (r ImportReport) Count(o Outcome) int { return r.Outcomes[o] }

// Import brings certificates back that another CA has made. Each is matched
// to its request by its key, never by a name, and checked: the phone's own, an
// end-entity certificate with the usages that phones need, valid now, and
// signed by a CA whose chain is in capf-trust. All good ones are kept in one
// transaction; a second run changes nothing. The plan is kept on disk, so that
// the memory does not grow with the certificates.
//
// An error means that nothing was kept: apperr.ErrRefused when a source cannot be
// trusted as a whole, store.ErrConflict when requests have moved on since the
// plan was made, or the error of a function in o.
func (c CA) Import(ctx context.Context, actor store.Actor, sources []archive.Source, o ImportOptions) (ImportReport, error) {
	p, err := c.newPlan(ctx, o)
	if err != nil {
		return ImportReport{}, err
	}
	defer p.file.discard()
	if err := p.fill(ctx, sources); err != nil {
		if errors.Is(err, apperr.ErrRefused) {
			err = apperr.WithHint(err, "nothing was imported: not all of it can be read")
		}
		return p.report, err
	}
	if err := p.conclude(); err != nil {
		return p.report, err
	}
	if o.Ready != nil {
		if err := o.Ready(p.report); err != nil {
			return p.report, err
		}
	}
	if p.file.count == 0 {
		return p.report, nil
	}
	if err := p.file.rewind(); err != nil {
		return p.report, err
	}
	kept, err := c.Store.ImportLSCs(ctx, actor, p.file.next)
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		err = apperr.WithHint(err, "it has changed since the plan was made, and nothing was imported: run the import again")
	}
	p.report.Overtaken = kept.Stale - p.report.Count(Stale)
	return p.report, err
}

// item is an entry on its way through the plan.
type item struct {
	archive.Entry
	certs []candidate
	err   error
	done  chan struct{} // closed when certs or err are there
}

// ahead is how many entries may wait to be decided about.
const ahead = 64

// fill decides about all certificates. Signatures take the time, so they are
// verified by all processors, ahead of the decisions, which are made in the
// order of the sources.
func (p *plan) fill(ctx context.Context, sources []archive.Source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, inOrder := make(chan *item), make(chan *item, ahead)
	var all sync.WaitGroup
	var unread, undecided error
	all.Go(func() {
		defer close(work)
		defer close(inOrder)
		unread = read(ctx, sources, func(j *item) {
			inOrder <- j
			work <- j
		})
	})
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for j := range work {
				p.prepare(j)
				close(j.done)
			}
		})
	}
	for j := range inOrder {
		<-j.done
		if undecided == nil {
			if undecided = p.decide(ctx, j); undecided != nil {
				cancel()
			}
		}
	}
	all.Wait()
	if undecided != nil {
		return undecided
	}
	return unread
}

// importLimits are what an import may hold.
func importLimits() archive.Limits {
	return archive.Limits{File: 1 << 20, Entries: 250_000, Total: 1 << 30, Ratio: 200, Floor: 16 << 20}
}

func read(ctx context.Context, sources []archive.Source, yield func(*item)) error {
	c := archive.NewReader(importLimits())
	for _, s := range sources {
		err := c.Walk(s, func(e archive.Entry) error {
			e.Data = bytes.Clone(e.Data)
			yield(&item{Entry: e, done: make(chan struct{})})
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
