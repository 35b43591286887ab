#!/bin/sh
# nightly.sh CAPF: what cron does every night, without a terminal, HOME or anybody to ask.
# cron mails what is printed; the exit codes decide what happens next.
# shellcheck source=scripts/walks/walk.sh
. "$(dirname "$0")/walk.sh"
unset HOME || true

step "an installation with phones, one of whose certificates ends tomorrow"
expect 0 "$capf" init --organization Example --country DE
phones 3000 >phones.csv
expect 0 "$capf" bulk insert phones.csv
serve
expect 0 "$capf" device set SEP001100000001 --operation install
expect 0 "$capf" phone enroll SEP001100000001 --server "$address" --out .
expect 0 "$capf" set certificate_validity_days 1
expect 0 "$capf" device set SEP001100000002 --operation install
expect 0 "$capf" phone enroll SEP001100000002 --server "$address" --out .

step "what expires: 7 and a list, or 0 and nothing"
expect 7 "$capf" expiry check --within 30d --lscs --csv --no-header
says SEP001100000002
! grep -q SEP001100000001 out || wrong "a certificate of five years expires within 30 days"
expect 0 "$capf" expiry check --within 0d
silent
expect 7 "$capf" expiry check --within 30d --json
says '"device": *"SEP001100000002"'
expect 0 "$capf" status --json
says '"findings": '
expect 0 "$capf" report expiry --html expiry.html
[ -s expiry.html ] || wrong "there is no page"

step "backup, and whether it is good"
expect 0 "$capf" backup backup.db
[ "$(stat -c %a backup.db)" = 600 ] || wrong "others may read the backup"
expect 0 "$capf" check
expect 0 "$capf" restore backup.db --dry-run
head -c 5000 backup.db >torn.db
expect 1 "$capf" restore torn.db --dry-run

step "the keys of trust lists: made once, copied, and rotated in a month"
expect 0 "$capf" trust-list init
expect 0 "$capf" trust-list init
tells 'nothing was changed' '^hint: capf trust-list sast export'
echo 'correct horse' >password
expect 0 "$capf" trust-list sast export --out sast.p12 --password-file password
expect 0 "$capf" trust-list sast export --spare --out spare.p12 --password-file password
[ "$(stat -c %a sast.p12 spare.p12 | sort -u)" = 600 ] || wrong "others may read the keys"
expect 2 "$capf" trust-list sast export --out sast.p12 --password-file password
expect 0 "$capf" trust-list rotate --after 30d
expect 0 "$capf" trust-list rotate --after 30d
tells 'unchanged'
expect 2 "$capf" trust-list rotate
expect 0 "$capf" status --json
says 'sast-rotation-waiting'
expect 0 "$capf" check

step "clearing away, as scripts for the vendor's system do it"
expect 0 "$capf" stale-lsc delete all
tells 'no certificate is stale'
expect 0 "$capf" csr count
says '^0$'
expect 0 "$capf" job delete --before 30d --yes
expect 0 "$capf" audit list --verify --limit 1

step "the phones of the personnel system: one row is bad, the rest is taken"
{ phones 3000; printf 'CSFolga,new,Floor1,8861\nnot a name,x,Floor1,8861\n'; } >feed.csv
expect 4 "$capf" bulk insert feed.csv
says "not a name"
expect 5 "$capf" bulk insert feed.csv --partial
expect 0 "$capf" device show CSFolga
expect 0 "$capf" bulk select --lsc-expires-within 30d --no-header
says SEP001100000002
expect 0 "$capf" bulk update --lsc-expires-within 30d --operation install --yes
expect 0 "$capf" phone enroll SEP001100000002 --server "$address" --out . --existing-cert SEP001100000002.pem --existing-key SEP001100000002.key

step "nobody is asked: what needs consent says so at once"
expect 2 "$capf" csr delete all --dry-run --yes --no-such-flag
expect 2 "$capf" bulk update --all --operation delete
tells 'consent'
expect 2 "$capf" set keep_alive
expect 3 "$capf" job show 99
expect 4 "$capf" phone enroll SEP001100000001 --server "$address"
tells 'nothing scheduled'

step "serve is gone: the night's last line says so"
stop
expect 0 "$capf" status
says '^error *no serve is running'
expect 1 "$capf" phone enroll SEP001100000001 --server "$address" --attempts 1
