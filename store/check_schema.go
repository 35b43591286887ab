package store

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
)

// schema holds the statements that create each table, index and trigger, by
// kind and name.
type schema map[string]string

// SchemaFault is a part of the schema that is not as capf creates it.
type SchemaFault struct {
	Contradiction
	TableMissing bool // many queries then fail
}

// SchemaFaults yields the differences from the schema that this capf creates:
// without a trigger the record of events could be changed, and without an index
// two LSCs could be installed.
func (s *Reader) SchemaFaults(ctx context.Context) iter.Seq2[SchemaFault, error] {
	return func(yield func(SchemaFault, error) bool) {
		want, err := s.engine.NewSchema(ctx, migrationSteps)
		var have schema
		if err == nil {
			have, err = s.engine.Schema(ctx, s.lists.db)
		}
		if err != nil {
			yield(SchemaFault{}, failed(err, "comparing the schema"))
			return
		}
		for _, f := range schema(want).differences(have) {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (want schema) differences(have schema) (all []SchemaFault) {
	add := func(name, text string, missing bool) {
		all = append(all, SchemaFault{Contradiction{name, text}, missing && strings.HasPrefix(name, "table ")})
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		text, there := have[name]
		switch {
		case !there:
			add(name, "it is not there", true)
		case text != want[name]:
			add(name, "it is not as capf makes it", false)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ours := want[name]; !ours {
			add(name, "capf has not made it", false)
		}
	}
	return all
}
