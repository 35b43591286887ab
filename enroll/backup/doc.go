// Package backup evaluates backups: whether one is unchanged since capf wrote it, and
// how it would behave differently from the database that it replaces. How a database
// is copied is for the store.
package backup
