package enroll

import (
	"context"
	"fmt"
	"sync"
	"time"

	"capf/store"
)

// Whoever reaches the port can fail to authenticate as often as he likes, and
// the record of events only grows. So many such failures at once are recorded,
// and then one in each interval: 86,400 a day, some 40 MB. The log of serve has
// a line about each of them.
const (
	strangerEvents = 1000
	strangerEvery  = time.Second
)

// strangers bounds the events of those who have not authenticated. Its zero
// value is ready.
type strangers struct {
	mu      sync.Mutex
	spent   int       // guarded by mu: of those that may come at once
	reduced time.Time // guarded by mu: when spent was last seen to
	missed  int       // guarded by mu: failures since the last one that was recorded
}

// record says whether one more failure may be recorded, and how many were not
// since the last one.
func (s *strangers) record(now time.Time) (may bool, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := now.Sub(s.reduced) / strangerEvery; n > 0 {
		s.spent, s.reduced = int(max(0, time.Duration(s.spent)-n)), now
	}
	if s.spent >= strangerEvents {
		s.missed++
		return false, 0
	}
	s.spent++
	missed, s.missed = s.missed, 0
	return true, missed
}

// turnAway ends the session of a phone that has not authenticated. The status
// of its device is set in any case.
func (r *Rules) turnAway(ctx context.Context, actor store.Actor, d store.Device, step string, end *Ending) error {
	f := failure(d, step, end)
	may, missed := r.strangers.record(r.Now())
	f.Unrecorded = !may
	if missed > 0 {
		f.Detail += fmt.Sprintf(" (%d other failures before it stand in the log of serve only)", missed)
	}
	return r.note(ctx, actor, f, end)
}
