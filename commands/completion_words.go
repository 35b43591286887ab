package commands

import (
	"context"
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
	"strings"

	"capf/commands/internal/cmdline"
	"capf/enroll/approval"
	"capf/enroll/settings"
	"capf/store"
)

// mostProposed is how many names or numbers are proposed: nobody reads more,
// and a database may hold a hundred thousand.
const mostProposed = 200

// databaseWords proposes words from the database. It never creates or migrates
// one, and does not propose what it cannot read.
type databaseWords struct{ env *Env }

// Words proposes words that begin like the last one. The source is the command's
// group and the argument's placeholder, such as device/NAME, or flag/ and the
// name of a flag; args are the arguments before it.
func (f databaseWords) Words(ctx context.Context, source, last string, args []string) []cmdline.Candidate {
	switch source {
	case "show/PARAMETER":
		return cmdline.Matching(parameterNames(settings.Parameters()), last)
	case "set/PARAMETER":
		return cmdline.Matching(parameterNames(f.settable()), last)
	case "set/VALUE":
		return cmdline.Matching(parameterValues(args), last)
	case "service/SERVICE":
		return cmdline.Matching([]cmdline.Candidate{{Word: "capf", About: "the listener on which phones connect"}, {Word: "enrollment", About: "the client of an online CA"}}, last)
	}
	ask := questions[source]
	if ask == nil || f.env == nil || strings.ContainsAny(last, "*?") {
		return nil
	}
	s, err := storeForCompletion(ctx, f.env)
	if err != nil {
		return nil
	}
	return ask(ctx, s, last)
}

// storeForCompletion opens the database for reading as it is.
func storeForCompletion(ctx context.Context, env *Env) (*store.Reader, error) {
	s, err := env.openWith(func(path string) (*store.Store, error) {
		return store.Open(ctx, path, store.Options{Now: env.Now, ReadOnly: true})
	})
	if err != nil {
		return nil, err
	}
	return s.Reader, nil
}

// questions are the database queries that propose words.
var questions = map[string]func(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate{
	"device/NAME": deviceNames,
	"phone/NAME":  deviceNames,
	"flag/device": deviceNames,
	"csr/ID":      requestIDs,
	"lsc/SERIAL": func(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
		return serials(ctx, s, "", last)
	},
	"stale-lsc/SERIAL": func(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
		return serials(ctx, s, store.LSCStale, last)
	},
	"cert/ID": trustIDs,
	"approval/ID": func(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
		return proposed(s.Proposals(ctx, true), last, func(p store.Proposal) cmdline.Candidate {
			return cmdline.Candidate{Word: strconv.FormatInt(p.ID, 10), About: p.ProposedBy + ": " + approval.Summary(p)}
		})
	},
}

// settable are the parameters that may be set here: in capf shell, not all.
func (f databaseWords) settable() []settings.Parameter {
	all := settings.Parameters()
	if f.env == nil || f.env.confined == nil {
		return all
	}
	return slices.DeleteFunc(all, func(p settings.Parameter) bool { return !f.env.confined.MaySet(p, keepAlive) })
}

func parameterNames(parameters []settings.Parameter) (list []cmdline.Candidate) {
	for _, p := range parameters {
		list = append(list, cmdline.Candidate{Word: p.Name, About: p.Help})
	}
	return list
}

// parameterValues are the words that a parameter accepts, or its default.
func parameterValues(args []string) []cmdline.Candidate {
	if len(args) == 0 {
		return nil
	}
	p, ok := settings.FindParameter(args[0])
	if !ok {
		return nil
	}
	if p.Values == nil && !strings.Contains(p.Default, " ") {
		return []cmdline.Candidate{{Word: p.Default, About: "the default; " + p.Range}}
	}
	return cmdline.PlainCandidates(p.Values)
}

func deviceNames(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return proposed(s.Devices(ctx, store.DeviceFilter{Name: last + "*"}), last, func(d store.Device) cmdline.Candidate {
		return cmdline.Candidate{Word: d.Name, About: d.Description}
	})
}

func requestIDs(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return proposed(s.Requests(ctx, store.RequestFilter{State: store.RequestPending}), last, func(r store.Request) cmdline.Candidate {
		return cmdline.Candidate{Word: strconv.FormatInt(r.ID, 10), About: r.Device}
	})
}

func serials(ctx context.Context, s *store.Reader, state store.LSCState, last string) []cmdline.Candidate {
	return proposed(s.LSCs(ctx, store.LSCFilter{State: state}), last, func(l store.LSC) cmdline.Candidate {
		return cmdline.Candidate{Word: l.Serial, About: l.Device + ", " + l.State.Long()}
	})
}

func trustIDs(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	rows, err := s.Trust(ctx, "")
	if err != nil {
		return nil
	}
	list := []cmdline.Candidate{{Word: capfPurpose, About: "the CAPF certificate"}}
	for _, t := range rows {
		about := string(t.Purpose) + ": " + t.Subject
		list = append(list, cmdline.Candidate{Word: strconv.FormatInt(t.ID, 10), About: about})
		if len(last) >= shortestPrint {
			list = append(list, cmdline.Candidate{Word: hex.EncodeToString(t.Fingerprint), About: about})
		}
	}
	return cmdline.Matching(list, last)
}

// proposed takes the first rows whose words begin like last.
func proposed[T any](rows iter.Seq2[T, error], last string, word func(T) cmdline.Candidate) (list []cmdline.Candidate) {
	for row, err := range rows {
		if err != nil || len(list) == mostProposed {
			break
		}
		list = append(list, cmdline.Matching([]cmdline.Candidate{word(row)}, last)...)
	}
	return list
}
