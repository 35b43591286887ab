package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"capf/store"
)

// facts are what the database says at the end.
type facts struct {
	lscs      map[[32]byte]store.LSC // by fingerprint, including those in no list
	installed map[string]bool        // the devices that have an installed LSC
	given     map[string][]byte      // the LSC that each device has shown last
}

// judge compares the database, which no process has open, with what phones and
// operators remember.
func (s *storm) judge(ctx context.Context) (complaints []string, err error) {
	for _, look := range []func(context.Context) ([]string, error){s.askSQLite, s.askCapf, s.readLog, s.judgeLists} {
		more, err := look(ctx)
		if err != nil {
			return nil, err
		}
		complaints = append(complaints, more...)
	}
	db, err := store.Open(ctx, s.database(), store.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	chain, err := db.VerifyEvents(ctx, nil)
	if err != nil {
		return nil, err
	}
	if chain.Fault != nil {
		complaints = append(complaints, fmt.Sprintf("event %d %s", chain.Fault.ID, chain.Fault.Text))
	}
	f, err := gather(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, d := range s.devices {
		row, err := db.Device(ctx, d.name)
		if err != nil {
			return nil, err
		}
		if err := f.look(ctx, db, row); err != nil {
			return nil, err
		}
		complaints = append(complaints, d.judge(row, f)...)
	}
	for _, d := range []*described{&s.site.devices, &s.site.trust, &s.site.parameters} {
		text, err := d.judge(ctx, db)
		if err != nil {
			return nil, err
		}
		if text != "" {
			complaints = append(complaints, text)
		}
	}
	return complaints, nil
}

// askSQLite checks the file with the sqlite3 program.
func (s *storm) askSQLite(ctx context.Context) ([]string, error) {
	const twice = "SELECT device || ' has ' || count(*) || ' installed LSCs' FROM lscs WHERE state = 'installed' GROUP BY device_id HAVING count(*) > 1"
	out, err := exec.CommandContext(ctx, "sqlite3", s.database(), "PRAGMA integrity_check; PRAGMA foreign_key_check; "+twice).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("sqlite3: %w\n%s", err, out)
	}
	if text := strings.TrimSpace(string(out)); text != "ok" {
		return []string{"sqlite3: " + text}, nil
	}
	return nil, nil
}

func (s *storm) askCapf(ctx context.Context) ([]string, error) {
	if out, err := s.command(ctx, "check").CombinedOutput(); err != nil {
		return []string{fmt.Sprintf("capf check: %v\n%s", err, out)}, nil
	}
	return nil, nil
}

// broken finds a line of the log that no accident of the storm explains.
var broken = regexp.MustCompile(`(?m)^(.*(panic|DATA RACE|fatal error|unexpected signal)|capf: ).*$`)

func (s *storm) readLog(context.Context) (complaints []string, err error) {
	text, err := os.ReadFile(s.logFile)
	for _, line := range broken.FindAll(text, -1) {
		if excuses.Match(line) {
			continue
		}
		complaints = append(complaints, "the log of serve: "+string(bytes.TrimSpace(line)))
	}
	return complaints, err
}

func gather(ctx context.Context, db *store.Store) (facts, error) {
	f := facts{lscs: map[[32]byte]store.LSC{}, installed: map[string]bool{}, given: map[string][]byte{}}
	for l, err := range db.LSCs(ctx, store.LSCFilter{Discarded: true}) {
		if err != nil {
			return f, err
		}
		f.lscs[[32]byte(l.Fingerprint)] = l
		if l.State == store.LSCInstalled {
			f.installed[l.Device] = true
		}
	}
	return f, nil
}

// look adds the LSC that a device has shown.
func (f facts) look(ctx context.Context, db *store.Store, d store.Device) error {
	shown, err := db.DeviceCertificates(ctx, d.ID)
	for _, one := range shown {
		if one.Kind == "lsc" {
			f.given[d.Name] = one.Certificate
		}
	}
	return err
}

// judge is about one device.
func (d *device) judge(row store.Device, f facts) (complaints []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, one := range d.deeds {
		text := ""
		switch later := d.deeds[i+1:]; {
		case one.kind == received:
			text = one.judgeReceived(later, f)
		case one.kind == confirmed && one.op == store.Install:
			text = one.judgeInstalled(later, f)
		case one.kind == confirmed && one.op == store.Delete:
			if f.installed[d.name] && !slices.ContainsFunc(later, deed.mayInstall) {
				text = "it was told that its LSC is deleted, and has one installed"
			}
		case one.kind == confirmed && one.op == store.Troubleshoot:
			if !bytes.Equal(f.given[d.name], one.gave) && !slices.ContainsFunc(later, deed.mayShow) {
				text = "it gave its LSC for viewing, which is not kept"
			}
		}
		if text != "" {
			complaints = append(complaints, d.name+": "+text)
		}
	}
	if text := d.misscheduled(row.Operation); text != "" {
		complaints = append(complaints, d.name+": "+text)
	}
	return complaints
}

// judgeReceived checks that an LSC is recorded until it expires, and discarded only if
// a newer key made it stale.
func (one deed) judgeReceived(later []deed, f facts) string {
	l, ok := f.lscs[fingerprint(one.certificate)]
	if !ok {
		return fmt.Sprintf("it received the LSC %s, which is not recorded", serial(one.certificate))
	}
	if l.State == store.LSCDiscarded && !slices.ContainsFunc(later, func(l deed) bool { return l.kind == keyed }) {
		return fmt.Sprintf("it received the LSC %s as its last, which is discarded", serial(one.certificate))
	}
	return ""
}

func (one deed) judgeInstalled(later []deed, f facts) string {
	may := []store.LSCState{store.LSCInstalled}
	if slices.ContainsFunc(later, one.mayBeReplacedBy) {
		may = append(may, store.LSCReplaced, store.LSCDeleted)
	}
	if l, ok := f.lscs[fingerprint(one.certificate)]; !ok || !slices.Contains(may, l.State) {
		return fmt.Sprintf("it was told that the LSC %s is installed, which is %q", serial(one.certificate), l.State)
	}
	return ""
}

// mayBeReplacedBy says whether, after a later deed, a different LSC may be the
// installed one, or none.
func (one deed) mayBeReplacedBy(later deed) bool {
	return later.kind == showed && !bytes.Equal(later.certificate, one.certificate) ||
		later.kind == said && later.op != store.Troubleshoot || later.kind == said && later.certificate != nil
}

// mayInstall says whether an LSC may be installed after the deed.
func (one deed) mayInstall() bool {
	return one.kind == showed || one.kind == said && one.op != store.Delete
}

// mayShow says whether another LSC may be the one shown last after the deed.
func (one deed) mayShow() bool {
	return one.kind == showed || one.kind == said && one.op == store.Troubleshoot
}

// misscheduled says why the operation in the database is impossible. The
// mutex is held.
func (d *device) misscheduled(op store.Operation) string {
	// The operation can only be that of the last attempt that surely succeeded, or of
	// those after it, which may have taken effect.
	first := len(d.attempts) - 1
	for first > 0 && !d.attempts[first].sure {
		first--
	}
	var can []attempt
	if first >= 0 {
		can = d.attempts[first:]
	}
	if op == store.NoOperation {
		if len(can) == 0 || !can[0].sure {
			return ""
		}
		for _, one := range d.deeds {
			// What capf asked for before an attempt began cannot be an answer to it.
			if one.kind == said && slices.ContainsFunc(can, func(a attempt) bool { return a.op == one.op && a.began < one.granted }) {
				return ""
			}
		}
		return fmt.Sprintf("%s was scheduled and is not now, but the phone never said that it has done it", can[0].op)
	}
	if !slices.ContainsFunc(can, func(a attempt) bool { return a.op == op }) {
		return fmt.Sprintf("%s is scheduled, which nobody has asked for lately", op)
	}
	last := can[len(can)-1]
	for _, one := range d.deeds {
		if one.kind == confirmed && one.began > last.ended {
			return fmt.Sprintf("%s is still scheduled, although the phone was told that %s is done", op, one.op)
		}
	}
	return ""
}
