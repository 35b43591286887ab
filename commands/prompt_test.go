package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"capf/commands/internal/term"
)

// scripted answers questions from a list and keeps them.
type scripted struct {
	answers []string
	asked   []string
}

func (s *scripted) next(question string) (string, error) {
	s.asked = append(s.asked, question)
	if len(s.answers) == 0 {
		return "", fmt.Errorf("interrupted: %w", term.ErrDeclined)
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	return a, nil
}

func (s *scripted) Ask(question, suggestion string) (string, error) {
	a, err := s.next(question)
	if a == "" {
		a = suggestion
	}
	return a, err
}

func (s *scripted) Secret(question string) (string, error) { return s.next(question) }

func (s *scripted) Confirm(question string) (bool, error) {
	a, err := s.next(question)
	return a == "yes", err
}

// at runs a command line at a terminal where the answers are given.
func at(t *testing.T, db, line string, answers ...string) (code int, stdout, stderr string, asked []string) {
	t.Helper()
	var out, said bytes.Buffer
	env := newEnv(strings.NewReader(""), &out, &said)
	env.Getenv = func(name string) string { return map[string]string{"CAPF_DB": db}[name] }
	p := &scripted{answers: answers}
	env.Prompt = p
	code = env.run(context.Background(), strings.Fields(line))
	return code, out.String(), said.String(), p.asked
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "capf.db")
	steps := []struct {
		line    string
		answers []string
		code    int
		asked   int
		says    string
	}{
		{"capf init", []string{"Example", "Phones"}, 1, 3, "interrupted: nothing was changed"},
		// A wrong answer is asked for again, and that one only.
		{"capf init", []string{"Example", "", "Berlin", "", "Germany"}, 1, 6, "The code of Germany is DE"},
		{"capf init", []string{"Example", "", "Berlin", "", "Nowhere"}, 1, 6, `"Nowhere" is not the code of a country, such as DE or US`},
		{"capf init", []string{strings.Repeat("x", 65), "Example", "", "", "", "DE", "no"}, 1, 7, "at most 64 are allowed"},
		{"capf init", []string{"Example", "", "Berlin", "", "DE", "no"}, 1, 6, "declined: nothing was changed"},
		{"capf init", []string{"Example", "", "Berlin", "", "germany", "", "yes"}, 0, 7, ", O=Example, L=Berlin, C=DE; RSA 2048, valid for five years"},
		{"capf init", nil, 0, 0, "nothing was changed"},
		{"capf set keep_alive", []string{"20"}, 0, 1, "keep_alive is 20 now (was 15)"},
		{"capf set keep_alive", []string{""}, 0, 1, "keep_alive is 20 already"},
		{"capf set keep_alive", []string{"70", "20"}, 0, 2, "keep_alive is 20 already"},
		{"capf set keep_alive", nil, 1, 1, "interrupted"},
		{"capf set keep_alive 25", nil, 0, 0, "keep_alive is 25 now"},
		{"capf device add CSFolga", nil, 0, 0, "added"},
		{"capf device set CSFolga --auth-string-prompt --auth-mode auth-string", []string{"47110815"}, 0, 1, "changed"},
		{"capf device set CSFolga --auth-string-prompt", []string{"abcdef"}, 1, 2, "An authentication string has 4 to 10 digits"},
		// No answer is no string, and takes none away.
		{"capf device set CSFolga --auth-string-prompt", []string{""}, 1, 1, "no secret was given: nothing was changed"},
		{"capf bulk update CSF* --auth-string-prompt --yes", []string{""}, 1, 1, "no secret was given: nothing was changed"},
		{"capf device set CSFolga --operation install", nil, 0, 0, "scheduled"},
		{"capf set online_ca_password", []string{"secret"}, 0, 1, "is (set) now"},
		{"capf set online_ca_password", []string{""}, 1, 1, "no secret was given: nothing was changed"},
		{"capf set online_ca_password none", nil, 0, 0, "is none now (was (set))"},
		{"capf ldap add staff --url ldaps://h --base dc=x --device-name CSF{uid} --bind-dn cn=x --password-prompt", []string{"secret"}, 0, 1, "added"},
		{"capf ldap set staff --password-prompt", []string{""}, 1, 1, "no secret was given: nothing was changed"},
		{"capf device delete CSFolga", []string{"no"}, 1, 1, "declined: nothing was changed"},
		{"capf device delete CSFolga", nil, 1, 1, "interrupted: nothing was changed"},
		{"capf device show CSFolga", nil, 0, 0, ""},
		{"capf device delete CSFolga", []string{"yes"}, 0, 1, "deleted 1 device"},
		{"capf csr delete all", nil, 0, 0, "no request is waiting"},
	}
	for i, s := range steps {
		code, _, stderr, asked := at(t, db, s.line, s.answers...)
		if code != s.code || len(asked) != s.asked || !strings.Contains(stderr, s.says) {
			t.Fatalf("step %d, %s: exit code %d, asked %q, said %q; want %d, %d questions, %q", i, s.line, code, asked, stderr, s.code, s.asked, s.says)
		}
		if strings.Contains(stderr, "47110815") || strings.Contains(stderr, "abcdef") {
			t.Errorf("%s: the string shows up in %q", s.line, stderr)
		}
	}
}

// TestConsentAtTerminal holds that the word all is consent off a terminal only.
func TestConsentAtTerminal(t *testing.T) {
	t.Parallel()
	env := &Env{Prompt: &scripted{answers: []string{"yes", "no"}}}
	if err := env.consent(false, "delete %s", "it"); err != nil {
		t.Error(err)
	}
	if err := env.consent(false, "delete it"); !errors.Is(err, term.ErrDeclined) {
		t.Errorf("%v, want a decline", err)
	}
	if err := env.consent(true, "delete it"); err != nil {
		t.Error(err)
	}
	if code := codeOf((&Env{}).consent(false, "delete it")); code != exitMisused {
		t.Errorf("exit code %d off a terminal, want 2", code)
	}
}
