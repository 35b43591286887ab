package store

import (
	"context"
	"time"
)

// Template is a universal device template: the settings with which devices
// begin.
type Template struct {
	ID           int64
	Name         string
	Description  string
	Settings     string // a document of package devices
	SealedString []byte // one authentication string for all; nil when there is none
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

const (
	templateColumns = "id, name, description, settings, created_at, updated_at, sealed_string"
	groupColumns    = `g.id, g.name, g.description, g.template_id, t.name, g.created_at, g.updated_at
		FROM feature_groups AS g JOIN templates AS t ON t.id = g.template_id`
)

func (v *Template) fields() []any {
	return []any{&v.ID, &v.Name, &v.Description, &v.Settings, (*instant)(&v.CreatedAt), (*instant)(&v.UpdatedAt), &v.SealedString}
}

// Templates returns all templates by name.
func (s *Reader) Templates(ctx context.Context) ([]Template, error) {
	q := query{selection: "SELECT " + templateColumns + " FROM templates", order: "name"}
	return collect(stream(ctx, s, "reading templates", q, (*Template).fields))
}

// Template returns the template of that name. ErrNotFound: there is none.
func (s *Reader) Template(ctx context.Context, name string) (Template, error) {
	var v Template
	err := s.point(ctx, "SELECT "+templateColumns+" FROM templates WHERE name = ?", []any{name}, v.fields()...)
	return v, failed(err, "reading template %q", name)
}

// AddTemplate adds a template; the id and the times are the store's.
// ErrConflict: the name is taken.
func (s *Store) AddTemplate(ctx context.Context, a Actor, v Template) (Template, error) {
	err := s.change(ctx, func(t *tx) (err error) {
		v.CreatedAt, v.UpdatedAt = t.now, t.now
		v.ID, err = t.insert("INSERT INTO templates (name, description, settings, created_at, updated_at, sealed_string) VALUES (?, ?, ?, ?, ?, ?)",
			v.Name, v.Description, v.Settings, millis(t.now), millis(t.now), v.SealedString)
		if err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "template-add", Detail: v.Name})
	})
	return v, failed(err, "adding template %q", v.Name)
}

// ChangeTemplate writes a template that Template has returned. ErrConflict: it
// was changed or deleted meanwhile.
func (s *Store) ChangeTemplate(ctx context.Context, a Actor, v Template) error {
	err := s.change(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE templates SET description = ?, settings = ?, updated_at = ?, sealed_string = ? WHERE id = ? AND updated_at = ?",
			v.Description, v.Settings, millis(t.now), v.SealedString, v.ID, millis(v.UpdatedAt))
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict("the template was changed meanwhile")
		}
		return t.event(a, "", EventText{Action: "template-set", Detail: v.Name})
	})
	return failed(err, "changing template %q", v.Name)
}

// DeleteTemplate deletes a template. ErrNotFound; ErrConflict: a feature group
// names it.
func (s *Store) DeleteTemplate(ctx context.Context, a Actor, name string) error {
	return s.deleteNamed(ctx, a, "template", "templates", name,
		"SELECT 'the feature group ' || g.name FROM feature_groups AS g JOIN templates AS t ON t.id = g.template_id WHERE t.name = ? LIMIT 1")
}

// deleteNamed deletes a row unless the query finds something that still
// names it.
func (s *Store) deleteNamed(ctx context.Context, a Actor, what, from, name, used string) error {
	err := s.change(ctx, func(t *tx) error {
		var user string
		if used != "" {
			err := t.row(used, name).Scan(&user)
			if err == nil {
				return conflict("%s names it", user)
			}
			if err != ErrNotFound {
				return err
			}
		}
		n, err := t.exec("DELETE FROM "+from+" WHERE name = ?", name)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return t.event(a, "", EventText{Action: what + "-delete", Detail: name})
	})
	return failed(err, "deleting %s %q", what, name)
}
