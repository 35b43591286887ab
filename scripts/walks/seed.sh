#!/bin/sh
# seed.sh CAPF: a script makes a fresh host one that gives phones their trust list, their
# configuration and their LSC, in one go and without a terminal. It may run twice, and
# several times at once. Then a bare phone starts, and a CI job looks for what has drifted.
# shellcheck source=scripts/walks/walk.sh
. "$(dirname "$0")/walk.sh"
unset HOME || true

step "what the repository has: parameters, phones, the certificate of the call manager"
mkdir -m 755 public tftp held
printf 'provision_folder %s\ntrust_list_folder %s\ncapf_addresses 127.0.0.1\n' "$dir/public" "$dir/tftp" >parameters
printf 'name,model,operation,auth_mode\nSEP001122334455,8861,install,null-string\nSEP001122334466,7962,,\n' >phones.csv
openssl req -x509 -newkey rsa:2048 -nodes -keyout ccm.key -out ccm.pem -subj /O=Example/CN=ccm.example.com -days 3650 2>/dev/null
cat >host.sh <<'END'
set -e
"$1" init --organization Example --country DE
"$1" trust-list init
"$1" trust-list add ccm.pem --role ccm
"$1" set --from parameters
"$1" device apply phones.csv
"$1" service activate provision
"$1" service activate tvs
END

step "the host is seeded, and what runs again changes nothing"
expect 0 sh host.sh "$capf"
expect 0 "$capf" trust-list list --csv --columns role,fingerprint_sha256 --no-header
cp out before
[ "$(cut -d, -f1 out | tr '\n' ' ')" = "sast sast capf tvs ccm " ] || wrong "the list carries something else"
for job in 1 2 3 4; do
	sh host.sh "$capf" >"job$job" 2>&1 </dev/null || echo failed >>"job$job" &
done
wait
at="four scripts at the same time"
cat job1 job2 job3 job4 >out
! grep -q '^failed' out || wrong "one of them failed"
expect 0 "$capf" trust-list list --csv --columns role,fingerprint_sha256 --no-header
cmp -s before out || wrong "the list has changed"

step "what a CI job sees before serve has written the lists, and after"
expect 6 "$capf" trust-list write --dry-run --csv --no-header
says '^ITLFile.tlv,would be written' '^CTLFile.tlv,would be written'
listening() { [ "$(grep -c . address 2>/dev/null)" = 4 ] && [ -s tftp/CTLFile.tlv ] && [ -s tftp/.capf-trust-lists ]; }
"$capf" serve --listen 127.0.0.1:0 --provision-listen 127.0.0.1:0 --tftp-listen 127.0.0.1:0 --tvs-listen 127.0.0.1:0 --address-file "$dir/address" >serve.log 2>&1 &
server=$!
tries=0
until listening; do
	at="capf serve"
	tries=$((tries + 1))
	[ "$tries" -lt 600 ] || wrong "it does not listen for all services, or has written no lists"
	sleep 0.1
done
expect 0 "$capf" trust-list write --dry-run
expect 0 "$capf" trust-list verify tftp/ITLFile.tlv --json
says '"capf_trusted": true' '"tvs": true' '"signed_files": false'
of() { sed -n "s/^$1 //p" address; }

step "a bare phone: what it would do, on a terminal of 80 columns, and then it does it"
boot="phone boot SEP001122334455 --provision http://$(of provision) --server $(head -n 1 address) --tvs $(of tvs) --held held"
terminal 80 '' "$capf $boot --explain"
fits 80
says 'would contact CAPF'
[ -z "$(ls held)" ] || wrong "the phone has kept something"
# shellcheck disable=SC2086 # words
expect 0 "$capf" $boot --json
says '"outcome": "enrolled"' '"decisions": \['
[ "$(grep -c 'file=CTLSEP001122334455.tlv' serve.log)" = 2 ] || wrong "a phone asks twice for its CTL"
expect 0 openssl x509 -in held/SEP001122334455.pem -noout -subject
says SEP001122334455
terminal 80 '' "$capf trust-list show held/SEP001122334455.ITLFile.tlv"
fits 80
says 'CN=CAPF-' 'CN=ccm.example.com'
terminal 80 '' "$capf trust-list fetch http://$(of provision) SEP001122334455 --http"
says '^SEP001122334455.cnf.xml.enc.sgn '

step "another certificate in the lists: a job finds that the copy of a web server is old"
mkdir -m 755 copy
expect 0 "$capf" trust-list write --out copy
expect 0 "$capf" trust-list write --out copy --dry-run
expect 0 "$capf" trust-list delete 1 --yes
expect 6 "$capf" trust-list write --out copy --dry-run --json
says '"written": 2' '"unchanged": 0'
expect 0 "$capf" trust-list write --out copy
expect 0 "$capf" trust-list verify copy/ITLFile.tlv --held held/SEP001122334455.ITLFile.tlv
expect 4 "$capf" trust-list add ccm.key --role ccm
expect 2 "$capf" trust-list add ccm.pem --role tftp
tells 'take none that is not signed' 'consent'
expect 0 "$capf" status --json
! grep -q '"severity": "error"' out || wrong "status has an error"
stop
