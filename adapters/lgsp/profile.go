package lgsp

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// Profile says where this API keeps what its description leaves open. Names are looked
// for in headers, then in the query, then among the members of the body, in any case of
// letters; the first that is there counts.
type Profile struct {
	TokenPath string `json:"token_path"` // default /token
	APIPath   string `json:"api_path"`   // default /truclienthong/v1.0.0

	UnitSecret []string `json:"unit_secret"` // names of the secret of the unit
	File       []string `json:"file"`        // of the package, in a body with members
	Kind       []string `json:"kind"`        // of edoc or status
	Status     []string `json:"status"`      // of INITIAL, PROCESSING, DONE, FAIL
	AgencyCode []string `json:"agency_code"` // of the unit whose registration ends
	OwnUnits   string   `json:"own_units"`   // last part of the path for the units of the province

	Errors       string `json:"errors"`        // "result": refusals are HTTP 200; "http": they are HTTP errors
	Content      string `json:"content"`       // "base64" or "xml": the package in the answer of a document
	Times        string `json:"times"`         // "axis": 2006/01/02 15:04:05; "iso": 2006-01-02T15:04:05+07:00
	TokenSeconds int    `json:"token_seconds"` // life of an access token
}

// The words of a profile.
const (
	errorsResult = "result"
	errorsHTTP   = "http"
	asBase64     = "base64"
	asXML        = "xml"
	timesAxis    = "axis"
	timesISO     = "iso"
)

// The bounds of a profile.
const (
	maxProfile   = 64 << 10
	minTokenLife = 60
	maxTokenLife = 24 * 60 * 60
)

// DefaultProfile is what is known or inferred of the API of Quảng Nam province.
func DefaultProfile() Profile {
	return Profile{
		TokenPath: "/token", APIPath: "/truclienthong/v1.0.0",
		UnitSecret: []string{"secretDonVi", "secret", "Secret-DonVi", "X-Secret"},
		File:       []string{"data", "file", "noiDung", "content"},
		Kind:       []string{"loaiVanBan"}, Status: []string{"status"}, AgencyCode: []string{"agencyCode"},
		OwnUnits: "qn", Errors: errorsResult, Content: asBase64, Times: timesAxis, TokenSeconds: 3600,
	}
}

// ReadProfile reads what of a profile differs from the default one (JSON).
func ReadProfile(r io.Reader) (Profile, error) {
	p := DefaultProfile()
	text, err := edoc.ReadBody(r, maxProfile)
	if err != nil {
		return p, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, hub.Invalid("lgsp-profile", "json", "%v", err)
	}
	if d.More() {
		return p, hub.Invalid("lgsp-profile", "json", "there is something behind the profile")
	}
	return p, p.check().AsError()
}

func (p *Profile) check() hub.Violations {
	var found hub.Violations
	wrong := func(ok bool, field, rule, message string) {
		if !ok {
			found = append(found, hub.Invalid("lgsp-profile."+field, rule, "%s", message))
		}
	}
	isPath := func(s string) bool {
		return strings.HasPrefix(s, "/") && len(s) > 1 && !strings.HasSuffix(s, "/") && !strings.ContainsAny(s, "?# \t%")
	}
	wrong(isPath(p.TokenPath), "token_path", "path", "a path begins with a slash and does not end with one")
	wrong(isPath(p.APIPath), "api_path", "path", "a path begins with a slash and does not end with one")
	for field, names := range map[string][]string{
		"unit_secret": p.UnitSecret, "file": p.File, "kind": p.Kind, "status": p.Status, "agency_code": p.AgencyCode,
	} {
		wrong(len(names) > 0 && len(names) <= 20, field, "names", "there is at least one name, and at most 20")
		for _, name := range names {
			wrong(name != "" && len(name) <= maxFieldName, field, "names", "a name has 1 to 100 bytes")
		}
	}
	wrong(p.OwnUnits != "" && !strings.Contains(p.OwnUnits, "/"), "own_units", "path", "this is one part of a path")
	wrong(p.Errors == errorsResult || p.Errors == errorsHTTP, "errors", "enum", "errors are result or http")
	wrong(p.Content == asBase64 || p.Content == asXML, "content", "enum", "content is base64 or xml")
	wrong(p.Times == timesAxis || p.Times == timesISO, "times", "enum", "times are axis or iso")
	wrong(p.TokenSeconds >= minTokenLife && p.TokenSeconds <= maxTokenLife, "token_seconds", "range", "a token lives 60 to 86400 seconds")
	return found
}

func (p *Profile) tokenLife() time.Duration { return time.Duration(p.TokenSeconds) * time.Second }

func (p *Profile) stamp(t time.Time) string {
	if p.Times == timesISO {
		return edoc.Stamp(t, time.RFC3339)
	}
	return edoc.Stamp(t, edoc.StampLayout)
}
