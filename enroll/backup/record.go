package backup

import (
	"context"
	"fmt"

	"capf/internal/plural"
	"capf/store"
)

// Record records that the database was copied to a file: whoever has the copy has
// its contents.
func Record(ctx context.Context, s *store.Store, actor store.Actor, file string, copied store.Copied) error {
	return s.AddEvent(ctx, store.Event{Actor: actor, Action: "backup", Detail: fmt.Sprintf("%s, SHA-256 %x", file, copied.SHA256)})
}

// RecordRestore records in a restored database where it came from, how many faults
// it has, and in words whether it is unchanged since capf wrote it.
func RecordRestore(ctx context.Context, s *store.Store, actor store.Actor, file string, faults int, authentic string) error {
	return s.AddEvent(ctx, store.Event{Actor: actor, Action: "restore", Detail: fmt.Sprintf("%s, with %s, %s", file, plural.Of(faults, "fault"), authentic)})
}
