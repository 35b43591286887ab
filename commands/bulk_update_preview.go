package commands

import (
	"context"
	"errors"
	"fmt"

	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/store"
)

// bulkPreview shows what would change, and exits as the update would.
func bulkPreview(ctx context.Context, env *Env, r *devices.Rules, o bulkUpdateOptions) error {
	out, err := newHandout(env, o) // the file is created and removed again, to find out whether it can be
	if err == nil {
		err = out.discard()
	}
	if err != nil {
		return err
	}
	n, refused := rehearseJob(ctx, env, r, o.update)
	if refused != nil && n.Refused == 0 {
		return refused
	}
	rows, err := bulk.PreviewUpdate(ctx, r, o.update.Selection, o.update.Edit)
	if err != nil {
		return err
	}
	env.say("%s selected; nothing was changed", counted(n.Selected, "device"))
	left := 0
	err = showList(env, countedWhere(rows, func(p bulk.Preview) bool { return p.StringLeft }, &left), previewColumns, noneSelected)
	if left > 0 {
		env.say("%s in force would be left alone; --replace replaces them", counted(left, "string"))
	}
	if err != nil || refused != nil {
		return errors.Join(refused, err)
	}
	return wouldSkip(n)
}

// previewColumns show each setting before and after.
var previewColumns = []column[bulk.Preview]{
	{"Name", "name", always, func(p bulk.Preview) any { return p.Before.Name }},
	{"Operation", "operation_before", usual, func(p bulk.Preview) any { return p.Before.Operation }},
	{"→", "operation_after", usual, func(p bulk.Preview) any { return p.After.Operation }},
	{"Authentication", "auth_mode_before", usual, func(p bulk.Preview) any { return p.Before.AuthMode }},
	{"→", "auth_mode_after", usual, func(p bulk.Preview) any { return p.After.AuthMode }},
	{"String set", "auth_string_before", usual, func(p bulk.Preview) any { return p.Before.SealedString != nil }},
	{"→", "auth_string_after", usual, func(p bulk.Preview) any { return p.After.SealedString != nil }},
	{"Completes by", "completes_by_before", usual, func(p bulk.Preview) any { return p.Before.CompletesBy }},
	{"→", "completes_by_after", usual, func(p bulk.Preview) any { return p.After.CompletesBy }},
	{"Other changes", "other_changes", usual, func(p bulk.Preview) any { return otherChanges(p.Before, p.After) }},
	{"Refused", "refused", always, func(p bulk.Preview) any { return term.Message(p.Refused) }},
}

// otherChanges are those of attributes that have no column in a preview.
func otherChanges(before, after store.Device) []string {
	var all []string
	for _, a := range devices.Attributes() {
		switch a.Name {
		case "operation", "auth_mode", "auth_string", "completes_by":
			continue
		}
		if from, to := a.Of(before), a.Of(after); from != to {
			all = append(all, fmt.Sprintf("%s %s → %s", a.Short, term.Text(from), term.Text(to)))
		}
	}
	return all
}
