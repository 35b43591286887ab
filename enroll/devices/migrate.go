package devices

import (
	"context"
	"errors"

	"capf/enroll/approval"
	"capf/enroll/authority"
	"capf/store"
)

// Leave schedules Delete for a device that moves to another cluster, since
// that cluster would not trust its LSC. It returns false when there is nothing
// to schedule: the device has no known LSC, or Delete is scheduled already.
// Errors: those of Change.
func Leave(ctx context.Context, r *Rules, actor store.Actor, name string) (d store.Device, scheduled bool, err error) {
	if d, err = r.Store.Device(ctx, FullName(ctx, r.Store.Reader, name)); err != nil {
		return d, false, err
	}
	has, err := PresentLSC(ctx, r.Store.Reader, d)
	if err != nil {
		return d, false, err
	}
	if has == nil || d.Operation == store.Delete && !d.Late(r.Now()) {
		return d, false, nil
	}
	remove := store.Delete
	d, _, err = r.Change(ctx, actor, d.Name, Edit{Operation: &remove})
	return d, err == nil, err
}

// PresentLSC returns the LSC that the phone has or is about to have, nil when there is
// none; the installed one, if there are both.
func PresentLSC(ctx context.Context, s *store.Reader, d store.Device) (*store.LSC, error) {
	for _, state := range []store.LSCState{store.LSCInstalled, store.LSCIssued} {
		var newest *store.LSC
		for l, err := range s.LSCs(ctx, store.LSCFilter{DeviceID: d.ID, State: state}) {
			if err != nil {
				return nil, err
			}
			newest = &l
		}
		if newest != nil {
			return newest, nil
		}
	}
	return nil, nil
}

// Arrive prepares for a device that comes from another cluster with its LSC: that
// cluster's CAPF certificate (PEM or DER, with its chain) goes into capf-trust,
// and Install/Upgrade is scheduled with authentication by existing certificate. A
// missing device is added; one that has this scheduled already, and is not late,
// stays as it is. Errors: those of approval.Desk.Upload and Change; when the certificate is
// refused, or waits for approval, nothing is scheduled.
func Arrive(ctx context.Context, r *Rules, desk approval.Desk, name string, file authority.UploadFile) (store.Device, []authority.UploadRow, error) {
	d, err := r.Store.Device(ctx, FullName(ctx, r.Store.Reader, name))
	missing := errors.Is(err, store.ErrNotFound)
	if missing {
		d, err = New(name)
	}
	if err != nil {
		return d, nil, err
	}
	file.Purposes = []store.Purpose{store.CAPFTrust}
	rows, err := desk.Upload(ctx, []authority.UploadFile{file}, authority.UploadOptions{
		Description: "CAPF of the cluster from which devices come", ForeignCAPF: true,
	})
	if err != nil {
		return store.Device{}, rows, err
	}
	install, mode := store.Install, store.ByLSCPrecedence
	edit := Edit{Operation: &install, AuthMode: &mode}
	if missing {
		d, _, err = r.Add(ctx, desk.Actor, name, edit)
		return d, rows, err
	}
	if edit, err = r.Difference(d, edit); err == nil && edit != (Edit{}) {
		d, _, err = r.Change(ctx, desk.Actor, d.Name, edit)
	}
	return d, rows, err
}
