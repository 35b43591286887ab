package devices

import (
	"context"
	"fmt"

	"capf/store"
)

// RevealString returns the authentication string of a device, "" when it has
// none. It records that before it returns the string.
func (r *Rules) RevealString(ctx context.Context, actor store.Actor, d store.Device) (string, error) {
	secret, err := r.AuthenticationString(d)
	if err != nil {
		return "", err
	}
	err = r.Store.AddEvent(ctx, store.Event{Actor: actor, Device: d.Name,
		Action: "device-reveal-string", Outcome: "ok", Detail: "the authentication string was shown"})
	if err != nil {
		return "", fmt.Errorf("recording that the string of %q is shown: %w", d.Name, err)
	}
	return secret, nil
}
