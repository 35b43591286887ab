package catest

import (
	"fmt"
	"strings"
)

// words are what differs between the languages of a site. The element ids,
// which do not, are those of the pages that AD CS installs.
type words struct {
	title, deniedTitle, deniedText, idText, reasonText string
	pendingTitle, pendingText, issuedTitle, issuedText string
	errorTitle, errorText, dispositionLabel            string
	messageLabel, statusLabel, never, submitted        string
	byManager, noTemplate, noRight, shortKey           string
}

var languages = map[string]words{
	"en": {
		title:       "Microsoft Active Directory Certificate Services",
		deniedTitle: "Certificate Request Denied", deniedText: "Your certificate request was denied.",
		idText: "Your Request Id is %d.", reasonText: "The disposition message is",
		pendingTitle: "Certificate Pending", pendingText: "Your certificate request has been received. However, you must wait.",
		issuedTitle: "Certificate Issued", issuedText: "The certificate you requested was issued to you.",
		errorTitle: "Error", errorText: "Your request failed.", dispositionLabel: "Disposition:",
		messageLabel: "Disposition message:", statusLabel: "LastStatus:", never: "never set", submitted: "Taken Under Submission",
		byManager: "Denied by TEST\\manager", noTemplate: "Denied by Policy Module. The request was for a certificate template that is not supported:",
		noRight: "Denied by Policy Module. The permissions on the certificate template do not allow the current user to enroll.", shortKey: "Denied by Policy Module. The public key does not meet the minimum size.",
	},
	"fr": {
		title:       "Services de certificats Microsoft Active Directory",
		deniedTitle: "Demande de certificat refusée", deniedText: "Votre demande de certificat a été refusée.",
		idText: "L'identificateur de votre demande est %d.", reasonText: "Le message de disposition est",
		pendingTitle: "Certificat en attente", pendingText: "Votre demande de certificat a été reçue. Vous devez attendre.",
		issuedTitle: "Certificat émis", issuedText: "Le certificat que vous avez demandé a été émis.",
		errorTitle: "Erreur", errorText: "Votre demande a échoué.", dispositionLabel: "Disposition :",
		messageLabel: "Message de disposition :", statusLabel: "Dernier état :", never: "jamais défini", submitted: "Pris en considération",
		byManager: "Refusé par TEST\\gérant", noTemplate: "Refusé par le module de stratégie. Modèle de certificat non pris en charge&nbsp;:",
		noRight: "Refusé par le module de stratégie. Les autorisations du modèle n'autorisent pas l'utilisateur.", shortKey: "Refusé par le module de stratégie. La clé publique est trop courte.",
	},
	"ja": {
		title:       "Microsoft Active Directory 証明書サービス",
		deniedTitle: "証明書の要求は拒否されました", deniedText: "証明書の要求は拒否されました。",
		idText: "要求 ID は %d です。", reasonText: "処理メッセージ:",
		pendingTitle: "証明書は保留中です", pendingText: "証明書の要求を受信しました。管理者が発行するまで待つ必要があります。",
		issuedTitle: "証明書は発行されました", issuedText: "要求した証明書が発行されました。",
		errorTitle: "エラー", errorText: "要求は失敗しました。", dispositionLabel: "処理:",
		messageLabel: "処理メッセージ:", statusLabel: "最後の状態:", never: "未設定", submitted: "送信されました",
		byManager: "TEST\\管理者 によって拒否されました", noTemplate: "ポリシー モジュールによって拒否されました。サポートされていない証明書テンプレート:",
		noRight: "ポリシー モジュールによって拒否されました。登録するアクセス許可がありません。", shortKey: "ポリシー モジュールによって拒否されました。公開キーが短すぎます。",
	},
}

// script stands in every page, like the scripts of the real ones: it holds the
// marks of others, which a reader must not take for the page's own.
const script = `<Script Language="JavaScript">
document.write('<P ID=locInfoReqID> 998 <Font ID=locDenied>');
var sURL = "certnew.cer?ReqID=" + nReqID + "&Enc=bin"; <!-- var nRenewals=9; -->
</Script>
<!-- <Font ID=locDenied> <P ID=locInfoReqID> Request Id 996 -->
`

func (w words) page(body string) string {
	return "<HTML>\r\n<Head>\r\n<Title>" + w.title + "</Title>\r\n" + script + "</Head>\r\n<Body BgColor=#FFFFFF>\r\n" +
		"<Table><TR><TD><Font ID=locMSCertSrv Face=\"Arial\"><B>Microsoft</B> &nbsp;Active Directory</Font></TD></TR></Table>\r\n" +
		body + "\r\n</Body>\r\n</HTML>\r\n"
}

