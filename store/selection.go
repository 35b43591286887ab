package store

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// LSCHolding says which LSC a device has.
type LSCHolding string

// The holdings by which devices are selected.
const (
	HoldsInstalled LSCHolding = "installed" // confirmed by the phone, whether or not it has expired
	HoldsExpired   LSCHolding = "expired"   // installed, and past its end
	HoldsIssued    LSCHolding = "issued"    // signed, not confirmed yet
	HoldsNone      LSCHolding = "none"      // no installed one
)

var holdings = []word{
	{"installed", "Installed"}, {"expired", "Expired"}, {"issued", "Issued"}, {"none", "None"},
}

// ParseLSCHolding accepts the short and the long form.
func ParseLSCHolding(s string) (LSCHolding, error) {
	return parse[LSCHolding]("what a device can have", holdings, s)
}

// LSCHoldings lists the short forms, for help texts and completion.
func LSCHoldings() []string { return shorts(holdings) }

// Selection says which devices something is for. What is empty or nil does not limit;
// what is not is combined with AND.
type Selection struct {
	DeviceFilter
	HoldingFilter
	IssuedUnder []IssuerEnd // issued by one of these; nil does not limit
	Due         *Due
}

// HoldingFilter limits devices by their installed LSC. The names in JSON are as
// those of DeviceFilter.
type HoldingFilter struct {
	LSC              LSCHolding `json:"lsc,omitempty"`
	LSCExpiresBefore *time.Time `json:"lsc_expires_before,omitempty"`
	// LSCExpiresWithin is from the time at which devices are selected; 0 does not limit.
	// What has expired already is selected too.
	LSCExpiresWithin time.Duration `json:"lsc_expires_within,omitempty"`
	LSCIssuedBy      string        `json:"lsc_issued_by,omitempty"` // a pattern as for package wildcard, or part of the issuer's name
	// Limit selects only so many devices, those whose LSC ends first, and 1000 at
	// most; 0 selects all, in the order of their names.
	Limit int `json:"limit,omitempty"`
}

// IssuerEnd is a CA by name. An LSC that outlives it has another issuer of the
// same name.
type IssuerEnd struct {
	Name     string
	NotAfter time.Time
}

// LSCFacts is what is known about an installed LSC without parsing it.
type LSCFacts struct {
	Serial    string // "" when there is no LSC
	Issuer    string
	NotBefore time.Time
	NotAfter  time.Time
}

// Selected is a device with its installed LSC.
type Selected struct {
	Device
	Installed LSCFacts
	// Note is what a change of many devices has to say of this one, although it did not
	// refuse it; it is kept with the outcome.
	Note string
}

func (v *Selected) fields() []any {
	l := &v.Installed
	return append(v.Device.fields(), &l.Serial, &l.Issuer, (*instant)(&l.NotBefore), (*instant)(&l.NotAfter))
}

// pageSize is how many devices are read at once. A page is read to its end
// before anything is done with it, so that neither a reader's transaction nor
// memory grows with the number of devices.
const pageSize = 1000

// Due selects LSCs that are due for renewal: past a share of their life, with
// something to gain, and nothing scheduled already.
type Due struct {
	Share float64 // of its life
	// Validity is that of a new LSC; nil means that of the old one.
	Validity *time.Duration
	// Until is the end of their issuer, beyond which no new LSC lasts.
	Until time.Time
	// ByItself leaves out devices that need a person's action, and those that
	// could not be scheduled within the last day.
	ByItself bool
}

// gain is the share of a new LSC's life by which it must outlast the old one.
// Near the end of the issuer, a new LSC would end with the old one.
const gain = 0.05

// spread is within what time LSCs that were issued together become due, so
// that their phones do not come together again: half of what is left of their
// life, 30 days at most. The place of one in it follows from its id.
const spread = `min(2592000000, (l.not_after - l.not_before) * (1.0 - ?) / 2) * (l.id * 7919 % 1000) / 1000`

var selectWithLSC = "SELECT devices." + deviceColumns + `, coalesce(l.serial, ''), coalesce(l.issuer, ''),
	coalesce(l.not_before, 0), coalesce(l.not_after, 0)
	FROM devices LEFT JOIN lscs AS l ON l.device_id = devices.id AND l.state = 'installed'`

