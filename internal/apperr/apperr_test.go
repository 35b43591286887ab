package apperr_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"capf/internal/apperr"
)

func TestKinds(t *testing.T) {
	other := errors.New("other")
	for _, test := range []struct {
		err   error
		text  string
		kinds []error
	}{
		{apperr.Refused("%q is taken", "a"), `"a" is taken`, []error{apperr.ErrRefused}},
		{apperr.BadValue("%d is too many", 3), "3 is too many", []error{apperr.ErrValue}},
		{apperr.Usage("--a and --b exclude each other"), "--a and --b exclude each other", []error{apperr.ErrUsage}},
		{apperr.New(errors.Join(fs.ErrNotExist, other), "nothing there"), "nothing there", []error{fs.ErrNotExist, other}},
	} {
		wrapped := fmt.Errorf("doing: %w", apperr.WithHint(test.err, "try again"))
		if got := wrapped.Error(); got != "doing: "+test.text {
			t.Errorf("text %q, want %q", got, "doing: "+test.text)
		}
		for _, kind := range []error{apperr.ErrRefused, apperr.ErrValue, apperr.ErrUsage, fs.ErrNotExist, other} {
			want := false
			for _, k := range test.kinds {
				want = want || k == kind
			}
			if errors.Is(wrapped, kind) != want {
				t.Errorf("%q is %q: %v, want %v", wrapped, kind, !want, want)
			}
		}
	}
}

func TestHint(t *testing.T) {
	plain := errors.New("plain")
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{plain, ""},
		{apperr.WithHint(plain, "%s --help", "capf"), "capf --help"},
		{fmt.Errorf("outside: %w", apperr.WithHint(plain, "inner")), "inner"},
		{apperr.WithHint(apperr.WithHint(plain, "inner"), "outer"), "outer"},
		{apperr.WithHint(apperr.WithHint(plain, "inner"), "%s", ""), "inner"},
	} {
		if got := apperr.Hint(test.err); got != test.want {
			t.Errorf("hint of %v: %q, want %q", test.err, got, test.want)
		}
	}
	if err := apperr.WithHint(nil, "of no use"); err != nil {
		t.Errorf("an error was made of none: %v", err)
	}
}

func TestWithoutPath(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	_, opening := os.Open(missing)
	for _, err := range []error{opening, os.Link(missing, missing+"2")} {
		if got := apperr.WithoutPath(err); got.Error() != "no such file or directory" || !errors.Is(got, fs.ErrNotExist) {
			t.Errorf("%v became %v", err, got)
		}
	}
	wrapped := fmt.Errorf("reading the request: %w", opening)
	if got := apperr.WithoutPath(wrapped); got != wrapped {
		t.Errorf("%v became %v, which no longer says what was being done", wrapped, got)
	}
	if apperr.WithoutPath(nil) != nil {
		t.Error("an error was made of none")
	}
}
