package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// equivalent holds the mutants that change nothing observable, or nothing that a
// test could force, by file, function and change.
type equivalent map[string]bool

// readEquivalent reads lines like "store/writer.go: take: a < b → a <= b # the reason". A
// file that is missing has none.
func readEquivalent(path string) (equivalent, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := equivalent{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndex(line, " # ")
		if i < 0 {
			return nil, fmt.Errorf("%s:%d: the reason is missing behind #", path, n)
		}
		all[strings.TrimSpace(line[:i])] = true
	}
	return all, lines.Err()
}

func (m mutant) key() string { return fmt.Sprintf("%s: %s: %s", m.file, m.function, m.change) }

func (e equivalent) has(m mutant) bool { return e[m.key()] }

// unused returns the entries of a package that match no mutant.
func (e equivalent) unused(dir string, mutants []mutant, only *regexp.Regexp) []string {
	found := map[string]bool{}
	for _, m := range mutants {
		found[m.key()] = true
	}
	var all []string
	for key := range e {
		file, _, _ := strings.Cut(key, ": ")
		if filepath.Dir(file) == dir && only.MatchString(filepath.Base(file)) && !found[key] {
			all = append(all, key)
		}
	}
	return all
}
