package commands

import (
	"bufio"
	"encoding/csv"
	"errors"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/internal/csvcell"
	"capf/store"
)

// handoutFlags say where new authentication strings go.
func handoutFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "strings-file", Usage: "write unique strings to the new `FILE`, as CSV that only you can read"},
		&cli.StringFlag{Name: "sheet", Usage: "write them to the new `FILE`, an HTML page to print and cut up, that only you can read"},
	}
}

// handoutFiles are what handoutFlags name; "" for none.
type handoutFiles struct {
	csv, sheet string
	print      bool // to stdout, although there is a file
}

func handoutChoice(c *cli.Context) handoutFiles {
	f := handoutFiles{csv: c.String("strings-file"), sheet: c.String("sheet")}
	if f.csv == "-" {
		f.csv, f.print = "", true
	}
	return f
}

// flag names one of the flags that are given; "" for none.
func (f handoutFiles) flag() string {
	switch {
	case f.csv != "":
		return "--strings-file"
	case f.sheet != "":
		return "--sheet"
	}
	return ""
}

// wanted reports whether the strings are asked for.
func (f handoutFiles) wanted() bool { return f.print || f.flag() != "" }

// names names the files.
func (f handoutFiles) names() string {
	var names []string
	for _, name := range []string{f.csv, f.sheet} {
		if name != "" {
			names = append(names, strconv.Quote(name))
		}
	}
	return strings.Join(names, " and ")
}

// madeString is the authentication string that was made for a device.
type madeString struct {
	device store.Device
	secret string
}

var stringColumns = []column[madeString]{
	{"Device", "device", always, func(s madeString) any { return s.device.Name }},
	{"Authentication string", "auth_string", always, func(s madeString) any { return s.secret }},
	{"Description", "description", seldom, func(s madeString) any { return s.device.Description }},
	{"Pool", "pool", seldom, func(s madeString) any { return s.device.Pool }},
	{"Model", "model", seldom, func(s madeString) any { return s.device.Model }},
}

// uniqueStrings collects the strings of an update: in files, or in memory to be
// printed when the update has succeeded.
type uniqueStrings struct {
	env   *Env
	print bool
	made  []madeString // for the terminal and the sheet
	csv   *secretFile  // nil for none
	w     *csv.Writer
	sheet *secretFile // nil for none
	kept  int         // strings in the files
}

// prints says whether the strings go to stdout.
func (f handoutFiles) prints() bool { return f.print || f.csv == "" && f.sheet == "" }

// newStrings creates the files at the start, so that failing to do so stops the
// update before it begins.
func newStrings(env *Env, f handoutFiles) (_ *uniqueStrings, err error) {
	u := &uniqueStrings{env: env, print: f.prints()}
	if f.csv != "" {
		if u.csv, err = newSecretFile(env.door(), f.csv); err != nil {
			return nil, err
		}
		u.w = csv.NewWriter(bufio.NewWriterSize(u.csv.file, 1<<16))
		if err := u.w.Write([]string{"device", "auth_string", "description", "pool", "model"}); err != nil {
			return nil, errors.Join(err, u.discard())
		}
	}
	if f.sheet != "" {
		if u.sheet, err = newSecretFile(env.door(), f.sheet); err != nil {
			return nil, errors.Join(err, u.discard())
		}
	}
	return u, nil
}

// printed reports whether the strings are for the terminal.
func (u *uniqueStrings) printed() bool { return u != nil && u.print }

// sink is nil without strings, as an interface too.
func (u *uniqueStrings) sink() devices.Strings {
	if u == nil {
		return nil
	}
	return u
}

// Add takes one string.
func (u *uniqueStrings) Add(d store.Device, secret string) error {
	if u.print || u.sheet != nil {
		u.made = append(u.made, madeString{d, secret})
	}
	u.kept++
	if u.csv == nil {
		return nil
	}
	return u.csv.failed(u.w.Write([]string{csvcell.Guard(d.Name), secret, csvcell.Guard(d.Description), csvcell.Guard(d.Pool), csvcell.Guard(d.Model)}))
}

// Keep syncs the files to disk.
func (u *uniqueStrings) Keep() error {
	if u.csv != nil {
		u.w.Flush()
		if err := u.csv.keep(u.w.Error()); err != nil {
			return err
		}
	}
	if u.sheet != nil {
		return u.sheet.keep(writeSheet(u.env, u.sheet.file, u.made))
	}
	return nil
}

// sayWhere says where the strings are that are not on the terminal.
func (u *uniqueStrings) sayWhere(f handoutFiles) {
	if u != nil && f.flag() != "" {
		u.env.say("wrote %s to %s", counted(u.kept, "authentication string"), f.names())
	}
}

// discard removes the files of an update that did not happen.
func (u *uniqueStrings) discard() error {
	if u == nil {
		return nil
	}
	return errors.Join(u.csv.discard(), u.sheet.discard())
}

// newHandout is newStrings for an update that may make no strings, and then returns nil.
func newHandout(env *Env, o bulkUpdateOptions) (*uniqueStrings, error) {
	if !o.update.Edit.UniqueString {
		return nil, nil
	}
	return newStrings(env, o.handout)
}

// checkHandout refuses files for strings that are made later, or not at all.
func checkHandout(o *bulkUpdateOptions) error {
	flag := o.handout.flag()
	switch {
	case flag != "" && !o.update.Edit.UniqueString:
		return apperr.Usage("%s is for --unique-strings", flag)
	case flag != "" && o.at != nil:
		return apperr.WithHint(apperr.Usage("%s and --at exclude each other: the strings are made when the job runs", flag),
			"capf job show ID %s FILE, when it has run", flag)
	case o.replace && !o.update.Edit.UniqueString:
		return apperr.Usage("--replace is for --unique-strings")
	}
	return nil
}
