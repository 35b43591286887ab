package store

import (
	"context"
	"time"
)

// Directory is an LDAP directory whose people have devices.
type Directory struct {
	ID             int64
	Name           string
	Settings       string // a document of package directory
	SealedPassword []byte // nil when there is none
	FeatureGroupID int64  // 0 when there is none
	FeatureGroup   string // its name
	FirstSyncAt    time.Time
	LastSyncAt     time.Time
	Held           HeldSync // the last one, if it was stopped
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// HeldSync is a sync that was stopped because too many devices would be
// missing.
type HeldSync struct {
	At          time.Time // zero when there is none
	Missing, Of int64
}

// DirectoryCounts says how many devices a directory has named, and how many
// of them it no longer names.
type DirectoryCounts struct{ Devices, Missing int64 }

const directoryColumns = `d.id, d.name, d.settings, coalesce(d.feature_group_id, 0), coalesce(g.name, ''), d.first_sync_at,
	d.last_sync_at, d.held_at, d.held_missing, d.held_of, d.created_at, d.updated_at, d.sealed_password
	FROM directories AS d LEFT JOIN feature_groups AS g ON g.id = d.feature_group_id`

func (v *Directory) fields() []any {
	return []any{&v.ID, &v.Name, &v.Settings, &v.FeatureGroupID, &v.FeatureGroup, (*instant)(&v.FirstSyncAt),
		(*instant)(&v.LastSyncAt), (*instant)(&v.Held.At), &v.Held.Missing, &v.Held.Of, (*instant)(&v.CreatedAt), (*instant)(&v.UpdatedAt), &v.SealedPassword}
}

// Directories returns all directories by name.
func (s *Reader) Directories(ctx context.Context) ([]Directory, error) {
	q := query{selection: "SELECT " + directoryColumns, order: "d.name"}
	return collect(stream(ctx, s, "reading directories", q, (*Directory).fields))
}

// Directory returns the directory of that name. ErrNotFound: there is none.
func (s *Reader) Directory(ctx context.Context, name string) (Directory, error) {
	var v Directory
	err := s.point(ctx, "SELECT "+directoryColumns+" WHERE d.name = ?", []any{name}, v.fields()...)
	return v, failed(err, "reading directory %q", name)
}

// CountDirectory counts the devices of a directory.
func (s *Reader) CountDirectory(ctx context.Context, id int64) (n DirectoryCounts, err error) {
	err = s.point(ctx, "SELECT count(*), coalesce(sum(missing_since > 0), 0) FROM directory_devices WHERE directory_id = ?",
		[]any{id}, &n.Devices, &n.Missing)
	return n, failed(err, "counting the devices of a directory")
}

// AddDirectory adds a directory; the store sets the id and the times.
// ErrConflict: the name is taken, or the feature group has been deleted.
func (s *Store) AddDirectory(ctx context.Context, a Actor, v Directory) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.insert("INSERT INTO directories (name, settings, feature_group_id, created_at, updated_at, sealed_password) VALUES (?, ?, ?, ?, ?, ?)",
			v.Name, v.Settings, orNull(v.FeatureGroupID), millis(t.now), millis(t.now), v.SealedPassword)
		if err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "ldap-add", Detail: v.Name})
	})
	return failed(err, "adding directory %q", v.Name)
}

// ChangeDirectory writes a directory that Directory returned. ErrConflict: it
// was changed, deleted or synced meanwhile.
func (s *Store) ChangeDirectory(ctx context.Context, a Actor, v Directory) error {
	err := s.change(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE directories SET settings = ?, feature_group_id = ?, updated_at = ?, sealed_password = ?
			WHERE id = ? AND updated_at = ? AND last_sync_at = ?`,
			v.Settings, orNull(v.FeatureGroupID), millis(t.now), v.SealedPassword, v.ID, millis(v.UpdatedAt), millis(v.LastSyncAt))
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict("the directory was changed meanwhile")
		}
		return t.event(a, "", EventText{Action: "ldap-set", Detail: v.Name})
	})
	return failed(err, "changing directory %q", v.Name)
}

// DeleteDirectory deletes a directory; its devices stay. ErrNotFound.
func (s *Store) DeleteDirectory(ctx context.Context, a Actor, name string) error {
	return s.deleteNamed(ctx, a, "ldap", "directories", name, "")
}
