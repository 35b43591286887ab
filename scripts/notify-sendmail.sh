#!/bin/sh
# notify-sendmail.sh RECIPIENT [SENDMAIL]: mails what notify_command of capf gets on
# stdin. It needs jq, and a program that takes a mail as sendmail does.
#
#   install -m 755 scripts/notify-sendmail.sh /usr/local/bin/capf-notify-sendmail
#   capf set notify_command '/usr/local/bin/capf-notify-sendmail ops@example.com /usr/bin/msmtp'
#   capf notify test
#
# Without SENDMAIL it is /usr/sbin/sendmail. That of Postfix hands mails on with the
# rights of another group, which the unit capf.service forbids; msmtp, and others that
# speak SMTP themselves, need none (not tried under systemd).
set -eu

recipient=${1:-}
sendmail=${2:-/usr/sbin/sendmail}
case $recipient in
'' | -* | *[!A-Za-z0-9.@_+=%-]*)
	echo "usage: notify-sendmail.sh RECIPIENT [SENDMAIL], with a plain address" >&2
	exit 64
	;;
esac
command -v jq >/dev/null || { echo "jq is missing" >&2; exit 69; }

message=$(cat)
# A header is one line of ASCII: what else is in the subject is encoded (RFC 2047), in
# words of eleven characters, since none may be longer than 75 bytes.
subject=$(printf '%s' "$message" | jq -er '
	.subject | gsub("[\\x00-\\x1f\\x7f]"; " ")
	| if test("^[ -~]*$") then . else
		[explode as $all | range(0; $all | length; 11) | $all[.:. + 11] | implode | "=?UTF-8?B?" + @base64 + "?="] | join("\n ")
	end')
text=$(printf '%s' "$message" | jq -ej .text | base64)
if [ -z "$subject" ] || [ -z "$text" ]; then
	echo "stdin is not what capf sends" >&2
	exit 65
fi

printf 'To: %s\nSubject: %s\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n%s\n' \
	"$recipient" "$subject" "$text" | "$sendmail" -i -- "$recipient"
