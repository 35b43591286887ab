package term

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"capf/internal/csvcell"
)

// A value of a row is a string, a number, a bool, a time (zero for none), a
// named value with a long form, bytes (shown in hexadecimal), a list of
// strings, a [Message], a [Shortened], or nil.

// tableTime is how a person reads a time, in the zone of the operator.
const (
	tableTime = "2006-01-02 15:04:05"
	zonedTime = tableTime + " MST"
)

// Shortened is a text that a table shows by its short form; JSON and CSV have the whole.
type Shortened struct{ Whole, Short string }

// longer is a value with a long form for people and a short one for programs.
type longer interface {
	fmt.Stringer
	Long() string
}

// Cell is a value as a table shows it.
func Cell(v any) string {
	switch v := v.(type) {
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Local().Format(tableTime)
	case Zoned:
		return v.Local().Format(zonedTime)
	case Message:
		return Visible(v.Local())
	case Shortened:
		return Visible(v.Short)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	return Visible(Text(v))
}

// csvCell is a value as a spreadsheet imports it: in its long form, with times in UTC.
func csvCell(v any) string {
	switch v := v.(type) {
	case time.Time:
		return Timestamp(v)
	case Zoned:
		return Timestamp(v.Time)
	case bool:
		return strconv.FormatBool(v)
	case int, int64:
		return Text(v)
	}
	return csvcell.Guard(Text(v))
}

// AppendJSON appends a value as a program reads it: the short form, null for
// none. Lists of 100,000 rows come through here, so a text that needs no escaping
// bypasses encoding/json, which is slower.
func AppendJSON(to []byte, v any) ([]byte, error) {
	switch t := v.(type) {
	case nil:
		return append(to, "null"...), nil
	case Message:
		return AppendJSON(to, string(t))
	case Shortened:
		return AppendJSON(to, t.Whole)
	case string:
		if needsNoEscape(t) {
			return append(append(append(to, '"'), t...), '"'), nil
		}
	case int64:
		return strconv.AppendInt(to, t, 10), nil
	case int:
		return strconv.AppendInt(to, int64(t), 10), nil
	case bool:
		return strconv.AppendBool(to, t), nil
	case time.Time:
		if t.IsZero() {
			return append(to, "null"...), nil
		}
		return append(t.UTC().AppendFormat(append(to, '"'), time.RFC3339), '"'), nil
	case Zoned:
		return AppendJSON(to, t.Time)
	case longer:
		return AppendJSON(to, t.String())
	case []byte:
		return append(hex.AppendEncode(append(to, '"'), t), '"'), nil
	case []string:
		if t == nil {
			return append(to, "[]"...), nil
		}
	}
	b, err := json.Marshal(v)
	return append(to, b...), err
}

func needsNoEscape(s string) bool { return isPrintable(s) && !strings.ContainsAny(s, `"\`) }

// Text is the form of a value that table and CSV share.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case Message:
		return string(v)
	case Shortened:
		return v.Whole
	case longer:
		return v.Long()
	case []byte:
		return hex.EncodeToString(v)
	case []string:
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(v)
}

// Timestamp is a time for programs: RFC 3339 in UTC, "" for none.
func Timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Zoned is a time that is shown with its zone.
type Zoned struct{ time.Time }

// WithZone is a time that a table shows with the operator's zone.
func WithZone(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return Zoned{t}
}
