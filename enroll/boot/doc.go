// Package boot is a phone between DHCP and its LSC: it fetches trust lists and its
// configuration, decides whom to trust, and goes to CAPF only if all of that tells it to.
// Each decision is told, so that an operator sees why a phone does not enroll. It must not
// know our database: it acts as a phone against any server. What the phone keeps goes
// through the functions of Memory.
package boot
