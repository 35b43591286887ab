package devicestest

import "capf/store"

// Strings takes strings and counts how often it was told to keep them.
type Strings struct {
	Kept  map[string]string
	Keeps int
	Err   error // of keeping them
}

// Add takes one string.
func (s *Strings) Add(d store.Device, secret string) error { s.Kept[d.Name] = secret; return nil }

// Keep counts.
func (s *Strings) Keep() error { s.Keeps++; return s.Err }
