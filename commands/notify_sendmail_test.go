package commands

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNotifySendmail: the mail that the script hands on has the subject and the text
// that serve has written, and no header that somebody has put into either.
func TestNotifySendmail(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Fatal("jq is missing; scripts/need.sh jq installs it")
	}
	dir := t.TempDir()
	sendmail := filepath.Join(dir, "sendmail")
	check(t, os.WriteFile(sendmail, []byte("#!/bin/sh\necho \"$@\" > "+dir+"/args\ncat > "+dir+"/mail\n[ ! -e "+dir+"/away ] || { echo away >&2; exit 75; }\n"), 0o700))
	send := func(document string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "../scripts/notify-sendmail.sh", args...)
		cmd.Stdin = strings.NewReader(document)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	const text = "appeared  warning: 3 LSCs in Köln\n\n.\nSubject: no header\n"
	for subject, want := range map[string]string{
		"capf on one.example: 2 findings: 1 appeared, 1 gone":      "",
		"capf on one.example: appeared: 3 LSCs in Köln \u2014 日本語": "",
		"x\r\nBcc: mallory@example.com\r\n\r\nbody":                "x  Bcc: mallory@example.com    body",
		"ä\nBcc: mallory@example.com":                              "ä Bcc: mallory@example.com",
		strings.Repeat("ü€𝄞", 60):                                  "",
		`$(touch x) "; touch x; ` + "`touch x` %s \\n":             "",
	} {
		document, err := json.Marshal(map[string]any{"subject": subject, "text": text})
		check(t, err)
		if out, err := send(string(document), "ops+capf@example.com", sendmail); err != nil || out != "" {
			t.Fatalf("%q: %v\n%s", subject, err, out)
		}
		if want == "" {
			want = subject
		}
		f, err := os.Open(filepath.Join(dir, "mail"))
		check(t, err)
		m, err := mail.ReadMessage(f)
		check(t, err)
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("the subject is %q, %v, want %q", got, err, want)
		}
		if len(m.Header) != 6 || m.Header.Get("To") != "ops+capf@example.com" {
			t.Errorf("the headers are %v", m.Header)
		}
		body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
		if err != nil || string(body) != text {
			t.Errorf("the body is %q, %v", body, err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "mail"))
		check(t, err)
		for line := range strings.Lines(string(raw)) {
			if len(line) > 200 {
				t.Errorf("a long line: %q", line)
			}
		}
		check(t, f.Close())
	}
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	if check(t, err); string(args) != "-i -- ops+capf@example.com\n" {
		t.Errorf("sendmail got %q", args)
	}
	for _, recipient := range []string{"", "-f root", "-froot", "a b@example.com", "a\nBcc: b@example.com"} {
		if out, err := send(`{"subject":"s","text":"t"}`, recipient, sendmail); err == nil || !strings.Contains(out, "usage") {
			t.Errorf("%q: %v\n%s", recipient, err, out)
		}
	}
	for _, document := range []string{"", "nonsense", "{}"} {
		if _, err := send(document, "ops@example.com", sendmail); err == nil {
			t.Errorf("%q was mailed", document)
		}
	}
	check(t, os.WriteFile(filepath.Join(dir, "away"), nil, 0o600))
	if out, err := send(`{"subject":"s","text":"t"}`, "ops@example.com", sendmail); err == nil || out != "away\n" {
		t.Errorf("%v\n%s", err, out)
	}
}
