#!/bin/sh
# operator.sh CAPF: the day of an operator of 3,000 phones, who works on a terminal over
# SSH. Some of the phones really enroll, over TLS on this machine.
# shellcheck source=scripts/walks/walk.sh
. "$(dirname "$0")/walk.sh"
phone=SEP001100000001

step "the first start: five questions, one of them answered wrong, and a summary"
terminal 80 'Example\nPhones\nBerlin\n\nGermany\n\ny\n' "$capf" init
says 'The code of Germany is DE' 'O=Example, OU=Phones, L=Berlin, C=DE' 'made the CAPF certificate'
expect 0 "$capf" init
tells 'nothing was changed'

step "3,000 phones from a spreadsheet"
phones 3000 >phones.csv
expect 0 "$capf" bulk insert phones.csv --dry-run
expect 0 "$capf" bulk insert phones.csv
tells '3000 added'
expect 0 "$capf" bulk insert phones.csv
tells '3000 as they are'
sed '2s/Floor2/Floor2,x,y,z/' phones.csv >bad.csv
expect 4 "$capf" bulk insert bad.csv

step "lists fit the terminal, and are whole in a pipe"
terminal 80 '' "$capf" device list "'SEP00110000000*'"
fits 80
terminal 120 '' "$capf" device list --pool Floor3
fits 120
expect 0 "$capf" device list --no-header
[ "$(wc -l <out)" = 3000 ] || wrong "not 3,000 rows"
expect 0 "$capf" device list --pool 'Floor1*' --columns name,pool --csv
says '^name,pool$'
expect 0 "$capf" device list 0011.0000.000a --csv
says '^SEP00110000000A,'

step "serve runs; a list of devices gets strings of their own"
serve
expect 0 "$capf" status
says '^Devices: *3000'
printf '%s\n' 00:11:00:00:00:01 SEP001100000002 0011.0000.0003 >devices.txt
expect 0 "$capf" bulk update --devices devices.txt --operation install --auth-mode auth-string --unique-strings --strings-file strings.csv --yes
[ "$(grep -c '^SEP0011' strings.csv)" = 3 ] || wrong "strings.csv has no three strings"
[ "$(stat -c %a strings.csv)" = 600 ] || wrong "others may read strings.csv"
expect 2 "$capf" bulk update --devices devices.txt --operation delete
tells 'consent .* is missing' '^hint: '

step "a person at the phone types a wrong string; diagnosis, and the right one"
grep "^SEP001100000002" strings.csv | grep -oE '[0-9]{10}' | tail -n 1 >right
echo 1234567 >guess
expect 4 "$capf" phone enroll SEP001100000002 --server "$address" --auth-string-file guess
tells '^hint: on the server, capf device diagnose'
expect 0 "$capf" device diagnose SEP001100000002
says '^Likely cause: .*the authentication string was wrong' 'docs/failures.md#invalid-authentication-string'
terminal 80 '' "$capf" device diagnose 0011.0000.0002
says 'Likely cause'
expect 0 "$capf" phone enroll SEP001100000002 --server "$address" --auth-string-file right --out .
expect 0 openssl x509 -in SEP001100000002.pem -noout -subject
says 'SEP001100000002'
expect 0 "$capf" device diagnose SEP001100000002
says '^Conclusion: *nothing is wrong'

step "a name that no device has"
expect 3 "$capf" phone enroll SEP00110000F001 --server "$address" --out .
expect 3 "$capf" device diagnose SEP00110000F001
says 'unknown device'
tells '^hint: '
expect 3 "$capf" device show SEP00110000F001

step "a whole floor by null string: three of them come"
expect 0 "$capf" bulk update --with-pool Floor11 --operation install --auth-mode null-string --yes
for n in 0000000A 0000001E 00000032; do
	expect 0 "$capf" phone enroll "SEP0011$n" --server "$address" --out .
done
expect 0 "$capf" device list --status upgrade-success --no-header
[ "$(wc -l <out)" = 4 ] || wrong "not four phones have succeeded"
expect 0 "$capf" lsc list --no-header
[ "$(wc -l <out)" = 4 ] || wrong "not four LSCs"
serial=$(cut -c1-12 out | head -n 1)
expect 0 "$capf" lsc show "$serial"
says '^State: *Installed$'

