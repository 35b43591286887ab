package store

import (
	"database/sql"
	"errors"
	"sync"

	"capf/store/engine"
)

// pointReaders is how many connections serve small queries. An answer takes
// microseconds, so more connections would only cost memory.
const pointReaders = 4

// pool is a set of read-only connections with their prepared statements:
// preparing one takes longer than running it.
type pool struct {
	db *sql.DB

	mu         sync.RWMutex
	statements map[string]*sql.Stmt // guarded by mu
}

// newPool makes a pool of at most that many connections, 0 for no limit.
func newPool(db engine.Database, connections int) (*pool, error) {
	readers, err := db.Readers(connections)
	if err != nil {
		return nil, err
	}
	return &pool{db: readers, statements: map[string]*sql.Stmt{}}, nil
}

func (p *pool) prepare(query string) (*sql.Stmt, error) {
	p.mu.RLock()
	st := p.statements[query]
	p.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if st := p.statements[query]; st != nil {
		return st, nil
	}
	st, err := p.db.Prepare(query)
	if err == nil {
		p.statements[query] = st
	}
	return st, err
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, st := range p.statements {
		errs = append(errs, st.Close())
	}
	clear(p.statements)
	return errors.Join(append(errs, p.db.Close())...)
}
