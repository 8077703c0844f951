package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Guessing: some mistakes are free, then each costs twice the wait of the one before
// (NIST SP 800-63B-4, 3.2.2), and the last one shuts the account until somebody resets it.
const (
	freeFailures = 4
	firstWait    = 30 * time.Second
	longestWait  = time.Hour
	lastFailure  = 100
)

// tokenBytes of randomness are in a token.
const tokenBytes = 32

// usedEvery is how exactly the last use of a session is kept: it costs a write.
const usedEvery = time.Minute

// SignIn begins a session and returns its token, which is kept nowhere else, and the
// mark of a browser where this person has signed in, which is presented the next time:
// mistakes of others do not make it wait. The code is that of the second factor, where one
// is in force. There is one error for every reason why there
// is no session: KindUntrusted with the rule "credential".
func (s *Service) SignIn(ctx context.Context, name, password, code, mark string) (token, nextMark string, err error) {
	soonest := time.After(s.Wrong)
	account, ok, err := s.prove(ctx, name, password, &code, mark)
	if err != nil {
		return "", "", err
	}
	if !ok {
		select { // a mistake is counted, which takes longer than to find no such name
		case <-soonest:
		case <-ctx.Done():
		}
		return "", "", hub.Errorf(hub.KindUntrusted, "password", "credential",
			"name, password and code do not fit, or there were too many tries and it is time to wait")
	}
	token, err = s.begin(ctx, &account, "")
	return token, markOf(&account), err
}

// markOf is the mark of browsers where a person has signed in. It ends with the password;
// without what only the hub knows of the account it cannot be made.
func markOf(a *hub.Account) string {
	mac := hmac.New(sha256.New, []byte(a.Secret()))
	mac.Write([]byte("browser of " + a.Name))
	return hex.EncodeToString(mac.Sum(nil))
}

// mistakes are those that count for a browser: of known ones, or of all others.
func mistakes(a *hub.Account, known bool) (failures *int, retryAt *time.Time) {
	if known {
		return &a.KnownFailures, &a.KnownRetryAt
	}
	return &a.Failures, &a.RetryAt
}

// forget forgets mistakes.
func forget(a *hub.Account) {
	a.Failures, a.RetryAt, a.KnownFailures, a.KnownRetryAt = 0, time.Time{}, 0, time.Time{}
}

// prove holds a password and, unless that is nil, a code against an account, one name or
// not, and counts what is wrong.
func (s *Service) prove(ctx context.Context, name, password string, code *string, mark string) (account hub.Account, ok bool, err error) {
	if len(password) > maxPassword {
		password = "" // no password is
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return account, false, err
	}
	defer leave()
	account, err = s.Store.Account(ctx, strings.ToLower(strings.TrimSpace(name)))
	known := err == nil && account.Password != "" // who has none signs in elsewhere
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return account, false, err
	}
	hash := s.nobody
	if known {
		hash = account.Password
	}
	right := matches(hash, canonical(password))
	now := s.now()
	familiar := known && hmac.Equal([]byte(mark), []byte(markOf(&account)))
	failures, retryAt := mistakes(&account, familiar)
	if !known || !account.Locked.IsZero() || now.Before(*retryAt) || *failures >= lastFailure {
		return account, false, nil
	}
	asked := code != nil && account.TwoStep
	if right && !asked && account.Failures == 0 && account.KnownFailures == 0 {
		return account, true, nil
	}
	account, err = s.change(ctx, account.Name, func(a *hub.Account) error {
		if right && a.Password != hash { // it was another one meanwhile
			right = false
		}
		if right && code != nil && a.TwoStep {
			var err error
			if right, err = s.takeCode(a, *code); err != nil {
				return err
			}
		}
		if right {
			forget(a)
			return nil
		}
		failures, retryAt := mistakes(a, familiar)
		*failures++
		*retryAt = now.Add(wait(*failures))
		return nil
	})
	return account, right, err
}

// wait is how long nothing is looked at after so many mistakes.
func wait(failures int) time.Duration {
	if failures <= freeFailures {
		return 0
	}
	return min(firstWait<<min(failures-freeFailures-1, 16), longestWait)
}

func (s *Service) begin(ctx context.Context, a *hub.Account, auth hub.AuthMethod) (string, error) {
	now := s.now()
	token, err := s.draw(tokenBytes)
	if err != nil {
		return "", err
	}
	session := hub.Session{Hash: hashOf(token), Proof: proofOf(a, auth), Account: a.Name, Auth: auth, Begun: now, Used: now, Expires: now.Add(s.Life)}
	if len(a.Memberships) > 0 {
		session.Office = a.Memberships[0].Agency
	}
	return token, s.Sessions.BeginSession(ctx, session)
}

