package accounts

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

// The form of a hash: memory in KiB, passes, one lane.
const (
	hashLanes   = 1
	saltLength  = 16
	hashLength  = 32
	hashPattern = "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s"
)

// NIST SP 800-63B-4, 3.1.1.2: 15 characters where a password is the only factor, at
// least 64 allowed, any printable character, no rule on their mixture, no change by the
// calendar, and a list of what is easy to guess.
const (
	minPassword   = 15  // characters
	maxPassword   = 256 // bytes
	leastOwn      = 6   // characters that are left without what everybody would guess
	leastDistinct = 5   // different ones of those
)

// Cost is what one hash takes.
type Cost struct {
	Memory uint32 // KiB
	Passes uint32
}

// usualCost is the first choice of OWASP for argon2id.
func usualCost() Cost { return Cost{Memory: 19 * 1024, Passes: 2} }

// temporaryBytes of randomness are in a temporary password, 100 bits in 20 characters.
const temporaryBytes = 12

//go:embed common.txt
var commonWords string

// canonical makes the same password of the same characters, however a keyboard composed
// them: Vietnamese can be typed in several ways.
func canonical(password string) string { return norm.NFKC.String(password) }

// checkPassword says what is wrong with a password that a person chose.
func checkPassword(password string, a *hub.Account) error {
	password = canonical(password)
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return hub.Invalid("password", "min_length", "a password has at least %d characters; several words that do not belong together are easy to keep in mind", minPassword)
	case len(password) > maxPassword:
		return hub.Invalid("password", "max_length", "a password has at most %d bytes", maxPassword)
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return hub.Invalid("password", "utf8", "a password is valid UTF-8")
	case guessable(password, a):
		return hub.Invalid("password", "guessable", "this password is made of what many choose: common words, rows of keys, the name of the account")
	}
	return nil
}

// guessable looks at what is left of a password without common words and what belongs
// to the account.
func guessable(password string, a *hub.Account) bool {
	rest := hub.Fold(password)
	words := strings.Fields(commonWords)
	words = append(words, strings.FieldsFunc(hub.Fold(a.Name+" "+a.FullName), func(r rune) bool { return strings.ContainsRune(" .@_-", r) })...)
	for _, word := range words {
		if len(word) > 2 {
			rest = strings.ReplaceAll(rest, word, "")
		}
	}
	distinct := map[rune]bool{}
	for _, r := range rest {
		distinct[r] = true
	}
	return utf8.RuneCountInString(rest) < leastOwn || len(distinct) < leastDistinct
}

// temporary gives an account a password that is drawn, and returns it.
func (s *Service) temporary(ctx context.Context, a *hub.Account) (string, error) {
	password, err := s.draw(temporaryBytes)
	if err != nil {
		return "", err
	}
	password = password[:5] + "-" + password[5:10] + "-" + password[10:15] + "-" + password[15:]
	return password, s.setPassword(ctx, a, password)
}

// draw returns random characters that are easy to read out.
func (s *Service) draw(bytes int) (string, error) {
	buf := make([]byte, bytes)
	if _, err := io.ReadFull(s.Random, buf); err != nil {
		return "", hub.Internal("draw a secret", err)
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(buf)), nil
}

func (s *Service) setPassword(ctx context.Context, a *hub.Account, password string) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	a.Password, err = hashPassword(canonical(password), s.Cost, s.Random)
	return err
}

// enter waits for room to make a hash.
func (s *Service) enter(ctx context.Context) (leave func(), err error) {
	select {
	case s.hashing <- struct{}{}:
		return func() { <-s.hashing }, nil
	case <-ctx.Done():
		return nil, &hub.Error{Kind: hub.KindBusy, Rule: "passwords", Message: "too many passwords are being checked", Err: ctx.Err()}
	}
}

// hashPassword returns a PHC string with a fresh salt.
func hashPassword(password string, cost Cost, random io.Reader) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", hub.Internal("draw a salt", err)
	}
	return phc(cost, salt, argon2.IDKey([]byte(password), salt, cost.Passes, cost.Memory, hashLanes, hashLength)), nil
}

// hashOfNobody returns the hash of no password: drawn, since to make one takes 20 MB that
// a hub whose pages nobody uses would carry along from its start. To hold a password
// against it takes as long as against any other.
func hashOfNobody(cost Cost, random io.Reader) (string, error) {
	drawn := make([]byte, saltLength+hashLength)
	if _, err := io.ReadFull(random, drawn); err != nil {
		return "", hub.Internal("draw a hash", err)
	}
	return phc(cost, drawn[:saltLength], drawn[saltLength:]), nil
}

func phc(cost Cost, salt, key []byte) string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(hashPattern, cost.Memory, cost.Passes, hashLanes, encode(salt), encode(key))
}

// matches reports whether a password is the one of a PHC string. Its costs are those in
// the string, so that later ones can be higher.
func matches(phc, password string) bool {
	var memory, passes uint32
	var lanes uint8
	fields := strings.Split(phc, "$")
	if len(fields) != 6 || fields[1] != "argon2id" || fields[2] != "v=19" {
		return false
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil || passes == 0 || lanes == 0 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(fields[5])
	if err != nil || len(want) == 0 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}
