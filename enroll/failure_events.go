package enroll

import (
	"context"
	"fmt"
	"sync"
	"time"

	"capf/store"
)

// Whoever reaches the port can fail as often as he likes, and the record of
// events only grows. So many such failures at once are recorded, and then one in
// each interval; the log of serve has a line about each. Those who have not
// authenticated share one allowance: 86,400 a day, some 40 MB. Who has, which by
// null string is no proof, has one for each device: 144 a day.
const (
	strangerEvents = 1000
	strangerEvery  = time.Second
	deviceEvents   = 20
	deviceEvery    = 10 * time.Minute
)

// allowance lets so many pass at once, and then one in each interval.
type allowance struct {
	spent   int       // of those that may come at once
	reduced time.Time // when spent was last seen to
	missed  int       // since the last one that passed
}

// take says whether one more may pass, and how many did not since the last one.
func (a *allowance) take(now time.Time, atOnce int, every time.Duration) (may bool, missed int) {
	if n := now.Sub(a.reduced) / every; n > 0 {
		a.spent, a.reduced = int(max(0, time.Duration(a.spent)-n)), now
	}
	if a.spent >= atOnce {
		a.missed++
		return false, 0
	}
	a.spent++
	missed, a.missed = a.missed, 0
	return true, missed
}

// remembered is how many devices have an allowance at least before those whose
// allowance is whole again are forgotten.
const remembered = 10_000

// strangers bounds the events of failures. Its zero value is ready.
type strangers struct {
	mu      sync.Mutex
	all     allowance            // guarded by mu: of those who have not authenticated
	devices map[int64]*allowance // guarded by mu: of those who have, by the device
	tidy    int                  // guarded by mu: how many of them call for forgetting
}

// record says whether a failure of a stranger may be recorded, and how many were
// not since the last one.
func (s *strangers) record(now time.Time) (may bool, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.take(now, strangerEvents, strangerEvery)
}

// recordOf is record for a session in which the device has authenticated.
func (s *strangers) recordOf(deviceID int64, now time.Time) (may bool, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.devices == nil {
		s.devices, s.tidy = map[int64]*allowance{}, remembered
	}
	if len(s.devices) >= s.tidy {
		s.forget(now)
		s.tidy = max(remembered, 2*len(s.devices))
	}
	a := s.devices[deviceID]
	if a == nil {
		a = &allowance{}
		s.devices[deviceID] = a
	}
	return a.take(now, deviceEvents, deviceEvery)
}

// forget drops the devices whose allowance is whole again. The mutex is held.
func (s *strangers) forget(now time.Time) {
	for id, a := range s.devices {
		if now.Sub(a.reduced) >= time.Duration(a.spent)*deviceEvery {
			delete(s.devices, id)
		}
	}
}

// turnAway records why a phone that has not authenticated is turned away, and
// returns that error. The status of its device is set in any case.
func (r *Rules) turnAway(ctx context.Context, actor store.Actor, d store.Device, step string, end *SessionError) error {
	may, missed := r.strangers.record(r.Now())
	if err := r.recordFailure(ctx, actor, limited(failure(d, step, end), may, missed), end); err != nil {
		return err
	}
	return end
}

// limited leaves the event out when it may not be recorded.
func limited(f store.Failure, may bool, missed int) store.Failure {
	f.Unrecorded = !may
	if missed > 0 {
		f.Detail += fmt.Sprintf(" (%d other failures before it stand in the log of serve only)", missed)
	}
	return f
}
