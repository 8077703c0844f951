package dossiers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const maxWords = 200 // statuses of one system

func wordsPrefix(agency hub.AgencyID) string { return "dossier-words/" + string(agency) + "/" }

// Words are what the statuses of an agency's own system stand for.
func (s *Service) Words(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.DossierWords, error) {
	if !sees(&actor, agency) {
		return hub.DossierWords{}, actor.SpeaksFor(agency, scopeOfLooks)
	}
	return s.words(ctx, agency)
}

func (s *Service) words(ctx context.Context, agency hub.AgencyID) (hub.DossierWords, error) {
	w := hub.DossierWords{Agency: agency, Words: map[string]hub.DossierStatus{}}
	notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: wordsPrefix(agency), Backwards: true, Limit: 1})
	if err != nil || len(notes) == 0 {
		return w, err
	}
	if err := json.Unmarshal(notes[0].Body, &w); err != nil {
		return w, hub.Internal("decode the note "+notes[0].Name, err)
	}
	return w, nil
}

// meaning is the national status that a word of an agency stands for; 0 for none.
func (s *Service) meaning(ctx context.Context, agency hub.AgencyID, word string) (hub.DossierStatus, error) {
	w, err := s.words(ctx, agency)
	return w.Words[strings.TrimSpace(word)], err
}

// SetWords puts a new version into force: the words given are all that there are. What was
// recorded before stays as it was understood then. It needs ScopeSubmit for the agency.
func (s *Service) SetWords(ctx context.Context, actor hub.Actor, agency hub.AgencyID, words map[string]hub.DossierStatus) (hub.DossierWords, error) {
	if err := actor.SpeaksFor(agency, scopeOfActs); err != nil {
		return hub.DossierWords{}, err
	}
	var found hub.Violations
	if len(words) > maxWords {
		found = append(found, hub.Errorf(hub.KindTooLarge, "words", "max_items", "at most %d statuses", maxWords))
	}
	kept := make(map[string]hub.DossierStatus, len(words))
	for word, status := range words {
		found = append(found, text("words", word, maxWord, true)...)
		if !status.Valid() {
			found = append(found, hub.Invalid("words", "code_list", "%.60q stands for a status from 1 to 10", word))
		}
		kept[strings.TrimSpace(word)] = status
	}
	if err := found.AsError(); err != nil {
		return hub.DossierWords{}, err
	}
	for try := 1; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return hub.DossierWords{}, err
		}
		was, err := s.words(ctx, agency)
		if err != nil {
			return hub.DossierWords{}, err
		}
		w := hub.DossierWords{Agency: agency, Version: was.Version + 1, Words: kept, SetBy: actor.Name, SetAt: s.now().Truncate(time.Millisecond)}
		body, err := json.Marshal(w)
		if err != nil {
			return w, hub.Internal("encode the words of an agency", err)
		}
		err = s.Notes.ChangeRules(ctx, version, hub.RetentionNote{Name: fmt.Sprintf("%s%012d", wordsPrefix(agency), w.Version), Body: body})
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == maxTries {
			return w, err
		}
	}
}
