package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

// maxProblems is how many bad entries are listed by name.
const maxProblems = 1000

// SyncOptions are the choices of a sync.
type SyncOptions struct {
	DryRun  bool
	Partial bool            // leave out entries that cannot become devices
	Strings devices.Strings // receives unique strings; may be nil
	// MaxMissing is how many devices may be missing at once; nil means
	// DefaultBrake. Beyond syncs even when more are missing.
	MaxMissing *Brake
	Beyond     bool
	// Progress is called with the number of entries received so far; may be
	// nil.
	Progress func(entries int)
}

// SyncRow says what a sync did with one device, or what is wrong with an
// entry.
type SyncRow struct {
	Device  string
	Entry   string // the distinguished name
	Outcome store.SyncOutcome
	Problem string // "" unless the entry cannot become a device
}

// Synced says what a sync did, or found.
type Synced struct {
	Entries int
	Counts  map[store.SyncOutcome]int
	Rows    []SyncRow // all but those that were known before
	Bad     int
}

// errDry ends a dry run.
var errDry = errors.New("only a look")

// syncing is a sync under way.
type syncing struct {
	Synced
	rules     *devices.Rules
	settings  settings.Settings
	source    store.Directory
	directory Directory
	edit      devices.Edit
	made      *devices.StringMaker
	options   SyncOptions
	about     map[string]string // description by device name
	unusable  []string          // entries without a usable device name
	held      *store.SyncTally  // of a sync stopped by the brake
}

// Sync reads a directory and puts it into the database: people it has not
// named before get a device with the settings of the template that its feature
// group names; devices that exist stay as they are; those it names no longer
// are marked. Everything is read and checked before anything is written, in
// one transaction. Errors: ErrRefused when entries cannot become devices, which
// the result lists, unless Partial, and when more devices would be missing than
// may be, unless Beyond; store.ErrNotFound; and whatever the directory answered.
func Sync(ctx context.Context, r *devices.Rules, actor store.Actor, name string, o SyncOptions) (Synced, error) {
	d, err := r.Store.Directory(ctx, name)
	if err != nil {
		return Synced{}, err
	}
	s := &syncing{rules: r, source: d, options: o, made: r.NewStringMaker(), about: map[string]string{}}
	s.Counts = map[store.SyncOutcome]int{}
	password, err := s.prepare(ctx, d)
	if err != nil {
		return s.Synced, err
	}
	found, err := s.read(ctx, password)
	if err != nil {
		return s.Synced, fmt.Errorf("syncing directory %q: %w", d.Name, err)
	}
	err = r.Store.SyncDevices(ctx, actor, store.Sync{
		Directory: d, Found: found, Unusable: s.unusable, New: s.create, Report: s.report, Ready: s.ready,
	})
	if errors.Is(err, apperr.ErrRefused) && !o.DryRun {
		s.keepReasons()
	}
	switch {
	case s.held != nil && !o.DryRun:
		return s.Synced, errors.Join(err, r.Store.HoldSync(ctx, actor, d, *s.held))
	case err != nil && !errors.Is(err, errDry):
		return s.Synced, err
	case s.Bad > 0:
		return s.Synced, apperr.New(apperr.ErrPartly, "%s of directory %q cannot become devices and are skipped", plural.Of(s.Bad, "entry"), d.Name)
	}
	return s.Synced, nil
}

// prepare reads the directory's settings from the database.
func (s *syncing) prepare(ctx context.Context, d store.Directory) (password string, err error) {
	if s.settings, err = s.rules.Settings(ctx); err != nil {
		return "", err
	}
	if s.directory, err = ReadDirectory(d); err != nil {
		return "", err
	}
	if d.SealedPassword == nil && s.directory.BindDN != "" {
		// Without one, a directory takes a bind for anonymous and says yes to it
		// (RFC 4513, section 5.1.2).
		return "", apperr.WithHint(apperr.Refused("the password of %q is missing: the directory has another address or CA than it was given for", s.directory.BindDN), "capf ldap set %s --password-file FILE, or --password-prompt", d.Name)
	}
	if d.SealedPassword != nil {
		secret, err := s.rules.Sealer.Open(secrets.DirectoryPasswordLabel, d.SealedPassword)
		if err != nil {
			return "", err
		}
		password = string(secret)
	}
	if d.FeatureGroup == "" {
		return password, nil
	}
	group, err := s.rules.Store.FeatureGroup(ctx, d.FeatureGroup)
	if err != nil {
		return "", err
	}
	t, err := s.rules.Store.Template(ctx, group.Template)
	if err != nil {
		return "", err
	}
	s.edit, err = s.rules.Load(secrets.TemplateStringLabel, t.Settings, t.SealedString)
	return password, err
}

