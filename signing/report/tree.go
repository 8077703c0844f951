package report

import "encoding/xml"

// The tree is one structure for XML and JSON. Its names and their order are those of
// the schema of ETSI TS 119 102-2 V1.4.1; what that has no name for stands in
// OtherInformation, under names of our own.

// The namespaces of the XML form.
const (
	namespaceETSI  = "http://uri.etsi.org/19102/v1.4.1#"
	namespaceXAdES = "http://uri.etsi.org/01903/v1.3.2#"
	namespaceDS    = "http://www.w3.org/2000/09/xmldsig#"
	namespaceOwn   = "urn:lienthong:validation-report:1"
)

type validationReport struct {
	XMLName    xml.Name          `xml:"ValidationReport" json:"-"`
	ETSI       string            `xml:"xmlns,attr" json:"-"`
	DS         string            `xml:"xmlns:ds,attr" json:"-"`
	XAdES      string            `xml:"xmlns:xades,attr" json:"-"`
	Own        string            `xml:"xmlns:lt,attr" json:"-"`
	Signatures []signatureReport `xml:"SignatureValidationReport" json:"SignatureValidationReport"`
	Objects    []object          `xml:"SignatureValidationObjects>ValidationObject" json:"SignatureValidationObjects"`
}

type signatureReport struct {
	Identifier  *identifier  `xml:"SignatureIdentifier" json:"SignatureIdentifier,omitempty"`
	Constraints constraints  `xml:"ValidationConstraintsEvaluationReport" json:"ValidationConstraintsEvaluationReport"`
	Time        timeInfo     `xml:"ValidationTimeInfo" json:"ValidationTimeInfo"`
	Document    signedObject `xml:"SignersDocument" json:"SignersDocument"`
	Attributes  *attributes  `xml:"SignatureAttributes" json:"SignatureAttributes,omitempty"`
	Signer      *signer      `xml:"SignerInformation" json:"SignerInformation,omitempty"`
	Process     process      `xml:"SignatureValidationProcess" json:"SignatureValidationProcess"`
	Status      status       `xml:"SignatureValidationStatus" json:"SignatureValidationStatus"`
	Other       other        `xml:"OtherInformation" json:"OtherInformation"`
}

type identifier struct {
	ID          string `xml:"id,attr" json:"id"`
	HashOnly    bool   `xml:"HashOnly" json:"HashOnly"`
	DocHashOnly bool   `xml:"DocHashOnly" json:"DocHashOnly"`
}

type constraints struct {
	Policy      policy       `xml:"SignatureValidationPolicy" json:"SignatureValidationPolicy"`
	Constraints []constraint `xml:"ValidationConstraint" json:"ValidationConstraint,omitempty"`
}

// policy is ours and named; the signature itself implies none.
type policy struct {
	Implied struct{} `xml:"SignaturePolicyIdentifier>xades:SignaturePolicyImplied" json:"-"`
	Name    string   `xml:"PolicyName" json:"PolicyName"`
}

type constraint struct {
	Identifier string      `xml:"ValidationConstraintIdentifier" json:"ValidationConstraintIdentifier"`
	Applied    string      `xml:"ConstraintStatus>Status" json:"ConstraintStatus"`
	Status     *status     `xml:"ValidationStatus" json:"ValidationStatus,omitempty"`
	Result     *indication `xml:"Indications" json:"Indications,omitempty"`
}

type indication struct {
	Passed bool   `xml:"lt:Passed" json:"Passed"`
	Detail string `xml:"lt:Detail,omitempty" json:"Detail,omitempty"`
}

type timeInfo struct {
	ValidationTime string `xml:"ValidationTime" json:"ValidationTime"`
	Best           poe    `xml:"BestSignatureTime" json:"BestSignatureTime"`
}

type poe struct {
	Time string `xml:"POETime" json:"POETime"`
	Type string `xml:"TypeOfProof" json:"TypeOfProof"`
}

type signedObject struct {
	Digest digest `xml:"DigestAlgAndValue" json:"DigestAlgAndValue"`
	Object ref    `xml:"SignersDocumentRepresentation" json:"SignersDocumentRepresentation"`
}

type digest struct {
	Method method `xml:"ds:DigestMethod" json:"DigestMethod"`
	Value  string `xml:"ds:DigestValue" json:"DigestValue"` // base64
}

type method struct {
	Algorithm string `xml:"Algorithm,attr" json:"Algorithm"`
}

type ref struct {
	To string `xml:"VOReference,attr" json:"VOReference"`
}

