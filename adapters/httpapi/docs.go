package httpapi

import (
	"net/http"

	"github.com/lienthong/lienthong/schemas"
)

func (a *api) specification(x *exchange) error {
	return x.text(http.StatusOK, "application/yaml", []byte(schemas.OpenAPI()))
}

type docsPage struct {
	html []byte
	csp  string
}

func renderDocs() (*docsPage, error) { return &docsPage{}, nil }

func (a *api) documentation(x *exchange) error {
	page, err := a.docs()
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Security-Policy", page.csp)
	return x.text(http.StatusOK, "text/html; charset=utf-8", page.html)
}
