package enroll

import (
	"context"
	"crypto/x509"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/backup"
	"capf/enroll/lscs"
	"capf/store"
)

// capf and trustStores are those of the database.
func (r *Rules) capf() authority.CAPF {
	return authority.CAPF{Store: r.Store, Sealer: r.Sealer, Now: r.Now, Rand: r.Rand}
}

func (r *Rules) trustStores() authority.TrustStores {
	return authority.TrustStores{Store: r.Store, Now: r.Now}
}

type (
	Difference    = backup.Difference
	UploadFile    = authority.UploadFile
	UploadOptions = authority.UploadOptions
	UploadRow     = authority.UploadRow
)

func (r *Rules) Authority(ctx context.Context) (*crypto.Authority, error) { return r.capf().Load(ctx) }

func (r *Rules) Init(ctx context.Context, actor store.Actor, name crypto.Name, keyBits int) (authority.InitResult, error) {
	return r.capf().Init(ctx, actor, name, keyBits)
}

func (r *Rules) Regenerate(ctx context.Context, actor store.Actor, name *crypto.Name, keyBits int) (*crypto.Authority, error) {
	return r.capf().Regenerate(ctx, actor, name, keyBits)
}

func (r *Rules) UploadTrust(ctx context.Context, actor store.Actor, files []UploadFile, o UploadOptions) ([]UploadRow, error) {
	return r.trustStores().Upload(ctx, actor, files, o)
}

func (r *Rules) EditTrust(ctx context.Context, actor store.Actor, rows []store.TrustCertificate, e store.TrustEdit) (after []store.TrustCertificate, outcomes []store.TrustOutcome, warnings []string, err error) {
	return r.trustStores().Edit(ctx, actor, rows, e)
}

func (r *Rules) Release(ctx context.Context, actor store.Actor, serial string) (store.LSC, error) {
	return lscs.Revoker{Store: r.Store, Now: r.Now}.Release(ctx, actor, serial)
}

func (r *Rules) capfCertificate(ctx context.Context) (*x509.Certificate, error) {
	return authority.Certificate(ctx, r.Store.Reader)
}

func (r *Rules) capfChain(ctx context.Context) ([]*x509.Certificate, error) {
	return authority.Chain(ctx, r.Store.Reader)
}

func (r *Rules) trusted(ctx context.Context, uses store.Uses) ([]*x509.Certificate, error) {
	return authority.Trusted(ctx, r.Store.Reader, uses)
}

func (r *Rules) anchors(ctx context.Context, uses store.Uses) ([]*x509.Certificate, error) {
	return authority.Anchors(ctx, r.Store.Reader, uses)
}

func (r *Rules) MICRoots(ctx context.Context, p store.Purpose) ([]store.TrustCertificate, error) {
	return authority.MICRoots(ctx, r.Store.Reader, p)
}

func isCAPFName(c *x509.Certificate) bool { return authority.IsCAPFName(c) }

func checkPurposes(issuers ...*x509.Certificate) error { return authority.CheckPurposes(issuers...) }

func trustRow(c *x509.Certificate, p store.Purpose, description string, uses store.Uses) store.TrustCertificate {
	return authority.TrustRow(c, p, description, uses)
}
