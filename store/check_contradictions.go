package store

import (
	"context"
	"iter"
)

// Contradiction is something in the database that contradicts the rest of it.
type Contradiction struct {
	Object string // what it is about, such as LSC 5f3a
	Text   string // what is wrong with it, in a few words
}

func (c *Contradiction) fields() []any { return []any{&c.Object, &c.Text} }

// Damages has the engine read the whole database and yields what is wrong with
// it: what cannot be read, and what the schema does not allow. It does not block
// writers.
func (s *Reader) Damages(ctx context.Context) iter.Seq2[Contradiction, error] {
	return func(yield func(Contradiction, error) bool) {
		for d, err := range s.engine.Damages(ctx, s.lists.db) {
			if !yield(Contradiction(d), failed(err, "checking the file")) || err != nil {
				return
			}
		}
	}
}

// Contradictions yields impossible states. capf itself never makes them, so
// somebody else did, or a fault. Each query is one statement, so that
// concurrent changes by phones do not look like contradictions.
func (s *Reader) Contradictions(ctx context.Context) iter.Seq2[Contradiction, error] {
	return func(yield func(Contradiction, error) bool) {
		for _, q := range contradictions {
			for c, err := range stream(ctx, s, "looking for contradictions", query{selection: q}, (*Contradiction).fields) {
				if !yield(c, err) || err != nil {
					return
				}
			}
		}
	}
}

