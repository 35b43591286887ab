package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/phoneconfig"
	"capf/enroll/transfer"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

type trustListFetchOptions struct {
	transfer.Source
	device string
	out    string // "" keeps no files
	force  bool
}

func trustListFetchCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "fetch", Args: "HOST DEVICE", Short: "fetch what a server gives a phone, and show it",
		Role: cmdline.Operator,
		About: `HOST is the server that phones find by DHCP option 150: capf, CUCM or any other, as
HOST, http://HOST:PORT or tftp://HOST:PORT. It is asked by HTTP on port 6970 and, where
nothing answers there, by TFTP on port 69, as phones do. Asked for are the CTL and ITL of the DEVICE
and those for all, and its configuration file, encrypted, signed and plain. What is
there is shown as "trust-list show" shows it, judged by the lists that came with it;
--out keeps the files. Nothing is changed, on the server or here.

It exits with 3 if the server has none of them, and with 5 if it has one that no
phone can read.`,
		Example: "capf trust-list fetch localhost SEP001122334455 --out .",
		Output:  cmdline.List, NoStore: true, Columns: headings(fetchedColumns),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "http", Usage: "ask by HTTP only"},
			&cli.BoolFlag{Name: "tftp", Usage: "ask by TFTP only"},
			&cli.StringFlag{Name: "out", Usage: "keep the files in the folder `DIR`"},
			&cli.BoolFlag{Name: "force", Usage: "replace files of the same names in DIR"},
		},
		Run: func(c *cli.Context) error {
			o, err := trustListFetchChoice(env, c)
			if err != nil {
				return err
			}
			ctx, stop := env.untilSignal(c.Context)
			defer stop()
			return trustListFetch(ctx, env, o)
		},
	}
}

func trustListFetchChoice(env *Env, c *cli.Context) (o trustListFetchOptions, err error) {
	if o.Source, err = transfer.ParseSource(c.Args().First()); err != nil {
		return o, err
	}
	if c.Bool("http") && c.Bool("tftp") {
		return o, apperr.Usage("--http and --tftp exclude each other; without them, both are tried")
	}
	for _, p := range []transfer.Protocol{transfer.HTTP, transfer.TFTP} {
		switch {
		case !c.Bool(string(p)):
		case o.Protocol != "" && o.Protocol != p:
			return o, apperr.Usage("--%s: %s is by another protocol", p, o.Source)
		default:
			o.Protocol = p
		}
	}
	if o.device, err = devices.ParseDeviceName(c.Args().Get(1)); err != nil {
		return o, err
	}
	o.out, o.force = c.String("out"), c.Bool("force")
	if o.force && o.out == "" {
		return o, apperr.Usage("--force replaces files in the folder of --out, which is missing")
	}
	if o.out != "" {
		err = mustBeFolder(env, "out", o.out)
	}
	return o, err
}

// names are the files for which a phone asks, lists first.
func (o trustListFetchOptions) names() []string {
	config := o.device + trustlist.ConfigEnd
	return []string{trustlist.CTL.OwnName(o.device), trustlist.ITL.OwnName(o.device), trustlist.CTL.FileName(), trustlist.ITL.FileName(), config + trustlist.EncryptedEnd, config + trustlist.SignedEnd, config}
}

func trustListFetch(ctx context.Context, env *Env, o trustListFetchOptions) error {
	var all []fetchedFile
	for _, name := range o.names() {
		data, err := o.Fetch(ctx, name)
		switch {
		case errors.Is(err, transfer.ErrNotFound):
			all = append(all, fetchedFile{name: name, outcome: "not found"})
		case errors.Is(err, transfer.ErrForbidden), errors.Is(err, transfer.ErrTooLarge):
			all = append(all, fetchedFile{name: name, outcome: "not given", trouble: err})
		case err != nil && all == nil:
			return apperr.WithHint(fmt.Errorf("asking %s for files of phones: %w", o.Host, err), "DHCP option 150 names the server; its firewall has to let TCP port 6970 and UDP port 69 pass")
		case err != nil:
			return fmt.Errorf("fetching %w", err)
		default:
			all = append(all, readFetched(name, data))
		}
	}
	held := heldOf(all)
	for i := range all {
		all[i].held = held
	}
	if err := o.keep(env, all); err != nil {
		return err
	}
	return showFetched(env, o, all)
}

// fetchedFile is a file of a phone, as a server has given it.
type fetchedFile struct {
	name    string
	outcome string // found, not found, not given or unreadable
	trouble error
	data    []byte
	trust   *trustFile          // a list or a signed file; nil for another one
	config  *phoneconfig.Config // nil for a file of another kind
	held    []*trustlist.List   // those that came with it
}

func readFetched(name string, data []byte) fetchedFile {
	f := fetchedFile{name: name, outcome: "found", data: data}
	if strings.HasSuffix(name, ".xml") {
		f.config, f.trouble = phoneconfig.Parse(data)
	} else {
		trust, err := parseTrustFile(name, data)
		f.trust, f.trouble = &trust, err
		if err != nil {
			f.trust = nil
		}
	}
	if f.trouble != nil {
		f.outcome = "unreadable"
	}
	return f
}

// heldOf are the lists that a phone holds which has taken these: its own before those
// for all.
func heldOf(all []fetchedFile) (held []*trustlist.List) {
	for _, k := range []trustlist.Kind{trustlist.CTL, trustlist.ITL} {
		for _, f := range all {
			if f.trust != nil && f.trust.list != nil && strings.HasPrefix(f.name, string(k)) {
				held = append(held, f.trust.list)
				break
			}
		}
	}
	return held
}

