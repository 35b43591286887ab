// Package term is the operator's terminal and whatever stands in for it: rows as
// a table, JSON or CSV, cells that are safe to show, questions, the line editor,
// and the sign of progress. It must not know what is shown or asked.
package term
