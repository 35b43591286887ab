package charset

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"capf/internal/apperr"
)

// TestForeignTexts are written by iconv.
func TestForeignTexts(t *testing.T) {
	t.Parallel()
	iconv, err := exec.LookPath("iconv")
	if err != nil {
		t.Fatal("iconv is not installed")
	}
	for name, text := range map[string]string{
		UTF8: "Büro 電話\r\n", Windows1252: "Büro – 5 €, “Éric”\r\n", "utf-16le": "Büro 電話 😀\n", "utf-16be": "Büro 電話 😀\n", "utf-16": "Büro\n",
		"windows-1250": "Łódź, Dvořák\n", "windows-1251": "Москва\n", "windows-1253": "Αθήνα\n", "windows-1254": "İstanbul\n", "windows-1257": "Šiauliai\n",
		"iso-8859-1": "Büro\n", "iso-8859-2": "Łódź\n", "iso-8859-15": "5 €\n", "macintosh": "Büro\n", "ibm850": "Büro\n",
	} {
		to := name
		if name == "utf-16" {
			to = "utf-16le" // iconv writes a mark, which this name does not need
		}
		cmd := exec.Command(iconv, "-f", "utf-8", "-t", to)
		cmd.Stdin = strings.NewReader(text)
		data, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := Decode(data, name)
		if err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestMarks: a text that says what it is needs no name, and none that is wrong.
func TestMarks(t *testing.T) {
	t.Parallel()
	for text, name := range map[string]string{"\xef\xbb\xbfB\xc3\xbc": UTF8, "\xff\xfeB\x00\xfc\x00": "utf-16le", "\xfe\xff\x00B\x00\xfc": "utf-16be"} {
		for _, given := range []string{"", name} {
			if got, err := Decode([]byte(text), given); err != nil || string(got) != "Bü" {
				t.Errorf("%s, named %q: %q, %v", name, given, got, err)
			}
		}
		_, err := Decode([]byte(text), Windows1252)
		if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "byte order mark of "+strings.ToUpper(name)) {
			t.Errorf("%s named otherwise: %v", name, err)
		}
	}
	for text, want := range map[string]string{"a\x00,\x00b\x00": "a,b", "\x00a\x00,\x00b": "a,b"} { // without one
		if got, err := Decode([]byte(text), ""); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if got, err := Decode([]byte("\xff\xfeB\x00"), "utf-16"); err != nil || string(got) != "B" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestOtherEncodings: what is not in the encoding is refused once, with its first line.
func TestOtherEncodings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, name, want string }{
		{"a\nB\xfcro\nB\xfcro\n", "", "the file is not UTF-8: line 2 has the byte 0xfc"},
		{"B\xfcro\n", UTF8, "line 1 has the byte 0xfc"},
		{"\xef\xbf\xbd\xfc", "", "has the byte 0xfc"},
		{"a\n\x81\n", Windows1252, "the file is not windows-1252: line 2"},
		{"B\xc3\xbcro", Windows1252, "the file is UTF-8, not windows-1252"},
		{"a\x00b", "utf-16le", "the file is not utf-16le"},
		{"\xff\xfe\x00\x00a\x00\x00\x00", "", "the file is UTF-32"},
	} {
		_, err := Decode([]byte(test.text), test.name)
		if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q as %q: %v", test.text, test.name, err)
		}
	}
}

// TestNames: encodings are named as programs name them.
func TestNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"cp1252": Windows1252, "CP-1252": Windows1252, "Windows_1252": Windows1252, "UTF8": UTF8, "latin1": "iso-8859-1", "cp850": "ibm850", "utf16": "utf-16"} {
		if got, err := Parse(given); err != nil || got != want {
			t.Errorf("%q is %q, %v", given, got, err)
		}
	}
	if _, err := Parse("ebcdic"); !errors.Is(err, apperr.ErrValue) || !strings.Contains(err.Error(), "utf-8, windows-1252, utf-16") {
		t.Errorf("%v", err)
	}
}

// FuzzDecode: a text of any bytes is refused, or is UTF-8.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfeB\x00\xfc\x00"), 0)
	f.Add([]byte("B\xfcro \x80"), 1)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		names := append(Names(), "")
		name := names[max(n, -n-1)%len(names)]
		if text, err := Decode(data, name); err == nil && !utf8.Valid(text) {
			t.Errorf("%s of %q is %q", name, data, text)
		}
	})
}
