package app

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/evaluation"
)

// openScores wires how agencies are evaluated.
func (a *App) openScores() {
	s := &a.services
	s.evaluated = evaluation.New(evaluation.Options{
		Notes: a.store, Dossiers: a.store, Desk: s.dossiers, Feedbacks: a.store, Procedures: s.catalogue, Directory: s.directory, Now: a.now, Log: a.log,
	})
}

// notedEvaluation notes by which tables agencies are scored from now on.
type notedEvaluation struct {
	*evaluation.Service
	chronicle
}

// Apply puts a table into force.
func (n notedEvaluation) Apply(ctx context.Context, actor hub.Actor, table hub.ScoreTable, dryRun bool) (hub.ScoreTableChange, error) {
	if !dryRun {
		text, err := json.Marshal(table)
		if err != nil {
			return hub.ScoreTableChange{}, err
		}
		if err := n.note(ctx, actor, "evaluation.table", table.ID, hub.Digest(sha256.Sum256(text))); err != nil {
			return hub.ScoreTableChange{}, err
		}
	}
	return n.Service.Apply(ctx, actor, table, dryRun)
}
