package term

import (
	"regexp"
	"strings"
	"time"
)

// Message is a text of capf itself, which may name times. They are kept in UTC; a person
// reads them, like all times, in the zone of the operator. What an operator has typed is
// no Message: it stays as it is, as does what is quoted in one.
type Message string

// timeOrQuote is a time as capf writes it into texts (RFC 3339), or a quoted part.
var timeOrQuote = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})\b`)

// Local is the text as a table has it.
func (m Message) Local() string { return m.local(tableTime) }

// Zoned is the text with the zone behind each time.
func (m Message) Zoned() string { return m.local(zonedTime) }

func (m Message) local(layout string) string {
	if !strings.Contains(string(m), "T") { // most have none
		return string(m)
	}
	return timeOrQuote.ReplaceAllStringFunc(string(m), func(text string) string {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return text
		}
		return t.Local().Format(layout)
	})
}
