package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"

	"capf/crypto"
	"capf/enroll/lists"
	"capf/enroll/transfer"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// Meter counts what is given.
type Meter interface {
	// Provisioned says how a request for a file ended.
	Provisioned(protocol, outcome string, bytes int64)
}

// Config is what Files work with.
type Config struct {
	Store  *store.Reader
	Sealer *crypto.Sealer
	Now    func() time.Time
	Log    *slog.Logger
	Meter  Meter
}

// Files are those that phones may have. Each request sees what was changed before it, in
// the database and in the folder.
type Files struct {
	config   Config
	site     site
	composer *lists.Composer
	places   chan struct{} // one for each request that is worked on
	signed   signatures
	common   common
	requests requestLog
}

// New returns the files of a database.
func New(c Config) *Files {
	// Phones that enroll share the processors with those that only fetch files. They keep
	// most of them, because so few requests for files are worked on at a time.
	places := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	return &Files{config: c, site: site{store: c.Store}, composer: lists.NewComposer(c.Store, c.Sealer), places: places, requests: requestLog{log: c.Log}}
}

// request is what a phone asks for, with what is needed to decide about it.
type request struct {
	transfer.Request
	*inForce
	folder folder
}

// Give returns a file. Whatever a phone may not have is ErrNotFound to it, as is what
// does not exist: it does not learn which of the two.
func (f *Files) Give(ctx context.Context, r transfer.Request) (transfer.File, error) {
	select {
	case f.places <- struct{}{}:
		defer func() { <-f.places }()
		runtime.Gosched() // otherwise requests that wait for a place would hand the processor to each other
	case <-ctx.Done():
		return transfer.File{}, fmt.Errorf("waiting for its turn: %w", context.Cause(ctx))
	}
	inForce, err := f.site.now(ctx)
	if err != nil {
		return transfer.File{}, err
	}
	if r.From.Is6() && !inForce.IPv6 {
		return transfer.File{}, apperr.New(transfer.ErrForbidden, "enable_ipv6 is false")
	}
	if wrong := asked(r.Name); wrong != "" {
		return transfer.File{}, notFound(wrong)
	}
	if isList(r.Name) {
		if data, made, err := f.list(ctx, r.Name, inForce.lists); err != nil || made {
			return whole(r.Name, data), err
		}
	}
	folder, err := openFolder(inForce.ProvisionFolder, f.config.Store.Path())
	defer folder.close()
	data, made, makeErr := f.make(ctx, request{r, inForce, folder})
	switch {
	case makeErr != nil:
		return transfer.File{}, makeErr
	case made:
		return whole(r.Name, data), nil
	case err != nil && !errors.Is(err, errNoFolder):
		return transfer.File{}, err
	}
	file, err := folder.open(r.Name)
	if err != nil {
		return transfer.File{}, err
	}
	return transfer.File{ReadCloser: file.File, Size: file.size, Type: typeOf(r.Name)}, nil
}

// whole is a file that was made.
func whole(name string, data []byte) transfer.File {
	return transfer.File{ReadCloser: io.NopCloser(bytes.NewReader(data)), Size: int64(len(data)), Type: typeOf(name)}
}

// list makes a trust list. While there are none of ours, the one of the folder counts;
// after that, one that lies there is of another time.
func (f *Files) list(ctx context.Context, name string, shared lists.Variant) (data []byte, made bool, err error) {
	data, err = f.composer.File(ctx, name, shared)
	if !errors.Is(err, lists.ErrNoFile) {
		return data, err == nil, err
	}
	exist, err := lists.Exist(ctx, f.config.Store)
	if err == nil && exist {
		err = notFound("no device has a list of this name for itself")
	}
	return nil, false, err
}

// make makes the file if it is one that capf makes; otherwise the one of the folder
// counts, if there is one.
func (f *Files) make(ctx context.Context, r request) (data []byte, made bool, err error) {
	base, form := unwrap(r.Name)
	if name, ok := configOf(base); ok {
		d, err := f.config.Store.Device(ctx, name)
		if err == nil {
			return f.makeConfig(ctx, r, d, base, form)
		}
		switch secret := r.folder.lies(base + trustlist.EncryptedEnd); {
		case !errors.Is(err, store.ErrNotFound):
			return nil, false, err
		case secret && form == asIs: // it was of a device that capf knew
			return nil, false, errSecret
		case secret:
			return nil, false, nil
		}
	}
	if form == signed {
		return f.signStored(ctx, r, base)
	}
	return nil, false, nil
}
