package commands

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"capf/commands/internal/cmdline"
	"capf/enroll"
	"capf/enroll/server"
	"capf/store"
)

// TestFailuresPage holds that docs/failures.md has a section on each status of a failed
// operation, on each outcome of a session and on each reason for which a connection is
// turned away; and that each section says what the phone shows, why, and what to do, with
// commands that there are.
func TestFailuresPage(t *testing.T) {
	t.Parallel()
	sections := failureSections(t)
	need := func(what, anchor string) {
		if sections[anchor] == "" {
			t.Errorf("%s: docs/failures.md has no section %q", what, anchor)
		}
	}
	for _, short := range store.Statuses() {
		status := store.Status(short)
		if status.IsFailure() {
			page, anchor, _ := strings.Cut(enroll.StatusSection(status), "#")
			if page != "docs/failures.md" {
				t.Errorf("%s: the page is %q", status, page)
			}
			need(status.Long(), anchor)
		}
	}
	for _, outcome := range append(server.Outcomes(), server.Refusals()...) {
		if outcome != "ok" {
			need(outcome, strings.ReplaceAll(outcome, "_", "-"))
		}
	}
	for _, section := range []string{enroll.SectionNotContacted, enroll.SectionWaiting, enroll.SectionLocked, enroll.SectionAddress} {
		_, anchor, _ := strings.Cut(section, "#")
		need(section, anchor)
	}
	for anchor, text := range sections {
		for _, part := range []string{"\n- *The phone shows* ", "\n- *Cause:* ", "\n- *Do:* ", "\n```\ncapf "} {
			if !strings.Contains(text, part) {
				t.Errorf("the section %q of docs/failures.md has no %q", anchor, strings.TrimSpace(part))
			}
		}
		for _, line := range regexp.MustCompile(`(?m)^capf .*$`).FindAllString(text, -1) {
			if _, err := cmdline.Parse(tree(nil), exampleWords(line)); err != nil {
				t.Errorf("the section %q of docs/failures.md: %s: %v", anchor, line, err)
			}
		}
		for _, link := range regexp.MustCompile(`\]\(#([a-z-]+)\)`).FindAllStringSubmatch(text, -1) {
			need("a link in "+anchor, link[1])
		}
	}
}

// failureSections are the sections of docs/failures.md by their anchors, of which one may
// have several.
func failureSections(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/failures.md")
	check(t, err)
	sections := map[string]string{}
	block := regexp.MustCompile(`((?:<a id="[a-z0-9-]+"></a>\n)+)\n## [^\n]+\n`)
	at := block.FindAllSubmatchIndex(page, -1)
	for i, m := range at {
		end := len(page)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		for _, a := range regexp.MustCompile(`id="([^"]+)"`).FindAllSubmatch(page[m[2]:m[3]], -1) {
			sections[string(a[1])] = string(page[m[1]:end])
		}
	}
	return sections
}
