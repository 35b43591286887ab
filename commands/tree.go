package commands

import (
	"slices"

	"capf/commands/internal/cmdline"
)

// tree is every command there is, by subject, as capf --help lists them.
func tree(env *Env) *cmdline.Command {
	return &cmdline.Command{Name: "capf", Short: "issue Locally Significant Certificates to phones", Notes: rootNotes, Commands: slices.Concat(
		under("Monitoring", monitoringCommands(env)),
		under("Devices", deviceCommands(env)),
		under("Certificates", certificateCommands(env)),
		under("The service", serviceCommands(env)),
		under("The database", databaseCommands(env)),
		under("Other", otherCommands(env)),
	)}
}

// under gives commands the heading under which help lists them.
func under(subject string, commands []cmdline.Command) []cmdline.Command {
	for i := range commands {
		commands[i].Subject = subject
	}
	return commands
}

func monitoringCommands(env *Env) []cmdline.Command {
	return []cmdline.Command{
		statusCommand(env),
		{Name: "expiry", Short: "what expires, and when", Commands: []cmdline.Command{
			expiryCheckCommand(env),
		}},
		{Name: "report", Short: "reports, on the terminal or as a page for a browser", Commands: []cmdline.Command{
			reportStaleCommand(env), reportExpiryCommand(env), reportOperationsCommand(env),
		}},
		{Name: "session", Short: "phones that are connected now", Commands: []cmdline.Command{
			sessionListCommand(env), sessionEndCommand(env),
		}},
		{Name: "audit", Short: "the record of who did what", Commands: []cmdline.Command{
			auditListCommand(env), auditPruneCommand(env),
		}},
		{Name: "notify", Short: "the program that tells operators of findings", Commands: []cmdline.Command{
			notifyTestCommand(env),
		}},
	}
}

func deviceCommands(env *Env) []cmdline.Command {
	return []cmdline.Command{
		{Name: "device", Short: "phones and their CAPF settings", Commands: []cmdline.Command{
			deviceAddCommand(env), deviceApplyCommand(env), deviceSetCommand(env), deviceListCommand(env), deviceShowCommand(env),
			deviceDeleteCommand(env), deviceGenerateStringCommand(env), deviceUnlockCommand(env),
			deviceDiagnoseCommand(env), deviceHistoryCommand(env), deviceMigrateCommand(env),
		}},
		{Name: "bulk", Short: "many devices at once", Commands: []cmdline.Command{
			bulkSelectCommand(env), bulkUpdateCommand(env), bulkDeleteCommand(env), bulkMigrateCommand(env), bulkExportCertsCommand(env), bulkInsertCommand(env), bulkTemplateCSVCommand(env),
		}},
		{Name: "job", Short: "past, running and future bulk operations", Commands: []cmdline.Command{
			jobListCommand(env), jobShowCommand(env), jobCancelCommand(env), jobDeleteCommand(env), jobRunDueCommand(env),
		}},
		{Name: "template", Short: "universal device templates: the initial settings of devices", Commands: []cmdline.Command{
			templateAddCommand(env), templateSetCommand(env), templateListCommand(env), templateShowCommand(env), templateDeleteCommand(env),
		}},
		{Name: "feature-group", Short: "feature group templates, which name a template", Commands: []cmdline.Command{
			featureGroupAddCommand(env), featureGroupListCommand(env), featureGroupDeleteCommand(env),
		}},
		{Name: "ldap", Short: "LDAP directories whose people get devices", Commands: []cmdline.Command{
			ldapAddCommand(env), ldapSetCommand(env), ldapListCommand(env), ldapShowCommand(env), ldapSyncCommand(env), ldapDeleteCommand(env),
		}},
	}
}