// keep writes the files that were found.
func (o trustListFetchOptions) keep(env *Env, all []fetchedFile) error {
	if o.out == "" {
		return nil
	}
	for _, f := range all {
		if f.data == nil {
			continue
		}
		file := files.File{Door: env.door(), Name: filepath.Join(o.out, f.name), Mode: 0o644, Keep: !o.force}
		err := file.Write(func(w io.Writer) error {
			_, err := w.Write(f.data)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fetchedColumns are the properties of a file that was asked for.
var fetchedColumns = []column[fetchedFile]{
	{"File", "file", always, func(f fetchedFile) any { return f.name }},
	{"Outcome", "outcome", always, func(f fetchedFile) any { return f.outcome }},
	{"Bytes", "size_bytes", usual, func(f fetchedFile) any { return sizeOf(f) }},
	{"Kind", "kind", seldom, func(f fetchedFile) any { return kindOf(f) }},
	{"Signature", "signature", always, func(f fetchedFile) any { return signatureWords(f) }},
	{"", "signature_valid", wide, func(f fetchedFile) any { return signatureOf(f, "signature_valid") }},
	{"Signer", "signer", wide, func(f fetchedFile) any { return signerOf(f) }},
	{"Roles", "roles", seldom, func(f fetchedFile) any { return rolesOf(f) }},
	{"CAPF", "capf_servers", wide, func(f fetchedFile) any { return capfServersOf(f) }},
	{"CAPF mode", "capf_auth_mode", wide, func(f fetchedFile) any { return capfModeOf(f) }},
	{"Trouble", "trouble", wide, func(f fetchedFile) any { return troubleOf(f) }},
}

func sizeOf(f fetchedFile) any {
	if f.data == nil {
		return nil
	}
	return len(f.data)
}

func kindOf(f fetchedFile) any {
	switch {
	case f.trust != nil:
		return f.trust.kind()
	case f.config != nil:
		return "configuration"
	}
	return nil
}

// signatureWords is a sentence, which a table may cut: it is shown whole below.
func signatureWords(f fetchedFile) any {
	if words, ok := signatureOf(f, "signature").(string); ok {
		return term.Message(words)
	}
	return nil
}

// signatureOf is what is thought of the signature, in one of its forms.
func signatureOf(f fetchedFile, key string) any {
	if f.trust == nil {
		return nil
	}
	for _, one := range f.trust.signatureFields(f.held) {
		if one.key == key {
			return one.value
		}
	}
	return nil
}

func signerOf(f fetchedFile) any {
	if f.trust == nil {
		return nil
	}
	return f.trust.header().SignerName
}

// rolesOf are the roles in a list, in its order.
func rolesOf(f fetchedFile) []string {
	words := []string{}
	if f.trust == nil || f.trust.list == nil {
		return words
	}
	for _, r := range f.trust.list.Records {
		words = append(words, r.Role.String())
	}
	return words
}

func capfServersOf(f fetchedFile) []string {
	words := []string{}
	if f.config == nil {
		return words
	}
	for _, s := range f.config.CAPF {
		words = append(words, s.Address+" port "+strconv.Itoa(s.Port))
	}
	return words
}

func capfModeOf(f fetchedFile) any {
	if f.config == nil {
		return nil
	}
	return f.config.AuthMode.String()
}

func troubleOf(f fetchedFile) any {
	if f.trouble == nil {
		return nil
	}
	return f.trouble.Error()
}

// showFetched prints the files: in a table all of them, and then each that says
// something of its own.
func showFetched(env *Env, o trustListFetchOptions, all []fetchedFile) error {
	found, unreadable := 0, 0
	for _, f := range all {
		if f.data != nil {
			found++
		}
		if f.outcome == "unreadable" {
			unreadable++
		}
	}
	if found == 0 {
		return apperr.New(store.ErrNotFound, "%s has no file for %s", o.Source, o.device)
	}
	if err := showList(env, values(all), fetchedColumns, ""); err != nil {
		return err
	}
	if env.Format == term.Table {
		for _, f := range all {
			if err := f.show(env); err != nil {
				return err
			}
		}
	}
	for _, f := range all {
		if f.trouble != nil {
			env.say("%s: %s", f.name, f.trouble)
		}
	}
	if o.out != "" {
		env.say("%s kept in %s", counted(found, "file"), o.out)
	}
	if unreadable > 0 {
		return apperr.New(apperr.ErrPartly, "%s of %d no phone can read", counted(unreadable, "file"), found)
	}
	return nil
}

// show prints one file after the list of all.
func (f fetchedFile) show(env *Env) error {
	switch {
	case f.trust != nil:
		fmt.Fprintf(env.out, "\n%s\n", f.name)
		return showTrustFile(env, *f.trust, f.held)
	case f.config != nil:
		fmt.Fprintf(env.out, "\n%s\n", f.name)
		return showObject(env, []field{
			{"CAPF", "", strings.Join(capfServersOf(f), ", ")},
			{"CAPF mode", "", f.config.AuthMode.String()},
			{"Certificate hash", "", f.config.CertHash},
			{"Security mode", "", f.config.SecurityMode.String()},
		})
	}
	return nil
}
