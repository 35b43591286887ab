package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"capf/enroll/transfer"
	"capf/enroll/trustlist"
	"capf/enroll/tvs"
)

// listFolder is the trust_list_folder of the storm.
func listFolder(dir string) string { return filepath.Join(dir, "lists") }

// listName is the list for all phones.
const listName = "ITLFile.tlv"

// listTaken is counted when a phone takes a list that it did not have.
const listTaken = "list taken"

// changeLists does to trust lists what operators do, and more often.
func (s staff) changeLists(ctx context.Context, r *rand.Rand) {
	switch r.IntN(7) {
	case 0:
		s.run(ctx, "trust-list", "rotate", "--yes")
	case 4:
		s.run(ctx, "trust-list", "rotate", "--back", "--yes")
	case 1:
		s.run(ctx, "trust-list", "rotate", "--new-spare", "--yes")
	case 2:
		s.run(ctx, "trust-list", "delete", strconv.Itoa(1+r.IntN(10)), "--yes")
	case 3:
		s.run(ctx, "trust-list", "write", "--out", listFolder(s.dir))
	default:
		s.runWith(ctx, s.site.roots[r.IntN(len(s.site.roots))], "trust-list", "add", "-", "--role", "app-server")
	}
}

// follow is a phone that fetches its list again and again, and would refuse one that a
// phone must not take. It also reads the file in the folder, as a TFTP server does.
func (s *storm) follow(ctx context.Context, r *rand.Rand) error {
	f := follower{storm: s, names: map[string]*seenLists{}}
	for pause(ctx, between(r, 5*time.Millisecond, 100*time.Millisecond)) {
		from, err := transfer.ParseSource("http://" + s.provision)
		if err != nil {
			return err
		}
		if data, err := from.Fetch(ctx, listName); err == nil {
			f.take(ctx, "by HTTP", data)
		}
		if data, err := os.ReadFile(filepath.Join(listFolder(s.dir), listName)); err == nil {
			f.take(ctx, "in the folder", data)
		}
	}
	return nil
}

// follower remembers the lists that came one way.
type follower struct {
	*storm
	names map[string]*seenLists
}

type seenLists struct {
	held *trustlist.List
	data []byte
}

// take has a phone that holds the last list judge the next one.
func (f follower) take(ctx context.Context, way string, data []byte) {
	next, err := trustlist.Parse(data)
	if err != nil {
		f.complain("a list %s cannot be read: %v", way, err)
		return
	}
	seen := f.names[way]
	if seen == nil {
		seen = &seenLists{}
		f.names[way] = seen
	}
	var held []*trustlist.List
	if seen.held != nil {
		if bytes.Equal(seen.data, data) {
			return
		}
		held = append(held, seen.held)
		if !next.Time.After(seen.held.Time) {
			f.complain("a list %s of %v differs from that of %v before it", way, next.Time, seen.held.Time)
		}
	}
	switch v := trustlist.Judge(held, next); v.Outcome {
	case trustlist.Refused:
		f.complain("a list %s is refused: %s", way, v.Reason)
	case trustlist.AskTVS: // it has missed one of the steps
		if !f.vouched(ctx, v.Signer.DER) {
			return // and asks again later
		}
	}
	f.count(listTaken)
	seen.held, seen.data = next, data
}

// vouched asks TVS for the signer of a list. While serve is dead, nobody answers.
func (f follower) vouched(ctx context.Context, signer []byte) bool {
	a, err := tvs.Ask(ctx, tvs.Server{Address: f.tvs, Anyone: true}, trustlist.TVSQuestion{Device: "CP-8861-SEP000000000001", Certificate: signer})
	if err == nil && !a.Valid {
		f.count("TVS does not vouch") // the keys have changed once more
	}
	return err == nil && a.Valid
}

func (s *storm) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complaints = append(s.complaints, fmt.Sprintf(format, args...))
}

// judgeLists has the folder brought up to date: nothing is left of writers that were
// killed, and what lies there is what a command would write.
func (s *storm) judgeLists(ctx context.Context) (complaints []string, err error) {
	if out, err := s.command(ctx, "trust-list", "write", "--out", listFolder(s.dir)).CombinedOutput(); err != nil {
		return []string{fmt.Sprintf("trust-list write: %v\n%s", err, out)}, nil
	}
	entries, err := os.ReadDir(listFolder(s.dir))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && e.Name() != ".capf-trust-lists" {
			complaints = append(complaints, "left in the folder of lists: "+e.Name())
		}
		if !strings.HasSuffix(e.Name(), ".tlv") {
			continue
		}
		data, readErr := os.ReadFile(filepath.Join(listFolder(s.dir), e.Name()))
		list, parseErr := trustlist.Parse(data)
		if err := errors.Join(readErr, parseErr); err != nil {
			complaints = append(complaints, fmt.Sprintf("%s in the folder: %v", e.Name(), err))
		} else if err := list.Verify(); err != nil {
			complaints = append(complaints, fmt.Sprintf("%s in the folder: %v", e.Name(), err))
		}
	}
	return complaints, err
}

// freeAddresses are several of them.
func freeAddresses(r *rand.Rand, all ...*string) (err error) {
	for _, one := range all {
		if *one, err = freeAddress(r); err != nil {
			return err
		}
	}
	return nil
}
