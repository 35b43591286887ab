package enroll

import (
	"sync"
	"time"
)

// Anyone who reaches the port can fail at will, and the record of events only
// grows. So a burst of failures is recorded, and then one in each interval; the
// log of serve has a line about every failure. Phones that have not
// authenticated share one allowance: 86,400 a day, some 40 MB. Each
// authenticated device has its own, 144 a day, since authenticating by null
// string proves nothing.
const (
	unauthenticatedEvents = 1000
	unauthenticatedEvery  = time.Second
	deviceEvents          = 20
	deviceEvery           = 10 * time.Minute
)

// allowance admits a burst of events, and then one in each interval.
type allowance struct {
	spent   int       // how much of the burst is used up
	reduced time.Time // when spent was last reduced
	missed  int       // refused since the last one that was admitted
}

// take reports whether one more event is admitted, and how many were refused
// since the last one.
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

// remembered is how many devices have an allowance before those with a full one
// are forgotten.
const remembered = 10_000

// failureLimits bounds how many failures are recorded as events. Its zero
// value is ready.
type failureLimits struct {
	mu      sync.Mutex
	unknown allowance            // guarded by mu: shared by phones that have not authenticated
	devices map[int64]*allowance // guarded by mu: by authenticated device
	tidyAt  int                  // guarded by mu: at this many devices, forget runs
}

// unauthenticated reports whether the failure of a phone that has not authenticated
// may be recorded, and how many were left out since the last one.
func (f *failureLimits) unauthenticated(now time.Time) (may bool, missed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unknown.take(now, unauthenticatedEvents, unauthenticatedEvery)
}

// authenticated does the same for an authenticated device.
func (f *failureLimits) authenticated(deviceID int64, now time.Time) (may bool, missed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.devices == nil {
		f.devices, f.tidyAt = map[int64]*allowance{}, remembered
	}
	if len(f.devices) >= f.tidyAt {
		f.forget(now)
		f.tidyAt = max(remembered, 2*len(f.devices))
	}
	a := f.devices[deviceID]
	if a == nil {
		a = &allowance{}
		f.devices[deviceID] = a
	}
	return a.take(now, deviceEvents, deviceEvery)
}

// forget drops the devices whose allowance is full again. The mutex is held.
func (f *failureLimits) forget(now time.Time) {
	for id, a := range f.devices {
		if now.Sub(a.reduced) >= time.Duration(a.spent)*deviceEvery {
			delete(f.devices, id)
		}
	}
}
