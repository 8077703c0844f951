package lgsp

import (
	"net/http"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// ruleMissing is the rule of a call without credentials.
const ruleMissing = "missing"

// oauthError is an error of RFC 6749, section 5.2.
type oauthError struct {
	Error string `json:"error"`
	Desc  string `json:"error_description"`
}

// granted is an access token, section 5.1. Gateways of this kind name these scopes.
type granted struct {
	AccessToken string `json:"access_token"`
	Scope       string `json:"scope"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

const (
	tokenScope   = "am_application_scope default"
	maxTokenBody = 8 << 10
)

// token gives an access token for client credentials.
func (s *Server) token(x *call) error {
	if x.r.Method != http.MethodPost {
		return &httpError{http.StatusMethodNotAllowed, hub.Errorf(hub.KindUnsupported, "method", "method", "a token is asked for with POST")}
	}
	if err := x.fields(s.mostBody(x.op), func(f field) error {
		v, err := readValue(f.name, f.content, maxTokenBody)
		x.values[f.name] = v
		return err
	}); err != nil {
		return x.oauth(http.StatusBadRequest, err, "invalid_request", hub.ViolationsOf(err)[0].Message)
	}
	switch grant := x.values["grant_type"]; grant {
	case "client_credentials":
	case "":
		return x.oauth(http.StatusBadRequest, nil, "invalid_request", "grant_type is required")
	default:
		return x.oauth(http.StatusBadRequest, nil, "unsupported_grant_type", "the only grant_type here is client_credentials")
	}
	client, secret, basic := x.r.BasicAuth()
	if !basic {
		client, secret = x.values["client_id"], x.values["client_secret"]
	}
	var answer granted
	leave, err := s.gate.Admit(&s.Limits, func() (hub.Actor, error) {
		token, until, err := s.Clients.Grant(x.context(), strings.TrimSpace(client), strings.TrimSpace(secret), s.Profile.tokenLife())
		answer = granted{AccessToken: token, Scope: tokenScope, TokenType: "Bearer", ExpiresIn: int64(until.Sub(x.begun).Seconds())}
		if err == nil { // before that it may be anything, a secret too
			x.system = client
		}
		return hub.Actor{Name: client}, err
	})
	switch {
	case err == nil:
		defer leave()
		return x.json(http.StatusOK, answer)
	case hub.KindOf(err) == hub.KindUntrusted:
		x.w.Header().Set("WWW-Authenticate", `Basic realm="lienthong"`)
		return x.oauth(http.StatusUnauthorized, err, "invalid_client", hub.ViolationsOf(err)[0].Message)
	}
	return err
}

func (x *call) oauth(status int, err error, code, desc string) error {
	if x.err = err; err == nil {
		x.err = hub.Invalid("grant_type", code, "%s", desc)
	}
	return x.json(status, oauthError{code, desc})
}
