package devicestest

// Strings takes strings and counts how often it was told to keep them.
type Strings struct {
	Kept  map[string]string
	Keeps int
	Err   error // of keeping them
}

// Add takes one string.
func (s *Strings) Add(device, secret string) error { s.Kept[device] = secret; return nil }

// Keep counts.
func (s *Strings) Keep() error { s.Keeps++; return s.Err }
