package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// switches is what the mutants in a package call.
//
//go:embed switch.txt
var switches string

// outcome is what happened to a mutant.
type outcome string

const (
	killed    outcome = "killed"
	survived  outcome = "survived"
	timedOut  outcome = "timed out"
	unreached outcome = "not reached"
	excused   outcome = "equivalent"
	untried   outcome = "untried"
)

// lab has the tests of one or more packages, with all mutants of one package compiled
// into them.
type lab struct {
	folder  string // for the programs, and for the files that control them
	mutants []mutant
	tests   []test
	took    map[test]time.Duration
	passed  map[int]bool   // comparisons that a test reached, on this side of the boundary or beyond
	reach   map[int][]test // the tests in which a mutant makes a difference, the quickest first
}

// test is one that can be run alone.
type test struct {
	program string // of its package
	dir     string
	name    string
}

func (l *lab) remove() { os.RemoveAll(l.folder) }

// build puts the mutants into the files of a package that match only, and compiles its
// tests and those of others with them.
func build(ctx context.Context, p goPackage, s *source, only *regexp.Regexp, others []goPackage) (l *lab, err error) {
	l = &lab{took: map[test]time.Duration{}, passed: map[int]bool{}, reach: map[int][]test{}}
	if l.folder, err = os.MkdirTemp("", "capf-mutants-*"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.remove()
		}
	}()
	overlay, err := l.overlay(p, s, only)
	if err != nil {
		return nil, err
	}
	for i, of := range append([]goPackage{p}, others...) {
		program := filepath.Join(l.folder, strconv.Itoa(i)+".test")
		out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", program, of.ImportPath).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("go test -c: %w\n%s", err, out)
		}
		if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
			continue // it has no tests of its own
		}
		if err := l.list(ctx, program, of.Dir); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// overlay writes the changed files, and a file that tells go test which ones they
// replace.
func (l *lab) overlay(p goPackage, s *source, only *regexp.Regexp) (path string, err error) {
	replaced := map[string]string{filepath.Join(p.Dir, "mutants_switch.go"): filepath.Join(l.folder, "switch.go")}
	text := strings.NewReplacer("PACKAGE", p.Name, "FOLDER", l.folder).Replace(switches)
	if err := os.WriteFile(filepath.Join(l.folder, "switch.go"), []byte(text), 0o600); err != nil {
		return "", err
	}
	next := 0
	for i, f := range s.files {
		if !only.MatchString(filepath.Base(f.name)) {
			continue
		}
		found, text := s.find(&f, &next)
		l.mutants = append(l.mutants, found...)
		name := filepath.Join(l.folder, strconv.Itoa(i)+".go")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return "", err
		}
		replaced[f.path] = name
	}
	data, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	path = filepath.Join(l.folder, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}

// list adds the tests of a program. Each script in testdata counts as one.
func (l *lab) list(ctx context.Context, program, dir string) error {
	cmd := exec.CommandContext(ctx, program, "-test.list", "^(Test|Fuzz|Example)")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("listing the tests: %w", err)
	}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if name != "TestScripts" {
			l.tests = append(l.tests, test{program, dir, name})
			continue
		}
		scripts, err := filepath.Glob(filepath.Join(dir, "testdata", "*.txtar"))
		if err != nil {
			return err
		}
		for _, s := range scripts {
			l.tests = append(l.tests, test{program, dir, name + "/" + strings.TrimSuffix(filepath.Base(s), ".txtar")})
		}
	}
	return nil
}

// explore runs each test alone to find out which mutants make a difference in it.
func (l *lab) explore(ctx context.Context, only *regexp.Regexp) error {
	seen := filepath.Join(l.folder, "seen")
	defer os.Remove(seen)
	for _, t := range l.tests {
		if !only.MatchString(t.name) {
			continue
		}
		if err := os.WriteFile(seen, nil, 0o600); err != nil {
			return err
		}
		began := time.Now()
		if o, out := l.run(ctx, 10*time.Minute, t); o != survived {
			return fmt.Errorf("%s fails without any mutant: %s\n%s", t.name, o, out)
		}
		l.took[t] = time.Since(began)
		ids, err := os.ReadFile(seen)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(ids)) {
			id, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				return err
			}
			if id < 0 {
				l.passed[-id] = true
			} else if !slices.Contains(l.reach[id], t) { // a test may start its program again
				l.reach[id] = append(l.reach[id], t)
			}
		}
	}
	for _, tests := range l.reach {
		slices.SortFunc(tests, func(a, b test) int { return cmp.Compare(l.took[a], l.took[b]) })
	}
	return nil
}

// together is how many tests are run at once; the quick ones come first.
const together = 12

// try switches a mutant on and runs the tests in which it makes a difference.
func (l *lab) try(ctx context.Context, m mutant) (outcome, error) {
	on := filepath.Join(l.folder, "on")
	if err := os.WriteFile(on, []byte(strconv.Itoa(m.id)), 0o600); err != nil {
		return "", err
	}
	defer os.Remove(on)
	for tests := l.reach[m.id]; len(tests) > 0; {
		n := 1
		for n < min(len(tests), together) && tests[n].program == tests[0].program && !tests[n].isScript() && !tests[0].isScript() {
			n++
		}
		limit := 10 * time.Second
		for _, t := range tests[:n] {
			limit += 4 * l.took[t]
		}
		if o, _ := l.run(ctx, limit, tests[:n]...); o != survived {
			return o, ctx.Err()
		}
		tests = tests[n:]
	}
	return survived, ctx.Err()
}

func (t test) isScript() bool { return strings.Contains(t.name, "/") }

// run runs tests of one program, or one script. If they succeed, the mutant survives.
func (l *lab) run(ctx context.Context, limit time.Duration, tests ...test) (outcome, []byte) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	var names []string
	for _, t := range tests {
		names = append(names, t.name)
	}
	pattern := "^(" + strings.Join(names, "|") + ")$"
	if tests[0].isScript() {
		pattern = "^" + strings.ReplaceAll(names[0], "/", "$/^") + "$"
	}
	cmd := exec.CommandContext(ctx, tests[0].program, "-test.failfast", "-test.run", pattern)
	cmd.Dir = tests[0].dir
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	switch {
	case err == nil:
		return survived, nil
	case ctx.Err() != nil:
		return timedOut, out.Bytes()
	}
	return killed, out.Bytes()
}
