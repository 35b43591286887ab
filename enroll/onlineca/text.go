package onlineca

import (
	"encoding/base64"
	"html"
	"strings"
	"unicode"
)

// maxWords is how many characters of a server's text are repeated.
const maxWords = 300

var tags = pattern(`(?s)<[^>]*(?:>|$)`)

// plain turns a piece of a page into one line: no tags, no entities, no
// control or direction characters, at most limit characters.
func plain(s string, limit int) string {
	s = html.UnescapeString(tags().ReplaceAllString(s, " "))
	s = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar:
			return '?'
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs), !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		s = strings.TrimSpace(string(runes[:limit-1])) + "…"
	}
	return s
}

// words is plain for a server's text, with our password removed: a proxy's page
// may repeat the headers that it received.
func (c *Config) words(s string) string {
	secrets := []string{c.Password}
	if c.Password != "" {
		both := []byte(c.Username + ":" + c.Password)
		secrets = append(secrets, base64.StdEncoding.EncodeToString(both), base64.RawStdEncoding.EncodeToString(both))
	}
	// Hidden both before and after plain, since an entity or a tag may split it.
	return hide(plain(hide(html.UnescapeString(s), secrets), maxWords), secrets)
}

func hide(s string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[hidden]")
		}
	}
	return s
}
