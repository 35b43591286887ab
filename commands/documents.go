package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/settings"
	"capf/internal/apperr"
)

// WriteDocuments writes what is generated from the command tree into a folder:
// reference.md and, in its folder man, the manual pages. It leaves other files
// as they are.
func WriteDocuments(folder string) error {
	for name, text := range cmdline.Documents(tree(nil), parameterSection()) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the folder of %q: %w", path, apperr.WithoutPath(err))
		}
		if err := files.Replace(files.System{}, path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// parameterSection is the section on the parameters in the reference.
func parameterSection() string {
	var b strings.Builder
	fmt.Fprint(&b, "\n## Parameters\n\n`capf set` and `capf show` know these.\n\n| parameter | values | default | a change is in force | meaning |\n|---|---|---|---|---|\n")
	for _, p := range settings.Parameters() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", p.Name, cmdline.MarkdownCell(p.Range), cmdline.MarkdownCell(p.Default), p.Effect, cmdline.MarkdownCell(p.Help))
	}
	return b.String()
}