type attributes struct {
	SigningTime *signingTime `xml:"SigningTime" json:"SigningTime,omitempty"`
	SubFilter   *subFilter   `xml:"SubFilter" json:"SubFilter,omitempty"`
}

type signingTime struct {
	Time string `xml:"Time" json:"Time"`
}

type subFilter struct {
	Element string `xml:"SubFilterElement" json:"SubFilterElement"`
}

type signer struct {
	Certificate ref    `xml:"SignerCertificate" json:"SignerCertificate"`
	Signer      string `xml:"Signer" json:"Signer"`
}

type process struct {
	ID string `xml:"SignatureValidationProcessID" json:"SignatureValidationProcessID"`
}

type status struct {
	Main string      `xml:"MainIndication" json:"MainIndication"`
	Sub  []string    `xml:"SubIndication" json:"SubIndication,omitempty"`
	Data *statusData `xml:"AssociatedValidationReportData" json:"AssociatedValidationReportData,omitempty"`
}

type statusData struct {
	Anchor  *ref     `xml:"TrustAnchor" json:"TrustAnchor,omitempty"`
	Chain   *chain   `xml:"CertificateChain" json:"CertificateChain,omitempty"`
	Revoked *revoked `xml:"RevocationStatusInformation" json:"RevocationStatusInformation,omitempty"`
	Crypto  *crypto  `xml:"CryptoInformation" json:"CryptoInformation,omitempty"`
}

type revoked struct {
	Object ref    `xml:"ValidationObjectId" json:"ValidationObjectId"` // the certificate
	Time   string `xml:"RevocationTime" json:"RevocationTime"`
	Reason string `xml:"RevocationReason" json:"RevocationReason"`
}

type chain struct {
	Signing      ref   `xml:"SigningCertificate" json:"SigningCertificate"`
	Intermediate []ref `xml:"IntermediateCertificate" json:"IntermediateCertificate,omitempty"`
	Anchor       *ref  `xml:"TrustAnchor" json:"TrustAnchor,omitempty"`
}

type crypto struct {
	Object    ref    `xml:"ValidationObjectId" json:"ValidationObjectId"`
	Algorithm string `xml:"Algorithm" json:"Algorithm"`
	Secure    bool   `xml:"SecureAlgorithm" json:"SecureAlgorithm"`
	NotAfter  string `xml:"NotAfter,omitempty" json:"NotAfter,omitempty"`
}

// other is what the schema has no name for.
type other struct {
	File           string   `xml:"lt:File,omitempty" json:"File,omitempty"`
	Part           string   `xml:"lt:Part,omitempty" json:"Part,omitempty"`
	Field          string   `xml:"lt:Field,omitempty" json:"Field,omitempty"`
	Format         string   `xml:"lt:Format,omitempty" json:"Format,omitempty"`
	Level          string   `xml:"lt:Level,omitempty" json:"Level,omitempty"`
	Reason         string   `xml:"lt:Reason,omitempty" json:"Reason,omitempty"`
	Organization   string   `xml:"lt:Organization,omitempty" json:"Organization,omitempty"`
	Issuer         string   `xml:"lt:Issuer,omitempty" json:"Issuer,omitempty"`
	Serial         string   `xml:"lt:SerialNumber,omitempty" json:"SerialNumber,omitempty"`
	AnchorName     string   `xml:"lt:AnchorName,omitempty" json:"AnchorName,omitempty"`
	AnchorSource   string   `xml:"lt:AnchorSource,omitempty" json:"AnchorSource,omitempty"`
	AlgorithmTable string   `xml:"lt:AlgorithmTable,omitempty" json:"AlgorithmTable,omitempty"`
	CoversWhole    bool     `xml:"lt:CoversWholeFile" json:"CoversWholeFile"`
	Revision       int      `xml:"lt:Revision" json:"Revision"`
	Revisions      int      `xml:"lt:Revisions" json:"Revisions"`
	CoveredBytes   int64    `xml:"lt:CoveredBytes,omitempty" json:"CoveredBytes,omitempty"`
	Changes        []string `xml:"lt:Change,omitempty" json:"Change,omitempty"`
	Findings       []string `xml:"lt:Finding,omitempty" json:"Finding,omitempty"`
}

type object struct {
	ID     string `xml:"id,attr" json:"id"`
	Type   string `xml:"ObjectType" json:"ObjectType"`
	Digest digest `xml:"ValidationObjectRepresentation>DigestAlgAndValue" json:"DigestAlgAndValue"`
}
