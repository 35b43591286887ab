package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"capf/enroll/transfer"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
)

// fetchLists fetches a CTL, and an ITL: its own, or else that of all phones. What is not
// there is no error; what the phone does not take leaves it with the list that it has.
func (h *handset) fetchLists(ctx context.Context) error {
	h.tvs = voucher{h.belongings, h.Model + "-" + h.Device, h.Phone.Timeout, h.TVSServers, h.Source.Host}
	if _, err := h.fetchList(ctx, CTL, trustlist.CTL.OwnName(h.Device)); err != nil {
		return err
	}
	if err := h.fetchITL(ctx); err != nil {
		return err
	}
	if len(h.lists()) == 0 {
		h.tell(ITL, Bad, "the phone has no list, so it trusts no CAPF server")
	}
	return nil
}

// fetchITL fetches the ITL of the phone, or else that of all phones.
func (h *handset) fetchITL(ctx context.Context) error {
	if !trustlist.TakesITL(h.Model) {
		h.tell(ITL, Note, "a %s takes no ITL; it needs a CTL", h.Model)
		return nil
	}
	found, err := h.fetchList(ctx, ITL, trustlist.ITL.OwnName(h.Device))
	if err == nil && !found {
		_, err = h.fetchList(ctx, ITL, trustlist.ITL.FileName())
	}
	return err
}

// fetch fetches a file, and tells with the first one where the phone asks.
func (h *handset) fetch(ctx context.Context, step Step, name string) ([]byte, error) {
	file, err := h.Source.Fetch(ctx, name)
	if !h.asked && h.Source.Protocol != "" {
		h.tell(step, Note, "the phone asks %s", h.Source)
		h.asked = true
	}
	return file, err
}

// unreachable is the error for a server that gives no answer.
func (h *handset) unreachable(step Step, err error) error {
	h.tell(step, Bad, "%v", err)
	hint := ""
	if h.Source.Protocol == "" {
		hint = "phones ask DHCP option 150 by HTTP on port 6970, and then by TFTP on port 69"
	}
	return apperr.WithHint(fmt.Errorf("it gets no files: %w", err), "%s", hint)
}

// fetchList asks for one list; found says whether the server has it.
func (h *handset) fetchList(ctx context.Context, step Step, name string) (found bool, err error) {
	file, err := h.fetch(ctx, step, name)
	switch {
	case isNothing(err):
		h.tell(step, Note, "%s: the server has none", name)
		return false, nil
	case errors.Is(err, transfer.ErrForbidden), errors.Is(err, transfer.ErrTooLarge):
		h.tell(step, Bad, "%v", err)
		return true, nil
	case err != nil:
		return false, h.unreachable(step, err)
	}
	if bytes.Equal(file, h.listFile(step)) {
		h.tell(step, Good, "%s: the one that the phone holds", name)
		return true, nil
	}
	next, err := trustlist.Parse(file)
	if err != nil {
		h.tell(step, Bad, "%s: no list: %v", name, err)
		return true, nil
	}
	taken, err := h.judge(ctx, step, name, next)
	if err != nil || !taken {
		return true, err
	}
	return true, h.keepList(step, next, file)
}

// judge decides whether the phone takes a list, with the help of TVS where that is needed.
func (h *handset) judge(ctx context.Context, step Step, name string, next *trustlist.List) (taken bool, err error) {
	v := trustlist.Judge(h.lists(), next)
	switch v.Outcome {
	case trustlist.Accepted, trustlist.LeapOfFaith:
		h.tell(step, Good, "%s: taken, %s: %s; it has %s", name, v.Outcome, v.Reason, rolesOf(next))
		return true, nil
	case trustlist.AskTVS:
		h.tell(step, Note, "%s: %s", name, v.Reason)
		signer, err := v.Signer.Certificate()
		if err == nil && h.tvs.vouched(ctx, signer, trustlist.RoleSAST) {
			h.tell(step, Good, "%s: taken, TVS vouches for its signer; it has %s", name, rolesOf(next))
			return true, nil
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
	default:
		h.tell(step, Bad, "%s: not taken: %s", name, v.Reason)
		return false, nil
	}
	h.tell(step, Bad, "%s: not taken: TVS does not vouch for its signer; the phone keeps what it has until its list is deleted on the phone", name)
	return false, nil
}

// rolesOf are the roles of a list's records, in their order.
func rolesOf(l *trustlist.List) string {
	var words []string
	for _, r := range l.Records {
		words = append(words, r.Role.String())
	}
	if len(words) == 0 {
		return "no records"
	}
	return "the roles " + strings.Join(words, ", ")
}
