// Package audit keeps the record of events: it carries each event into the log of
// serve, seals the record now and then so that a change of it is noticed, prunes it,
// and records what operators tried in vain. It must not know what an event is about;
// who changes something records that in the same transaction.
package audit
