package store

import (
	"context"
	"time"
)

// FeatureGroup is a feature group template: it names the template that an LDAP
// directory applies.
type FeatureGroup struct {
	ID          int64
	Name        string
	Description string
	TemplateID  int64
	Template    string // its name
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

func (v *FeatureGroup) fields() []any {
	return []any{&v.ID, &v.Name, &v.Description, &v.TemplateID, &v.Template, (*instant)(&v.CreatedAt), (*instant)(&v.UpdatedAt)}
}

// FeatureGroups returns all feature group templates by name.
func (s *Reader) FeatureGroups(ctx context.Context) ([]FeatureGroup, error) {
	q := query{selection: "SELECT " + groupColumns, order: "g.name"}
	return collect(stream(ctx, s, "reading feature groups", q, (*FeatureGroup).fields))
}

// FeatureGroup returns the one of that name. ErrNotFound: there is none.
func (s *Reader) FeatureGroup(ctx context.Context, name string) (FeatureGroup, error) {
	var v FeatureGroup
	err := s.point(ctx, "SELECT "+groupColumns+" WHERE g.name = ?", []any{name}, v.fields()...)
	return v, failed(err, "reading feature group %q", name)
}

// UpsertFeatureGroup adds a feature group template, or changes the one of that
// name; the id and the times are the store's. ErrNotFound: there is no such
// template.
func (s *Store) UpsertFeatureGroup(ctx context.Context, a Actor, v FeatureGroup) error {
	err := s.change(ctx, func(t *tx) error {
		var id int64
		if err := t.row("SELECT id FROM templates WHERE name = ?", v.Template).Scan(&id); err != nil {
			return failed(err, "template %q", v.Template)
		}
		n, err := t.exec(`INSERT INTO feature_groups (name, description, template_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET description = excluded.description, template_id = excluded.template_id,
			updated_at = excluded.updated_at WHERE description <> excluded.description OR template_id <> excluded.template_id`,
			v.Name, v.Description, id, millis(t.now), millis(t.now))
		if err != nil || n == 0 {
			return err
		}
		return t.event(a, "", EventText{Action: "feature-group-set", Detail: v.Name + " names the template " + v.Template})
	})
	return failed(err, "keeping feature group %q", v.Name)
}

// DeleteFeatureGroup deletes a feature group template. ErrNotFound;
// ErrConflict: a directory names it.
func (s *Store) DeleteFeatureGroup(ctx context.Context, a Actor, name string) error {
	return s.deleteNamed(ctx, a, "feature-group", "feature_groups", name,
		"SELECT 'the directory ' || d.name FROM directories AS d JOIN feature_groups AS g ON g.id = d.feature_group_id WHERE g.name = ? LIMIT 1")
}
