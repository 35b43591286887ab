package report

import (
	"embed"
	"html/template"
	"io"
	"time"
)

//go:embed sheet.html
var sheetFiles embed.FS

// Sheet is a page of cards to print and to cut apart, each with a secret that somebody
// types into a phone.
type Sheet struct {
	Made  time.Time
	Zone  *time.Location
	Cards []Card
}

// Card is one card of a sheet.
type Card struct{ Name, Secret, Description, Pool, Model string }

// longestGroup is how many digits one can keep in mind while typing.
const longestGroup = 6

// Groups is the secret as it is printed: in two halves if it is long. There is no space
// between them in the text, for who copies it.
func (c Card) Groups() []string {
	if len(c.Secret) <= longestGroup {
		return []string{c.Secret}
	}
	middle := (len(c.Secret) + 1) / 2
	return []string{c.Secret[:middle], c.Secret[middle:]}
}

// Write writes the page.
func (s Sheet) Write(out io.Writer) error {
	t, err := template.ParseFS(sheetFiles, "sheet.html")
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(out, "sheet.html", s)
}
