package health

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"capf/enroll/lists"
	"capf/enroll/provision"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// provisionFindings reports what phones do not get although the service provision is
// active: the files of its folder, or a trust list.
func provisionFindings(ctx context.Context, s *store.Reader) ([]Finding, error) {
	services, err := s.Services(ctx)
	if err != nil || !slices.ContainsFunc(services, func(v store.Service) bool { return v.Name == settings.ServiceProvision && v.Active }) {
		return nil, err
	}
	inForce, err := settings.Read(ctx, s)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if err := provision.CheckFolder(inForce.ProvisionFolder, s.Path()); err != nil {
		found = append(found, severe(ProvisionFolder, "phones get no file of the folder: "+err.Error(), folderHint(err)))
	}
	exist, err := lists.Exist(ctx, s)
	if err == nil && !exist && inForce.ProvisionFolder == "" {
		found = append(found, warning(ProvisionLists, "the service provision has no trust lists for phones, so that none of them trusts CAPF", "capf trust-list init"))
	}
	return found, err
}

// folderHint is what helps when the folder of provision cannot be read.
func folderHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "mkdir it, or capf set provision_folder DIR"
	case errors.Is(err, fs.ErrPermission):
		return "the user of serve has to be able to read it, and the unit must not hide it, as ProtectHome does"
	}
	return apperr.Hint(err)
}
