package devices

import (
	"context"
	"errors"
	"time"

	"capf/enroll/approval"
	"capf/enroll/authority"
	"capf/enroll/settings"
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
	edit, needed := LeaveEdit(d, has != nil, r.Now())
	if !needed {
		return d, false, nil
	}
	d, _, err = r.Change(ctx, actor, d.Name, edit)
	return d, err == nil, err
}

// LeaveEdit is what has to be changed about a device that moves to another cluster;
// false when there is nothing to schedule.
func LeaveEdit(d store.Device, hasLSC bool, now time.Time) (Edit, bool) {
	if !hasLSC || d.Operation == store.Delete && !d.Late(now) {
		return Edit{}, false
	}
	remove := store.Delete
	return Edit{Operation: &remove}, true
}

// WithIssuedLSC returns the ids of the devices whose LSC their phone has not confirmed.
func WithIssuedLSC(ctx context.Context, s *store.Reader) (map[int64]bool, error) {
	have := map[int64]bool{}
	for l, err := range s.LSCs(ctx, store.LSCFilter{State: store.LSCIssued}) {
		if err != nil {
			return nil, err
		}
		have[l.DeviceID] = true
	}
	return have, nil
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
// stays as it is. Errors: those of approval.TrustStores.Upload and Change; when the certificate is
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
	rows, err := trustCluster(ctx, desk, file)
	if err != nil {
		return store.Device{}, rows, err
	}
	edit := arriveEdit()
	if missing {
		d, _, err = r.Add(ctx, desk.Actor, name, edit)
		return d, rows, err
	}
	if edit, err = r.Difference(d, edit); err == nil && edit != (Edit{}) {
		d, _, err = r.Change(ctx, desk.Actor, d.Name, edit)
	}
	return d, rows, err
}

// trustCluster puts what signed the LSCs of another cluster into capf-trust.
func trustCluster(ctx context.Context, desk approval.Desk, file authority.UploadFile) ([]authority.UploadRow, error) {
	file.Purposes = []store.Purpose{store.CAPFTrust}
	return desk.TrustStores().Upload(ctx, []authority.UploadFile{file}, authority.UploadOptions{
		Description: "CAPF of the cluster from which devices come", ForeignCAPF: true,
	})
}

func arriveEdit() Edit {
	install, mode := store.Install, store.ByLSCPrecedence
	return Edit{Operation: &install, AuthMode: &mode}
}

// ArriveAll is Arrive for many devices, of which all are changed in one transaction, or
// none. Errors: ErrRefused names the first device that a rule forbids to change.
func ArriveAll(ctx context.Context, r *Rules, desk approval.Desk, names []string, file authority.UploadFile) (store.UpsertTally, []authority.UploadRow, error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return store.UpsertTally{}, nil, err
	}
	for _, name := range names { // before anything is trusted
		if _, err := r.Store.Device(ctx, name); errors.Is(err, store.ErrNotFound) {
			if _, err := New(name); err != nil {
				return store.UpsertTally{}, nil, err
			}
		}
	}
	rows, err := trustCluster(ctx, desk, file)
	if err != nil {
		return store.UpsertTally{}, rows, err
	}
	next := 0
	n, err := r.Store.UpsertDevices(ctx, desk.Actor, store.Upsert{
		Action: "bulk-migrate", Detail: "from another cluster",
		Next: func() (string, bool) {
			if next == len(names) {
				return "", false
			}
			next++
			return names[next-1], true
		},
		Want:  func(have *store.Selected) (store.Device, error) { return r.arriving(have, names[next-1], settings) },
		Ready: func(store.UpsertTally) error { return nil },
	})
	return n, rows, err
}

// arriving is a device as it should be when it arrives.
func (r *Rules) arriving(have *store.Selected, name string, s settings.Settings) (store.Device, error) {
	if have == nil {
		d, err := New(name)
		if err == nil {
			err = r.Edit(&d, arriveEdit(), s, false)
		}
		return d, err
	}
	d := have.Device
	edit, err := r.Difference(d, arriveEdit())
	if err == nil && edit != (Edit{}) {
		err = r.Edit(&d, edit, s, have.Installed.Serial != "")
	}
	return d, err
}
