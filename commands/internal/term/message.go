package term

import (
	"regexp"
	"strings"
	"time"
)

// Message is a text of capf itself, which may name times. They are kept in UTC; a table
// shows them, like all times, in the zone of the operator. What an operator has typed is
// no Message: it stays as it is.
type Message string

// utcTime is a time as capf writes it into texts (RFC 3339).
var utcTime = regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z\b`)

// Local is the text with its times in the zone of the operator.
func (m Message) Local() string {
	if !strings.Contains(string(m), "Z") {
		return string(m)
	}
	return utcTime.ReplaceAllStringFunc(string(m), func(text string) string {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return text
		}
		return t.Local().Format(tableTime)
	})
}
