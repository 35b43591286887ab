package onlineca

import (
	"regexp"
	"strconv"
)

// pageKind is what a page of /certsrv/ says of a request.
type pageKind string

const (
	pageDenied  pageKind = "denied"
	pagePending pageKind = "pending"
	pageIssued  pageKind = "issued"
	pageFailed  pageKind = "failed"
	pageUnknown pageKind = "unknown"
)

// page is what was read from one. Texts are raw pieces of it, not yet plain.
type page struct {
	kind      pageKind
	requestID string // digits; empty when the page names none
	code      string // 0x and eight digits in lower case; may be empty
	words     string // the CA's reason; of an unknown page its title and first words
}

// A server writes its pages in its own language but keeps the element ids, so
// only ids, addresses and numbers are looked at. All patterns take quoted and
// bare attributes in either case.
var (
	unseen     = pattern(`(?is)<!--.*?(?:-->|$)|<script\b.*?(?:</script\s*>|$)`)
	deniedMark = pattern(`(?i)\bID\s*=\s*["']?locDenied(?:["'\s>]|$)`)
	deniedText = pattern(`(?is)\bID\s*=\s*["']?locInfoReqIDandReason\b[^>]*>(.*)`)
	// The id of a pending page is a prefix of the denied one's.
	pendingText = pattern(`(?is)\bID\s*=\s*["']?locInfoReqID["']?(?:\s[^>]*)?>(.*)`)
	issuedLink  = pattern(`(?i)certnew\.cer\?ReqID=([0-9]{1,10})&(?:amp;)?Enc=`)
	disposition = pattern(`(?i)(?:0x|\b)([0-9a-f]{1,8})\s*<LocID\s+ID\s*=\s*["']?locDispSpacer\b`)
	message     = pattern(`(?is)\bID\s*=\s*["']?locDispMsgLabel\b[^>]*>(.*)`)
	lastStatus  = pattern(`(?is)\bID\s*=\s*["']?locLastStatLabel\b[^>]*>(.*)`)
	nextID      = pattern(`(?i)<[^<>]*\bID\s*=\s*["']?loc`)
	nextCell    = pattern(`(?i)<TD\b[^>]*>`)
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

// classify reads a page. The order matters: a denied page has a request id
// too, and the scripts of any page hold the marks of all of them. A page that
// was cut off is read as far as it goes, since a number in it may be all that
// we ever learn of a certificate.
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
	return page{kind: pageUnknown, words: firstWords(text)}
}

// failure reads the page that a CA shows when something went wrong, and for a
// certificate that is asked for too early or was denied.
func failure(text string) (page, bool) {
	state := disposition().FindStringSubmatch(text)
	words, status := after(message(), text), after(lastStatus(), text)
	if state == nil && words == "" && status == "" {
		return page{}, false
	}
	p := page{kind: pageFailed, code: codeIn(status), words: cell(words)}
	if p.code == "" {
		p.code = codeIn(words)
	}
	if plain(p.words, 10) == "" {
		p.words = cell(status)
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

// after is what follows an element, up to the next one that has an id.
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

// cell drops a row's label, which is in the server's language, and keeps what
// stands beside it.
func cell(row string) string {
	if at := nextCell().FindStringIndex(row); at != nil {
		return row[at[1]:]
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

// requestNumber is the first whole number of a text. One that the text ends
// with may be cut off and does not count.
func requestNumber(text string) string {
	m := number().FindStringSubmatch(tags().ReplaceAllString(text, " "))
	if m == nil {
		return ""
	}
	return m[1]
}

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
