package templates

import (
	"context"
	"errors"

	"capf/enroll/devices"
	"capf/store"
)

// UpsertFeatureGroup adds a feature group template, or changes the template
// that an existing one names; a nil description stays as it is. Errors:
// ErrValue; store.ErrNotFound when there is no such template.
func UpsertFeatureGroup(ctx context.Context, r *devices.Rules, actor store.Actor, name, template string, description *string) error {
	if err := CheckName("feature group template", name); err != nil {
		return err
	}
	g, err := r.Store.FeatureGroup(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		g.Name = name
	case err != nil:
		return err
	}
	g.Template = template
	if description != nil {
		g.Description = *description
	}
	if err := devices.CheckText("description", g.Description); err != nil {
		return err
	}
	return r.Store.UpsertFeatureGroup(ctx, actor, g)
}
