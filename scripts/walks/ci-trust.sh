#!/bin/sh
# ci-trust.sh CAPF: a CI job that keeps the trust stores and the parameters as a
# repository describes them. It has no HOME and no terminal, runs after every push, and
# sometimes twice at the same time.
# shellcheck source=scripts/walks/walk.sh
. "$(dirname "$0")/walk.sh"
unset HOME || true

step "the repository: folders with certificates, descriptions beside them, parameters"
expect 0 "$capf" init --organization Example --country DE
root company
root partner
root old
mkdir -p trust/capf-trust trust/callmanager-trust
cp company.pem partner.pem old.pem trust/capf-trust/
cp company.pem trust/callmanager-trust/
printf 'description: the company root\nfor: [lsc, https]\n' >trust/capf-trust/company.yaml
printf 'keep_alive 20\ncertificate_validity_days 730\n' >parameters

step "a pull request: what would change is exit code 6 and a list; nothing changes"
expect 6 "$capf" cert apply trust --dry-run
says '^+ .*company' '^+ .*partner'
expect 6 "$capf" set --from parameters --dry-run
says 'keep_alive'
expect 0 "$capf" cert list --purpose callmanager-trust --no-header
silent

step "a push: it is so, and is so again"
expect 0 "$capf" cert apply trust
expect 0 "$capf" cert apply trust
silent
expect 0 "$capf" cert apply trust --dry-run
expect 0 "$capf" set --from parameters
expect 0 "$capf" set --from parameters --dry-run
expect 0 "$capf" show keep_alive
says 20
expect 0 "$capf" cert list --csv
says 'the company root'

step "two jobs at the same time"
rm trust/capf-trust/old.pem
for job in 1 2 3 4; do
	"$capf" cert apply trust --prune --yes >"job$job" 2>&1 </dev/null || echo failed >>"job$job" &
done
wait
at="four jobs at the same time"
cat job1 job2 job3 job4 >out
! grep -q '^failed' out || wrong "one of them failed"
[ "$(grep -c '^- .*old' out)" = 1 ] || wrong "the old root was not removed once"
expect 0 "$capf" cert apply trust --prune --dry-run

step "what somebody has changed by hand is found, and put right"
root stranger
expect 0 "$capf" cert upload stranger.pem --purpose capf-trust
expect 0 "$capf" cert apply trust --dry-run
expect 6 "$capf" cert apply trust --prune --dry-run --json
says '"would_change": *true\|"removed"\|stranger'
expect 2 "$capf" cert apply trust --prune
expect 0 "$capf" cert apply trust --prune --yes
says '^- .*stranger'
expect 0 "$capf" cert show capf
expect 0 "$capf" check

step "the devices, as the repository has them"
printf 'version: 1\ndevices:\n  - name: 0011.2233.4455\n    description: front desk\n    operation: install\n  - name: CSFolga\n' >phones.yaml
expect 6 "$capf" device apply phones.yaml --dry-run
says '^+ .*SEP001122334455' '^+ .*CSFolga'
expect 0 "$capf" device apply phones.yaml
expect 0 "$capf" device apply phones.yaml --dry-run
silent
serve
expect 0 "$capf" phone enroll SEP001122334455 --server "$address" --out .
stop
expect 0 "$capf" device apply phones.yaml
silent # it has an LSC, as it should have in the end
expect 0 "$capf" device add CSFhand
expect 0 "$capf" device apply phones.yaml --dry-run
expect 6 "$capf" device apply phones.yaml --prune --dry-run
says '^- .*CSFhand'
expect 0 "$capf" device apply phones.yaml --prune --yes
expect 3 "$capf" device show CSFhand

step "a certificate on which phones depend: what pruning costs is said before it happens"
expect 0 "$capf" cert regenerate capf --yes
expect 0 "$capf" cert apply trust --prune --yes
expect 0 "$capf" cert list --purpose capf-trust --csv
says 'CAPF-' # our own are never pruned

step "mistakes in the repository change nothing"
mkdir trust/capf_trust
expect 4 "$capf" cert apply trust --yes
tells 'capf_trust'
rmdir trust/capf_trust
echo 'not a certificate' >trust/capf-trust/broken.pem
cp stranger.pem trust/capf-trust/
at="a broken file"
! "$capf" cert apply trust --strict >out 2>err </dev/null || wrong "a broken file is taken"
expect 0 "$capf" cert list --csv
! grep -q stranger out || wrong "half of it was taken"
cat company.key >trust/capf-trust/broken.pem
! "$capf" cert apply trust >out 2>err </dev/null || wrong "a private key is taken"
! grep -q 'BEGIN' out err || wrong "the private key is printed"
printf 'keep_alive 999\n' >parameters
expect 4 "$capf" set --from parameters
tells 'keep_alive'
expect 3 "$capf" set --from nowhere

step "the record says who"
expect 0 "$capf" audit list --action 'cert-*' --csv
says 'cert-upload'
