package portal

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

type askPage struct {
	Number string
	Wrong  bool // the number or the secret is
}

// ask offers the form for a number and a secret. A number may be in the address, which the
// code on a receipt leads to; a secret never is: behind its #, which stays in the browser, a
// script of the page finds it.
func (x *exchange) ask() error {
	number := strings.TrimSpace(x.r.URL.Query().Get("number"))
	if number == "" {
		return x.everybody("/dossiers", func() (string, []byte, error) { return x.page("ask", askPage{}) })
	}
	if len(number) > maxNumber {
		number = ""
	}
	return x.show(http.StatusOK, "ask", askPage{Number: number})
}

type progressPage struct {
	hub.DossierProgress
	Secret string // for the forms of the files; it stays on the page
}

// typed reads number and secret of a form.
func (x *exchange) typed() (number, secret string, err error) {
	err = x.form()
	return strings.ToUpper(strings.TrimSpace(x.r.PostFormValue("number"))), x.r.PostFormValue("secret"), err
}

// progress shows how a dossier stands.
func (x *exchange) progress() error {
	number, secret, err := x.typed()
	if err != nil {
		return err
	}
	p := progressPage{Secret: secret}
	err = x.guess(number, func() (err error) {
		p.DossierProgress, err = x.Dossiers.Progress(x.r.Context(), number, secret)
		return err
	})
	if x.guessed {
		return x.refuse(number)
	}
	if err != nil {
		return err
	}
	return x.show(http.StatusOK, "progress", &p)
}

// refuse says that number and secret do not fit, and nothing else.
func (x *exchange) refuse(number string) error {
	if len(number) > maxNumber {
		number = ""
	}
	return x.show(http.StatusNotFound, "ask", askPage{Number: number, Wrong: true})
}

// file hands out a file of a dossier to who has number and secret.
func (x *exchange) file() error {
	number, secret, err := x.typed()
	if err != nil {
		return err
	}
	event, _ := strconv.ParseInt(x.r.PostFormValue("event"), 10, 64) // 0 is none
	err = x.handOut(number, secret, event)
	if x.guessed {
		return x.refuse(number)
	}
	return err
}

func (x *exchange) handOut(number, secret string, event int64) error {
	var part hub.Part
	var blob hub.Blob
	err := x.guess(number, func() (err error) {
		part, blob, err = x.Dossiers.File(x.r.Context(), number, secret, event)
		return err
	})
	if err != nil {
		return err
	}
	return x.send(part, blob)
}

// lookup is the body of what programs ask about a dossier.
type lookup struct {
	Number string `json:"number"`
	Secret string `json:"secret"`
	Event  int64  `json:"event,omitempty"` // of a file
}

func (x *exchange) showProgress() error {
	var of lookup
	if err := x.read(&of); err != nil {
		return err
	}
	var p hub.DossierProgress
	if err := x.guess(of.Number, func() (err error) {
		p, err = x.Dossiers.Progress(x.r.Context(), of.Number, of.Secret)
		return err
	}); err != nil {
		return err
	}
	kind, body, err := asJSON(&p)
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", kind)
	x.leave()
	_, _ = x.w.Write(body) // the client may have gone
	return nil
}

func (x *exchange) sendFile() error {
	var of lookup
	if err := x.read(&of); err != nil {
		return err
	}
	return x.handOut(of.Number, of.Secret, of.Event)
}
