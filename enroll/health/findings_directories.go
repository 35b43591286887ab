package health

import (
	"context"
	"fmt"
	"time"

	"capf/internal/plural"
)

// directoryFindings reports syncs that were stopped because too many devices
// would have been missing.
func (x examination) directoryFindings(ctx context.Context) (found []Finding, err error) {
	all, err := x.Directories(ctx)
	for _, d := range all {
		if h := d.Held; !h.At.IsZero() {
			found = append(found, warning(SyncHeld, fmt.Sprintf("directory %s was not synced on %s: %d of %s would be missing",
				d.Name, h.At.UTC().Format(time.DateOnly), h.Missing, plural.Of(h.Of, "device")),
				fmt.Sprintf("capf ldap sync %s --dry-run shows them; --yes goes on all the same", d.Name)).of(d.Name))
		}
	}
	return found, err
}
