package store

import "time"

// LockTime is how long a device stays locked, and a network declined.
const LockTime = 10 * time.Minute

// inForce reports whether a lock that was set for span is in force. One that ends
// further ahead than that was set before the clock went back, and is not.
func inForce(until, now time.Time, span time.Duration) bool {
	left := until.Sub(now)
	return 0 < left && left <= span
}

// Locked reports whether the device is locked, for any reason.
func (d *Device) Locked(now time.Time) bool { return inForce(d.LockedUntil, now, LockTime) }
