package store

import "context"

// recentEvents is how far back the record is searched for its words.
const recentEvents = 20000

// Pools returns the device pools that there are, at most limit of them.
func (s *Reader) Pools(ctx context.Context, limit int) ([]string, error) {
	return s.distinct(ctx, "pool", limit)
}

// Models returns the models that there are, at most limit of them.
func (s *Reader) Models(ctx context.Context, limit int) ([]string, error) {
	return s.distinct(ctx, "model", limit)
}

// distinct looks at all devices once, which takes a tenth of a second for 100,000.
func (s *Reader) distinct(ctx context.Context, column string, limit int) ([]string, error) {
	found, err := few(ctx, s, "SELECT DISTINCT "+column+" FROM devices WHERE "+column+" <> '' ORDER BY "+column+" LIMIT ?", []any{limit}, text)
	return found, failed(err, "looking for each %s", column)
}

// RecentActions returns the actions of recent events, at most limit of them.
func (s *Reader) RecentActions(ctx context.Context, limit int) ([]string, error) {
	found, err := few(ctx, s, "SELECT DISTINCT action FROM (SELECT action FROM events ORDER BY id DESC LIMIT ?) ORDER BY action LIMIT ?",
		[]any{recentEvents, limit}, text)
	return found, failed(err, "looking for the actions of events")
}

// RecentOperators returns who is behind recent events, at most limit of them.
func (s *Reader) RecentOperators(ctx context.Context, limit int) ([]string, error) {
	found, err := few(ctx, s, `SELECT DISTINCT actor_name FROM (SELECT actor_kind, actor_name FROM events ORDER BY id DESC LIMIT ?)
		WHERE actor_kind = 'operator' ORDER BY actor_name LIMIT ?`, []any{recentEvents, limit}, text)
	return found, failed(err, "looking for the operators of events")
}

func text(s *string) []any { return []any{s} }
