package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"capf/enroll"
	"capf/store"
)

// SyncOptions are the choices of a sync.
type SyncOptions struct {
	DryRun  bool
	Partial bool    // leave out entries that cannot become devices
	Strings Strings // takes unique strings; may be nil
	// Progress is told how many entries have come; may be nil.
	Progress func(entries int)
}

// SyncRow is what a sync did about one device, or what is wrong with an entry.
type SyncRow struct {
	Device  string
	Entry   string // the distinguished name
	Outcome store.SyncOutcome
	Problem string // "" unless the entry cannot become a device
}

// Synced is what a sync did, or found.
type Synced struct {
	Entries int
	Counts  map[store.SyncOutcome]int
	Rows    []SyncRow // all but those that were known before
	Bad     int
}

// errDry ends a sync that was only to be looked at.
var errDry = errors.New("only a look")

// syncing is a sync under way.
type syncing struct {
	Synced
	rules     *enroll.Rules
	settings  enroll.Settings
	directory Directory
	edit      Edit
	made      stringMaker
	options   SyncOptions
	about     map[string]string // description by device name
}

// Sync reads a directory and puts it into the database: people it has not
// named before get a device with the settings of the template that its feature
// group names; devices that exist stay as they are; those it names no longer
// are marked. Everything is read and checked before anything is written, in
// one transaction. Errors: ErrRefused when entries cannot become devices, which
// the result lists, unless Partial; store.ErrNotFound; and whatever the
// directory answered.
func Sync(ctx context.Context, r *enroll.Rules, actor store.Actor, name string, o SyncOptions) (Synced, error) {
	d, err := r.Store.Directory(ctx, name)
	if err != nil {
		return Synced{}, err
	}
	s := &syncing{rules: r, options: o, made: stringMaker{r, map[string]struct{}{}}, about: map[string]string{}}
	s.Counts = map[store.SyncOutcome]int{}
	password, err := s.prepare(ctx, d)
	if err != nil {
		return s.Synced, err
	}
	found, err := s.read(ctx, password)
	if err != nil {
		return s.Synced, fmt.Errorf("syncing directory %q: %w", d.Name, err)
	}
	if s.Bad > 0 && !o.Partial && !o.DryRun {
		return s.Synced, refused("--partial leaves them out", "%s of directory %q cannot become devices, so nothing was changed", counted(s.Bad, "entry"), d.Name)
	}
	err = r.Store.ApplySync(ctx, actor, store.Sync{Directory: d, Found: found, New: s.create, Tell: s.tell, Ready: s.ready})
	switch {
	case err != nil && !errors.Is(err, errDry):
		return s.Synced, err
	case s.Bad > 0 && !o.Partial: // in a dry run, which has looked at the others all the same
		return s.Synced, refused("--partial leaves them out", "%s of directory %q cannot become devices, so nothing would be changed", counted(s.Bad, "entry"), d.Name)
	case s.Bad > 0:
		return s.Synced, &kindError{ErrPartly, fmt.Sprintf("%s of directory %q cannot become devices and are left out", counted(s.Bad, "entry"), d.Name), ""}
	}
	return s.Synced, nil
}

// prepare reads what the database says about the directory.
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
		return "", refused(fmt.Sprintf("capf ldap set %s --password-file FILE, or --password-prompt", d.Name),
			"the password of %q is missing: the directory has another address or CA than it was given for", s.directory.BindDN)
	}
	if d.SealedPassword != nil {
		secret, err := s.rules.Sealer.Open(enroll.DirectoryPasswordLabel, d.SealedPassword)
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
	s.edit, err = loadEdit(s.rules, enroll.TemplateStringLabel, t.Settings, t.SealedString)
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
			name, problem = s.check(ctx, name)
		}
		key := strings.ToLower(name)
		if first, twice := index[key]; twice && problem == "" {
			problem = fmt.Sprintf("the entry %q is for the same device", found[first].Entry)
		}
		if problem != "" {
			s.bad(SyncRow{Device: name, Entry: e.DN, Problem: problem})
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
	if s.Bad <= maxReasons {
		s.Rows = append(s.Rows, r)
	}
}

// check says what is wrong with a name, or why no device of that name could
// take the settings of the template. A device that exists need not take them.
func (s *syncing) check(ctx context.Context, name string) (plain, problem string) {
	plain, problem = s.checkNew(name)
	if problem == "" {
		return plain, ""
	}
	if d, err := s.rules.Store.Device(ctx, name); err == nil {
		return d.Name, ""
	}
	return plain, problem
}

func (s *syncing) checkNew(name string) (plain, problem string) {
	d, err := enroll.NewDevice(name)
	if err != nil {
		return name, err.Error()
	}
	edit := s.edit.DeviceEdit
	if s.edit.Unique {
		example := "0000000000"
		edit.String = &example
	}
	name = d.Name
	if err := s.rules.Edit(&d, edit, s.settings, false); err != nil {
		return name, err.Error()
	}
	return name, ""
}

// create makes the device of a new entry.
func (s *syncing) create(name, _ string) (store.Device, error) {
	d, err := enroll.NewDevice(name)
	if err != nil {
		return d, err
	}
	edit := s.edit.DeviceEdit
	if text := s.about[strings.ToLower(name)]; text != "" {
		edit.Description = &text
	}
	if s.edit.Unique {
		secret, err := s.made.next()
		if err != nil {
			return d, err
		}
		edit.String = &secret
		if s.options.Strings != nil && !s.options.DryRun {
			if err := s.options.Strings.Add(name, secret); err != nil {
				return d, err
			}
		}
	}
	return d, s.rules.Edit(&d, edit, s.settings, false)
}

func (s *syncing) tell(f store.Found, o store.SyncOutcome) {
	s.Counts[o]++
	if o != store.SyncKnown {
		s.Rows = append(s.Rows, SyncRow{Device: f.Device, Entry: f.Entry, Outcome: o})
	}
}

func (s *syncing) ready() error {
	if s.options.DryRun {
		return errDry
	}
	if s.options.Strings != nil {
		return s.options.Strings.Keep()
	}
	return nil
}

// oneLine makes a description of what a directory says: what is too long for
// one is cut, and what is no text becomes blanks.
func oneLine(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
	if r := []rune(s); len(r) > enroll.MaxText {
		return string(r[:enroll.MaxText])
	}
	return s
}
