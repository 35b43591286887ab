package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// LSCHolding says what LSC a device has.
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

// Selection says which devices something is for. What is empty does not limit;
// what is not is combined with AND. Terms about an LSC are about the installed
// one. In Pool, Model and LSCIssuedBy, * and ? are wildcards.
type Selection struct {
	DeviceFilter
	LSC              LSCHolding
	LSCExpiresBefore time.Time
	LSCIssuedBy      string      // part of the issuer's name, or a pattern of the whole
	IssuedUnder      []IssuerEnd // issued by one of these; nil does not limit
	// PastShare selects LSCs that are past this share of their life and whose
	// device can renew them by itself.
	PastShare float64
	// Limit is only so many, those whose LSC ends first; 0 is all, by name. At
	// most 1000.
	Limit int
}

// IssuerEnd is a CA by name. An LSC that outlives it has another issuer of the
// same name.
type IssuerEnd struct {
	Name     string
	NotAfter time.Time
}

// LSCFacts is what there is to know of an installed LSC without reading it.
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
}

func (v *Selected) fields() []any {
	l := &v.Installed
	return append(v.Device.fields(), &l.Serial, &l.Issuer, (*instant)(&l.NotBefore), (*instant)(&l.NotAfter))
}

// pageSize is how many devices are read at once. A page is read to its end
// before anything is done with it, so that neither a reader's transaction nor
// memory grows with the number of devices.
const pageSize = 1000

// spread is within what time LSCs that were issued together become due, so
// that their phones do not come together again: half of what is left of their
// life, 30 days at most. The place of one in it follows from its id.
const spread = `min(2592000000, (l.not_after - l.not_before) * (1.0 - ?) / 2) * (l.id * 7919 % 1000) / 1000`

const selectWithLSC = "SELECT devices." + deviceColumns + `, coalesce(l.serial, ''), coalesce(l.issuer, ''),
	coalesce(l.not_before, 0), coalesce(l.not_after, 0)
	FROM devices LEFT JOIN lscs AS l ON l.device_id = devices.id AND l.state = 'installed'`

// The columns of an LSC are written with a plus, which keeps their indexes out
// of it: devices are gone through in the order of their names, a page after
// the other.
func (f Selection) query(now time.Time) query {
	pool, model := f.Pool, f.Model
	f.Pool, f.Model = "", ""
	q := f.DeviceFilter.query(now)
	q.selection = selectWithLSC
	q.like("pool", pool)
	q.like("model", model)
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
	if !f.LSCExpiresBefore.IsZero() {
		q.where("+l.not_after < ?", millis(f.LSCExpiresBefore))
	}
	if f.LSCIssuedBy != "" && !strings.ContainsAny(f.LSCIssuedBy, "*?") {
		f.LSCIssuedBy = "*" + f.LSCIssuedBy + "*"
	}
	q.like("l.issuer", f.LSCIssuedBy)
	f.issuedUnder(&q)
	if f.PastShare > 0 {
		q.where("l.not_before + (l.not_after - l.not_before) * ? + "+spread+" <= ?", f.PastShare, f.PastShare, millis(now))
		// Somebody would have to type the string; and what is scheduled
		// already needs no second time, unless its own time is over.
		q.where("auth_mode <> 'auth-string'")
		q.where("(operation = 'none' OR operation = 'install' AND completes_by > 0 AND completes_by < ?)", millis(now))
	}
	return q
}

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

