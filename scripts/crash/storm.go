package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"capf/store"
)

// authString is the authentication string of the devices that have one.
const authString = "73519462"

// storm is a database and everything that happens to it.
type storm struct {
	options
	dir     string
	logFile string // of serve, outside of dir
	address string
	// provision and tvs are the addresses of the services beside capf.
	provision, tvs string
	devices        []*device
	site           *site
	clock          atomic.Int64 // numbers the events in their order

	mu     sync.Mutex
	counts map[string]int // guarded by mu
	enough chan struct{}  // closed when each deed has been seen often enough; mu guards the closing

	complaints []string // guarded by mu: failures without an excuse
}

// now is the next moment in the order of the storm.
func (s *storm) now() int64 { return s.clock.Add(1) }

func (s *storm) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
	if s.counts[what] == wanted(what, s.small) && len(s.scarce()) == 0 {
		close(s.enough)
	}
}

// deeds are what a storm consists of, and how often each must happen. How
// long that takes depends on the machine.
var deeds = map[string]int{
	"session ok": 100, "session without power": 20, "command ok": 20, "serve killed": 5, "backup found good": 1,
	"install confirmed": 30, "delete confirmed": 3, "troubleshoot confirmed": 5, applied: 5, listTaken: 10,
}

// filled is how often the small disk has to be filled.
const filled = 3

// wanted is how often a deed has to be seen, on a small disk or on another one.
func wanted(what string, small bool) int {
	if small && what == diskFilled {
		return filled
	}
	if small && what == goodBackup {
		return 0 // there may never be room for one
	}
	return deeds[what]
}

// scarce are the deeds that have not been seen often enough. The mutex is held.
func (s *storm) scarce() (list []string) {
	for _, what := range append(slices.Sorted(maps.Keys(deeds)), diskFilled) {
		if n := s.counts[what]; n < wanted(what, s.small) {
			list = append(list, fmt.Sprintf("%q %d times of %d", what, n, wanted(what, s.small)))
		}
	}
	return list
}

// excuses are the failures that a storm causes, and those of commands for what is not
// so, or not any more. Any other failure of a command or a start of serve is a complaint.
var excuses = regexp.MustCompile("the disk is full|no space left on device|another process keeps the database locked|was not locked|is prepared already|no CAPF certificate is prepared|has been prepared meanwhile|session [0-9]+: not found|no device has any of the [0-9]+ names|not both steps at once|there is no key to go back to|in the trust lists: not found")

// failed records the output of a command that failed.
func (s *storm) failed(args []string, said []byte) {
	s.count("command failed")
	if excuses.Match(said) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complaints = append(s.complaints, fmt.Sprintf("%s: %s", strings.Join(args, " "), bytes.TrimSpace(said)))
}

// chance returns a separate random source for each goroutine.
func (s *storm) chance(who uint64) *rand.Rand { return rand.New(rand.NewPCG(s.seed, who)) }

func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)))
}

// pause returns false when ctx ends.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// storm runs the storm in the folder, then has the phones finish what is scheduled,
// and judges.
func (o options) storm(ctx context.Context, dir string, stdout io.Writer) error {
	s := &storm{options: o, dir: dir, logFile: dir + ".log", counts: map[string]int{}, enough: make(chan struct{})}
	server, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	if err := s.rage(ctx, server); err != nil {
		return err
	}
	complaints, err := s.judge(ctx)
	if err != nil {
		return err
	}
	more, err := s.recover(ctx, server)
	if err != nil {
		return err
	}
	complaints = append(append(complaints, more...), s.complaints...)
	s.print(stdout)
	if len(complaints) > 0 {
		return errors.Join(fmt.Errorf("%d things are not as they should be:\n%s", len(complaints), strings.Join(complaints, "\n")), s.leave())
	}
	return nil
}

