package offline

import (
	"context"
	"errors"

	"capf/enroll/archive"
	"capf/internal/apperr"
	"capf/store"
)

// ImportOptions are the choices of an import.
type ImportOptions struct {
	Device string                   // only certificates for devices that match, a pattern of package wildcard
	Row    func(Row) error          // called for each line of the plan as it is made; may be nil
	Ready  func(ImportReport) error // called between the plan and its application; may be nil
}

// Import imports certificates that another CA has issued. Each is matched to
// its request by its key, never by a name, and checked: it must be the phone's
// own, an end-entity certificate with the usages that phones need, valid now,
// and signed by a CA whose chain is in capf-trust. All good ones are stored in
// one transaction; a second run changes nothing. The plan is kept on disk, so
// that memory use does not grow with the number of certificates.
//
// An error means that nothing was stored: apperr.ErrRefused when a source cannot
// be trusted as a whole, store.ErrConflict when requests have moved on since the
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
