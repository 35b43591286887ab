// Package backup judges backups: whether capf wrote one as it is, and in what it would
// act otherwise than the database that it replaces. How a database is copied is the
// store's matter.
package backup