// contradictions are queries that should return no rows. A row is an object
// and what is wrong with it.
var contradictions = []string{
	// A request and its LSC.
	`SELECT 'LSC ' || l.serial, 'it is ' || l.state || ', but its request ' || r.id || ' is ' || r.state
		FROM lscs AS l JOIN requests AS r ON r.id = l.request_id
		WHERE r.state <> 'issued' AND NOT (r.state = 'superseded' AND (l.state = 'stale' OR l.state = 'revoked'))`,
	`SELECT 'LSC ' || l.serial, 'it is of ' || l.device || ', but its request ' || r.id || ' is of ' || r.device
		FROM lscs AS l JOIN requests AS r ON r.id = l.request_id
		WHERE l.device_id IS NOT r.device_id OR l.device <> r.device`,

	// What belongs to a device.
	`SELECT 'LSC ' || l.serial, 'it is of ' || l.device || ', but belongs to the device ' || d.name
		FROM lscs AS l JOIN devices AS d ON d.id = l.device_id WHERE l.device <> d.name`,
	`SELECT 'request ' || r.id, 'it is of ' || r.device || ', but belongs to the device ' || d.name
		FROM requests AS r JOIN devices AS d ON d.id = r.device_id WHERE r.device <> d.name`,
	`SELECT 'request ' || id, 'it is pending, but its device ' || device || ' is not there'
		FROM requests WHERE state = 'pending' AND device_id IS NULL`,
	`SELECT 'request ' || r.id, 'it is pending, but for an operation that is not scheduled for ' || d.name || ' any more'
		FROM requests AS r JOIN devices AS d ON d.id = r.device_id WHERE r.state = 'pending' AND r.schedule <> d.schedule`,
	`SELECT 'LSC ' || serial, 'it is issued, but its device ' || device || ' is not there'
		FROM lscs WHERE state = 'issued' AND device_id IS NULL`,

	// What there may be only one of.
	`SELECT 'device ' || min(device), 'it has ' || count(*) || ' installed LSCs'
		FROM lscs WHERE state = 'installed' AND device_id IS NOT NULL GROUP BY device_id HAVING count(*) > 1`,
	`SELECT 'device ' || min(device), 'it has ' || count(*) || ' LSCs that are issued, and not yet confirmed'
		FROM lscs WHERE state = 'issued' AND device_id IS NOT NULL GROUP BY device_id HAVING count(*) > 1`,
	`SELECT 'device ' || min(device), 'it has ' || count(*) || ' pending requests'
		FROM requests WHERE state = 'pending' AND device_id IS NOT NULL GROUP BY device_id HAVING count(*) > 1`,
	`SELECT 'device ' || r.device, 'its request ' || r.id || ' is pending, though the LSC ' || l.serial || ' is still issued'
		FROM requests AS r JOIN lscs AS l ON l.device_id = r.device_id WHERE r.state = 'pending' AND l.state = 'issued'`,
	`SELECT 'request ' || id, 'it is pending for the online CA, but is not among those that are sent there'
		FROM requests WHERE state = 'pending' AND issuer = 'online-ca' AND id NOT IN (SELECT request_id FROM online_requests)`,

	// Times that belong to a state.
	`SELECT 'LSC ' || serial, 'it is ' || state || ', but the time of that does not fit'
		FROM lscs WHERE (installed_at = 0) = (state = 'installed') AND (state = 'installed' OR state = 'issued')
		OR (ended_at = 0) <> (state = 'issued' OR state = 'installed') AND state <> 'revoked'`,
	`SELECT 'LSC ' || serial, 'it is ' || state || ', but the time or the reason of a revocation does not fit'
		FROM lscs WHERE (revoked_at <> 0) <> (state = 'revoked') OR (reason <> '') <> (state = 'revoked') OR (held <> '') <> (reason = 'certificate-hold')`,
	`SELECT 'LSC ' || serial, 'it is ' || state || ', but has no request'
		FROM lscs WHERE request_id IS NULL AND state <> 'discarded' AND state <> 'revoked'`,
	`SELECT 'LSC ' || serial, 'its validity ends before it begins' FROM lscs WHERE not_after < not_before`,

	// An operation and its status.
	`SELECT 'device ' || name, 'nothing is scheduled, but the status is that an operation is pending'
		FROM devices WHERE operation = 'none' AND status = 'pending'`,
	`SELECT 'device ' || name, 'nothing is scheduled, but it has to be completed by a time'
		FROM devices WHERE operation = 'none' AND completes_by <> 0`,
	`SELECT 'device ' || name, operation || ' is scheduled, but the status is ' || status
		FROM devices WHERE operation <> 'none' AND (status = 'none' OR status = 'upgrade-success' OR status = 'delete-success' OR status = 'troubleshoot-success')`,

	// The CAPF certificate.
	`SELECT 'CAPF certificate', 'it has no key' WHERE EXISTS (SELECT 1 FROM identity_chain) AND NOT EXISTS (SELECT 1 FROM identity)`,
	`SELECT 'CAPF certificate', 'its key is there, it is not' WHERE EXISTS (SELECT 1 FROM identity)
		AND NOT EXISTS (SELECT 1 FROM identity_chain WHERE position = 0)`,
	`SELECT 'prepared CAPF certificate', 'it has no key' WHERE EXISTS (SELECT 1 FROM prepared_identity_chain) AND NOT EXISTS (SELECT 1 FROM prepared_identity)`,
	`SELECT 'prepared CAPF certificate', 'its key is there, it is not' WHERE EXISTS (SELECT 1 FROM prepared_identity)
		AND NOT EXISTS (SELECT 1 FROM prepared_identity_chain WHERE position = 0)`,
	`SELECT 'master key', 'secrets are there, but not what tells a wrong key' WHERE NOT EXISTS (SELECT 1 FROM key_check) AND (
		EXISTS (SELECT 1 FROM identity) OR EXISTS (SELECT 1 FROM secrets) OR EXISTS (SELECT 1 FROM devices WHERE sealed_string IS NOT NULL)
		OR EXISTS (SELECT 1 FROM templates WHERE sealed_string IS NOT NULL) OR EXISTS (SELECT 1 FROM jobs WHERE sealed_string IS NOT NULL)
		OR EXISTS (SELECT 1 FROM directories WHERE sealed_password IS NOT NULL) OR EXISTS (SELECT 1 FROM list_keys))`,

	// The keys of trust lists.
	`SELECT 'SAST ' || fingerprint, 'it neither signs trust lists nor is the spare' FROM list_keys
		WHERE id NOT IN (SELECT signer FROM list_signing) AND id NOT IN (SELECT spare FROM list_signing WHERE spare IS NOT NULL)`,
	`SELECT 'service ' || s.name, 'it is not there' FROM (SELECT 'capf' AS name UNION SELECT 'enrollment') AS s
		WHERE s.name NOT IN (SELECT name FROM services)`,
}

// KeptLSC is an LSC with the key of the request that it was made for.
type KeptLSC struct {
	LSC
	KeyHash []byte // SHA-256 of the SubjectPublicKeyInfo
}

// KeptLSCs yields all LSCs that have a certificate, so that they can be checked.
func (s *Reader) KeptLSCs(ctx context.Context) iter.Seq2[KeptLSC, error] {
	q := query{selection: "SELECT " + lscColumns + `, coalesce(r.key_hash, x'')
		FROM lscs AS l LEFT JOIN requests AS r ON r.id = l.request_id`, order: "l.id"}
	q.where("l.certificate <> x''")
	return stream(ctx, s, "reading LSCs", q, func(k *KeptLSC) []any { return append(k.LSC.fields(), &k.KeyHash) })
}
