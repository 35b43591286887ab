package provision

import (
	"context"
	"sync"

	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/store"
)

// site has what all requests have in common. It is read when something has changed that
// does not belong to a device: most of what a phone asks for costs less than reading it.
type site struct {
	store *store.Reader

	mu      sync.Mutex // guards the rest
	seen    int64      // the newest event that was looked at
	inForce *inForce   // nil until it is read
}

// inForce is what operators have set, at some moment. Nobody changes it.
type inForce struct {
	settings.Settings
	lists    lists.Variant // of the lists for all
	services []store.Service
}

// now is what is in force, with each change that was made before the call.
func (s *site) now(ctx context.Context) (*inForce, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes, err := s.store.Changes(ctx, s.seen)
	if err != nil {
		return nil, err
	}
	if s.inForce == nil || changes.Anything || changes.Settings {
		fresh, err := read(ctx, s.store)
		if err != nil {
			return nil, err
		}
		s.inForce = fresh
	}
	s.seen = changes.Until
	return s.inForce, nil
}

func read(ctx context.Context, s *store.Reader) (*inForce, error) {
	set, err := settings.Read(ctx, s)
	if err != nil {
		return nil, err
	}
	shared, err := lists.Shared(set)
	if err != nil {
		return nil, err
	}
	services, err := s.Services(ctx)
	return &inForce{set, shared, services}, err
}