// The columns of an LSC are written with a plus, which keeps their indexes out
// of it: devices are gone through in the order of their names, a page after
// the other.
func (f Selection) query(now time.Time) query {
	q := f.DeviceFilter.query(now)
	q.selection = selectWithLSC
	switch f.LSC {
	case HoldsInstalled:
		q.where("+l.id IS NOT NULL")
	case HoldsExpired:
		q.where("+l.not_after < ?", millis(now))
	case HoldsIssued:
		q.where("EXISTS (SELECT 1 FROM lscs AS i WHERE i.device_id = devices.id AND i.state = 'issued')")
	case HoldsNone:
		q.where("l.id IS NULL")
	}
	if f.LSCExpiresBefore != nil {
		q.where("+l.not_after < ?", millis(*f.LSCExpiresBefore))
	}
	if f.LSCExpiresWithin != 0 {
		q.where("+l.not_after < ?", millis(now.Add(f.LSCExpiresWithin)))
	}
	q.likeName("l.issuer", f.LSCIssuedBy)
	f.issuedUnder(&q)
	f.Due.query(&q, now)
	return q
}

func (d *Due) query(q *query, now time.Time) {
	if d == nil {
		return
	}
	q.where("l.not_before + (l.not_after - l.not_before) * ? + "+spread+" <= ?", d.Share, d.Share, millis(now))
	// What is scheduled already needs no second time, unless its own time is over.
	q.where("(operation = 'none' OR operation = 'install' AND completes_by > 0 AND completes_by < ?)", millis(now))

	life, args := "(l.not_after - l.not_before)", []any{}
	if d.Validity != nil {
		life, args = "?", []any{d.Validity.Milliseconds()}
	}
	end := append([]any{millis(now)}, append(args, millis(d.Until))...)
	q.where("min(? + "+life+", ?) - l.not_after >= (min(? + "+life+", ?) - ?) * ?", slices.Concat(end, end, []any{millis(now), gain})...)
	if !d.ByItself {
		return
	}
	q.where("(auth_mode = 'lsc' OR auth_mode = 'mic')")
	q.where(`name NOT IN (SELECT d.device FROM jobs AS j JOIN job_devices AS d ON d.job_id = j.id
		WHERE j.kind = 'renewal' AND j.updated_at > ? AND j.updated_at <= ? AND d.change = 'refused')`,
		millis(now.Add(-refusedFor)), millis(now.Add(refusedFor)))
}

// refusedFor is how long a device that could not be scheduled is left alone.
const refusedFor = 24 * time.Hour

func (f Selection) issuedUnder(q *query) {
	if f.IssuedUnder == nil {
		return
	}
	terms, args := []string{"0"}, []any{}
	for _, c := range f.IssuedUnder {
		terms = append(terms, "+l.issuer = ? AND l.not_after <= ?")
		args = append(args, c.Name, millis(c.NotAfter))
	}
	q.where("("+strings.Join(terms, " OR ")+")", args...)
}

// page asks for the devices behind the name.
func (f Selection) page(now time.Time, after string) query {
	q := f.query(now)
	if f.Limit > 0 {
		q.order = fmt.Sprintf("l.not_after, name LIMIT %d", min(f.Limit, pageSize))
		return q
	}
	if after != "" {
		q.where("name > ?", after)
	}
	q.order = fmt.Sprintf("name LIMIT %d", pageSize)
	return q
}

// Selected yields the devices of the selection by name. Each page of them is of
// one moment; the whole list need not be.
func (s *Reader) Selected(ctx context.Context, f Selection) iter.Seq2[Selected, error] {
	return func(yield func(Selected, error) bool) {
		now, after := s.options.Now(), ""
		for {
			page, err := collect(stream(ctx, s, "selecting devices", f.page(now, after), (*Selected).fields))
			if err != nil {
				yield(Selected{}, err)
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if len(page) < pageSize || f.Limit > 0 {
				return
			}
			after = page[len(page)-1].Name
		}
	}
}

// CountSelected counts what Selected yields, whatever the limit.
func (s *Reader) CountSelected(ctx context.Context, f Selection) (n int64, err error) {
	q := f.query(s.options.Now())
	q.selection = "SELECT count(*) " + q.selection[strings.Index(q.selection, "FROM devices"):]
	q.order = ""
	err = s.lists.db.QueryRowContext(ctx, q.String(), q.args...).Scan(&n)
	return n, failed(err, "counting devices")
}

// rowsOf asks within a transaction.
func rowsOf[T any](t *tx, q query, fields func(*T) []any) ([]T, error) {
	st, err := t.prepare(q.String())
	if err != nil {
		return nil, err
	}
	rows, err := st.Query(q.args...)
	if err != nil {
		return nil, err
	}
	return scanned(rows, fields)
}

// table is rows for a statement that reads them with json_each.
func table[T any](rows []T, cells func(T) []any) (string, error) {
	all := make([][]any, len(rows))
	for i, r := range rows {
		all[i] = cells(r)
	}
	text, err := json.Marshal(all)
	return string(text), err
}
