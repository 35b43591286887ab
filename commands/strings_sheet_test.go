package commands

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"capf/store"
)

// TestSheetInPrint prints sheets in Chromium on both sizes of paper: each string and each
// name stands on them once, on one page with what belongs to it, and nothing of a card
// that is too full covers the next.
func TestSheetInPrint(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing; scripts/need.sh chromium installs it")
	}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Fatal("pdftotext is missing; scripts/need.sh poppler-utils installs it")
	}
	env := newEnv(strings.NewReader(""), io.Discard, io.Discard)
	made := make([]madeString, 57)
	for i := range made {
		made[i] = madeString{store.Device{Name: fmt.Sprintf("SEP%012X", i*7919), Description: fmt.Sprintf("Desk <b>%d</b> \"by the window\"", i), Pool: "Berlin & Mitte", Model: "8861"},
			fmt.Sprintf("%010d", 1234567890+i*86028121)}
	}
	made[3].device.Description = strings.Repeat("a long description ", 12)
	made[4].device.Name, made[4].secret = strings.Repeat("N", 64), "4711"
	made[5].device = store.Device{Name: "CSFolga"}
	for size, name := range map[string]string{"A4": "A4", "letter": "letter"} {
		var page bytes.Buffer
		if err := writeSheet(env, &page, made); err != nil {
			t.Fatal(err)
		}
		html := strings.Replace(page.String(), "@page { margin", "@page { size: "+size+"; margin", 1)
		dir := t.TempDir()
		file, pdf := filepath.Join(dir, "sheet.html"), filepath.Join(dir, "sheet.pdf")
		if err := os.WriteFile(file, []byte(html), 0o600); err != nil {
			t.Fatal(err)
		}
		browse(t, browser, "--no-pdf-header-footer", "--print-to-pdf="+pdf, "file://"+file)
		info, err := exec.Command("pdfinfo", pdf).Output()
		if err != nil || !regexp.MustCompile(`Page size: .*\(`+name+`\)`).Match(info) {
			t.Errorf("%s: %s %v", size, info, err)
		}
		text, err := exec.Command("pdftotext", "-layout", pdf, "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		checkSheet(t, size, strings.Split(strings.TrimSuffix(string(text), "\f"), "\f"), made)
	}
}

// checkSheet looks for each card on the pages.
func checkSheet(t *testing.T, size string, pages []string, made []madeString) {
	t.Helper()
	for i, page := range pages {
		pages[i] = strings.NewReplacer(" ", "", "\n", "").Replace(page)
	}
	if len(pages) < 5 || len(pages) > 6 {
		t.Errorf("%s: %d pages", size, len(pages))
	}
	for _, m := range made {
		found := 0
		for n, page := range pages {
			if strings.Count(page, m.secret) == 0 {
				continue
			}
			found += strings.Count(page, m.secret)
			if !strings.Contains(page, m.device.Name) && len(m.device.Name) < 20 {
				t.Errorf("%s: %s is not on page %d with its string", size, m.device.Name, n+1)
			}
		}
		if found != 1 {
			t.Errorf("%s: the string of %s stands on the pages %d times", size, m.device.Name, found)
		}
	}
}
