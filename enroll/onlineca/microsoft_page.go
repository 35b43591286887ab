package onlineca

import (
	"regexp"
	"strconv"
	"strings"
)

// pageKind is what a page of /certsrv/ says about a request.
type pageKind string

const (
	pageDenied  pageKind = "denied"
	pagePending pageKind = "pending"
	pageIssued  pageKind = "issued"
	pageFailed  pageKind = "failed"
	pageUnknown pageKind = "unknown"
)

// page is the content of such a page. Texts are raw, not yet plain.
type page struct {
	kind      pageKind
	requestID string // digits; empty when the page names none
	code      string // 0x and eight digits in lower case; may be empty
	words     string // the CA's reason; of an unknown page its title and first words
}

// Servers write their pages in their own languages but keep the ids of elements, so
// only ids, addresses and numbers are read. All patterns match attributes with and
// without quotes, in either case.
var (
	unseen     = pattern(`(?is)<!--.*?(?:-->|$)|<script\b.*?(?:</script\s*>|$)`)
	deniedMark = pattern(`(?i)\bID\s*=\s*["']?locDenied(?:["'\s>]|$)`)
	deniedText = pattern(`(?is)\bID\s*=\s*["']?locInfoReqIDandReason\b[^>]*>(.*)`)
	// The id of a pending page is a prefix of the denied one's.
	pendingText = pattern(`(?is)\bID\s*=\s*["']?locInfoReqID["']?(?:\s[^>]*)?>(.*)`)
	// Other clients look for this link alone, in the whole page: a server may give
	// the number to a browser in a script only.
	issuedLink  = pattern(`(?i)certnew\.cer\?ReqID=([0-9]{1,10})[^0-9a-z]`)
	disposition = pattern(`(?i)(?:0x|\b)([0-9a-f]{1,8})\s*<LocID\s+ID\s*=\s*["']?locDispSpacer\b`)
	message     = pattern(`(?is)\bID\s*=\s*["']?locDispMsgLabel\b[^>]*>(.*)`)
	lastStatus  = pattern(`(?is)\bID\s*=\s*["']?locLastStatLabel\b[^>]*>(.*)`)
	result      = pattern(`(?is)\bID\s*=\s*["']?locResultLabel\b[^>]*>(.*)`)
	information = pattern(`(?is)\bID\s*=\s*["']?locComInfoLabel\b[^>]*>(.*)`)
	nextID      = pattern(`(?i)<[^<>]*\bID\s*=\s*["']?loc`)
	// A label is a cell of a table or a term of a list; its value is the next cell
	// or the description.
	nextCell = pattern(`(?i)<(?:TD|DD)\b[^>]*>`)
	cellEnd  = pattern(`(?i)</?(?:TD|TR|TABLE|DD|DT|DL)\b`)
	// Instead of a missing message the page has a word in brackets: "(none)", in any
	// language.
	nothing     = pattern(`^(?:[(（][^()（）]*[)）])?$`)
	failureCode = pattern(`(?i)\b0x(8[0-9a-f]{7})\b`)
	number      = pattern(`(?:^|[^0-9A-Za-z])([0-9]{1,10})[^0-9A-Za-z]`)
	title       = pattern(`(?is)<title[^>]*>(.*?)(?:</title|$)`)
	heading     = pattern(`(?is)<(head|style)\b.*?(?:</(?:head|style)\s*>|$)`)
)

// Dispositions of certsrv.h that an error page may give.
const (
	dispositionDenied  = 2
	dispositionPending = 5
)

