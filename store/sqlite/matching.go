package sqlite

import (
	"database/sql/driver"
	"fmt"
	"sync"

	"modernc.org/sqlite"

	"capf/internal/wildcard"
)

// teachMatching makes matches(pattern, text) a function of SQL, for all
// connections that are opened from then on. LIKE knows the case of ASCII only.
var teachMatching = sync.OnceValue(func() error {
	return sqlite.RegisterDeterministicScalarFunction("matches", 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		if args[1] == nil {
			return nil, nil // of what is not there
		}
		pattern, ok := args[0].(string)
		text, okay := args[1].(string)
		if !ok || !okay {
			return nil, fmt.Errorf("matches(%T, %T)", args[0], args[1])
		}
		return wildcard.Match(pattern, text), nil
	})
})
