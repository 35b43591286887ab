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
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/store"
)

// Completion answers while somebody types, whatever the database holds: so many words
// are proposed, and so many rows looked at for them.
const (
	mostProposed = 200
	mostRead     = 5000
)

// question is a database query that proposes words.
type question func(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate

// questions are the queries, by the source of the words.
var questions = map[string]question{
	"device/NAME":        deviceNames,
	"device/PATTERN":     deviceNames,
	"bulk/PATTERN":       deviceNames,
	"phone/NAME":         deviceNames,
	"phone-config/NAME":  deviceNames,
	"trust-list/DEVICE":  deviceNames,
	"flag/device":        deviceNames,
	"flag/pool":          distinctWords((*store.Reader).Pools),
	"flag/with-pool":     distinctWords((*store.Reader).Pools),
	"flag/model":         distinctWords((*store.Reader).Models),
	"flag/with-model":    distinctWords((*store.Reader).Models),
	"flag/action":        distinctWords((*store.Reader).RecentActions),
	"flag/operator":      distinctWords((*store.Reader).RecentOperators),
	"csr/ID":             requestIDs,
	"lsc/SERIAL":         serials,
	"flag/serial":        serials,
	"stale-lsc/SERIAL":   staleSerials,
	"cert/ID":            trustIDs,
	"flag/issuer":        issuerIDs,
	"flag/lsc-issued-by": issuerNames,
	"trust-list/ID":      memberIDs,
	"trust-list/PATTERN": deviceNames,
	"job/ID":             jobIDs,
	"approval/ID":        proposalIDs,
	"session/ID":         sessionIDs,
	"template/NAME":      templateNames,
	"flag/template":      templateNames,
	"feature-group/NAME": featureGroupNames,
	"flag/feature-group": featureGroupNames,
	"ldap/NAME":          directoryNames,
}

// deviceNames proposes names that begin like the word, or like the name of which it spells
// the beginning: 0011.22 is that of SEP001122334455.
func deviceNames(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	pattern := devices.FullPattern(ctx, s, last+"*")
	last = strings.TrimSuffix(pattern, "*")
	return proposed(s.Devices(ctx, store.DeviceFilter{Name: pattern}), last, func(d store.Device) cmdline.Candidate {
		return cmdline.Candidate{Word: d.Name, About: d.Description}
	})
}

// distinctWords proposes the different values of a column.
func distinctWords(ask func(*store.Reader, context.Context, int) ([]string, error)) question {
	return func(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
		words, err := ask(s, ctx, mostProposed)
		if err != nil {
			return nil
		}
		return cmdline.Matching(cmdline.PlainCandidates(words), last)
	}
}

func requestIDs(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return proposed(s.Requests(ctx, store.RequestFilter{State: store.RequestPending}), last, func(r store.Request) cmdline.Candidate {
		return cmdline.Candidate{Word: strconv.FormatInt(r.ID, 10), About: r.Device}
	})
}

func serials(ctx context.Context, s *store.Reader, last string) (list []cmdline.Candidate) {
	found, err := s.SerialsBeginning(ctx, strings.ToLower(last), mostProposed)
	if err != nil {
		return nil
	}
	for _, serial := range found {
		l, err := s.LSC(ctx, serial)
		if err == nil {
			list = append(list, describedSerial(l))
		}
	}
	return list
}

func staleSerials(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return proposed(s.LSCs(ctx, store.LSCFilter{State: store.LSCStale}), last, describedSerial)
}

func describedSerial(l store.LSC) cmdline.Candidate {
	return cmdline.Candidate{Word: l.Serial, About: l.Device + ", " + l.State.Long()}
}

func memberIDs(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	rows, err := s.ListMembers(ctx)
	if err != nil {
		return nil
	}
	return proposed(values(rows), last, func(m store.ListMember) cmdline.Candidate {
		return cmdline.Candidate{Word: strconv.FormatInt(m.ID, 10), About: string(m.Role) + ": " + m.Subject}
	})
}

func trustIDs(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	rows, err := s.Trust(ctx, "")
	if err != nil {
		return nil
	}
	list := []cmdline.Candidate{{Word: capfPurpose, About: "the CAPF certificate"}}
	if p, _, err := authority.PreparedNow(ctx, s); err == nil && p != nil {
		list = append(list, cmdline.Candidate{Word: preparedPurpose, About: "the CAPF certificate that is prepared"})
	}
	if _, err := s.TVSCertificate(ctx); err == nil {
		list = append(list, cmdline.Candidate{Word: tvsCertificate, About: "the certificate of TVS"})
	}
	if l, err := s.ListSigning(ctx); err == nil {
		list = append(list, cmdline.Candidate{Word: sastCertificate, About: "of the key that signs trust lists"})
		if l.HasSpare() {
			list = append(list, cmdline.Candidate{Word: sastSpareCertificate, About: "of the spare, which can sign later lists"})
		}
	}
	for _, t := range rows {
		about := string(t.Purpose) + ": " + t.Subject
		list = append(list, cmdline.Candidate{Word: strconv.FormatInt(t.ID, 10), About: about})
		if len(last) >= shortestPrint {
			list = append(list, cmdline.Candidate{Word: hex.EncodeToString(t.Fingerprint), About: about})
		}
	}
	return cmdline.Matching(list, last)
}

// issuerIDs are those of trustIDs that may have signed an LSC.
func issuerIDs(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	never := []string{preparedPurpose, tvsCertificate, sastCertificate, sastSpareCertificate}
	return slices.DeleteFunc(trustIDs(ctx, s, last), func(c cmdline.Candidate) bool { return slices.Contains(never, c.Word) })
}

// issuerNames are the common names of those who have signed LSCs.
func issuerNames(ctx context.Context, s *store.Reader, last string) (list []cmdline.Candidate) {
	issuers, err := s.LSCIssuers(ctx)
	if err != nil {
		return nil
	}
	for _, i := range issuers {
		if name := commonName(i.Issuer); name != "" {
			list = append(list, cmdline.Candidate{Word: name, About: counted(i.Possible, "LSC")})
		}
	}
	return cmdline.Matching(list, last)
}

func jobIDs(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return proposed(s.Jobs(ctx, store.JobFilter{}), last, func(j store.Job) cmdline.Candidate {
		return cmdline.Candidate{Word: strconv.FormatInt(j.ID, 10), About: string(j.State) + ", of " + j.Actor.Name}
	})
}

func sessionIDs(ctx context.Context, s *store.Reader, last string) (list []cmdline.Candidate) {
	open, err := s.OpenSessions(ctx, store.SessionFilter{})
	if err != nil {
		return nil
	}
	for _, v := range open[:min(len(open), mostRead)] {
		list = append(list, cmdline.Candidate{Word: strconv.FormatInt(v.ID, 10), About: v.Device + ", " + v.State.Long()})
	}
	list = cmdline.Matching(list, last)
	return list[:min(len(list), mostProposed)]
}

func proposalIDs(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return proposed(s.Proposals(ctx, true), last, func(p store.Proposal) cmdline.Candidate {
		return cmdline.Candidate{Word: strconv.FormatInt(p.ID, 10), About: p.ProposedBy + ": " + approval.Summary(p)}
	})
}

func templateNames(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return allNamed(ctx, last, s.Templates, func(t store.Template) cmdline.Candidate { return cmdline.Candidate{Word: t.Name, About: t.Description} })
}

func featureGroupNames(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return allNamed(ctx, last, s.FeatureGroups, func(g store.FeatureGroup) cmdline.Candidate {
		return cmdline.Candidate{Word: g.Name, About: g.Description}
	})
}

func directoryNames(ctx context.Context, s *store.Reader, last string) []cmdline.Candidate {
	return allNamed(ctx, last, s.Directories, func(d store.Directory) cmdline.Candidate {
		return cmdline.Candidate{Word: d.Name, About: d.FeatureGroup}
	})
}

// allNamed takes all rows, which are few.
func allNamed[T any](ctx context.Context, last string, ask func(context.Context) ([]T, error), word func(T) cmdline.Candidate) (list []cmdline.Candidate) {
	rows, err := ask(ctx)
	if err != nil {
		return nil
	}
	for _, row := range rows {
		list = append(list, word(row))
	}
	return cmdline.Matching(list, last)
}

// proposed takes the first rows whose words begin like last.
func proposed[T any](rows iter.Seq2[T, error], last string, word func(T) cmdline.Candidate) (list []cmdline.Candidate) {
	read := 0
	for row, err := range rows {
		if read++; err != nil || len(list) == mostProposed || read > mostRead {
			break
		}
		list = append(list, cmdline.Matching([]cmdline.Candidate{word(row)}, last)...)
	}
	return list
}
