// Package charset makes UTF-8 of texts that other programs have written: spreadsheets,
// editors on Windows, the tools of other vendors. It recognises what says so itself, by a byte
// order mark; for everything else, whoever gives the text has to name the encoding,
// since no guess is always right. It must not know what the text is about.
package charset

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"capf/internal/apperr"
)

// UTF8 is the encoding of a text that says nothing of itself.
const UTF8 = "utf-8"

// Windows1252 is what spreadsheets on Windows write in Western Europe and America,
// unless they are told to write UTF-8.
const Windows1252 = "windows-1252"

// known are the encodings that can be named, most likely first. UTF-8 has none: it is
// checked, not converted.
var known = []struct {
	name string
	of   encoding.Encoding
}{
	{UTF8, nil},
	{Windows1252, charmap.Windows1252},
	{"utf-16", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}, // without a mark, as Windows writes it
	{"utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	{"utf-16be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	{"windows-1250", charmap.Windows1250},
	{"windows-1251", charmap.Windows1251},
	{"windows-1253", charmap.Windows1253},
	{"windows-1254", charmap.Windows1254},
	{"windows-1257", charmap.Windows1257},
	{"iso-8859-1", charmap.ISO8859_1},
	{"iso-8859-2", charmap.ISO8859_2},
	{"iso-8859-15", charmap.ISO8859_15},
	{"macintosh", charmap.Macintosh},
	{"ibm850", charmap.CodePage850},
}

// marks are the byte order marks, with the encodings that they stand for.
var marks = []struct{ mark, name string }{
	{"\xef\xbb\xbf", UTF8},
	{"\xff\xfe", "utf-16le"},
	{"\xfe\xff", "utf-16be"},
}

// Names returns the encodings that can be named.
func Names() []string {
	var names []string
	for _, k := range known {
		names = append(names, k.name)
	}
	return names
}

// Parse returns the name of an encoding as Names has it; also cp1252, latin1 and UTF8 are
// understood. ErrValue: there is no such encoding.
func Parse(name string) (string, error) {
	plain := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(strings.TrimSpace(name)))
	if also, ok := strings.CutPrefix(plain, "cp"); ok {
		plain = "windows-" + strings.TrimPrefix(also, "-")
	}
	switch plain {
	case "utf8":
		plain = UTF8
	case "utf16":
		plain = "utf-16"
	case "latin1", "latin-1":
		plain = "iso-8859-1"
	case "windows-850":
		plain = "ibm850"
	}
	if !slices.Contains(Names(), plain) {
		return "", apperr.BadValue("%q is not an encoding that can be read; it is one of %s", name, strings.Join(Names(), ", "))
	}
	return plain, nil
}

// Decode returns the text as UTF-8 without a byte order mark. The name is one of Names; with
// "", the text is what its byte order mark says, or UTF-8. ErrRefused says once what is
// wrong with the whole text: it is in another encoding.
func Decode(data []byte, name string) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")) || bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")) {
		return nil, apperr.WithHint(apperr.Refused("the file is UTF-32"), "save it as UTF-8")
	}
	said, rest := announced(data)
	switch {
	case name == "", name == said, name == "utf-16" && strings.HasPrefix(said, name):
		data, name = rest, said
	case len(rest) < len(data):
		return nil, apperr.WithHint(apperr.Refused("the file begins with the byte order mark of %s, so it is not %s", strings.ToUpper(said), name), "leave out the encoding: it is recognised")
	}
	if name == UTF8 {
		return data, checkUTF8(data)
	}
	return convert(data, name)
}

// Marked is Decode for a text that may be in any encoding, such as a secret: without a byte
// order mark it is returned as it is. No error shows a part of it.
func Marked(data []byte) ([]byte, error) {
	name, rest := announced(data)
	switch {
	case len(rest) == len(data), name == UTF8:
		return rest, nil
	}
	return Decode(data, name)
}

// announced returns the encoding that the beginning of a text shows, UTF-8 by default, and
// the text without its byte order mark. Latin letters in UTF-16 show it without one.
func announced(text []byte) (name string, rest []byte) {
	for _, m := range marks {
		if rest, marked := bytes.CutPrefix(text, []byte(m.mark)); marked {
			return m.name, rest
		}
	}
	switch {
	case everyOther(text, 1):
		return "utf-16le", text
	case everyOther(text, 0):
		return "utf-16be", text
	}
	return UTF8, text
}

// everyOther reports whether every other byte at the beginning of a text is zero, starting
// at index zeros.
func everyOther(text []byte, zeros int) bool {
	head := text[:min(len(text), 8)]
	for i, c := range head {
		if (c == 0) != (i%2 == zeros) {
			return false
		}
	}
	return len(head) >= 4
}

// Reader returns UTF-8 without a byte order mark for a text of any length that begins with the
// head, which is recognised as by Decode. What is wrong in it is not refused.
func Reader(r io.Reader, head []byte) io.Reader {
	name, rest := announced(head)
	marked := len(rest) < len(head)
	switch {
	case name == UTF8 && !marked:
		return r
	case name == UTF8:
		return transform.NewReader(r, unicode.UTF8BOM.NewDecoder())
	}
	order := map[string]unicode.Endianness{"utf-16le": unicode.LittleEndian, "utf-16be": unicode.BigEndian}[name]
	return transform.NewReader(r, unicode.UTF16(order, unicode.UseBOM).NewDecoder())
}

// checkUTF8 names the first place that is in another encoding.
func checkUTF8(data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	at := 0
	for r, size := utf8.DecodeRune(data); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRune(data[at:]) {
		at += size
	}
	return apperr.WithHint(apperr.Refused("the file is not UTF-8: line %d has the byte 0x%02x", lineOf(data, at), data[at]), "save it as UTF-8")
}

func lineOf(data []byte, at int) int { return bytes.Count(data[:at], []byte("\n")) + 1 }

// convert refuses what is no text in the encoding: a wrong name would garble it. Letters of
// other encodings do not look like UTF-8 by chance.
func convert(data []byte, name string) ([]byte, error) {
	if !strings.HasPrefix(name, "utf") && utf8.Valid(data) && slices.ContainsFunc(data, func(c byte) bool { return c >= utf8.RuneSelf }) {
		return nil, apperr.WithHint(apperr.Refused("the file is UTF-8, not %s", name), "leave out the encoding")
	}
	i := slices.Index(Names(), name)
	text, err := known[i].of.NewDecoder().Bytes(data)
	if err != nil {
		return nil, apperr.Refused("the file is not %s: %v", name, err)
	}
	for at, r := range string(text) {
		if r == utf8.RuneError || 0x80 <= r && r < 0xa0 {
			return nil, apperr.Refused("the file is not %s: line %d has what is no character there", name, lineOf(text, at))
		}
	}
	return text, nil
}
