package templates

import (
	"context"

	"capf/store"
)

// Delete deletes a template. ErrNotFound: there is no such template; ErrConflict:
// a feature group names it.
func Delete(ctx context.Context, s *store.Store, actor store.Actor, name string) error {
	return s.DeleteTemplate(ctx, actor, name)
}

// DeleteFeatureGroup deletes a feature group template. ErrNotFound: there is no
// such template; ErrConflict: a directory names it.
func DeleteFeatureGroup(ctx context.Context, s *store.Store, actor store.Actor, name string) error {
	return s.DeleteFeatureGroup(ctx, actor, name)
}