// like compares with a text or, when it has * or ? in it, with a pattern.
func (q *query) like(column, pattern string) {
	switch {
	case pattern == "":
	case strings.ContainsAny(pattern, "*?"):
		q.where(column+` LIKE ? ESCAPE '\'`, likePattern(pattern))
	default:
		q.where(column+" = ?", pattern)
	}
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
func (s *Store) Selected(ctx context.Context, f Selection) iter.Seq2[Selected, error] {
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
func (s *Store) CountSelected(ctx context.Context, f Selection) (n int64, err error) {
	q := f.query(s.options.Now())
	q.selection = "SELECT count(*) " + q.selection[strings.Index(q.selection, "FROM devices"):]
	q.order = ""
	err = s.lists.db.QueryRowContext(ctx, q.String(), q.args...).Scan(&n)
	return n, failed(err, "counting devices")
}

// Refusal is the error with which a change of many devices leaves one of them
// as it is, and says why.
type Refusal struct{ Reason string }

func (r Refusal) Error() string { return r.Reason }

// BulkEdit changes the devices of a selection. Its functions do no I/O that
// takes long, since nothing else can be written meanwhile.
type BulkEdit struct {
	// Event is written for each device that changes; Detail is for all of
	// them.
	Event EventText
	// Change edits one device, as for ChangeDevice. A Refusal leaves that
	// device as it is; any other error undoes everything.
	Change func(*Selected) error
	// Ready is called when all have been changed, before the commit. Its
	// error undoes everything and is returned as it is.
	Ready func(BulkTally) error
}

// BulkTally is how many devices were selected and what became of them.
type BulkTally struct{ Selected, Changed, Refused int64 }

// deviceOutcome is what a bulk change did to one device.
type deviceOutcome struct{ device, change, reason string }

// edited is a device of a bulk change, with what it was.
type edited struct {
	was Device
	now Device
	deviceOutcome
}

// changeSelected changes the devices of the selection. While it writes one page
// of them, the next one is read and edited: since nobody else can write
// meanwhile, a reader sees what this transaction found at its beginning. After
// each page it tells what it did.
func (t *tx) changeSelected(s *Store, a Actor, f Selection, e BulkEdit, tell func([]deviceOutcome) error) (n BulkTally, err error) {
	a.Command = "" // the event of the whole has it
	ctx, stop := context.WithCancel(context.Background())
	pages := make(chan []edited, 1)
	var readErr error // of the reader, until pages is closed
	go func() {
		defer close(pages)
		readErr = s.editPages(ctx, f, e, t.now, pages)
	}()
	defer func() { // the reader must not outlive the transaction
		stop()
		for range pages {
		}
	}()
	for page := range pages {
		if err := t.writeEdited(a, page, e.Event); err != nil {
			return n, err
		}
		done := make([]deviceOutcome, len(page))
		for i, d := range page {
			done[i] = d.deviceOutcome
			n.count(d.deviceOutcome)
		}
		if err := tell(done); err != nil {
			return n, err
		}
	}
	return n, readErr
}

// editPages reads the devices page by page and edits them.
func (s *Store) editPages(ctx context.Context, f Selection, e BulkEdit, now time.Time, pages chan<- []edited) error {
	for after := ""; ; {
		page, err := collect(stream(ctx, s, "selecting devices", f.page(now, after), (*Selected).fields))
		if err != nil {
			return err
		}
		out := make([]edited, len(page))
		for i := range page {
			if out[i], err = e.apply(&page[i]); err != nil {
				return err
			}
		}
		select {
		case pages <- out:
		case <-ctx.Done():
			return ctx.Err()
		}
		if len(page) < pageSize || f.Limit > 0 {
			return nil
		}
		after = page[len(page)-1].Name
	}
}

func (e BulkEdit) apply(v *Selected) (edited, error) {
	d := edited{was: v.Device, deviceOutcome: deviceOutcome{v.Name, changed, ""}}
	err := e.Change(v)
	var r Refusal
	if errors.As(err, &r) {
		d.now, d.change, d.reason = d.was, refused, r.Reason
		return d, nil
	}
	d.now = v.Device
	d.now.ID, d.now.Name, d.now.CreatedAt, d.now.UpdatedAt = d.was.ID, d.was.Name, d.was.CreatedAt, d.was.UpdatedAt
	d.now.CompletesBy, d.now.LockedUntil = wholeMillis(d.now.CompletesBy), wholeMillis(d.now.LockedUntil)
	if sameDevice(d.was, d.now) {
		d.change = same
	}
	return d, err
}

// writeEdited writes what has changed, with an event for each device.
func (t *tx) writeEdited(a Actor, page []edited, e EventText) error {
	names := make([]string, 0, len(page))
	for _, d := range page {
		if d.change != changed {
			continue
		}
		d.now.UpdatedAt = t.now
		update := t.updateDevice
		if d.was.Description == d.now.Description && d.was.Model == d.now.Model && d.was.Pool == d.now.Pool {
			update = t.updateSettings
		}
		if err := update(d.now); err != nil {
			return err
		}
		names = append(names, d.was.Name)
	}
	return t.events(a, names, e)
}

// updateSettings is updateDevice but for the texts, whose indexes it spares.
func (t *tx) updateSettings(d Device) error {
	_, err := t.exec(`UPDATE devices SET security_mode = ?, ip_mode = ?,
		operation = ?, auth_mode = ?, key_order = ?, rsa_bits = ?, ec_bits = ?, completes_by = ?, status = ?,
		schedule = ?, wrong_strings = ?, locked_until = ?, no_possession = ?, updated_at = ?, sealed_string = ?
		WHERE id = ?`,
		string(d.SecurityMode), string(d.IPMode), string(d.Operation), string(d.AuthMode), string(d.KeyOrder), d.RSABits,
		d.ECBits, millis(d.CompletesBy), string(d.Status), d.Schedule, d.WrongStrings, millis(d.LockedUntil),
		d.NoPossession, millis(d.UpdatedAt), d.SealedString, d.ID)
	return err
}

// eventRows is how many events one statement writes.
const eventRows = 25

var insertEvents = "INSERT INTO events (" + eventColumns + ", hash) VALUES " +
	strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), ", eventRows), ", ")

// events is event for many devices.
func (t *tx) events(a Actor, devices []string, text EventText) error {
	for len(devices) >= eventRows {
		if err := t.readHead(); err != nil {
			return err
		}
		head := t.head
		args := make([]any, 0, eventRows*13)
		for _, device := range devices[:eventRows] {
			e := Event{ID: head.id + 1, At: t.now, Actor: a, Device: device, Action: text.Action, Step: text.Step,
				Outcome: cmp.Or(text.Outcome, "ok"), Detail: text.Detail}
			hash, scratch := e.link(head.hash, t.scratch)
			t.scratch = scratch
			args = append(args, e.ID, millis(e.At), string(a.Kind), a.Name, a.Address, a.Terminal, a.Command,
				e.Device, e.Action, e.Step, e.Outcome, e.Detail, hash[:])
			head = chainHead{known: true, moved: true, id: e.ID, hash: hash}
		}
		if _, err := t.exec(insertEvents, args...); err != nil {
			return err
		}
		t.head, devices = head, devices[eventRows:]
	}
	for _, device := range devices {
		if err := t.event(a, device, text); err != nil {
			return err
		}
	}
	return nil
}

func (n *BulkTally) count(o deviceOutcome) {
	n.Selected++
	switch o.change {
	case changed:
		n.Changed++
	case refused:
		n.Refused++
	}
}

// What a bulk change did to a device, as the table of results holds it.
const (
	changed = "changed"
	same    = "same"
	refused = "refused"
)

// rowsOf reads all rows of an answer.
func rowsOf[T any](t *tx, q query, fields func(*T) []any) ([]T, error) {
	st, err := t.prepare(q.String())
	if err != nil {
		return nil, err
	}
	rows, err := st.Query(q.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(fields(&v)...); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
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
