package commands

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// What phone-config merge, sign and encrypt have in common: files one by one, each with its row.

// configFiles are the files that are named, and the configuration files of phones in the
// folders that are.
func configFiles(env *Env, named []string) (names []string, err error) {
	for _, name := range named {
		if !isFolder(env, name) {
			names = append(names, name)
			continue
		}
		entries, err := files.ReadFolder(env.door(), name)
		if err != nil {
			return nil, err
		}
		before := len(names)
		for _, e := range entries {
			// That of phones that have none of their own is called so.
			if !e.IsDir() && deviceOfFile(e.Name()) != "" && !strings.EqualFold(e.Name(), "XMLDefault"+trustlist.ConfigEnd) && !strings.HasPrefix(e.Name(), ".") {
				names = append(names, filepath.Join(name, e.Name()))
			}
		}
		if len(names) == before {
			env.say("no file in %q is called as that of a phone, SEP001122334455.cnf.xml", name)
		}
	}
	return names, nil
}

// configRow is what became of a file.
type configRow struct {
	file, device, outcome, detail string
	err                           error
}

// The outcomes that all have.
const (
	configUnchanged = "unchanged"
	configRefused   = "refused"
)

var configColumns = []column[configRow]{
	{"File", "file", always, func(r configRow) any { return r.file }},
	{"Device", "device", seldom, func(r configRow) any { return r.device }},
	{"Outcome", "outcome", always, func(r configRow) any { return r.outcome }},
	{"Detail", "detail", usual, func(r configRow) any { return term.Message(r.detail) }},
}

// configWork carries out a step for each file.
type configWork struct {
	env    *Env
	done   string // the outcome of a file that has been changed
	dryRun bool
	step   func(ctx context.Context, row *configRow) error
}

// would is the outcome of a file that a dry run would change.
func (w configWork) would() string { return "would be " + w.done }

// all carries the step out for the files and those in the folders that are named, and prints
// what became of them: to a person, of those that need to be seen.
func (w configWork) all(ctx context.Context, named []string) error {
	names, err := configFiles(w.env, named)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	var rows, shown []configRow
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		row := w.file(ctx, name)
		counts[row.outcome]++
		rows = append(rows, row)
		if row.outcome != configUnchanged || w.env.Format != term.Table || len(names) == 1 {
			shown = append(shown, row)
		}
	}
	if len(rows) == 1 && rows[0].err != nil {
		return rows[0].err
	}
	if err := showList(w.env, values(shown), configColumns, ""); err != nil {
		return err
	}
	w.count(len(rows), counts)
	switch {
	case counts[configRefused] > 0:
		return exitPartly
	case counts[w.would()] > 0:
		return exitWouldChange
	}
	return nil
}

func (w configWork) file(ctx context.Context, name string) configRow {
	row := configRow{file: name, outcome: w.done}
	if w.dryRun {
		row.outcome = w.would()
	}
	row.err = w.step(ctx, &row)
	switch {
	case errors.Is(row.err, store.ErrNotFound):
		row.outcome, row.detail = configRefused, "capf has no device of that name"
	case row.err != nil:
		row.outcome, row.detail = configRefused, strings.TrimPrefix(row.err.Error(), fmt.Sprintf("reading %q: ", name))
	}
	return row
}

func (w configWork) count(n int, counts map[string]int) {
	var words []string
	for _, outcome := range []string{w.done, w.would(), configUnchanged, configRefused} {
		if n := counts[outcome]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	if n > 1 {
		w.env.say("%s: %s", counted(n, "file"), strings.Join(words, ", "))
	}
}

// oneFile refuses flags that say something of one file where there may be several.
func oneFile(env *Env, named []string, flag, value string) error {
	if value != "" && (len(named) > 1 || isFolder(env, named[0])) {
		return apperr.Usage("--%s goes with one file", flag)
	}
	return nil
}
