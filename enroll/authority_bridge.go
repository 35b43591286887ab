package enroll

import (
	"context"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/backup"
	"capf/store"
)

type (
	Difference    = backup.Difference
	UploadFile    = authority.UploadFile
	UploadOptions = authority.UploadOptions
	UploadRow     = authority.UploadRow
)

func (r *Rules) capf() authority.CAPF {
	return authority.CAPF{Store: r.Store, Sealer: r.Sealer, Now: r.Now, Rand: r.Rand}
}

func (r *Rules) Authority(ctx context.Context) (*crypto.Authority, error) { return r.capf().Load(ctx) }

func (r *Rules) Init(ctx context.Context, actor store.Actor, name crypto.Name, keyBits int) (authority.InitResult, error) {
	return r.capf().Init(ctx, actor, name, keyBits)
}

func (r *Rules) Regenerate(ctx context.Context, actor store.Actor, name *crypto.Name, keyBits int) (*crypto.Authority, error) {
	return r.capf().Regenerate(ctx, actor, name, keyBits)
}

func (r *Rules) UploadTrust(ctx context.Context, actor store.Actor, files []UploadFile, o UploadOptions) ([]UploadRow, error) {
	return authority.TrustStores{Store: r.Store, Now: r.Now}.Upload(ctx, actor, files, o)
}
