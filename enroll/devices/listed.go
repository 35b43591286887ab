package devices

import (
	"cmp"
	"context"
	"strings"

	"capf/store"
)

// Listed finds the devices that an operator has listed. A text that a device has as
// its name means that device, otherwise what it spells. The names come once each, in
// the order of the list; missing are the texts of names that no device has, which are
// among the names all the same, for who selects later. For past see
// store.UnknownNames.
func Listed(ctx context.Context, r *store.Reader, texts []string, past bool) (names, missing []string, err error) {
	unknown, err := r.UnknownNames(ctx, texts, past)
	if err != nil {
		return nil, nil, err
	}
	isUnknown := map[string]bool{}
	for _, text := range unknown {
		isUnknown[text] = true
	}
	textOf, seen := map[string]string{}, map[string]bool{}
	var spelled []string
	for _, text := range texts {
		name := text
		if isUnknown[text] {
			name = Spelled(text)
			spelled = append(spelled, name)
			textOf[name] = cmp.Or(textOf[name], text) // the first, if several spell it
		}
		if key := strings.ToLower(name); !seen[key] {
			seen[key], names = true, append(names, name)
		}
	}
	if unknown, err = r.UnknownNames(ctx, spelled, past); err != nil {
		return nil, nil, err
	}
	for _, name := range unknown {
		if text, first := textOf[name]; first {
			missing = append(missing, text)
			delete(textOf, name)
		}
	}
	return names, missing, nil
}
