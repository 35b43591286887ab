package devices

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Save writes an edit as a document. Its string is sealed under the label; nil
// when there is none. For partial see bulk.Update.
func (r *Rules) Save(e Edit, partial bool, label string) (text string, sealed []byte, err error) {
	doc := e.document()
	for _, m := range []member{{"no_string", e.NoString}, {"unique_strings", e.UniqueString}, {"keep_strings", e.KeepString}, {"partial", partial}} {
		if m.value == true {
			doc = append(doc, m)
		}
	}
	b, err := encode(doc)
	if err == nil && e.String != nil {
		sealed, err = r.Sealer.Seal(label, []byte(*e.String))
	}
	if err != nil {
		return "", nil, fmt.Errorf("keeping the settings: %w", err)
	}
	return string(b), sealed, nil
}

// Load is the reverse of Save.
func (r *Rules) Load(label, text string, sealed []byte) (Edit, error) {
	e, _, err := Read(text)
	if err != nil || sealed == nil {
		return e, err
	}
	secret, err := r.Sealer.Open(label, sealed)
	if err != nil {
		return e, err
	}
	s := string(secret)
	e.String = &s
	return e, nil
}

// Read reads a document without its string.
func Read(text string) (e Edit, partial bool, err error) {
	var doc map[string]json.RawMessage
	var s struct {
		NoString     bool `json:"no_string"`
		UniqueString bool `json:"unique_strings"`
		KeepString   bool `json:"keep_strings"` // jobs from before it replace them
		Partial      bool `json:"partial"`
	}
	err = errors.Join(json.Unmarshal([]byte(text), &doc), json.Unmarshal([]byte(text), &s))
	if err == nil {
		err = e.fill(doc)
	}
	if err != nil {
		return Edit{}, false, fmt.Errorf("reading the kept settings: %w", err)
	}
	e.NoString, e.UniqueString, e.KeepString = s.NoString, s.UniqueString, s.KeepString
	return e, s.Partial, nil
}

// document returns the edit as a job or a template stores it: the names of
// the attributes with their values, in the order of the table. An authentication string is stored
// separately, sealed.
func (e Edit) document() (doc []member) {
	for _, a := range attributes {
		if !a.Secret && a.given(&e) != nil {
			doc = append(doc, member{a.Name, a.at(&e)})
		}
	}
	return doc
}

// member is a value in a document, by its name there.
type member struct {
	name  string
	value any
}

// encode writes a document as JSON. The values keep the order of the table, in which
// the database has them from the beginning.
func encode(doc []member) ([]byte, error) {
	b := []byte{'{'}
	for i, m := range doc {
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%s", m.name, value)
	}
	return append(b, '}'), nil
}

// fill is the reverse of document.
func (e *Edit) fill(doc map[string]json.RawMessage) error {
	for _, a := range attributes {
		if value, ok := doc[a.Name]; ok && !a.Secret {
			if err := json.Unmarshal(value, a.at(e)); err != nil {
				return fmt.Errorf("reading %s: %w", a.Name, err)
			}
		}
	}
	return nil
}
