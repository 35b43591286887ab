package health

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"capf/enroll/authority"
	"capf/store"
)

// TrustFindings looks for certificates in the trust stores that should not be
// there, that have ended or that will end soon.
func TrustFindings(ctx context.Context, s *store.Reader, now time.Time) ([]Finding, error) {
	return examination{s, now}.trustFindings(ctx)
}

func (x examination) trustFindings(ctx context.Context) ([]Finding, error) {
	roots, err := authority.MICRoots(ctx, x.Reader, store.CallManagerTrust)
	if err != nil {
		return nil, err
	}
	var found []Finding
	switch len(roots) {
	case 0:
	case 1:
		found = append(found, warning(MICRoots, fmt.Sprintf("the MIC root %s is in callmanager-trust", authority.NameOfRow(roots[0])), removeMICRoots))
	default:
		var names []string
		for _, root := range roots {
			names = append(names, authority.NameOfRow(root))
		}
		found = append(found, warning(MICRoots, "MIC roots are in callmanager-trust: "+strings.Join(names, ", "), removeMICRoots))
	}
	rows, err := x.Trust(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Undecided {
			found = append(found, undecided(row))
		}
	}
	ends, err := x.trustEnds(ctx)
	return append(found, ends...), err
}

const removeMICRoots = "capf cert delete --mic-roots --purpose callmanager-trust"

// undecided reports a certificate whose uses the update could only guess.
func undecided(row store.TrustCertificate) Finding {
	f := warning(TrustUndecided, fmt.Sprintf("%s (certificate %d of %s) vouches for %s since the update, as phones have shown such certificates: is it meant to?",
		authority.NameOfRow(row), row.ID, row.Purpose, strings.Join(row.For.Names(), ", ")), fmt.Sprintf("capf cert set %d --for %s, without what it is not meant for", row.ID, row.For)).of(strconv.FormatInt(row.ID, 10))
	if row.For == 0 {
		f.Text = fmt.Sprintf("certificate %d of %s cannot be read, so it vouches for nothing", row.ID, row.Purpose)
		f.Hint = fmt.Sprintf("capf cert delete %d", row.ID)
	}
	return f
}