func (w words) home() string {
	return w.page("<P ID=locPageTitle><B>" + w.title + "</B>\r\n<A Href=\"certrqus.asp\">1</A>")
}

func (w words) templates(names []string) string {
	var b strings.Builder
	b.WriteString("<P ID=locPageTitle>\r\n<Form Name=UIForm><Select Name=lbCertTemplate ID=lbCertTemplateID>\r\n")
	for _, name := range names {
		fmt.Fprintf(&b, "<Option Value=\"E;%s;1;1;0;A;1;0\">%s (%s)\r\n", name, name, w.title)
	}
	b.WriteString("</Select></Form>")
	return w.page(b.String())
}

// issued has the number in links, or, as for a browser, in a script only.
func (w words) issued(id int, browser bool) string {
	if browser {
		return w.page(fmt.Sprintf("<P ID=locPageTitle><B>%s</B>\r\n<P ID=locInstIssued>%s\r\n<Script Language=\"JavaScript\">\r\n"+
			"function handleGetCert() {\r\n\tlocation=\"certnew.cer?ReqID=%d&\"+getEncoding();\r\n}\r\n"+
			"function handleGetChain() {\r\n\tlocation=\"certnew.p7b?ReqID=%d&\"+getEncoding();\r\n}\r\n</Script>\r\n"+
			"<A Href=\"javascript:handleGetCert();\" ID=locDownloadCert>certnew.cer</A>", w.issuedTitle, w.issuedText, id, id))
	}
	return w.page(fmt.Sprintf("<P ID=locPageTitle><B>%s</B>\r\n<P ID=locInstIssued>%s\r\n<Table><TR><TD>"+
		"<A Href=\"certnew.cer?ReqID=%d&amp;Enc=b64\" ID=locDownloadCert>certnew.cer</A></TD>"+
		"<TD><A Href=\"certnew.p7b?ReqID=%d&amp;Enc=b64\" ID=locDownloadChain>certnew.p7b</A></TD></TR></Table>", w.issuedTitle, w.issuedText, id, id))
}

func (w words) pending(id int) string {
	return w.page(fmt.Sprintf("<P ID=locPageTitle><B>%s</B>\r\n<P ID=locInfoPending>%s\r\n<P ID=locInfoReqID> "+w.idText+
		"\r\n<P ID=locInstructions> 10\r\n", w.pendingTitle, w.pendingText, id))
}

func (w words) denied(id int, code, reason string) string {
	return w.page(fmt.Sprintf("<P ID=locPageTitle><Font ID=locDenied Color=#FF0000><B>%s</B></Font>\r\n<P ID=locInfoReqIDandReason>%s "+w.idText+
		" %s \"%s %s\".\r\n<P ID=locInstructions>10\r\n", w.deniedTitle, w.deniedText, id, w.reasonText, reason, code))
}

// failure is the error page, a table or a definition list. disposition is a
// hexadecimal number or empty; the code stands at the label with the id.
func (w words) failure(disposition, code string, list bool, label string) string {
	text, shown := w.never, "0"
	message := "(" + w.never + ")"
	if disposition != "" {
		text, shown, message = w.submitted, disposition, w.submitted
	}
	open, row, end := "<Table>\r\n", "<TR><TD ID=%s>%s</TD><TD>%s</TD></TR>\r\n", "</Table>"
	if list {
		open, row, end = "<DL>\r\n", "<DT ID=%s>%s</DT><DD>%s</DD>\r\n", "</DL>"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<P ID=locPageTitle><B>%s</B>\r\n<P ID=locInfoError>%s\r\n%s", w.errorTitle, w.errorText, open)
	fmt.Fprintf(&b, row, "locReqModeLabel", "Mode:", "newreq")
	fmt.Fprintf(&b, row, "locDispLabel", w.dispositionLabel, text+" 0x"+shown+"<LocID ID=locDispSpacer>&nbsp;</LocID>")
	fmt.Fprintf(&b, row, "locDispMsgLabel", w.messageLabel, message)
	for _, one := range []string{"locResultLabel", "locComInfoLabel", "locLastStatLabel"} {
		value := w.never
		if one == label && code != "" {
			value = w.errorText + " " + code + " (WIN32: 0)"
		}
		fmt.Fprintf(&b, row, one, w.statusLabel, value)
	}
	return w.page(b.String() + end)
}

func (w words) authority() string {
	return w.page("<P ID=locPageTitle>\r\n<Script Language=\"JavaScript\">\r\nvar nRenewals=0;\r\n</Script>")
}
