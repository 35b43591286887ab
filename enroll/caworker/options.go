package caworker

import (
	"cmp"
	"time"

	"capf/enroll/onlineca"
)

// Options configure a Worker; zero means the default.
type Options struct {
	Limits    onlineca.Limits
	Poll      time.Duration // interval of polling for work that no session has announced; 500 ms
	FirstLook time.Duration // until a CA that has a request is asked for the certificate; 5 s, then growing
	LastLook  time.Duration // the longest time between two such questions; 5 minutes
	Retry     time.Duration // until a request that did not reach the CA is sent again; 1 s, then growing
	Tries     int           // how often it is sent while it does not reach the CA; 3
	Grace     time.Duration // for attempts in flight when the service stops; 5 s

	// After is time.After, for the wait until a certificate is valid.
	After func(time.Duration) <-chan time.Time
}

func (o Options) withDefaults() Options {
	o.Poll = cmp.Or(o.Poll, 500*time.Millisecond)
	o.FirstLook = cmp.Or(o.FirstLook, 5*time.Second)
	o.LastLook = cmp.Or(o.LastLook, 5*time.Minute)
	o.Retry = cmp.Or(o.Retry, time.Second)
	o.Tries = cmp.Or(o.Tries, 3)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	if o.After == nil {
		o.After = time.After
	}
	o.Limits.Concurrent = cmp.Or(o.Limits.Concurrent, 16)
	o.Limits.Post = cmp.Or(o.Limits.Post, time.Minute)
	return o
}
