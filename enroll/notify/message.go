package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"capf/internal/plural"
	"capf/store"
)

// message is what the program gets on stdin.
type message struct {
	At       time.Time `json:"at"`
	Host     string    `json:"host"`
	Database string    `json:"database"`
	Subject  string    `json:"subject"` // one line, for the subject of a mail
	Text     string    `json:"text"`    // for its body
	Findings []told    `json:"findings"`
}

// told is a finding, and what there is to tell of it.
type told struct {
	Event    string    `json:"event"` // appeared, worse, remains, gone or test
	Kind     string    `json:"kind"`
	Object   string    `json:"object"`
	Severity string    `json:"severity"`
	Text     string    `json:"text"`
	Hint     string    `json:"hint"`
	Since    time.Time `json:"since"`
}

// The events, in the order in which a message has them.
const (
	appeared = "appeared"
	worse    = "worse"
	remains  = "remains"
	gone     = "gone"
	test     = store.TestNotice
)

func eventOf(n store.Notice) string {
	switch {
	case n.Kind == store.TestNotice:
		return test
	case !n.GoneAt.IsZero():
		return gone
	case n.ToldAt.IsZero():
		return appeared
	case n.Severity == "error" && n.ToldSeverity != n.Severity:
		return worse
	}
	return remains
}

func newMessage(due []store.Notice, now time.Time, host, database string) message {
	m := message{At: now.UTC(), Host: host, Database: database}
	for _, event := range []string{appeared, worse, remains, gone, test} {
		for _, n := range due {
			if eventOf(n) == event {
				m.Findings = append(m.Findings, told{event, n.Kind, n.Object, n.Severity, clean(n.Text), clean(n.Hint), n.Since.UTC()})
			}
		}
	}
	m.Subject = m.subject()
	m.Text = m.text()
	return m
}

func (m message) encode() ([]byte, error) {
	document, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding what is told: %w", err)
	}
	return append(document, '\n'), nil
}

// subjectLimit is how many characters of a text a subject has.
const subjectLimit = 120

func (m message) subject() string {
	what := fmt.Sprintf("%s: %s", plural.Of(len(m.Findings), "finding"), m.counts())
	if len(m.Findings) == 1 {
		what = m.Findings[0].Event + ": " + m.Findings[0].Text
	}
	if r := []rune(what); len(r) > subjectLimit {
		what = string(r[:subjectLimit]) + "…"
	}
	return clean("capf on " + m.Host + ": " + what)
}

// counts is how many of each event there are.
func (m message) counts() string {
	var words []string
	for _, event := range []string{appeared, worse, remains, gone, test} {
		n := 0
		for _, f := range m.Findings {
			if f.Event == event {
				n++
			}
		}
		if n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, event))
		}
	}
	return strings.Join(words, ", ")
}

func (m message) text() string {
	var b strings.Builder
	for _, f := range m.Findings {
		fmt.Fprintf(&b, "%-9s %s: %s\n", f.Event, f.Severity, f.Text)
		switch {
		case f.Event == gone || f.Event == remains:
			fmt.Fprintf(&b, "          since %s\n", f.Since.Local().Format("2006-01-02 15:04:05"))
		}
		if f.Event != gone && f.Hint != "" {
			fmt.Fprintf(&b, "          hint: %s\n", f.Hint)
		}
	}
	fmt.Fprintf(&b, "\nFrom capf on %s, database %s. capf status shows how it is now.\n", m.Host, m.Database)
	return b.String()
}

// summaryLimit is how many findings an event of the record names.
const summaryLimit = 10

// summary is the detail of the event: which findings were told.
func (m message) summary() string {
	var words []string
	for i, f := range m.Findings {
		if i == summaryLimit {
			words = append(words, fmt.Sprintf("and %d more", len(m.Findings)-i))
			break
		}
		word := f.Event + " " + f.Kind
		if f.Object != "" && f.Kind != store.TestNotice {
			word += " " + clean(f.Object)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// clean makes one line of a text that outsiders may have chosen in part.
func clean(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?")))
}
