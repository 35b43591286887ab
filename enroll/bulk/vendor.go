package bulk

import (
	"strings"

	"capf/internal/input"
)

// VendorColumn is a column that the vendor's Bulk Administration writes.
type VendorColumn struct {
	Heading string
	Takes   string // the attribute that is taken from it, as a flag has it, or name; "" if it is ignored
	About   string
}

// VendorColumns returns the columns of the vendor's files: what is taken, what is not, and
// last what belongs to the lines of a phone, which are numbered there.
func VendorColumns() []VendorColumn {
	var list []VendorColumn
	known := headings()
	for _, v := range vendorTaken {
		list = append(list, VendorColumn{v.heading, known[plainHeading(v.heading)].target(), v.about})
	}
	for _, v := range vendorIgnored {
		for _, heading := range v.headings {
			list = append(list, VendorColumn{Heading: heading, About: "ignored: " + v.about})
		}
	}
	return list
}

// vendorTaken are the headings of files for "Insert Phones" and of exports that capf takes,
// from the vendor's guide to Bulk Administration and from files that its customers' tools
// write. Operations, modes and sizes are written as on the vendor's pages.
var vendorTaken = []struct {
	heading, ours, about string
	value                func(cell string) string // the vendor's word in ours; nil if they are the same
}{
	{"MAC ADDRESS", nameHeading, "twelve digits become SEP and the digits; names of softphones stay as they are", nil},
	{"DEVICE NAME", nameHeading, "as it is; the file needs this column or MAC ADDRESS", nil},
	{"DESCRIPTION", "Description", "the description", nil},
	{"DEVICE TYPE", "Model", "without the vendor's name: Cisco 8861 is 8861", plainModel},
	{"PHONE MODEL", "Model", "as DEVICE TYPE", plainModel},
	{"PRODUCT", "Model", "as DEVICE TYPE", plainModel},
	{"DEVICE POOL", "Device Pool", "the device pool", nil},
	{"DEVICE POOL NAME", "Device Pool", "as DEVICE POOL", nil},
	{"DEVICE SECURITY MODE", "Device Security Mode", "Non Secure, Authenticated, Encrypted", nil},
	{"IP ADDRESSING MODE", "IP Addressing Mode", "IPv4 Only, IPv6 Only, IPv4 and IPv6", plainIPMode},
	{"CERTIFICATE OPERATION", "Certificate Operation", "No Pending Operation, Install/Upgrade, Delete, Troubleshoot", nil},
	{"AUTHENTICATION MODE", "Authentication Mode", "By Null String, By Authentication String, By Existing Certificate (Precedence to LSC) or (Precedence to MIC)", nil},
	{"AUTHENTICATION STRING", "Authentication String", "4 to 10 digits", nil},
	{"KEY ORDER", "Key Order", "RSA Only; EC Only; EC Preferred, RSA Backup", nil},
	{"KEY SIZE", "Key Size", "bits of an RSA key", nil},
	{"RSA KEY SIZE", "Key Size", "as KEY SIZE", nil},
	{"EC KEY SIZE", "EC Key Size", "bits of an EC key", nil},
	{"OPERATION COMPLETES BY", "Operation Completes By", "YYYY:MM:DD:HH or YYYY:MM:DD:HH:MM, in the time zone of capf", nil},
}

