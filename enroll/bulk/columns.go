package bulk

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"capf/enroll/devices"
	"capf/internal/apperr"
)

// columnKind says what a column of a CSV file holds.
type columnKind int

const (
	ignored  columnKind = iota
	untitled            // spreadsheets write these beside a table; their cells must be empty
	names
	attribute
)

// column is one column of a file.
type column struct {
	title     string // as the file has it
	kind      columnKind
	attribute devices.Attribute        // of the kind attribute
	value     func(cell string) string // the vendor's word in ours; may be nil
	foreign   bool                     // it is ignored, although capf has not written it
}

// target is what a mapping calls the column's content; "" if it is ignored.
func (c column) target() string {
	switch c.kind {
	case names:
		return nameTarget
	case attribute:
		return c.attribute.Flag()
	}
	return ""
}

// nameHeading is the heading of the column that every file needs.
const nameHeading = "Device Name"

// macHeading is the plain heading of a column of MAC addresses. The vendor's files have
// other devices' names in it as well, but no numbers.
const macHeading = "macaddress"

// CSVHeader returns the headings that a CSV file of devices may have, for an
// empty file.
func CSVHeader() []string {
	titles := []string{nameHeading}
	for _, a := range devices.Attributes() {
		titles = append(titles, a.Heading)
	}
	return titles
}

// headings maps plain headings to columns: those of the vendor where they are
// known, and those of "capf device list --csv".
func headings() map[string]column {
	known := map[string]column{}
	add := func(c column, titles ...string) {
		for _, title := range titles {
			known[plainHeading(title)] = c
		}
	}
	for _, v := range vendorIgnored {
		add(column{foreign: true}, v.headings...)
	}
	add(column{kind: names}, nameHeading, "name", "mac address", "mac address/device name")
	// Read-only columns, which capf writes and ignores when it reads.
	add(column{}, "Certificate Operation Status", "status", "Updated At", "created at", "seen at",
		"LSC Ends", "lsc not after", "lsc not before", "lsc serial", "lsc issuer", "renewal")
	for _, a := range devices.Attributes() {
		add(column{kind: attribute, attribute: a}, append([]string{a.Heading, a.Name}, a.Also...)...)
	}
	for _, v := range vendorTaken {
		c := known[plainHeading(v.ours)]
		c.value = v.value
		add(c, v.heading)
	}
	return known
}

// plainHeading normalizes a heading: only letters and digits count, and their case does
// not.
func plainHeading(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// find returns the column with a heading. The vendor's headings for the lines of a phone
// are numbered: DIRECTORY NUMBER 2.
func find(known map[string]column, title string) (column, bool) {
	plain := plainHeading(title)
	if c, ok := known[plain]; ok {
		return c, true
	}
	c, ok := known[strings.TrimRight(plain, "0123456789")]
	return c, ok && c.foreign
}

// Mapping says what a column holds that has a heading of somebody else.
type Mapping struct {
	Heading string // theirs
	Target  string // ours: a heading, the name of an attribute, name or ignore
}

// What a column can hold besides attributes: the device's name, or nothing of use.
const (
	nameTarget   = "name"
	ignoreTarget = "ignore"
)

// MappingTargets returns the targets that a mapping can have, by the names of their flags.
func MappingTargets() []string {
	targets := []string{nameTarget}
	for _, a := range devices.Attributes() {
		targets = append(targets, a.Flag())
	}
	return append(targets, ignoreTarget)
}

// ParseMapping reads "Their Name=description". ErrValue: it is none, or there is no such
// target.
func ParseMapping(text string) (Mapping, error) {
	i := strings.LastIndexByte(text, '=')
	if i < 0 || plainHeading(text[:i]) == "" {
		return Mapping{}, apperr.BadValue("%q does not say which column holds what, as in \"Their Name=description\"", text)
	}
	m := Mapping{strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+1:])}
	if _, ok := m.column(); !ok {
		return m, apperr.BadValue("%q is not what a column can hold; it is one of %s", m.Target, strings.Join(MappingTargets(), ", "))
	}
	return m, nil
}

// column returns what the target stands for.
func (m Mapping) column() (column, bool) {
	if m.Target == ignoreTarget {
		return column{foreign: true}, true
	}
	c, ok := headings()[plainHeading(m.Target)]
	return c, ok && c.kind >= names
}

// understand finds out what each column holds.
func (f *File) understand(head []string, o Reading) error {
	known := headings()
	if err := mapColumns(known, head, o.Columns); err != nil {
		return err
	}
	seen := map[string]string{} // attribute → heading
	var wrong []string
	for _, title := range head {
		c, ok := find(known, title)
		c.title = strings.TrimSpace(title)
		switch {
		case c.title == "":
			c.kind = untitled
		case !ok && o.IgnoreUnknown:
			c.foreign = true
		case !ok:
			wrong = append(wrong, strconv.Quote(title))
		}
		if c.foreign {
			f.Ignored = append(f.Ignored, c.title)
		}
		if c.kind >= names {
			if other, twice := seen[c.attribute.Name]; twice { // that of the device's name is ""
				return apperr.WithHint(apperr.Refused("the columns %q and %q are the same", other, title), "--map %s leaves one out", strconv.Quote(c.title+"="+ignoreTarget))
			}
			seen[c.attribute.Name] = title
		}
		f.columns = append(f.columns, c)
	}
	const help = "capf bulk template-csv prints the columns that there are"
	if len(wrong) > 0 {
		return apperr.WithHint(apperr.Refused("the header has columns that are not known: %s", strings.Join(wrong, ", ")),
			"--ignore-unknown-columns leaves them out, --map \"Their Name=description\" says what one holds; "+help)
	}
	if _, ok := seen[""]; !ok {
		return apperr.WithHint(apperr.Refused("the header has no column %q", nameHeading), "--map \"Their Name=name\" says which one it is; "+help)
	}
	return nil
}

// mapColumns changes what is known as the mappings say. One for a column that the file does
// not have is a mistake, not a wish.
func mapColumns(known map[string]column, head []string, mappings []Mapping) error {
	mapped := map[string]bool{}
	for _, m := range mappings {
		plain := plainHeading(m.Heading)
		c, ok := m.column()
		switch {
		case !ok:
			return apperr.BadValue("%q is not what a column can hold", m.Target)
		case mapped[plain]:
			return apperr.BadValue("the column %q is mapped twice", m.Heading)
		case !slices.ContainsFunc(head, func(title string) bool { return plainHeading(title) == plain }):
			return apperr.WithHint(apperr.Refused("the header has no column %q, which is to hold %s", m.Heading, m.Target), "it has %s", quotedTitles(head))
		}
		mapped[plain], known[plain] = true, c
	}
	return nil
}

func quotedTitles(head []string) string {
	var titles []string
	for _, title := range head {
		if title = strings.TrimSpace(title); title != "" {
			titles = append(titles, strconv.Quote(title))
		}
	}
	return strings.Join(titles, ", ")
}
