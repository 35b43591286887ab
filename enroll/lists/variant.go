package lists

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/store"
)

// Variant is what phones differ in: their lists have the same records.
type Variant struct {
	Digest        trustlist.Digest
	SignerVersion trustlist.Version
}

// Shared is the variant of the lists that all phones get but those of which Variant.For
// says otherwise.
func Shared(s settings.Settings) (v Variant, err error) {
	if v.Digest, err = trustlist.ParseDigest(s.ListDigest); err == nil {
		v.SignerVersion, err = trustlist.ParseSignerVersion(s.ListSignerVersion)
	}
	return v, err
}

// oldModel finds the number of a model of the series 79xx and 69xx, however the model is
// written: 7962, CP-7962G, Cisco Unified IP Phone 7962G.
var oldModel = regexp.MustCompile(`(?:^|[^0-9])((?:79|69)[0-9]{2})(?:[^0-9]|$)`)

// oldSeries is the series of an old model, such as 79xx; "" for any other one.
func oldSeries(model string) string {
	found := oldModel.FindStringSubmatch(model)
	if found == nil {
		return ""
	}
	return found[1][:2] + "xx"
}

// For is the variant of a device where v is the shared one, and why, where they differ.
//
// What a model takes comes first: the old series take SHA-1 alone, and have the firmware
// for which 1.0 is. Then an EC key order: without 1.1 a phone takes no LSC with an EC key.
func (v Variant) For(d store.Device) (own Variant, why []string) {
	own = v
	if series := oldSeries(d.Model); series != "" {
		own = Variant{trustlist.SHA1, trustlist.SignerVersion10}
		if own.Digest != v.Digest {
			why = append(why, fmt.Sprintf("phones of the %s series take %s alone", series, own.Digest))
		}
		if own.SignerVersion != v.SignerVersion {
			why = append(why, fmt.Sprintf("phones of the %s series know signer version %s alone", series, own.SignerVersion))
		}
		return own, why
	}
	if d.KeyOrder != store.RSAOnly && v.SignerVersion < trustlist.SignerVersion11 {
		own.SignerVersion = trustlist.SignerVersion11
		why = append(why, fmt.Sprintf("its key order is %s, and phones take an LSC with an EC key only with signer version %s", d.KeyOrder.Long(), own.SignerVersion))
	}
	return own, why
}

// mostModels is how many models of devices are looked at.
const mostModels = 1000

// Common is the digest of signed files that phones of all models fetch, such as ring tones,
// where v is the shared variant: SHA-1 while there are devices of the old series, which
// would be left without them.
func (v Variant) Common(ctx context.Context, s *store.Reader) (trustlist.Digest, error) {
	if v.Digest == trustlist.SHA1 {
		return v.Digest, nil
	}
	models, err := s.Models(ctx, mostModels)
	if err != nil {
		return 0, err
	}
	if len(models) == mostModels || slices.ContainsFunc(models, func(m string) bool { return oldSeries(m) != "" }) {
		return trustlist.SHA1, nil
	}
	return v.Digest, nil
}

// Lacking is what a device cannot have with its list, "" for nothing.
func (v Variant) Lacking(d store.Device) string {
	if d.KeyOrder == store.ECOnly && v.SignerVersion < trustlist.SignerVersion11 {
		return fmt.Sprintf("its key order is %s, but its model takes no list with signer version %s, so no LSC with an EC key", d.KeyOrder.Long(), trustlist.SignerVersion11)
	}
	return ""
}
