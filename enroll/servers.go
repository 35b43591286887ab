package enroll

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"capf/store"
)

// reportAge is how old the report of a living server can be: it makes one
// every five seconds.
const reportAge = 20 * time.Second

// Alive tells whether a serve that has reported itself still runs. On this host
// the process is looked for, so that one that was killed is noticed at once.
func Alive(v store.Server, now time.Time) bool {
	if now.Sub(v.SeenAt) > reportAge {
		return false
	}
	if host, err := os.Hostname(); err != nil || host != v.Host {
		return true
	}
	err := syscall.Kill(v.PID, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// alone tells a serve that has not reported itself yet whether no other works
// with the database. What bears its own number is an earlier one: in a
// container each is number 1.
func (r *Rules) alone(ctx context.Context) (bool, error) {
	servers, err := r.Store.Servers(ctx)
	if err != nil {
		return false, err
	}
	host, err := os.Hostname()
	for _, v := range servers {
		own := err == nil && v.Host == host && v.PID == os.Getpid()
		if !own && Alive(v, r.Now()) {
			return false, nil
		}
	}
	return true, nil
}
