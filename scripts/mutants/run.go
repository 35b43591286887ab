package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
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

// outcome is what became of a mutant.
type outcome string

const (
	killed    outcome = "killed"
	survived  outcome = "survived"
	timedOut  outcome = "timed out"
	unreached outcome = "not reached"
	excused   outcome = "equivalent"
	untried   outcome = "untried"
)

// tests are the tests of a package, with all mutants compiled into them.
type tests struct {
	dir     string // of the package
	folder  string // of the program, and of the files by which it is steered
	mutants []mutant
	took    map[string]time.Duration // by test
	passed  map[int]bool             // comparisons that a test came by, on this side of the boundary or beyond
	reach   map[int][]string         // the tests in which a mutant makes a difference, the quickest first
}

func (t *tests) remove() { os.RemoveAll(t.folder) }

// build compiles. What the compiler does not take for want of a type is left out.
func build(ctx context.Context, p goPackage, s *source, only *regexp.Regexp) (t *tests, err error) {
	t = &tests{dir: p.Dir, took: map[string]time.Duration{}, passed: map[int]bool{}, reach: map[int][]string{}}
	if t.folder, err = os.MkdirTemp("", "capf-mutants-*"); err != nil {
		return nil, err
	}
	replaced := map[string]string{filepath.Join(p.Dir, "mutants_switch.go"): filepath.Join(t.folder, "switch.go")}
	text := strings.NewReplacer("PACKAGE", p.Name, "FOLDER", t.folder).Replace(switches)
	err = os.WriteFile(filepath.Join(t.folder, "switch.go"), []byte(text), 0o600)
	next := 0
	for i, f := range s.files {
		if !only.MatchString(filepath.Base(f.name)) || err != nil {
			continue
		}
		found, text := s.find(&f, &next)
		t.mutants = append(t.mutants, found...)
		name := filepath.Join(t.folder, strconv.Itoa(i)+".go")
		replaced[f.path] = name
		err = os.WriteFile(name, text, 0o600)
	}
	overlay, e := json.Marshal(map[string]any{"Replace": replaced})
	if err = errors.Join(err, e); err == nil {
		err = os.WriteFile(filepath.Join(t.folder, "overlay.json"), overlay, 0o600)
	}
	if err == nil {
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", filepath.Join(t.folder, "overlay.json"), "-o", t.program(), p.ImportPath)
		var out []byte
		if out, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("go test -c: %w\n%s", err, out)
		}
	}
	if err != nil {
		t.remove()
	}
	return t, err
}

func (t *tests) program() string { return filepath.Join(t.folder, "tests") }

// explore runs each test alone, and finds out which mutants make a difference in it.
func (t *tests) explore(ctx context.Context, only *regexp.Regexp) error {
	list := exec.CommandContext(ctx, t.program(), "-test.list", ".")
	list.Dir = t.dir
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("listing the tests: %w", err)
	}
	seen := filepath.Join(t.folder, "seen")
	defer os.Remove(seen)
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if strings.HasPrefix(name, "Benchmark") || !only.MatchString(name) {
			continue
		}
		if err := os.WriteFile(seen, nil, 0o600); err != nil {
			return err
		}
		began := time.Now()
		if o, out := t.run(ctx, 10*time.Minute, name); o != survived {
			return fmt.Errorf("%s fails without any mutant: %s\n%s", name, o, out)
		}
		t.took[name] = time.Since(began)
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
				t.passed[-id] = true
				continue
			}
			if !slices.Contains(t.reach[id], name) { // a test may start its program anew
				t.reach[id] = append(t.reach[id], name)
			}
		}
	}
	for _, names := range t.reach {
		slices.SortFunc(names, func(a, b string) int { return cmp.Compare(t.took[a], t.took[b]) })
	}
	return nil
}

// together is how many tests are run at once; the quick ones come first.
const together = 12

// try switches a mutant on, and runs the tests in which it makes a difference.
func (t *tests) try(ctx context.Context, m mutant) (outcome, error) {
	on := filepath.Join(t.folder, "on")
	if err := os.WriteFile(on, []byte(strconv.Itoa(m.id)), 0o600); err != nil {
		return "", err
	}
	defer os.Remove(on)
	for names := range slices.Chunk(t.reach[m.id], together) {
		limit := 10 * time.Second
		for _, name := range names {
			limit += 4 * t.took[name]
		}
		if o, _ := t.run(ctx, limit, names...); o != survived {
			return o, ctx.Err()
		}
	}
	return survived, ctx.Err()
}

// run is survived when the tests succeed.
func (t *tests) run(ctx context.Context, limit time.Duration, names ...string) (outcome, []byte) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	cmd := exec.CommandContext(ctx, t.program(), "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
	cmd.Dir = t.dir
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
