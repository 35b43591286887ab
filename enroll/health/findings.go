// Package health examines a whole installation: Findings says what an operator
// should do, as capf status shows it, and Check finds damage in a database. It
// reads the store and asks the other rooms, and changes nothing.
package health

import (
	"context"
	"slices"
	"time"

	"capf/store"
)

// Finding is something that an operator should know or do.
type Finding struct {
	Kind     Kind
	Object   string // which of several of the kind, such as the id of a job; "" where there is only one
	Severity string // error or warning
	Text     string
	Hint     string
	// Ends is the first end of what will end, zero for other findings.
	Ends time.Time
}

// Kind says in one word what a finding is about. Texts change; programs that
// watch capf rely on the kind.
type Kind string

// The kinds of findings.
const (
	NoCertificate       Kind = "capf-certificate-missing"
	CertificateEnded    Kind = "capf-certificate-expired"
	CertificateEnds     Kind = "capf-certificate-expiring"
	CertificatePrepared Kind = "capf-certificate-prepared"
	CertificateOverdue  Kind = "capf-certificate-overdue"
	CertificateUnknown  Kind = "capf-certificate-unknown"
	ChainPurpose        Kind = "capf-chain-purpose"
	TrustPurpose        Kind = "trust-purpose"
	ChainEnded          Kind = "capf-chain-expired"
	ChainEnds           Kind = "capf-chain-expiring"
	ClientEnded         Kind = "online-ca-certificate-expired"
	ClientEnds          Kind = "online-ca-certificate-expiring"
	TVSEnded            Kind = "tvs-certificate-expired"
	TVSEnds             Kind = "tvs-certificate-expiring"
	TrustEnded          Kind = "trust-expired"
	TrustEnds           Kind = "trust-expiring"
	TrustUndecided      Kind = "trust-undecided"
	MICRoots            Kind = "mic-roots"
	ListKeyEnded        Kind = "sast-expired"
	ListKeyEnds         Kind = "sast-expiring"
	KeyNotCopied        Kind = "sast-not-copied"
	SpareMissing        Kind = "sast-spare-missing"
	RotationWaiting     Kind = "sast-rotation-waiting"
	RotationOverdue     Kind = "sast-rotation-overdue"
	RotationUnfinished  Kind = "sast-rotation-unfinished"
	ListMemberEnded     Kind = "trust-list-expired"
	ListMemberEnds      Kind = "trust-list-expiring"
	DiskReadOnly        Kind = "disk-read-only"
	DiskFull            Kind = "disk-full"
	DiskFilling         Kind = "disk-filling"
	DiskSmall           Kind = "disk-small"
	FileModes           Kind = "file-modes"
	ServiceDeactivated  Kind = "service-deactivated"
	OnlineCASetup       Kind = "online-ca-setup"
	ServeMissing        Kind = "serve-missing"
	ServeSilent         Kind = "serve-silent"
	ServeDeaf           Kind = "serve-not-listening"
	ProvisionFolder     Kind = "provision-folder"
	ProvisionLists      Kind = "provision-lists-missing"
	ServiceTrouble      Kind = "service-not-listening"
	ListsTrouble        Kind = "trust-lists-not-written"
	ServeNotRestarted   Kind = "serve-not-restarted"
	RestartWaiting      Kind = "restart-waiting"
	OperationsFailed    Kind = "operations-failed"
	OperationsLate      Kind = "operations-late"
	RenewalsWaiting     Kind = "renewals-waiting"
	LSCsStale           Kind = "lsc-stale"
	LSCsEnded           Kind = "lsc-expired"
	LSCsEnd             Kind = "lsc-expiring"
	DevicesLocked       Kind = "devices-locked"
	RequestsWaiting     Kind = "requests-waiting"
	AddressesDeclined   Kind = "addresses-declined"
	JobAbandoned        Kind = "job-abandoned"
	JobsOverdue         Kind = "jobs-overdue"
	JobsTroubled        Kind = "jobs-troubled"
	SyncHeld            Kind = "directory-sync-held"
	ApprovalWaiting     Kind = "approval-waiting"
	ApprovalBypassed    Kind = "approval-bypassed"
	NotifyFailed        Kind = "notify-failed"
)

// The severities of findings.
const (
	Error   = "error"
	Warning = "warning"
)

func severe(k Kind, text, hint string) Finding {
	return Finding{Kind: k, Severity: Error, Text: text, Hint: hint}
}
func warning(k Kind, text, hint string) Finding {
	return Finding{Kind: k, Severity: Warning, Text: text, Hint: hint}
}

// of says which of several of its kind the finding is.
func (f Finding) of(object string) Finding {
	f.Object = object
	return f
}

// examination examines a database at one moment.
type examination struct {
	*store.Reader
	now time.Time
}

// Findings returns what is wrong, the worst first. The caller passes the
// counts of devices, since counting takes longer than everything else.
func Findings(ctx context.Context, s *store.Reader, now time.Time, devices store.DeviceCounts) ([]Finding, error) {
	x := examination{s, now}
	operations := func(context.Context) ([]Finding, error) { return operationFindings(devices), nil }
	files := func(ctx context.Context) ([]Finding, error) { return provisionFindings(ctx, s) }
	lists := func(ctx context.Context) ([]Finding, error) { return listFindings(ctx, s, now) }
	var all []Finding
	for _, look := range []func(context.Context) ([]Finding, error){
		x.serverFindings, x.restartFindings, x.certificateFindings, certificateChange{s, now}.findings, x.ownEnds, lists, x.purposeFindings, x.spaceFindings, x.serviceFindings, files, x.onlineFindings, x.trustFindings,
		operations, x.lscEnds, x.lockedFindings, x.waitingFindings, x.openJobFindings, x.jobFindings, x.operatorRenewals, x.directoryFindings, x.staleFindings, x.addressFindings,
		x.proposalFindings, x.bypassFindings, x.noticeFindings,
	} {
		found, err := look(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return severity(a) - severity(b) })
	return all, nil
}

func severity(f Finding) int {
	if f.Severity == Error {
		return 0
	}
	return 1
}
