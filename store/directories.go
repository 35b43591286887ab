package store

import (
	"context"
	"strings"
	"time"
)

// Directory is an LDAP directory whose people have devices.
type Directory struct {
	ID             int64
	Name           string
	Settings       string // in the words of package provision
	SealedPassword []byte // nil when there is none
	FeatureGroupID int64  // 0 when there is none
	FeatureGroup   string // its name
	FirstSyncAt    time.Time
	LastSyncAt     time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// DirectoryCounts is how many devices a directory has named, and how many of
// them it names no longer.
type DirectoryCounts struct{ Devices, Missing int64 }

const directoryColumns = `d.id, d.name, d.settings, coalesce(d.feature_group_id, 0), coalesce(g.name, ''), d.first_sync_at,
	d.last_sync_at, d.created_at, d.updated_at, d.sealed_password
	FROM directories AS d LEFT JOIN feature_groups AS g ON g.id = d.feature_group_id`

func (v *Directory) fields() []any {
	return []any{&v.ID, &v.Name, &v.Settings, &v.FeatureGroupID, &v.FeatureGroup, (*instant)(&v.FirstSyncAt),
		(*instant)(&v.LastSyncAt), (*instant)(&v.CreatedAt), (*instant)(&v.UpdatedAt), &v.SealedPassword}
}

// Directories returns all directories by name.
func (s *Store) Directories(ctx context.Context) ([]Directory, error) {
	q := query{selection: "SELECT " + directoryColumns, order: "d.name"}
	return collect(stream(ctx, s, "reading directories", q, (*Directory).fields))
}

// Directory returns the directory of that name. ErrNotFound: there is none.
func (s *Store) Directory(ctx context.Context, name string) (Directory, error) {
	var v Directory
	err := s.point(ctx, "SELECT "+directoryColumns+" WHERE d.name = ?", []any{name}, v.fields()...)
	return v, failed(err, "reading directory %q", name)
}

// CountDirectory counts the devices of a directory.
func (s *Store) CountDirectory(ctx context.Context, id int64) (n DirectoryCounts, err error) {
	err = s.point(ctx, "SELECT count(*), coalesce(sum(missing_since > 0), 0) FROM directory_devices WHERE directory_id = ?",
		[]any{id}, &n.Devices, &n.Missing)
	return n, failed(err, "counting the devices of a directory")
}

// AddDirectory adds a directory; the id and the times are the store's.
// ErrConflict: the name is taken, or the feature group has gone.
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

// ChangeDirectory writes a directory that Directory has returned. ErrConflict:
// it was changed, deleted or synced meanwhile.
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

// Found is an entry of a directory with the device that it is for.
type Found struct {
	Device string
	Entry  string // the distinguished name
}

// SyncOutcome is what a sync did about one device.
type SyncOutcome string

// What a sync does. It changes no device that exists.
const (
	SyncAdded   SyncOutcome = "added"
	SyncKnown   SyncOutcome = "known"   // named before
	SyncAdopted SyncOutcome = "adopted" // existed, but the directory had not named it
	SyncDeleted SyncOutcome = "deleted" // named before, and deleted by an operator since: it stays so
	SyncBack    SyncOutcome = "back"    // was missing
	SyncMissing SyncOutcome = "missing" // is named no longer
)

// Sync is what a directory says, to be put into the database.
type Sync struct {
	Directory Directory // as Directory returned it
	Found     []Found   // no device twice
	// New makes a device that is to be added.
	New func(name, entry string) (Device, error)
	// Tell is called for each device, missing ones last.
	Tell func(Found, SyncOutcome)
	// Ready is called before the commit. Its error undoes everything and is
	// returned as it is.
	Ready func() error
}

// ApplySync does so in one transaction. An error of New is returned as it is.
// ErrConflict: the directory was changed, deleted or synced since it was read.
func (s *Store) ApplySync(ctx context.Context, a Actor, v Sync) error {
	var refusal error
	err := s.changeOnce(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE directories SET last_sync_at = ?, first_sync_at = CASE first_sync_at WHEN 0 THEN ? ELSE first_sync_at END
			WHERE id = ? AND updated_at = ? AND last_sync_at = ?`, millis(t.now), millis(t.now),
			v.Directory.ID, millis(v.Directory.UpdatedAt), millis(v.Directory.LastSyncAt))
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict("the directory was changed meanwhile")
		}
		known, err := t.known(v.Directory.ID)
		if err != nil {
			return err
		}
		quiet := a
		quiet.Command = "" // the event of the whole has it
		added := 0
		for _, f := range v.Found {
			o, err := t.found(quiet, v, f, known, &refusal)
			if err != nil {
				return err
			}
			if o == SyncAdded {
				added++
			}
			v.Tell(f, o)
		}
		if err := t.adoptLeft(); err != nil {
			return err
		}
		missing, err := t.missing(v)
		if err != nil {
			return err
		}
		if refusal = v.Ready(); refusal != nil {
			return refusal
		}
		return t.event(a, "", EventText{Action: "ldap-sync", Detail: v.Directory.Name + ": " + decimal(int64(len(v.Found))) +
			" entries, " + decimal(int64(added)) + " devices added, " + decimal(missing) + " missing"})
	})
	if refusal != nil {
		return refusal
	}
	return failed(err, "putting the entries of directory %q into the database", v.Directory.Name)
}

// known is the devices that the directory has named, with the row's missing
// mark, by their names in lower case.
func (t *tx) known(directory int64) (map[string]bool, error) {
	type row struct {
		device  string
		missing bool
	}
	rows, err := rowsOf(t, query{selection: "SELECT lower(device), missing_since > 0 FROM directory_devices WHERE directory_id = ?", args: []any{directory}},
		func(r *row) []any { return []any{&r.device, &r.missing} })
	known := make(map[string]bool, len(rows))
	for _, r := range rows {
		known[r.device] = r.missing
	}
	return known, err
}

func (t *tx) found(a Actor, v Sync, f Found, known map[string]bool, refusal *error) (SyncOutcome, error) {
	key := lowerASCII(f.Device)
	missing, named := known[key]
	var exists bool
	if err := t.row("SELECT EXISTS (SELECT 1 FROM devices WHERE name = ?)", f.Device).Scan(&exists); err != nil {
		return "", err
	}
	if named {
		_, err := t.exec("UPDATE directory_devices SET entry = ?, missing_since = 0 WHERE directory_id = ? AND device = ? AND (entry <> ? OR missing_since <> 0)",
			f.Entry, v.Directory.ID, f.Device, f.Entry)
		switch {
		case missing:
			return SyncBack, err
		case !exists:
			return SyncDeleted, err
		}
		return SyncKnown, err
	}
	_, err := t.exec("INSERT INTO directory_devices (directory_id, device, entry, added_at) VALUES (?, ?, ?, ?)",
		v.Directory.ID, f.Device, f.Entry, millis(t.now))
	if err != nil || exists {
		return SyncAdopted, err
	}
	d, err := v.New(f.Device, f.Entry)
	if err != nil {
		*refusal = err
		return "", err
	}
	if err := t.insertDevice(&d); err != nil {
		return "", err
	}
	return SyncAdded, t.event(a, d.Name, EventText{Action: "device-add", Detail: "by directory " + v.Directory.Name})
}

// missing marks what the directory has named and names no longer.
func (t *tx) missing(v Sync) (int64, error) {
	found, err := table(v.Found, func(f Found) []any { return []any{f.Device} })
	if err != nil {
		return 0, err
	}
	gone, err := rowsOf(t, query{
		selection: `UPDATE directory_devices SET missing_since = ? WHERE directory_id = ? AND missing_since = 0
			AND device NOT IN (SELECT value ->> 0 FROM json_each(?)) RETURNING device, entry`,
		args: []any{millis(t.now), v.Directory.ID, found},
	}, func(f *Found) []any { return []any{&f.Device, &f.Entry} })
	for _, f := range gone {
		v.Tell(f, SyncMissing)
	}
	return int64(len(gone)), err
}

// adoptLeft gives what is left of deleted devices to the devices of their
// names, as AddDevice does.
func (t *tx) adoptLeft() error {
	for _, table := range []string{"requests", "lscs"} {
		_, err := t.exec("UPDATE " + table + ` SET device_id = (SELECT id FROM devices WHERE name = ` + table + `.device)
			WHERE device_id IS NULL AND EXISTS (SELECT 1 FROM devices WHERE name = ` + table + `.device)`)
		if err != nil {
			return err
		}
	}
	return nil
}

// lowerASCII is the case under which the database compares names.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
