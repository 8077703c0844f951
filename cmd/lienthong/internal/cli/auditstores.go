package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/inspect"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
)

// compare replays the log beside the rows of the stores. Checkpoints were asked for
// before the rows are read: what they cover must be in the stores. What is in the stores
// must be in the log, or come into it within the limit.
func (c *auditCommand) compare(ctx context.Context, a *logAudit, heads []logHead) error {
	certificate, err := certificates(c.Certificate, c.Config.Certificates)
	if err != nil {
		return err
	}
	stores, err := app.OpenStores(ctx, c.Config, newLog(a.env.Stderr, "error", c.Config.LogFormat))
	if err != nil {
		return err
	}
	defer stores.Close()                           //nolint:errcheck // was only read
	tokens, err := tokenRows(ctx, stores, a.found) // read before the rows: the log notes what comes since
	if err != nil {
		return err
	}
	rehashed, err := rehashRows(ctx, stores, a.found)
	if err != nil {
		return err
	}
	catalogue, err := catalogueRows(ctx, stores, a.found)
	if err != nil {
		return err
	}
	dossiers, err := dossierRows(ctx, stores, a.found)
	if err != nil {
		return err
	}
	a.stamped(heads, tokens.Kept)
	closings := &closings{}
	rows, err := audit.Compare(closings.among(logRows(ctx, stores)), a.found)
	if err != nil {
		return err
	}
	defer rows.Close()
	secret, err := c.Config.SequenceSecret()
	switch {
	case err != nil:
		return err
	case secret != nil:
		rows.Sequences(*secret)
	default:
		fmt.Fprintln(a.env.Stderr, "the key of the log is not here: the numbers of agencies are counted, and their tags in the log are not compared")
	}
	if a.Logs, err = a.replay(ctx, heads, rows.Entry); err != nil {
		return err
	}
	waiting, err := rows.Rest()
	if err != nil {
		return err
	}
	rows.Close() // the instant of the rows is held no longer than needed
	if err := rows.NumberRows(func(emit func(hub.LogNumberRecord) error) error { return stores.LogNumberRows(ctx, emit) }); err != nil {
		return err
	}
	told := func(string, string, ...any) {} // already
	if err := rows.TokenRows(tokens, func() (*audit.TokenRows, error) { return tokenRows(ctx, stores, told) }); err != nil {
		return err
	}
	if err := rows.RehashRows(rehashed, func() (*audit.RehashRows, error) { return rehashRows(ctx, stores, told) }); err != nil {
		return err
	}
	if err := rows.CatalogueRows(catalogue, func() (*audit.CatalogueRows, error) { return catalogueRows(ctx, stores, told) }); err != nil {
		return err
	}
	if err := rows.DossierRows(dossiers, func() (*audit.DossierRows, error) { return dossierRows(ctx, stores, told) }); err != nil {
		return err
	}
	if err := c.await(ctx, a, rows, waiting); err != nil {
		return err
	}
	rows.End()
	a.Rows = rows.Rows
	found := func(f inspect.Finding) { a.found(f.Rule, "%s: %s", f.Subject, f.Message) }
	_, err = inspectStores(ctx, inspect.Options{State: stores, Found: found, Closed: closings.years}, certificate)
	return err
}

// tokenRows reads the time-stamps of the log with their renewals.
func tokenRows(ctx context.Context, stores *app.Stores, found func(rule, format string, args ...any)) (*audit.TokenRows, error) {
	rows := audit.NewTokenRows(signing.NewTokens(), found)
	err := stores.LogTokenRows(ctx, func(row hub.LogTokenRow) error {
		rows.Row(row)
		return nil
	})
	return rows, err
}

// rehashRows reads the shards of the log that were hashed anew.
func rehashRows(ctx context.Context, stores *app.Stores, found func(rule, format string, args ...any)) (*audit.RehashRows, error) {
	rows := audit.NewRehashRows(signing.NewTokens(), found)
	err := stores.LogRehashRows(ctx, func(row hub.LogRehashRow) error {
		rows.Row(&row)
		return nil
	})
	rows.End()
	return rows, err
}

// catalogueRows reads the catalogue of procedures.
func catalogueRows(ctx context.Context, stores *app.Stores, found func(rule, format string, args ...any)) (*audit.CatalogueRows, error) {
	rows := audit.NewCatalogueRows(found)
	err := stores.CatalogueRows(ctx, func(row hub.CatalogueRow) error {
		rows.Row(&row)
		return nil
	})
	return rows, err
}

// dossierRows reads the dossiers of one-stop desks.
func dossierRows(ctx context.Context, stores *app.Stores, found func(rule, format string, args ...any)) (*audit.DossierRows, error) {
	rows := audit.NewDossierRows(found)
	err := stores.DossierRows(ctx, func(row hub.DossierRow) error {
		rows.Row(&row)
		return nil
	})
	return rows, err
}

// stamped lets the log be compared with checkpoints that the stores keep with their
// time-stamps, except those that were signed since the log was asked for its newest one.
func (a *logAudit) stamped(heads []logHead, kept []audit.Kept) {
	sizes := map[string]int64{}
	for _, head := range heads {
		if newest, err := a.policy.Open(head.signed); err == nil {
			sizes[newest.Checkpoint.Origin] = newest.Checkpoint.Size
		}
	}
	for _, k := range kept {
		if w, err := a.policy.Open(k.Note); err != nil || w.Checkpoint.Size <= sizes[w.Checkpoint.Origin] {
			a.kept = append(a.kept, k)
		}
	}
}

// logRows reads the rows that concern the log.
func logRows(ctx context.Context, stores *app.Stores) func(yield func(hub.LogRow, error) bool) {
	return func(yield func(hub.LogRow, error) bool) {
		err := stores.LogRows(ctx, func(row hub.LogRow) error {
			if !yield(row, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(hub.LogRow{}, err)
		}
	}
}

// closings collects which registers the notes of the log say were closed. The notes are
// those of the stores, which are compared with the log.
type closings struct{ years []hub.RegisterYear }

func (c *closings) among(rows func(yield func(hub.LogRow, error) bool)) func(yield func(hub.LogRow, error) bool) {
	return func(yield func(hub.LogRow, error) bool) {
		rows(func(row hub.LogRow, err error) bool {
			c.take(&row)
			return yield(row, err)
		})
	}
}

func (c *closings) take(row *hub.LogRow) {
	if !bytes.Contains(row.Note, []byte(hub.ActRegisterClose)) {
		return
	}
	var note hub.LogNote
	var body struct {
		Action string           `json:"action"`
		What   hub.RegisterYear `json:"what"`
	}
	if json.Unmarshal(row.Note, &note) == nil && note.Kind == hub.LogNoteOperator && json.Unmarshal(note.Body, &body) == nil && body.Action == hub.ActRegisterClose {
		c.years = append(c.years, body.What)
	}
}

// errEnough ends the reading of rows.
var errEnough = errors.New("no more rows are wanted")

// await reads what comes into the log until it holds all that waited for it.
func (c *auditCommand) await(ctx context.Context, a *logAudit, rows *audit.Comparison, waiting int) error {
	for deadline := time.Now().Add(c.Wait); waiting > 0 && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Until(deadline), time.Second/4)):
		}
		heads, err := a.heads(ctx, time.Time{})
		if err != nil {
			return err
		}
		_, err = a.replay(ctx, heads, func(_ string, _ int64, data []byte) error {
			waiting = rows.Later(data)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