// prepare creates the database with its devices and has serve listen once.
func (s *storm) prepare(ctx context.Context) (*serving, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	// With trust lists, a new CAPF certificate is prepared before it is shown.
	if err := os.Mkdir(listFolder(s.dir), 0o755); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"init", "--organization", "Crash"}, {"trust-list", "init"}, {"set", "trust_list_folder", listFolder(s.dir)},
		{"service", "activate", "provision"}, {"service", "activate", "tvs"}} {
		if out, err := s.command(ctx, args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("capf %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	// All phones have one address, many mistype, and they lose power all the time.
	for _, limit := range []string{"wrong_strings_per_address", "unconfirmed_limit"} {
		if out, err := s.command(ctx, "set", limit, "0").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("capf set %s: %w\n%s", limit, err, out)
		}
	}
	db, err := store.Open(ctx, s.database(), store.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for i := range s.options.devices {
		d := newDevice(s, i)
		s.devices = append(s.devices, d)
		if _, err := db.AddDevice(ctx, operator, d.row()); err != nil {
			return nil, err
		}
	}
	for _, d := range s.devices {
		if d.secret {
			cmd := s.command(ctx, "device", "set", d.name, "--auth-mode", "auth-string", "--auth-string-file", "-")
			cmd.Stdin = strings.NewReader(authString)
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("capf device set: %w\n%s", err, out)
			}
		}
	}
	if s.site, err = newSite(); err != nil {
		return nil, err
	}
	if err = freeAddresses(s.chance(1), &s.address, &s.provision, &s.tvs); err != nil {
		return nil, err
	}
	// A serve that cannot start at all would look like one that is always down.
	server := &serving{storm: s}
	if up, err := server.start(ctx); err != nil || !up {
		return nil, errors.Join(err, fmt.Errorf("capf serve does not start; see %s", s.logFile))
	}
	server.kill()
	return server, nil
}

// rage is the storm itself. It lasts for its time and until every deed has
// happened often enough, but no longer than the maximum.
func (s *storm) rage(outer context.Context, server *serving) error {
	ctx, calm := context.WithTimeout(outer, max(s.most, s.span))
	defer calm()
	go func() {
		if !pause(ctx, s.span) {
			return
		}
		select {
		case <-ctx.Done():
		case <-s.enough:
			calm()
		}
	}()
	var all sync.WaitGroup
	var failed []error
	work := func(who uint64, f func(context.Context, *rand.Rand) error) {
		all.Go(func() {
			if err := f(ctx, s.chance(who)); err != nil {
				calm()
				s.mu.Lock()
				failed = append(failed, err)
				s.mu.Unlock()
			}
		})
	}
	work(2, server.keep)
	if s.small {
		work(3, s.fill)
	}
	for i := range uint64(operators) {
		work(10+i, staff{s}.operate)
	}
	work(20, staff{s}.schedule)
	work(21, s.follow)
	for i := range s.phones {
		work(100+uint64(i), func(ctx context.Context, r *rand.Rand) error { return s.phone(ctx, r, i) })
	}
	all.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if scarce := s.scarce(); len(scarce) > 0 && len(failed) == 0 && outer.Err() == nil {
		failed = append(failed, fmt.Errorf("the storm was too weak: in %v there was %s", max(s.most, s.span), strings.Join(scarce, ", ")))
	}
	return errors.Join(failed...)
}

// recover has each phone do what is still scheduled for it, as it would after the
// storm, in up to three attempts.
func (s *storm) recover(ctx context.Context, server *serving) (complaints []string, err error) {
	if up, err := server.start(ctx); err != nil || !up {
		return nil, errors.Join(err, fmt.Errorf("capf serve does not start after the storm; see %s", s.logFile))
	}
	for _, d := range s.devices {
		if text := d.finish(ctx); text != "" {
			complaints = append(complaints, text)
		}
	}
	if err := server.stop(); err != nil {
		return nil, err
	}
	more, err := s.judge(ctx)
	if err != nil {
		return nil, err
	}
	left, err := s.unfinished(ctx)
	return slices.Concat(complaints, more, left), err
}

// unfinished lists operations that are still scheduled although all phones
// have completed theirs.
func (s *storm) unfinished(ctx context.Context) (complaints []string, err error) {
	db, err := store.Open(ctx, s.database(), store.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for _, d := range s.devices {
		row, err := db.Device(ctx, d.name)
		if err != nil {
			return nil, err
		}
		if row.Operation != store.NoOperation {
			complaints = append(complaints, fmt.Sprintf("%s: %s is still scheduled, with the status %q, after the phone had three attempts", d.name, row.Operation, row.Status.Long()))
		}
	}
	return complaints, nil
}

// leave copies the database out of the file system that ends with this program.
func (s *storm) leave() error {
	if !s.small {
		return nil
	}
	return os.CopyFS(s.dir+"-left", os.DirFS(s.dir))
}

func (s *storm) print(out io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(s.counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", what, s.counts[what]))
	}
	where := "on disk"
	if s.small {
		where = "on a small disk"
	}
	fmt.Fprintf(out, "crash: %v %s: %s\n", s.span, where, strings.Join(parts, ", "))
}
