package health

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"capf/enroll/expiry"
	"capf/enroll/settings"
	"capf/internal/plural"
	"capf/store"
)

// poolsNamed is how many device pools a finding names.
const poolsNamed = 5

// lscEnds reports the LSCs in phones that have ended or will end soon. Those whose
// devices are to get a new one in time need nobody.
func (x examination) lscEnds(ctx context.Context) ([]Finding, error) {
	inForce, err := settings.Read(ctx, x.Reader)
	if err != nil {
		return nil, err
	}
	ended, err := x.EndsByPool(ctx, time.Unix(0, 0), x.now)
	if err != nil {
		return nil, err
	}
	soon, err := x.EndsByPool(ctx, x.now, x.now.Add(inForce.ExpiryWarning))
	if err != nil {
		return nil, err
	}
	var found []Finding
	if all := total(ended); all.LSCs > 0 {
		found = append(found, warning(LSCsEnded, fmt.Sprintf("%s in phones expired (%s)%s", plural.Of(all.LSCs, "LSC"), byPool(ended), others(all.Scheduled)),
			"capf expiry check --lscs --within 0d; capf bulk update --lsc expired --operation install"))
	}
	if all := total(soon); all.LSCs > 0 {
		days := int(inForce.ExpiryWarning.Hours() / 24)
		f := warning(LSCsEnd, fmt.Sprintf("%s in phones will expire within %s, the first on %s (%s)%s", plural.Of(all.LSCs, "LSC"), plural.Of(days, "day"), day(all.First), byPool(soon), others(all.Scheduled)),
			fmt.Sprintf("capf expiry check --lscs; capf bulk update --lsc-expires-before +%dd --operation install", days))
		f.Ends = all.First
		found = append(found, f)
	}
	return found, nil
}

// total is the sum of the counts, with the first of the ends.
func total(pools []store.PoolEnds) (all store.PoolEnds) {
	for _, p := range pools {
		all.LSCs += p.LSCs
		all.Scheduled += p.Scheduled
		if all.First.IsZero() || !p.First.IsZero() && p.First.Before(all.First) {
			all.First = p.First
		}
	}
	return all
}

// byPool is the count of each pool, of those with the most.
func byPool(pools []store.PoolEnds) string {
	var counts []string
	var more int64
	for _, p := range pools {
		switch {
		case p.LSCs == 0:
		case len(counts) == poolsNamed:
			more += p.LSCs
		case p.Pool == "":
			counts = append(counts, fmt.Sprintf("%d without a pool", p.LSCs))
		default:
			counts = append(counts, fmt.Sprintf("%d in %s", p.LSCs, p.Pool))
		}
	}
	if more > 0 {
		counts = append(counts, fmt.Sprintf("%d in other pools", more))
	}
	return strings.Join(counts, ", ")
}

func others(scheduled int64) string {
	if scheduled == 0 {
		return ""
	}
	return fmt.Sprintf("; for %d more a new one is scheduled", scheduled)
}

// ownEnds reports certificates above the CAPF certificate that have ended or will end
// soon, since nobody can verify an LSC any more then, the one with which an online CA knows
// us, and the one of TVS.
func (x examination) ownEnds(ctx context.Context) ([]Finding, error) {
	own, err := expiry.Own(ctx, x.Reader)
	if err != nil {
		return nil, err
	}
	of := map[expiry.Kind][]expiry.Ending{}
	for _, e := range own {
		of[e.Kind] = append(of[e.Kind], e)
	}
	const ask = "have the CA send its new certificate, and the CAPF certificate signed again: capf cert csr capf"
	above, err := x.ends(ctx, of[expiry.Chain], "above the CAPF certificate", ChainEnded, ChainEnds, ask)
	if err != nil {
		return nil, err
	}
	client, err := x.ends(ctx, of[expiry.Client], "for the online CA", ClientEnded, ClientEnds, "get a new one from the CA; "+settings.SecretHint(settings.OnlineCertificate))
	if err != nil {
		return nil, err
	}
	tvs, err := x.ends(ctx, of[expiry.TVS], "of TVS", TVSEnded, TVSEnds, "capf cert regenerate tvs")
	return slices.Concat(above, client, tvs), err
}

// trustEnds reports certificates in the trust stores that have ended or will end
// soon.
func (x examination) trustEnds(ctx context.Context) ([]Finding, error) {
	all, err := expiry.Trusted(ctx, x.Reader)
	if err != nil {
		return nil, err
	}
	return x.ends(ctx, all, "in the trust stores", TrustEnded, TrustEnds, "capf expiry check --trust")
}

func (x examination) ends(ctx context.Context, all []expiry.Ending, where string, ended, ends Kind, hint string) (found []Finding, err error) {
	inForce, err := settings.Read(ctx, x.Reader)
	if err != nil {
		return nil, err
	}
	var over, soon []expiry.Ending
	for _, e := range all {
		switch {
		case e.NotAfter.Before(x.now):
			over = append(over, e)
		case e.NotAfter.Before(x.now.Add(inForce.ExpiryWarning)):
			soon = append(soon, e)
		}
	}
	if len(over) > 0 {
		found = append(found, warning(ended, fmt.Sprintf("%s %s expired", plural.Of(len(over), "certificate"), where), hint))
	}
	if len(soon) == 0 {
		return found, nil
	}
	first := soon[0]
	for _, e := range soon {
		if e.NotAfter.Before(first.NotAfter) {
			first = e
		}
	}
	f := warning(ends, fmt.Sprintf("%s %s will expire within %s, the first, %s, on %s", plural.Of(len(soon), "certificate"), where,
		plural.Of(int(inForce.ExpiryWarning.Hours()/24), "day"), first.Name, day(first.NotAfter)), hint)
	f.Ends = first.NotAfter
	return append(found, f), nil
}

// day is the day of a time, where the operators are.
func day(t time.Time) string { return t.Local().Format(time.DateOnly) }
