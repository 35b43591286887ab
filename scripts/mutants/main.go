// Mutants changes the code of packages in small ways, one at a time, and runs
// their tests: a change that no test notices is one that a mistake could make too.
//
// All mutants of a package are compiled into one test program, in which a number in a
// file switches one of them on. So each costs only the tests in which it makes a
// difference, and the first that fails ends the run.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"capf/scripts/driver"
)

const usage = `usage: mutants [flags] PACKAGE…

Changes conditions, limits, constants, statements and returned errors in each
package, one at a time, and runs its tests. What survives is printed with its
place. Those of equivalent.txt are left out.

`

func main() { driver.Main("mutants", run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	h := hunt{out: stdout}
	f := driver.Flags("mutants", usage, stderr)
	f.DurationVar(&h.budget, "time", 0, "stop trying after this time, for each package; 0 is no limit")
	f.IntVar(&h.every, "every", 1, "only every Nth mutant")
	f.BoolVar(&h.unreached, "unreached", false, "also print the mutants that make no difference in any test")
	f.BoolVar(&h.verbose, "v", false, "print each mutant and its outcome")
	files := f.String("files", "", "only files whose name matches this regular expression")
	names := f.String("tests", "", "only tests whose name matches this regular expression")
	with := f.String("with", "", "packages whose tests are run too, with commas between them")
	known := f.String("equivalent", "scripts/mutants/equivalent.txt", "file of mutants that change nothing observable, each with the reason")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() == 0 || h.every < 1 {
		f.Usage()
		return errors.New("PACKAGE is missing, or -every is not 1 or more")
	}
	var err error
	if h.only, err = regexp.Compile(*files); err != nil {
		return fmt.Errorf("-files: %w", err)
	}
	if h.tests, err = regexp.Compile(*names); err != nil {
		return fmt.Errorf("-tests: %w", err)
	}
	if h.excused, err = readEquivalent(*known); err != nil {
		return err
	}
	if *with != "" {
		if h.others, err = list(ctx, strings.Split(*with, ",")); err != nil {
			return err
		}
	}
	packages, err := list(ctx, f.Args())
	if err != nil {
		return err
	}
	left := 0
	for _, p := range packages {
		n, err := h.in(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		left += n
	}
	if left > 0 {
		return fmt.Errorf("%d survived", left)
	}
	return nil
}

// hunt is one run over packages.
type hunt struct {
	out         io.Writer
	budget      time.Duration // for each package
	every       int
	only, tests *regexp.Regexp // names of files and of tests
	others      []goPackage    // whose tests are run too
	excused     equivalent
	unreached   bool
	verbose     bool
}

// in reports the outcome of the mutants of a package, and returns how many
// survived.
func (h *hunt) in(ctx context.Context, p goPackage) (left int, err error) {
	began := time.Now()
	source, err := load(p)
	if err != nil {
		return 0, err
	}
	l, err := build(ctx, p, source, h.only, h.others)
	if err != nil {
		return 0, err
	}
	defer l.remove()
	if err := l.explore(ctx, h.tests); err != nil {
		return 0, err
	}
	count := map[outcome]int{}
	for _, m := range l.mutants {
		o := untried
		if m.id%h.every == 0 && (h.budget == 0 || time.Since(began) < h.budget) {
			if o, err = h.outcome(ctx, l, m); err != nil {
				return 0, err
			}
		}
		count[o]++
		if o == survived || o == unreached && h.unreached || h.verbose {
			fmt.Fprintf(h.out, "%s: %s: %s: %s\n", m.place(), o, m.function, m.change)
		}
	}
	fmt.Fprintf(h.out, "%s: %d mutants, %d killed, %d survived, %d timed out, %d not reached, %d equivalent, %d left out; %v\n",
		p.ImportPath, len(l.mutants), count[killed], count[survived], count[timedOut], count[unreached], count[excused], count[untried],
		time.Since(began).Round(time.Second))
	for _, stale := range h.excused.unused(p.Rel, l.mutants, h.only) {
		fmt.Fprintf(h.out, "equivalent.txt: %s is no mutant any more\n", stale)
	}
	return count[survived], nil
}

// outcome tries a mutant, unless it makes no difference in any test. A boundary that
// tests pass but never reach counts as a surviving mutant.
func (h *hunt) outcome(ctx context.Context, l *lab, m mutant) (o outcome, err error) {
	switch {
	case len(l.reach[m.id]) > 0:
		o, err = l.try(ctx, m)
	case l.passed[m.id]:
		o = survived
	default:
		o = unreached
	}
	if o == survived && h.excused.has(m) { // one like it elsewhere in the function may be killed
		o = excused
	}
	return o, err
}