// read fetches the entries and makes devices of them.
func (s *syncing) read(ctx context.Context, password string) ([]store.Found, error) {
	list, err := s.directory.fetch(ctx, password, s.options.Progress)
	if err != nil {
		return nil, err
	}
	s.Entries = len(list)
	naming, err := parsePattern(s.directory.DeviceName)
	if err != nil {
		return nil, err
	}
	about, err := parsePattern(s.directory.About)
	if err != nil {
		return nil, err
	}
	var found []store.Found
	index := map[string]int{} // by name in lower case, into found
	for _, e := range list {
		name, problem := naming.fill(e)
		if problem == "" {
			if name, problem, err = s.deviceName(ctx, name); err != nil {
				return nil, err
			}
		}
		key := strings.ToLower(name)
		if first, twice := index[key]; twice && problem == "" {
			problem = fmt.Sprintf("the entry %q is for the same device", found[first].Entry)
		}
		if problem != "" {
			s.bad(SyncRow{Device: name, Entry: e.DN, Problem: problem})
			s.unusable = append(s.unusable, e.DN)
			continue
		}
		text, _ := about.fill(e)
		s.about[key] = oneLine(text)
		index[key] = len(found)
		found = append(found, store.Found{Device: name, Entry: e.DN})
	}
	return found, nil
}

func (s *syncing) bad(r SyncRow) {
	s.Bad++
	if s.Bad <= maxProblems {
		s.Rows = append(s.Rows, r)
	}
}

// deviceName returns the name as stored, or what is wrong with it.
func (s *syncing) deviceName(ctx context.Context, name string) (plain, problem string, err error) {
	plain, err = devices.ResolveName(ctx, s.rules.Store.Reader, name)
	if errors.Is(err, apperr.ErrValue) {
		return name, err.Error(), nil
	}
	return plain, "", err
}

// create makes the device for a new entry. The rules apply to new devices only:
// existing ones may break them.
func (s *syncing) create(name, entry string) (store.Device, error) {
	d, secret, err := s.newDevice(name)
	text, err := devices.Reason(err)
	if text != "" {
		s.bad(SyncRow{Device: name, Entry: entry, Problem: text})
		return d, store.Refusal{Reason: text}
	}
	if err == nil && s.edit.UniqueString && s.options.Strings != nil && !s.options.DryRun {
		err = s.options.Strings.Add(d, secret)
	}
	return d, err
}

// newDevice returns a device with the settings of the template, and its own
// string if the template says so.
func (s *syncing) newDevice(name string) (d store.Device, secret string, err error) {
	if d, err = devices.New(name); err != nil {
		return d, "", err
	}
	edit := s.edit
	if text := s.about[strings.ToLower(name)]; text != "" {
		edit.Description = &text
	}
	if s.edit.UniqueString {
		if secret, err = s.made.Next(); err != nil {
			return d, "", err
		}
		edit.String = &secret
	}
	return d, secret, s.rules.Edit(&d, edit, s.settings, false)
}

func (s *syncing) report(f store.Found, o store.SyncOutcome) {
	if s.Counts[o]++; o != store.SyncKnown && o != store.SyncRefused { // create has reported that
		s.Rows = append(s.Rows, SyncRow{Device: f.Device, Entry: f.Entry, Outcome: o})
	}
}

// keepReasons keeps only the reasons of a refused sync.
func (s *syncing) keepReasons() {
	s.Rows = slices.DeleteFunc(s.Rows, func(r SyncRow) bool {
		return r.Problem == "" && (s.held == nil || r.Outcome != store.SyncMissing)
	})
}

// ready decides whether the sync is committed.
func (s *syncing) ready(n store.SyncTally) error {
	if s.Bad > 0 && !s.options.Partial {
		return apperr.WithHint(apperr.Refused("%s of directory %q cannot become devices, so nothing was changed", plural.Of(s.Bad, "entry"), s.source.Name), "--partial leaves them out")
	}
	brake := DefaultBrake
	if s.options.MaxMissing != nil {
		brake = *s.options.MaxMissing
	}
	if most := brake.most(n.Named); n.Missing > most && !s.options.Beyond {
		s.held = &n
		return apperr.WithHint(apperr.Refused("%d of %s would be missing in directory %q, and more than %d need your consent, so nothing was changed",
			n.Missing, plural.Of(n.Named, "device"), s.source.Name, most), "capf ldap sync %s --dry-run shows them; --yes goes on all the same", s.source.Name)
	}
	if s.options.DryRun {
		return errDry
	}
	if s.options.Strings != nil {
		return s.options.Strings.Keep()
	}
	return nil
}

// oneLine turns a value of the directory into a description: it is cut to
// length, and control characters become blanks.
func oneLine(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
	if r := []rune(s); len(r) > devices.MaxText {
		return string(r[:devices.MaxText])
	}
	return s
}