func hashOf(token string) hub.Digest { return sha256.Sum256([]byte(token)) }

// Visit returns who presents a token, and takes that as a sign of life. KindUntrusted
// with the rule "session" when the session has ended or never was.
func (s *Service) Visit(ctx context.Context, token string) (hub.Visit, error) {
	visit, err := s.Look(ctx, token)
	if err != nil {
		return hub.Visit{}, err
	}
	if now := s.now(); now.Sub(visit.Session.Used) >= usedEvery {
		visit.Session.Used = now
		switch err := s.Sessions.ChangeSession(ctx, visit.Session.Office, visit.Session); {
		case err != nil && hub.KindOf(err) == hub.KindNotFound:
			return hub.Visit{}, ended()
		case err != nil && hub.KindOf(err) != hub.KindConflict: // the person changed the office in another window
			return hub.Visit{}, err
		}
	}
	return visit, nil
}

// Look is Visit for what a page does by itself: a page that lies open keeps no session
// alive.
func (s *Service) Look(ctx context.Context, token string) (hub.Visit, error) {
	session, err := s.Sessions.Session(ctx, hashOf(token))
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return hub.Visit{}, err
	}
	now := s.now()
	if err != nil || !now.Before(session.Expires) || now.Sub(session.Used) >= s.Idle {
		return hub.Visit{}, ended()
	}
	account, err := s.Store.Account(ctx, session.Account)
	if err != nil || !account.Locked.IsZero() || session.Proof != proofOf(&account, session.Auth) {
		if err != nil && hub.KindOf(err) != hub.KindNotFound {
			return hub.Visit{}, err
		}
		return hub.Visit{}, ended()
	}
	if session.Auth == hub.AuthProvider {
		account.Temporary = false // a password that was not used keeps nobody from working
	}
	actor := account.ActorIn(session.Office)
	if session.Auth != "" {
		actor.Auth = session.Auth
	}
	return hub.Visit{Account: account, Session: session, Actor: actor}, nil
}

func ended() error {
	return hub.Errorf(hub.KindUntrusted, "", "session", "the session has ended: sign in again")
}

// WorkIn makes one of the person's offices the one that a session works in.
func (s *Service) WorkIn(ctx context.Context, visit hub.Visit, office hub.AgencyID) error {
	if !slices.Contains(visit.Account.Offices(), office) {
		return hub.Errorf(hub.KindDenied, "office", "agency", "you have no role there")
	}
	for try := 1; ; try++ {
		was := visit.Session.Office
		visit.Session.Office = office
		err := s.Sessions.ChangeSession(ctx, was, visit.Session)
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == changeTries {
			return err
		}
		if visit.Session, err = s.Sessions.Session(ctx, visit.Session.Hash); err != nil {
			return err
		}
	}
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, token string) error {
	return s.Sessions.EndSession(ctx, hashOf(token))
}

// ChangePassword sets the password that a person chose, ends all sessions of it and
// begins another, whose token and mark it returns as SignIn does. Errors: KindUntrusted
// with the field "current"; KindInvalid with the field "password".
func (s *Service) ChangePassword(ctx context.Context, visit hub.Visit, current, password string) (token, mark string, err error) {
	if err := checkPassword(password, &visit.Account); err != nil {
		return "", "", err
	}
	if canonical(password) == canonical(current) {
		return "", "", hub.Invalid("password", "same", "the new password is the old one")
	}
	proven, ok, err := s.prove(ctx, visit.Account.Name, current, nil, markOf(&visit.Account))
	if err != nil {
		return "", "", err
	}
	wrong := hub.Errorf(hub.KindUntrusted, "current", "credential", "this is not the password of now, or there were too many tries and it is time to wait")
	if !ok {
		return "", "", wrong
	}
	fresh := hub.Account{}
	if err := s.setPassword(ctx, &fresh, password); err != nil {
		return "", "", err
	}
	account, err := s.change(ctx, visit.Account.Name, func(a *hub.Account) error {
		if a.Password != proven.Password { // reset, or changed elsewhere, meanwhile
			return wrong
		}
		a.Password, a.Temporary = fresh.Password, false
		if !a.TwoStep {
			a.SecondFactor = nil // one that was begun and shown, perhaps to somebody else
		}
		return nil
	})
	if err != nil {
		return "", "", err
	}
	if err := s.Sessions.EndSessions(ctx, account.Name); err != nil {
		return "", "", err
	}
	token, err = s.begin(ctx, &account, "")
	return token, markOf(&account), err
}
