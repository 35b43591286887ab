package store

import (
	"context"
	"encoding/json"
)

// listed selects the names of a list; nil does not limit. The list is one value of
// the statement, however long it is.
func (q *query) listed(column string, names []string) {
	if names != nil {
		q.where(inList(column), jsonOf(names))
	}
}

// ofListed is ofDevice for a list of names.
func (q *query) ofListed(names []string) {
	if names != nil {
		text := jsonOf(names)
		q.where("(device_id IN (SELECT id FROM devices WHERE "+inList("name")+") OR device_id IS NULL AND "+inList("device")+")", text, text)
	}
}

// inList compares as the column does, ignoring case.
func inList(column string) string { return column + " IN (SELECT value FROM json_each(?))" }

func jsonOf(names []string) string {
	if names == nil {
		return "[]"
	}
	text, _ := json.Marshal(names) // texts can always be written
	return string(text)
}

// UnknownNames returns those of the names that no device has, in their order. With
// past, a name is known too if a deleted device has left certificates or requests
// under it.
func (s *Reader) UnknownNames(ctx context.Context, names []string, past bool) ([]string, error) {
	q := query{selection: "SELECT value FROM json_each(?)", args: []any{jsonOf(names)}, order: "key"}
	q.where("NOT EXISTS (SELECT 1 FROM devices WHERE name = value)")
	if past {
		q.where("NOT EXISTS (SELECT 1 FROM lscs WHERE device_id IS NULL AND device = value)")
		q.where("NOT EXISTS (SELECT 1 FROM requests WHERE device_id IS NULL AND device = value)")
	}
	return collect(stream(ctx, s, "looking for devices", q, func(name *string) []any { return []any{name} }))
}
