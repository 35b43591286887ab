package store

import "time"

// LockTime is for how long a device is locked, and a network declined.
const LockTime = 10 * time.Minute

// inForce says whether a lock holds that was made for so long. One whose end lies
// further ahead was made before the clock went back.
func inForce(until, now time.Time, span time.Duration) bool {
	left := until.Sub(now)
	return 0 < left && left <= span
}

// Locked says whether the device is locked, for whatever reason.
func (d *Device) Locked(now time.Time) bool { return inForce(d.LockedUntil, now, LockTime) }
