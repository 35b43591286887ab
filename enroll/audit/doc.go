// Package audit maintains the record of events: it copies each event into the log of
// serve, seals the record at intervals so that tampering is noticed, prunes it, and
// records what operators attempted but may not do. It must not know what an event is
// about; whoever changes something records the event in the same transaction.
package audit
