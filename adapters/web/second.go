package web

import (
	"encoding/base32"
	"net/http"
	"net/url"

	"github.com/lienthong/lienthong/adapters/internal/qrsvg"
	"github.com/lienthong/lienthong/hub"
)

// secondPage is about the second factor of the person.
type secondPage struct {
	Secret string       // in groups of four, for typing; empty where none is begun
	Square qrsvg.Square // the same for a camera
	Done   bool         // it has just come into force
}

func (x *exchange) secondFactor() error {
	return x.show(http.StatusOK, "second", secondPage{Done: x.visit.Account.TwoStep && x.r.URL.Query().Get("done") != ""}, nil)
}

// beginSecondFactor shows the secret for an authenticator program.
func (x *exchange) beginSecondFactor() error { return x.showSecret(http.StatusOK, nil) }

func (x *exchange) showSecret(status int, problems map[string]string) error {
	raw, err := x.Seconds.BeginSecondFactor(x.r.Context(), *x.visit)
	if err != nil {
		return err
	}
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	// The form that authenticator programs know; its values are those of RFC 6238.
	address := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + x.Name + ":" + x.visit.Account.Name, RawQuery: url.Values{
		"secret": {secret}, "issuer": {x.Name}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"},
	}.Encode()}
	p := secondPage{}
	for i := 0; i < len(secret); i += 4 {
		p.Secret += secret[i:min(i+4, len(secret))] + " "
	}
	if p.Square, err = qrsvg.Of(address.String()); err != nil {
		return hub.Internal("draw a QR code", err)
	}
	return x.show(status, "second", p, problems)
}

func (x *exchange) confirmSecondFactor() error {
	err := x.Seconds.ConfirmSecondFactor(x.r.Context(), *x.visit, x.r.PostFormValue("code"))
	if err != nil && hub.KindOf(err) == hub.KindInvalid {
		return x.showSecret(http.StatusUnprocessableEntity, x.problems(err, "code"))
	}
	if err != nil {
		return err
	}
	return x.redirect("/second-factor?done=1")
}

func (x *exchange) endSecondFactor() error {
	err := x.Seconds.EndSecondFactor(x.r.Context(), *x.visit, x.r.PostFormValue("current"))
	if err != nil && again(err) {
		return x.show(http.StatusUnprocessableEntity, "second", secondPage{}, x.problems(err, "current"))
	}
	if err != nil {
		return err
	}
	return x.redirect("/second-factor")
}
