package app

import (
	"context"
	"log/slog"
	"strings"

	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/audit"
)

var (
	_ web.Persons = sessions{}
	_ web.Outside = sessions{}
)

// sessions notes in the log who signs in and out, by the name of the account: a session
// that cannot be noted does not begin. Who is refused is in the hub's log of events alone,
// since strangers could fill the other one, which nobody can shorten; what they typed as a
// name is there only where an account has it: it may be a password.
type sessions struct {
	*accounts.Service
	store accounts.Store
	notes *audit.Notes
	log   *slog.Logger
}

// sessionFact is the body of a note.
type sessionFact struct {
	Action string         `json:"action"` // in or out
	Actor  string         `json:"actor"`
	Method hub.AuthMethod `json:"method"`
}

// SignIn implements web.Persons.
func (s sessions) SignIn(ctx context.Context, name, password, code, mark string) (token, nextMark string, err error) {
	if token, nextMark, err = s.Service.SignIn(ctx, name, password, code, mark); err != nil {
		if hub.KindOf(err) == hub.KindUntrusted {
			s.refused(ctx, name)
		}
		return "", "", err
	}
	return token, nextMark, s.begun(ctx, token)
}

// SignInAs implements web.Outside.
func (s sessions) SignInAs(ctx context.Context, login hub.Login) (token, mark string, err error) {
	token, mark, err = s.Service.SignInAs(ctx, login)
	if err != nil {
		if hub.KindOf(err) == hub.KindUntrusted {
			s.log.WarnContext(ctx, "sign-in refused: no account is open for what the identity provider says", "method", hub.AuthProvider)
		}
		return "", "", err
	}
	return token, mark, s.begun(ctx, token)
}

// SignOut implements web.Persons.
func (s sessions) SignOut(ctx context.Context, token string) error {
	visit, err := s.Look(ctx, token)
	if err == nil {
		err = s.note(ctx, "out", &visit)
	}
	if err != nil && hub.KindOf(err) != hub.KindUntrusted { // a session that has ended is let go
		s.log.WarnContext(ctx, "signing out is not in the log", "error", err)
	}
	return s.Service.SignOut(ctx, token)
}

func (s sessions) begun(ctx context.Context, token string) error {
	visit, err := s.Look(ctx, token)
	if err == nil {
		err = s.note(ctx, "in", &visit)
	}
	if err != nil {
		_ = s.Service.SignOut(ctx, token) // nobody has the token; the first error says more
	}
	return err
}

func (s sessions) note(ctx context.Context, action string, visit *hub.Visit) error {
	return s.notes.Note(ctx, hub.LogNoteSession, sessionFact{action, visit.Account.Name, visit.Actor.Auth})
}

func (s sessions) refused(ctx context.Context, typed string) {
	name := "of no account"
	if account, err := s.store.Account(ctx, strings.ToLower(strings.TrimSpace(typed))); err == nil {
		name = account.Name
	}
	s.log.WarnContext(ctx, "sign-in refused", "method", hub.AuthPassword, "name", name)
}
