package onlineca

import (
	"sync"
	"time"
)

// breaker stops attempts that keep failing. After a number of failures in a row
// it admits none for a while, and then one at a time until one succeeds.
type breaker struct {
	now       func() time.Time
	threshold int
	first     time.Duration // the first pause
	longest   time.Duration

	mu       sync.Mutex // guards the rest
	failures int
	subjects map[string]bool // of failures that may concern one request only
	last     string          // the last failure, in words
	pause    time.Duration   // the last one; zero while closed
	until    time.Time
	probing  bool
}

// verdict is how an attempt ended, as a breaker sees it.
type verdict int

const (
	unclear verdict = iota // says nothing about the CA: the caller went away
	good
	bad
)

// enter reports whether an attempt may begin, or how long to wait. The caller
// passes probe on to leave.
func (b *breaker) enter() (probe bool, wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pause == 0 {
		return false, 0, true
	}
	if wait := b.until.Sub(b.now()); wait > 0 {
		return false, wait, false
	}
	if b.probing {
		return false, time.Second, false
	}
	b.probing = true
	return true, 0, true
}

// leave notes how an attempt ended, and returns the pause that now begins.
func (b *breaker) leave(probe bool, v verdict) (pause time.Duration) {
	return b.leaveAbout(probe, v, "", "")
}

// leaveAbout is leave for an attempt about one subject, "" for none. A server that
// keeps failing on one request need not fail on others, so each subject counts
// once until something succeeds. why is the failure in words.
func (b *breaker) leaveAbout(probe bool, v verdict, subject, why string) (pause time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	switch v {
	case good:
		b.failures, b.pause, b.last = 0, 0, ""
		clear(b.subjects)
	case bad:
		if subject != "" {
			if b.subjects[subject] {
				return 0
			}
			if b.subjects == nil {
				b.subjects = map[string]bool{}
			}
			b.subjects[subject] = true
		}
		b.failures++
		b.last = why
		// Attempts that were in flight when it opened say nothing new.
		if b.failures < b.threshold || b.pause > 0 && !probe {
			return 0
		}
		b.pause = min(max(b.first, 2*b.pause), b.longest)
		b.until = b.now().Add(b.pause)
		return b.pause
	}
	return 0
}

// reason is the last failure in words.
func (b *breaker) reason() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}