func certificateCommands(env *Env) []cmdline.Command {
	return []cmdline.Command{
		{Name: "lsc", Short: "certificates that phones got", Commands: []cmdline.Command{
			lscListCommand(env), lscShowCommand(env), lscExportCommand(env), lscRevokeCommand(env), lscReleaseCommand(env),
		}},
		{Name: "csr", Short: "requests: public keys that phones sent", Commands: []cmdline.Command{
			csrListCommand(env), csrCountCommand(env), csrShowCommand(env), offlineExportCommand(env, "dump", "csr dump"), csrDeleteCommand(env),
		}},
		{Name: "stale-lsc", Short: "certificates superseded before their phone confirmed them", Commands: []cmdline.Command{
			staleListCommand(env), staleDeleteCommand(env),
		}},
		{Name: "offline", Short: "requests out to a CA without a network, certificates in", Commands: []cmdline.Command{
			offlineExportCommand(env, "export", "offline export"), offlineImportCommand(env, "import", "offline import"),
		}},
		{Name: "online-ca", Short: "the CA that capf contacts directly", Commands: []cmdline.Command{
			onlineCATestCommand(env),
		}},
		{Name: "cert", Short: "the CAPF certificate and the trust stores", Commands: []cmdline.Command{
			certUploadCommand(env), certApplyCommand(env), certListCommand(env), certShowCommand(env), certExportCommand(env), certSetCommand(env), certDeleteCommand(env),
			certCheckCommand(env), certRegenerateCommand(env), certCSRCommand(env),
			offlineImportCommand(env, "import", "cert import"),
		}},
		{Name: "trust-list", Short: "the lists that tell phones whom to trust: ITL and CTL", Commands: []cmdline.Command{
			trustListInitCommand(env),
			trustListAddCommand(env), trustListListCommand(env), trustListDevicesCommand(env), trustListDeleteCommand(env), trustListWriteCommand(env),
			trustListShowCommand(env), trustListVerifyCommand(env), trustListFetchCommand(env),
			trustListRotateCommand(env),
			{Name: "sast", Short: "the keys that sign trust lists", Commands: []cmdline.Command{
				sastListCommand(env), sastExportCommand(env), sastImportCommand(env),
			}},
		}},
		{Name: "phone-config", Short: "configuration files of phones: SEP<mac>.cnf.xml", Commands: []cmdline.Command{
			phoneConfigShowCommand(env), phoneConfigMergeCommand(env), phoneConfigSignCommand(env), phoneConfigEncryptCommand(env), phoneConfigDecryptCommand(env),
		}},
		{Name: "approval", Short: "changes that wait until another operator approves them", Commands: []cmdline.Command{
			approvalListCommand(env), approvalShowCommand(env), approvalApproveCommand(env), approvalRejectCommand(env),
		}},
	}
}

func serviceCommands(env *Env) []cmdline.Command {
	return []cmdline.Command{
		initCommand(env),
		serveCommand(env),
		{Name: "service", Short: "services of capf", Commands: []cmdline.Command{
			serviceListCommand(env), serviceActivateCommand(env), serviceDeactivateCommand(env), serviceRestartCommand(env),
		}},
		setCommand(env),
		showCommand(env),
	}
}

func databaseCommands(env *Env) []cmdline.Command {
	return []cmdline.Command{
		backupCommand(env),
		restoreCommand(env),
		checkCommand(env),
		{Name: "master-key", Short: "the key under which secrets are sealed", Commands: []cmdline.Command{
			masterKeyRotateCommand(env),
		}},
	}
}

func otherCommands(env *Env) []cmdline.Command {
	return []cmdline.Command{
		{Name: "phone", Short: "act as a phone against any CAPF server", Commands: []cmdline.Command{
			phoneEnrollCommand(env), phoneFetchCommand(env), phoneDeleteCommand(env), phoneBootCommand(env),
		}},
		{Name: "tvs", Short: "ask a Trust Verification Service, as phones do", Commands: []cmdline.Command{
			tvsAskCommand(env),
		}},
		shellCommand(env),
		completionCommand(env),
		versionCommand(env),
	}
}

// rootNotes are the notes in the help of capf itself, after the commands.
const rootNotes = `Common flags, anywhere on the line:
  flag          environment   default
  --db FILE     CAPF_DB       /var/lib/capf/capf.db for root and the user capf,
                              or capf/capf.db in the user's data directory
  --json        CAPF_OUTPUT   table; json or csv where a command has them
  --csv
  --no-header                 a line of headings above tables and CSV
  --wide                      the columns for which the terminal has room
  --columns A,B               those of the list; also in JSON and CSV
  --no-pager    CAPF_PAGER    PAGER, or less; cat or nothing turns it off

Other environment:
  CAPF_MASTER_KEY_FILE        the master key; default a file beside the database
                              or, for the system's, /etc/capf/master-key
  CREDENTIALS_DIRECTORY       of systemd, with the credential capf-master-key
  XDG_DATA_HOME               the user's data directory; default ~/.local/share
  NO_COLOR                    questions without colour
  COLUMNS, LINES              the size of the terminal, if not what it says
  TZ                          the time zone: Europe/Berlin, or a POSIX rule

Tables show local time, JSON and CSV show UTC.

A TIME is 2027:01:31:18:00 (the vendor's form, also 2027:1:31:18), 2027-01-31,
2027-01-31T18:00:00Z, or +10d or +12h from now. A date is the end of its day
for what has to be done by then (--completes-by), and the beginning of it for
all else (--at, --since, --before, --expires-before).

Exit codes:
  0 done  1 failed  2 usage  3 not found  4 refused by a rule  5 partly done
  6 a dry run of apply, set --from, trust-list write or phone-config would
    change something
  7 something expires within the time asked
  8 waits until another operator approves it

The vendor's spellings are the same commands: utils capf csr list.
`
