package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"time"

	"capf/store"
)

// reportEvery is the time between two reports of an unchanged server;
// package liveness evaluates them.
const reportEvery = 5 * time.Second

// report is what other processes learn about this server.
type report struct {
	last     store.Server      // the last report written, with the restarts carried out since
	restarts int64             // those in the last report written
	process  map[string]string // what the process read when it began
}

func newReport(version string, now time.Time, restarts int64, process map[string]string) report {
	host, _ := os.Hostname() // "" when the system has no name
	return report{last: store.Server{PID: os.Getpid(), Host: host, Version: version, Since: now, Restarts: restarts}, process: process}
}

// writeReport writes a report when something has changed or the last report is
// old.
func (r *reconciler) writeReport(ctx context.Context) error {
	now := r.report.last
	now.Addresses, now.Sessions, now.InForce = nil, 0, maps.Clone(r.report.process)
	if r.listener != nil {
		maps.Copy(now.InForce, r.listener.inForce)
		now.Addresses = r.listener.addressTexts()
		now.Sessions = r.listener.env.sessions.count()
	}
	for _, l := range r.draining {
		now.Sessions += l.env.sessions.count()
	}
	now.Services, now.Lists = r.config.Beside(), r.config.Lists()
	now.SeenAt = r.config.Now()
	same := slices.Equal(now.Addresses, r.report.last.Addresses) && maps.Equal(now.InForce, r.report.last.InForce) && now.Restarts == r.report.restarts && reflect.DeepEqual(now.Services, r.report.last.Services) &&
		reflect.DeepEqual(now.Lists, r.report.last.Lists)
	if same && now.SeenAt.Sub(r.report.last.SeenAt) < reportEvery {
		return nil
	}
	err := r.config.Store.ReportServer(ctx, now)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("reporting this server: %w", store.ErrBusy)
	}
	if err != nil {
		return err
	}
	r.report.last, r.report.restarts = now, now.Restarts
	return nil
}

// withdrawReport removes the report of a server that ends.
func (r *reconciler) withdrawReport() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := r.config.Store.RemoveServer(ctx, r.report.last.PID, r.report.last.Host); err != nil && !errors.Is(err, store.ErrReplaced) {
		r.config.Log.Warn("taking the report of this server back", "reason", err)
	}
}
