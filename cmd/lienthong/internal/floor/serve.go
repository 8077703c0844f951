package floor

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// handler serves the part of the hub's REST API that a load uses.
func (f *Floor) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(w http.ResponseWriter, r *http.Request, caller string) error{
		"POST /v1/agencies/import":                       f.importAgencies,
		"POST /v1/keys":                                  f.issueKey,
		"POST /v1/dispatches":                            f.submitForm,
		"POST /v1/packages":                              f.submitPackage,
		"GET /v1/mailbox":                                f.mailbox,
		"POST /v1/mailbox/leases":                        f.lease,
		"GET /v1/dispatches/{dispatch}/parts/{part}":     f.part,
		"POST /v1/deliveries/{delivery}/acknowledgement": f.acknowledge,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			caller, known := f.caller(r)
			if !known {
				http.Error(w, "unknown key", http.StatusUnauthorized)
				return
			}
			if err := handle(w, r, caller); err != nil {
				http.Error(w, err.Error(), status(err))
			}
		})
	}
	return mux
}

// Errors that are no failure of the floor.
var (
	errInvalid = errors.New("the request is not sound")
	errDenied  = errors.New("the key may not do this")
	errAbsent  = errors.New("there is no such thing")
)

func status(err error) int {
	switch {
	case errors.Is(err, errInvalid):
		return http.StatusBadRequest
	case errors.Is(err, errDenied):
		return http.StatusForbidden
	case errors.Is(err, errAbsent):
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// caller is the agency whose key came with a request.
func (f *Floor) caller(r *http.Request) (string, bool) {
	secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	f.mu.RLock()
	defer f.mu.RUnlock()
	code, known := f.keys[sha256.Sum256([]byte(secret))]
	return code, known
}

func (f *Floor) newKey(code string) string {
	secret := rand.Text()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[sha256.Sum256([]byte(secret))] = code
	return secret
}

func (f *Floor) importAgencies(w http.ResponseWriter, r *http.Request, _ string) error {
	table, err := csv.NewReader(r.Body).ReadAll()
	if err != nil {
		return errors.Join(errInvalid, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, line := range table[1:] {
		f.agencies[line[1]] = true
		f.boxes[line[1]] = &box{bell: make(chan struct{})}
	}
	return answer(w, struct{}{})
}

func (f *Floor) issueKey(w http.ResponseWriter, r *http.Request, _ string) error {
	var wish struct {
		Agencies []string `json:"agencies"`
	}
	if err := json.NewDecoder(r.Body).Decode(&wish); err != nil || len(wish.Agencies) != 1 {
		return fmt.Errorf("%w: one agency is wanted", errInvalid)
	}
	return answer(w, map[string]string{"secret": f.newKey(wish.Agencies[0])})
}

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// knows reports whether all codes are of agencies.
func (f *Floor) knows(codes []string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, code := range codes {
		if !f.agencies[code] {
			return fmt.Errorf("%w: unknown agency %s", errInvalid, code)
		}
	}
	return nil
}
