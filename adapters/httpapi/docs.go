package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/schemas"
)

//go:embed docs.html.tmpl
var docsTemplate string

//go:embed docs.css
var docsStyle string

func (a *api) specification(x *exchange) error {
	return x.text(http.StatusOK, "application/yaml", []byte(schemas.OpenAPI()))
}

func (a *api) documentation(x *exchange) error {
	page, err := a.docs()
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Security-Policy", page.policy)
	return x.text(http.StatusOK, "text/html; charset=utf-8", page.html)
}

// docsPage is the description of the API as a page, made once. It needs no script
// and nothing from another host; the policy allows its own style and no more.
type docsPage struct {
	html   []byte
	policy string
}

func renderDocs() (*docsPage, error) {
	api, err := schemas.ReadAPI()
	if err != nil {
		return nil, hub.Internal("read the API description", err)
	}
	page, err := template.New("docs").Funcs(template.FuncMap{"prose": prose, "anchor": anchor}).Parse(docsTemplate)
	if err != nil {
		return nil, hub.Internal("read the template of the page", err)
	}
	var b bytes.Buffer
	err = page.Execute(&b, struct {
		API   *schemas.API
		Style template.CSS
		Tags  []taggedOperations
	}{api, template.CSS(docsStyle), byTag(api)}) //nolint:gosec // our own file
	if err != nil {
		return nil, hub.Internal("make the page", err)
	}
	sum := sha256.Sum256([]byte(docsStyle))
	policy := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))
	return &docsPage{b.Bytes(), policy}, nil
}

// taggedOperations are the operations of one group.
type taggedOperations struct {
	schemas.Tag
	Operations []schemas.Operation
}

func byTag(api *schemas.API) []taggedOperations {
	var groups []taggedOperations
	for _, tag := range api.Tags {
		g := taggedOperations{Tag: tag}
		for _, op := range api.Operations {
			if op.Tag == tag.Name {
				g.Operations = append(g.Operations, op)
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// anchor is the place of a schema on the page.
func anchor(schema string) string { return "schema-" + schema }

// prose turns the little Markdown of descriptions into HTML: paragraphs, `code`
// and **strong**.
func prose(text string) template.HTML {
	code, strong := regexp.MustCompile("`([^`]+)`"), regexp.MustCompile(`\*\*([^*]+)\*\*`)
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if paragraph == "" {
			continue
		}
		escaped := template.HTMLEscapeString(paragraph)
		escaped = strong.ReplaceAllString(code.ReplaceAllString(escaped, "<code>$1</code>"), "<strong>$1</strong>")
		b.WriteString("<p>" + escaped + "</p>\n")
	}
	return template.HTML(b.String()) //nolint:gosec // escaped above
}
