// Package bulk is for devices in number: selections, what is changed about all
// that one selects, and CSV files. It knows nothing of when a change runs, which
// is for package jobs, of command lines and of the wire.
package bulk