// vendorIgnored are the headings of which capf has no use, by what they are about.
var vendorIgnored = []struct {
	about    string
	headings []string
}{
	{"the status of certificates, of which capf has its own record", []string{"CERTIFICATE OPERATION STATUS", "CERTIFICATE STATUS"}},
	{"bandwidth; --map LOCATION=pool takes it as the pool", []string{"LOCATION"}},
	{"people; --map \"USER ID=description\" keeps one", []string{"USER ID", "OWNER USER ID", "CONTROLLED DEVICE", "MOBILITY USER ID", "DIGEST USER"}},
	{"licences", []string{"IS ACTIVE"}},
	{"a profile of settings, which only the vendor's system knows", []string{
		"DEVICE SECURITY PROFILE", "COMMON DEVICE CONFIGURATION", "COMMON DEVICE CONFIG", "COMMON PHONE PROFILE", "COMMON PHONE CONFIG", "SIP PROFILE", "PRESENCE GROUP",
	}},
	{"keys and language", []string{"PHONE BUTTON TEMPLATE", "PHONE TEMPLATE", "SOFTKEY TEMPLATE", "USER LOCALE", "NETWORK LOCALE"}},
	{"calls and media", []string{
		"DEVICE PROTOCOL", "CSS", "CALLING SEARCH SPACE", "AAR CSS", "AAR CALLING SEARCH SPACE", "AAR GROUP", "REROUTE CSS", "SUBSCRIBE CSS",
		"MEDIA RESOURCE GROUP LIST", "MEDIA RESOURCE LIST", "NETWORK HOLD MOH AUDIO SOURCE", "USER HOLD MOH AUDIO SOURCE", "BUILT IN BRIDGE", "PRIVACY",
		"DEVICE MOBILITY MODE", "MLPP DOMAIN", "MLPP INDICATION", "MLPP PREEMPTION", "RETRY VIDEO CALL AS AUDIO", "IGNORE PRESENTATION INDICATORS",
		"ALWAYS USE PRIME LINE", "LOGGED INTO HUNT GROUP", "ALLOW CTI CONTROL",
	}},
	{"the phone itself: firmware, diagnosis, access", []string{
		"PHONE LOAD NAME", "PACKET CAPTURE MODE", "PACKET CAPTURE DURATION", "XML", "SECURE SHELL USER", "SECURE SHELL PASSWORD",
	}},
	{"lines, keys and services, with a number behind the heading", []string{
		"NUMBER OF LINES", "DIRECTORY NUMBER", "ROUTE PARTITION", "PARTITION", "LINE DESCRIPTION", "LINE CSS", "LINE TEXT LABEL", "ASCII LINE TEXT LABEL",
		"DISPLAY", "ASCII DISPLAY", "ALERTING NAME", "ASCII ALERTING NAME", "EXTERNAL PHONE NUMBER MASK", "VOICE MAIL PROFILE", "CALL PICKUP GROUP",
		"MAXIMUM NUMBER OF CALLS", "BUSY TRIGGER", "FORWARD ALL DESTINATION", "FORWARD ALL CSS", "FORWARD BUSY EXTERNAL", "FORWARD BUSY INTERNAL",
		"FORWARD BUSY EXTERNAL DESTINATION", "FORWARD BUSY INTERNAL DESTINATION", "FORWARD NO ANSWER EXTERNAL", "FORWARD NO ANSWER INTERNAL",
		"FORWARD NO ANSWER EXTERNAL DESTINATION", "FORWARD NO ANSWER INTERNAL DESTINATION", "FORWARD NO COVERAGE EXTERNAL", "FORWARD NO COVERAGE INTERNAL",
		"FORWARD NO COVERAGE EXTERNAL DESTINATION", "FORWARD NO COVERAGE INTERNAL DESTINATION", "SPEED DIAL NUMBER", "SPEED DIAL LABEL",
		"BLF SPEED DIAL DESTINATION", "BLF SPEED DIAL LABEL", "SERVICE NAME", "SERVICE URL",
	}},
}

// plainModel cuts what the vendor puts before the number of a model, as in Cisco 8861
// and CP-8861.
func plainModel(cell string) string {
	words := strings.Fields(cell)
	if len(words) == 0 {
		return cell
	}
	number := strings.TrimPrefix(words[len(words)-1], "CP-")
	if number == "" || !input.IsDigit(number[0]) {
		return cell
	}
	return number
}

// plainIPMode returns our word for the vendor's.
func plainIPMode(cell string) string {
	switch plainHeading(cell) {
	case "ipv4only":
		return "ipv4"
	case "ipv6only":
		return "ipv6"
	case "ipv4andipv6", "twostackipv4andipv6":
		return "two-stack"
	}
	return cell
}
