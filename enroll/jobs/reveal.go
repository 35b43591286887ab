package jobs

import (
	"context"
	"errors"
	"fmt"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/store"
)

// RevealStrings reports the present authentication strings of the devices that
// got one from a job, after recording that it does. It returns how many these
// are, and how many of the devices no longer have one.
func RevealStrings(ctx context.Context, r *devices.Rules, actor store.Actor, j store.Job, out devices.Strings) (given, left int, err error) {
	err = r.Store.AddEvent(ctx, store.Event{Actor: actor, Action: "job-reveal-strings",
		Detail: fmt.Sprintf("the authentication strings of job %d were shown", j.ID)})
	if err != nil {
		return 0, 0, err
	}
	for v, err := range r.Store.JobDevices(ctx, j.ID) {
		if err != nil {
			return given, left, err
		}
		if v.Change != "changed" || v.Reason == bulk.StringLeft {
			continue
		}
		d, err := r.Store.Device(ctx, v.Device)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return given, left, err
		}
		if err != nil || d.SealedString == nil {
			left++
			continue
		}
		s, err := r.AuthenticationString(d)
		if err != nil {
			return given, left, err
		}
		if err := out.Add(d, s); err != nil {
			return given, left, err
		}
		given++
	}
	return given, left, out.Keep()
}
