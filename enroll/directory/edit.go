package directory

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/enroll/templates"
	"capf/internal/apperr"
	"capf/store"
)

// AddDirectory adds a directory; the group may be "". A nil password is for an
// anonymous bind. When the same directory exists already, nothing changes and
// added is false. Errors: ErrValue, ErrRefused; store.ErrNotFound when there is
// no such group; store.ErrConflict when a different directory has that name.
func AddDirectory(ctx context.Context, r *devices.Rules, actor store.Actor, name, group string, password *string, v Directory) (added bool, err error) {
	if err := templates.CheckName("directory", name); err != nil {
		return false, err
	}
	if v.BindDN != "" && password == nil {
		return false, lacksPassword(v)
	}
	d := store.Directory{Name: name}
	if err := fillDirectory(r, &d, v, password); err != nil {
		return false, err
	}
	if err := nameGroup(ctx, r, &d, group); err != nil {
		return false, err
	}
	have, err := r.Store.Directory(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = r.Store.AddDirectory(ctx, actor, d)
		return err == nil, err
	case err != nil:
		return false, err
	}
	was, err := ReadDirectory(have)
	if err != nil {
		return false, err
	}
	same, err := samePassword(r, have, password)
	if err == nil && (!same || was != v || have.FeatureGroupID != d.FeatureGroupID) {
		err = templates.ExistsOtherwise("directory", "ldap set", have.Name)
	}
	return false, err
}

func samePassword(r *devices.Rules, d store.Directory, password *string) (bool, error) {
	if d.SealedPassword == nil || password == nil {
		return d.SealedPassword == nil && password == nil, nil
	}
	secret, err := r.Sealer.Open(secrets.DirectoryPasswordLabel, d.SealedPassword)
	return string(secret) == *password, err
}

func lacksPassword(v Directory) error {
	return apperr.WithHint(apperr.BadValue("the password of %q is missing", v.BindDN), "--password-file or --password-prompt")
}

// ChangeDirectory changes the settings of a directory. A nil password or group
// stays as it is. But a password belongs to the server that it was given for:
// when the server changes, the password is dropped unless it is given again,
// and nothing can be synced until it is. A new group is refused once the
// directory has been synced: its settings would not reach existing devices.
// Errors: as for AddDirectory.
func ChangeDirectory(ctx context.Context, r *devices.Rules, actor store.Actor, d store.Directory, v Directory, password, group *string) (dropped bool, err error) {
	if group != nil && !strings.EqualFold(*group, d.FeatureGroup) {
		if !d.FirstSyncAt.IsZero() {
			return false, apperr.WithHint(apperr.Refused("the directory %q has been synced on %s; a feature group template is for one that never was",
				d.Name, d.FirstSyncAt.UTC().Format(time.RFC3339)), "capf bulk update changes the devices that it has made")
		}
		if err := nameGroup(ctx, r, &d, *group); err != nil {
			return false, err
		}
	}
	was, err := ReadDirectory(d)
	if err != nil {
		return false, err
	}
	if was.BindDN == "" && v.BindDN != "" && password == nil {
		return false, lacksPassword(v)
	}
	had := d.SealedPassword != nil
	if v.BindDN == "" || !v.samePlace(was) {
		d.SealedPassword = nil
	}
	if err := fillDirectory(r, &d, v, password); err != nil {
		return false, err
	}
	dropped = had && d.SealedPassword == nil && v.BindDN != ""
	return dropped, r.Store.ChangeDirectory(ctx, actor, d)
}

// samePlace reports whether a password given for one directory would be
// sent to the same server by the other: same address, and same CA vouching
// for it.
func (d Directory) samePlace(o Directory) bool {
	return d.place() == o.place() && slices.EqualFunc(d.authorities(), o.authorities(), (*x509.Certificate).Equal)
}

// place returns scheme, host and port in a normalized spelling.
func (d Directory) place() string {
	u, err := url.Parse(d.URL)
	if err != nil {
		return d.URL
	}
	return u.Scheme + "://" + strings.ToLower(net.JoinHostPort(u.Hostname(), ldapPort(u)))
}

// authorities returns the certificates of the CA file, in their order.
func (d Directory) authorities() (all []*x509.Certificate) {
	for rest := []byte(d.CA); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
}

func fillDirectory(r *devices.Rules, d *store.Directory, v Directory, password *string) error {
	if err := v.check(); err != nil {
		return err
	}
	switch {
	case password != nil && *password == "":
		return apperr.BadValue("the password is empty")
	case password != nil && v.BindDN == "":
		return apperr.WithHint(apperr.BadValue("an anonymous bind uses no password"), "--bind-dn names who binds")
	}
	text, err := json.Marshal(v)
	if err == nil && password != nil {
		d.SealedPassword, err = r.Sealer.Seal(secrets.DirectoryPasswordLabel, []byte(*password))
	}
	if err != nil {
		return fmt.Errorf("keeping the settings of directory %q: %w", d.Name, err)
	}
	d.Settings = string(text)
	return nil
}

func nameGroup(ctx context.Context, r *devices.Rules, d *store.Directory, group string) error {
	d.FeatureGroupID = 0
	if group == "" {
		return nil
	}
	g, err := r.Store.FeatureGroup(ctx, group)
	d.FeatureGroupID = g.ID
	return err
}
