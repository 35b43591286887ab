// Package bulk handles many devices at once: selections, changes to all devices
// of a selection, and CSV files. It does not know when a change runs, which is
// for package jobs, and knows nothing of command lines or the wire.
package bulk
