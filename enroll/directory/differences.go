package directory

import (
	"context"
	"fmt"

	"capf/enroll/backup"
	"capf/store"
)

// Differences returns the directories that the second database would
// query, with their addresses, and the first would not. The first may be nil.
func Differences(ctx context.Context, old, next *store.Store) (all []backup.Difference, err error) {
	was, err := places(ctx, old)
	if err != nil {
		return nil, err
	}
	is, err := next.Directories(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range is {
		place := directoryPlace(d)
		if was[d.Name] != place {
			all = append(all, backup.Difference{What: fmt.Sprintf("directory %q", d.Name), Old: was[d.Name], New: place})
		}
		delete(was, d.Name)
	}
	for name, place := range was {
		all = append(all, backup.Difference{What: fmt.Sprintf("directory %q", name), Old: place})
	}
	return all, nil
}

func places(ctx context.Context, s *store.Store) (map[string]string, error) {
	where := map[string]string{}
	if s == nil {
		return where, nil
	}
	rows, err := s.Directories(ctx)
	for _, d := range rows {
		where[d.Name] = directoryPlace(d)
	}
	return where, err
}

func directoryPlace(d store.Directory) string {
	v, err := ReadDirectory(d)
	if err != nil {
		return "unreadable"
	}
	place := v.place()
	if v.BindDN != "" {
		place += " as " + v.BindDN
	}
	return place
}
