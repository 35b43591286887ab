package store

import (
	"context"
	"fmt"
)

// SecretKind says what a sealed secret is.
type SecretKind string

// The sealed secrets of a database.
const (
	CAPFKeySecret   SecretKind = "CAPF private key"
	TVSKeySecret    SecretKind = "TVS private key"
	PreparedSecret  SecretKind = "prepared CAPF private key"
	KeyCheckSecret  SecretKind = "master key check" // a constant
	DeviceSecret    SecretKind = "device"           // its authentication string
	TemplateSecret  SecretKind = "template"         // likewise
	JobSecret       SecretKind = "job"              // likewise
	DirectorySecret SecretKind = "directory"        // its password
	ParameterSecret SecretKind = "parameter"
	// ListMemberSecret is the key of a certificate in trust lists; its name is the
	// fingerprint.
	ListMemberSecret SecretKind = "trust list member"
	ListKeySecret    SecretKind = "SAST private key" // named by the fingerprint of its certificate
)

// SealedSecret is one of them; Name is that of what has it.
type SealedSecret struct {
	Kind   SecretKind
	Name   string
	Sealed []byte
}

func (v SealedSecret) String() string {
	if v.Name == "" {
		return string(v.Kind)
	}
	return string(v.Kind) + " " + v.Name
}

// sealedColumn is a place where sealed secrets stand.
type sealedColumn struct {
	kind                     SecretKind
	table, key, name, column string
	before                   any // a key before all
}

// sealedColumns are all of them.
var sealedColumns = []sealedColumn{
	{CAPFKeySecret, "identity", "id", "''", "sealed_key", 0},
	{TVSKeySecret, "tvs_certificate", "id", "''", "sealed_key", 0},
	{PreparedSecret, "prepared_identity", "id", "''", "sealed_key", 0},
	{KeyCheckSecret, "key_check", "id", "''", "sealed", 0},
	{DeviceSecret, "devices", "id", "name", "sealed_string", 0},
	{TemplateSecret, "templates", "id", "name", "sealed_string", 0},
	{JobSecret, "jobs", "id", "id", "sealed_string", 0},
	{DirectorySecret, "directories", "id", "name", "sealed_password", 0},
	{ParameterSecret, "secrets", "name", "name", "sealed", ""},
	{ListMemberSecret, "list_members", "id", "fingerprint", "sealed_key", 0},
	{ListKeySecret, "list_keys", "id", "fingerprint", "sealed_key", 0},
}

// Resealing is what Reseal calls for each secret and each checkpoint of the record.
// An error undoes all.
type Resealing struct {
	Secret     func(SealedSecret) ([]byte, error)
	Checkpoint func(Checkpoint) ([]byte, error)
}

// Reseal exchanges all sealed secrets, and the seals of the record, in one
// transaction, and returns how many secrets there were.
func (s *Store) Reseal(ctx context.Context, a Actor, r Resealing) (n int64, err error) {
	err = s.changeOnce(ctx, func(t *tx) error {
		n = 0
		for _, c := range sealedColumns {
			some, err := resealColumn(t, c, r.Secret)
			if err != nil {
				return err
			}
			n += some
		}
		if err := resealCheckpoints(t, r.Checkpoint); err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "master-key-rotate", Detail: fmt.Sprintf("%d secrets", n)})
	})
	return n, failed(err, "resealing the secrets")
}

// resealColumn works in portions: while a statement reads, others do not write to
// what it reads.
func resealColumn(t *tx, c sealedColumn, again func(SealedSecret) ([]byte, error)) (n int64, err error) {
	query := fmt.Sprintf("SELECT %[1]s, %[2]s, %[3]s FROM %[4]s WHERE %[3]s IS NOT NULL AND %[1]s > ? ORDER BY %[1]s LIMIT %[5]d", c.key, c.name, c.column, c.table, portion)
	update := fmt.Sprintf("UPDATE %s SET %s = ? WHERE %s = ?", c.table, c.column, c.key)
	type row struct {
		key  any
		name string
		old  []byte
	}
	for last := c.before; ; {
		rows, err := several(t, query, []any{last}, func(r *row) []any { return []any{&r.key, &r.name, &r.old} })
		if err != nil {
			return n, err
		}
		for _, r := range rows {
			fresh, err := again(SealedSecret{c.kind, r.name, r.old})
			if err != nil {
				return n, err
			}
			if _, err := t.exec(update, fresh, r.key); err != nil {
				return n, err
			}
			last = r.key
			n++
		}
		if len(rows) < portion {
			return n, nil
		}
	}
}

func resealCheckpoints(t *tx, again func(Checkpoint) ([]byte, error)) error {
	rows, err := several(t, checkpointQuery, nil, (*Checkpoint).fields)
	if err != nil {
		return err
	}
	for _, c := range rows {
		seal, err := again(c)
		if err != nil {
			return err
		}
		if _, err := t.exec("UPDATE event_checkpoints SET seal = ? WHERE event_id = ?", seal, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// several reads all rows of a question inside a transaction.
func several[T any](t *tx, query string, args []any, fields func(*T) []any) ([]T, error) {
	st, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	rows, err := st.Query(args...)
	if err != nil {
		return nil, err
	}
	return scanned(rows, fields)
}
