package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"capf/store"
)

// listing is one writing of the trust lists of all devices into a folder.
type listing struct {
	What    string `json:"what"`
	Devices int    `json:"devices"`
	Files   int    `json:"files"` // in the folder
	steps
	Signatures float64 `json:"signatures_per_second"` // that one RSA key could make meanwhile
	Syncs      float64 `json:"syncs_per_second"`      // of one file after the other
}

// measureLists writes the lists of devices that share one, and of fewer that all have
// their own.
func measureLists(ctx context.Context, o options, say func(string, ...any)) (rows []listing, err error) {
	say("trust lists of %d devices", o.listed)
	p, err := newProber(o)
	if err != nil {
		return nil, err
	}
	for _, with := range []struct {
		what    string
		devices int
		order   store.KeyOrder
	}{{"shared", o.listed, store.RSAOnly}, {"own", o.listed / 10, store.ECOnly}} {
		d, err := newDatabase(ctx, o, "lists-"+with.what)
		if err != nil {
			return nil, err
		}
		if out, err := d.command(ctx, o, "trust-list", "init").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("capf trust-list init: %w\n%s", err, out)
		}
		err = d.with(ctx, func(s *store.Store) error {
			return eachOf(with.devices, func(i int) error {
				one := device(i)
				one.KeyOrder = with.order
				_, err := s.AddDevice(ctx, operator, one)
				return err
			})
		})
		if err != nil {
			return nil, err
		}
		for _, what := range []string{with.what, with.what + ", again"} {
			row, err := measureListing(ctx, o, p, d)
			if err != nil {
				return nil, err
			}
			row.What, row.Devices = what, with.devices
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func measureListing(ctx context.Context, o options, p *prober, d database) (row listing, err error) {
	folder := filepath.Join(filepath.Dir(string(d)), "tftp")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return row, err
	}
	look, err := p.look(ctx)
	if err != nil {
		return row, err
	}
	row.Signatures, row.Syncs = look.Signatures, 1/look.Sync.Seconds()
	result, err := o.launch(ctx, d, launchOrder{Runs: 1, Commands: [][]string{{o.capf, "trust-list", "write", "--out", folder}}})
	if err != nil {
		return row, err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.tlv"))
	if err != nil {
		return row, err
	}
	one := result.Runs[0][0]
	row.Files = len(files)
	row.steps = steps{"capf trust-list write", one.Took, float64(len(files)) / one.Took.Seconds(), one.Peak}
	return row, nil
}

func (r report) printLists(b *strings.Builder) {
	fmt.Fprintf(b, "\nTrust lists of all devices, written into a folder; with the key order EC Only each has a file of its own\n")
	t := table(b, "lists", "devices", "files", "took ms", "files per s", "signatures per s", "syncs per s", "peak MiB")
	for _, l := range r.Lists {
		t.row(l.What, l.Devices, l.Files, millis(l.Took), whole(l.PerSecond), whole(l.Signatures), whole(l.Syncs), mebibytes(l.Peak))
	}
	t.end()
	fmt.Fprintf(b, `signatures: what one RSA-2048 key could make on the server's cores, measured before each row; a list is signed once, whoever shares it
syncs: of files of 4 KiB, one after the other; each file that is written is synced, several at a time
`)
}
