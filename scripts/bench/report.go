package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// report has all figures of a run.
type report struct {
	Machine   machine       `json:"machine"`
	Cores     division      `json:"cores"`
	Date      time.Time     `json:"date"`
	Took      time.Duration `json:"took_ns"`
	Enrolment []enrolment   `json:"enrolment,omitempty"`
	Attacks   []attacked    `json:"attacks,omitempty"`
	Provision []provisioned `json:"provision,omitempty"`
	Commands  *commands     `json:"commands,omitempty"`
	Offline   *offline      `json:"offline,omitempty"`
	Lists     []listing     `json:"trust_lists,omitempty"`
}

func (r report) save(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	return nil
}

// print writes the report for people.
func (r report) print(out io.Writer) error {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "%s, %d cores, Linux %s, %s, database on %s; %s, took %s\n",
		m.Processor, m.Cores, m.Kernel, m.Go, m.FileSystem, r.Date.Format(time.RFC3339), r.Took.Round(time.Second))
	if len(r.Enrolment) > 0 {
		r.printEnrolment(&b)
		r.printGrowth(&b)
	}
	if len(r.Attacks) > 0 {
		r.printAttacks(&b)
	}
	if len(r.Provision) > 0 {
		r.printProvision(&b)
	}
	if r.Commands != nil {
		r.Commands.print(&b)
	}
	if r.Offline != nil {
		r.Offline.print(&b)
	}
	if len(r.Lists) > 0 {
		r.printLists(&b)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r report) printEnrolment(b *strings.Builder) {
	fmt.Fprintf(b, "\nEnrolment over new TLS connections, every commit synced; %s\n", r.Cores)
	t := table(b, "phones", "clients", "devices", "enrolled", "per s", "bound", "±", "ratio",
		"p50 ms", "p99 ms", "p99/p50", "server ms", "client ms", "signing", "others", "peak MiB")
	for _, e := range r.Enrolment {
		t.row(e.Phones, e.Clients, e.Devices, e.Made, whole(e.PerSecond), whole(e.Bound), percent(e.Doubt), fmt.Sprintf("%.2f", e.Ratio),
			millis(e.P50), millis(e.P99), fmt.Sprintf("%.1f", e.Spread), millis(e.Server), millis(e.Client), percent(e.Signing),
			percent(e.Others), mebibytes(e.Peak))
	}
	t.end()
	fmt.Fprintf(b, `bound: half the RSA-2048 signatures a second of Go's crypto on the server's cores, the mean of looks before, during and after
±: how far one of them is from it at most; ratio: per s / bound; p50, p99: a phone from its first packet to the end
server, client: processor time for each enrolment; signing: the share of the server's that two signatures need
others: share of all cores that neither had; peak: memory of the server
`)
	for _, e := range r.Enrolment {
		if e.Clients == 1 {
			fmt.Fprintf(b, "one phone alone (%s, %d devices) needs two signatures and two syncs of %s ms one after the other: %s ms\n", e.Phones, e.Devices, millis(e.Sync), millis(e.Alone))
		}
	}
}

// printGrowth shows the longest measurement of each kind of phones.
func (r report) printGrowth(b *strings.Builder) {
	fmt.Fprintf(b, "\nGrowth of the database file for 10,000 enrolments, from the measurements with the most of them\n")
	t := table(b, "phones", "enrolled", "file MiB", "content MiB", "file/content")
	longest := map[string]enrolment{}
	for _, e := range r.Enrolment {
		if e.Made > longest[e.Phones].Made {
			longest[e.Phones] = e
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(longest)) {
		e := longest[kind]
		t.row(e.Phones, e.Made, mebibytes(e.Growth), mebibytes(e.Content), fmt.Sprintf("%.1f", float64(e.Growth)/float64(e.Content)))
	}
	t.end()
	fmt.Fprintf(b, "content: certificates and public keys alone\n")
}

func (c *commands) print(b *strings.Builder) {
	fmt.Fprintf(b, "\nCommands on %d devices and %d pending requests (%s MiB, devices added at %.0f a second), %d runs of each\n",
		c.Devices, c.Pending, mebibytes(c.File), c.Added, c.Runs)
	t := table(b, "command", "median ms", "least ms", "peak MiB")
	for _, row := range c.Rows {
		name := row.Name
		if row.Baseline {
			name = "(" + name + ")"
		}
		peak := mebibytes(row.Peak)
		if row.Peak <= c.Floor {
			peak = "< " + mebibytes(c.Floor)
		}
		t.row(name, millis(row.Median), millis(row.Least), peak)
	}
	t.end()
	fmt.Fprintf(b, "from start to end of the process; (baselines) in parentheses\n")
}

// grid is a table: its first column to the left, the numbers to the right.
type grid struct {
	out   *strings.Builder
	rows  [][]string
	width []int
}

func table(out *strings.Builder, headings ...string) *grid {
	g := &grid{out: out, width: make([]int, len(headings))}
	words := make([]any, len(headings))
	for i, h := range headings {
		words[i] = h
	}
	g.row(words...)
	return g
}

func (g *grid) row(cells ...any) {
	var row []string
	for i, c := range cells {
		text := fmt.Sprint(c)
		g.width[i] = max(g.width[i], utf8.RuneCountInString(text))
		row = append(row, text)
	}
	g.rows = append(g.rows, row)
}

func (g *grid) end() {
	for _, row := range g.rows {
		fmt.Fprintf(g.out, "%-*s", g.width[0], row[0])
		for i, cell := range row[1:] {
			fmt.Fprintf(g.out, "  %*s", g.width[i+1], cell)
		}
		fmt.Fprintln(g.out)
	}
}

func whole(f float64) string { return fmt.Sprintf("%.0f", f) }

func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

func mebibytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

func percent(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) }