// classify reads a page. The order matters: a denied page has a request number too,
// scripts may hold the marks of all pages, and visible text takes precedence over
// scripts. A truncated page is read as far as it goes, since a number in it may be
// all that we ever learn about a certificate.
func classify(body []byte) page {
	text := unseen().ReplaceAllString(string(body), " ")
	if deniedMark().MatchString(text) {
		reason := after(deniedText(), text)
		return page{pageDenied, requestNumber(reason), codeIn(reason), reason}
	}
	if m := pendingText().FindStringSubmatch(text); m != nil {
		if id := requestNumber(untilNextID(m[1])); id != "" {
			return page{kind: pagePending, requestID: id}
		}
	}
	if m := issuedLink().FindStringSubmatch(text); m != nil {
		return page{kind: pageIssued, requestID: m[1]}
	}
	if p, ok := failure(text); ok {
		return p
	}
	if m := issuedLink().FindSubmatch(body); m != nil {
		return page{kind: pageIssued, requestID: string(m[1])}
	}
	return page{kind: pageUnknown, words: firstWords(text)}
}

// failure reads the page that a CA shows when something went wrong, or when a
// certificate is not there yet or was denied.
func failure(text string) (page, bool) {
	state := disposition().FindStringSubmatch(text)
	words := beside(message(), text)
	codes := []string{beside(lastStatus(), text), beside(result(), text), beside(information(), text)}
	if state == nil && words == "" && strings.Join(codes, "") == "" {
		return page{}, false
	}
	p := page{kind: pageFailed, code: failureIn(append(codes, words)), words: words}
	if nothing().MatchString(plain(words, maxWords)) {
		p.words = reasonIn(codes, p.code)
	}
	if state != nil {
		switch n, _ := strconv.ParseUint(state[1], 16, 32); n {
		case dispositionDenied:
			p.kind = pageDenied
		case dispositionPending:
			p.kind = pagePending
		}
	}
	return p, true
}

// failureIn returns the first code in the texts, or the one that says that the CA
// was not reached: the others are then guesses of the web pages.
func failureIn(texts []string) (code string) {
	for _, text := range texts {
		one := codeIn(text)
		if code == "" || notReached[one] && !notReached[code] {
			code = one
		}
	}
	return code
}

// reasonIn returns the text with the code, or all texts when none has it.
func reasonIn(texts []string, code string) string {
	for _, text := range texts {
		if code != "" && codeIn(text) == code {
			return text
		}
	}
	return strings.TrimSpace(strings.Join(texts, " "))
}

// after returns what follows an element, up to the next one with an id.
func after(mark *regexp.Regexp, text string) string {
	m := mark.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return untilNextID(m[1])
}

func untilNextID(text string) string {
	if at := nextID().FindStringIndex(text); at != nil {
		return text[:at[0]]
	}
	return text
}

// beside returns the value of a label: the next cell, otherwise what follows the
// label. The label's own text is in the server's language.
func beside(label *regexp.Regexp, text string) string {
	m := label.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	row := m[1]
	at := nextCell().FindStringIndex(row)
	if other := nextID().FindStringIndex(row); at == nil || other != nil && other[0] < at[0] {
		return untilNextID(row)
	}
	row = row[at[1]:]
	if end := cellEnd().FindStringIndex(row); end != nil {
		row = row[:end[0]]
	}
	return row
}

func codeIn(text string) string {
	m := failureCode().FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return lowerCode(m[1])
}

func lowerCode(digits string) string {
	n, _ := strconv.ParseUint(digits, 16, 32)
	return "0x" + strconv.FormatUint(n, 16)
}

// requestNumber returns the first number in a text that is certainly complete. One at
// the end of the text may be cut off.
func requestNumber(text string) string {
	m := number().FindStringSubmatch(tags().ReplaceAllString(text, " "))
	if m == nil {
		return ""
	}
	return m[1]
}

// firstWords returns the title of a page and the beginning of its text.
func firstWords(text string) string {
	var name string
	if m := title().FindStringSubmatch(text); m != nil {
		name = plain(m[1], 80)
	}
	body := plain(heading().ReplaceAllString(text, " "), 150)
	switch {
	case name == "":
		return body
	case body == "" || body == name:
		return name
	}
	return name + ": " + body
}