step "the CAPF certificate is regenerated: what waits for a restart is said"
expect 0 "$capf" cert regenerate capf --yes
expect 0 "$capf" status
says 'restart'
expect 0 "$capf" device migrate SEP001100000002
says 'lsc export [0-9a-f]* --issuer --out issuer.pem'
expect 0 "$capf" lsc export "$serial" --issuer --out issuer.pem
expect 0 openssl verify -partial_chain -CAfile issuer.pem SEP001100000002.pem
expect 0 "$capf" service restart capf

step "a phone waits for the offline CA: its session, and the request"
expect 0 "$capf" set certificate_issuer offline-ca
expect 0 "$capf" device set SEP001100000003 --operation install --auth-mode null-string
"$capf" phone enroll SEP001100000003 --server "$address" --out . >waiting 2>&1 </dev/null &
waiting=$!
at="capf session list"
tries=0
until "$capf" session list --state await-ca-resp --csv --no-header >out 2>err && grep -q SEP001100000003 out; do
	tries=$((tries + 1))
	[ "$tries" -lt 300 ] || wrong "the phone has no session"
	sleep 0.1
done
expect 0 "$capf" device diagnose SEP001100000003
says 'has waited for the offline CA' 'capf offline export'
expect 0 "$capf" offline export --out requests.tgz
kill "$waiting"
wait "$waiting" 2>/dev/null || true
expect 0 "$capf" csr delete all --yes
expect 0 "$capf" set certificate_issuer capf

step "a lost phone"
expect 0 "$capf" lsc revoke --device SEP00110000000A --yes
expect 0 "$capf" lsc list --state revoked --no-header
says 'SEP00110000000A'
expect 4 "$capf" phone enroll SEP00110000000A --server "$address" --existing-cert SEP00110000000A.pem --existing-key SEP00110000000A.key --out .

step "phones that are sold: a floor less, and what RADIUS needs of the others"
mkdir certs
expect 0 "$capf" bulk export-certs --all --out certs
[ -s certs/index.csv ] || wrong "there is no index.csv"
expect 2 "$capf" bulk delete --with-pool Floor5
tells 'consent'
expect 0 "$capf" bulk delete --with-pool Floor5 --dry-run
expect 0 "$capf" bulk delete --with-pool Floor5 --yes
expect 0 "$capf" device list --pool Floor5 --no-header
silent
expect 0 "$capf" device generate-string --devices devices.txt --sheet sheet.html --yes
grep -q '<html' sheet.html || wrong "there is no page for technicians"

step "the shell over SSH: the word capf, levels and roles"
expect 0 env SSH_ORIGINAL_COMMAND="capf device diagnose $phone" "$capf" shell --privilege 0
says '^Name: *SEP001100000001'
! grep -q 'capf device' out || wrong "a hint in the shell begins with capf"
expect 4 env SSH_ORIGINAL_COMMAND="capf device delete $phone --yes" "$capf" shell --privilege 0
tells 'needs'
expect 0 env SSH_ORIGINAL_COMMAND="device generate-string $phone" "$capf" shell --role helpdesk
expect 4 env SSH_ORIGINAL_COMMAND="cert delete 1 --yes" "$capf" shell --role helpdesk

step "two operators for a change of trust; here nobody vouches for who we are"
root other
expect 4 "$capf" set approve trust
tells 'nobody vouches' '^hint: log in as yourself, or use sudo'
sqlite3 capf.db "INSERT INTO parameters (name, value) VALUES ('approve', 'trust')" # as two others have set it
expect 4 "$capf" cert upload other.pem --purpose capf-trust
tells 'another operator has to approve this'
expect 0 "$capf" cert list --purpose capf-trust --csv
! grep -q CN=other out || wrong "it is trusted already"
expect 0 "$capf" cert upload other.pem --purpose capf-trust --bypass-approval 'ticket 4711'
tells 'without the approval'
expect 0 "$capf" status
says 'without approval by .*: ticket 4711'

step "misuse names the flag; nothing asks off a terminal"
expect 2 "$capf" device set "$phone" --operaton install
tells 'did you mean "--operation"'
expect 2 "$capf" device delete "$phone"
tells '^hint: add --yes'
expect 0 "$capf" device delete "$phone" --yes
expect 0 "$capf" audit list --verify --limit 5
tells 'the record is as it was written'
stop
