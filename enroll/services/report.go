package services

import (
	"slices"

	"capf/internal/apperr"
	"capf/store"
)

// tell keeps how the services are, for those who ask, and says so when a part has
// another address than before.
func (r *Runner) tell() {
	reports, bound := []store.RunningService{}, []Address(nil)
	for _, s := range r.services {
		reports = append(reports, s.report())
		for _, p := range s.parts {
			if p.listener != nil {
				bound = append(bound, Address{p.Name, p.listener.Addr()})
			}
		}
	}
	same := func(a, b Address) bool { return a.String() == b.String() }
	r.mu.Lock()
	moved := !slices.EqualFunc(bound, r.bound, same)
	r.bound = bound
	r.mu.Unlock()
	if moved && r.config.Moved != nil {
		r.config.Moved()
	}
	r.mu.Lock()
	r.reports = reports // last: whoever reads the report may rely on what it says
	r.mu.Unlock()
}

// String is the address with the name of the part before it.
func (a Address) String() string { return a.Part + " " + a.Addr.String() }

// report is what is told of one service.
func (s *runningService) report() store.RunningService {
	told := store.RunningService{Name: s.Name, Active: s.seen.Active, Restarts: s.seen.Restarts, Addresses: []string{}}
	for _, p := range s.parts {
		if p.listener != nil {
			told.Addresses = append(told.Addresses, Address{p.Name, p.listener.Addr()}.String())
		}
		if p.trouble != nil && told.Trouble == "" {
			told.Trouble, told.Hint = p.trouble.Error(), apperr.Hint(p.trouble)
		}
	}
	return told
}
