package directory

import (
	"context"

	"capf/store"
)

// Delete deletes a directory; its devices stay. ErrNotFound: there is no such
// directory.
func Delete(ctx context.Context, s *store.Store, actor store.Actor, name string) error {
	return s.DeleteDirectory(ctx, actor, name)
}
