package app

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

// moves keep the directory true to where agencies are.
type moves struct {
	*directory.Directory
	log *slog.Logger
}

// AddBehind implements relay.Moves. A row that the directory does not take is left out,
// and the log says which: it keeps nobody from moving.
func (m moves) AddBehind(ctx context.Context, actor hub.Actor, units []hub.AxisUnit) error {
	for len(units) > 0 {
		_, err := m.Import(ctx, actor, behindList(units), hub.ImportOptions{})
		if err == nil {
			return nil
		}
		var wrong []int // places among the units
		for _, v := range hub.ViolationsOf(err) {
			var line int
			if _, scanned := fmt.Sscanf(v.Field, "rows[%d]", &line); scanned != nil || line < 2 || line-2 >= len(units) {
				return err
			}
			wrong = append(wrong, line-2)
			m.log.WarnContext(ctx, "an agency of the axis is left out", "code", units[line-2].Code, "error", v.Message)
		}
		left := units[:0:0]
		for i := range units {
			if !slices.Contains(wrong, i) {
				left = append(left, units[i])
			}
		}
		units = left
	}
	return nil
}

// behindList is a list for Import, a line for each unit; line breaks in names would make
// more. Most agencies register what they receive.
func behindList(units []hub.AxisUnit) io.Reader {
	var out strings.Builder
	w := csv.NewWriter(&out)
	oneLine := strings.NewReplacer("\r", " ", "\n", " ")
	rows := [][]string{{"id", "code", "name", "level", "kind", "parent_code", "valid_from", "valid_to", "registers", "email", "telephone", "aliases", "successors", "channel"}}
	for _, u := range units {
		rows = append(rows, []string{
			"", oneLine.Replace(u.Code), oneLine.Replace(u.Name), string(hub.LevelUnit), "", "", "", "", "true", oneLine.Replace(u.Email), "", "", "", string(hub.ChannelAxis),
		})
	}
	_ = w.WriteAll(rows) // a builder does not fail
	return strings.NewReader(out.String())
}

// notedPassages notes who has a system pass through, and who has it leave.
type notedPassages struct {
	httpapi.Passages
	chronicle
}

// SwitchOn implements httpapi.Passages.
func (x notedPassages) SwitchOn(ctx context.Context, actor hub.Actor, wish hub.PassageWish) (hub.PassageStatus, error) {
	if err := x.note(ctx, actor, "axis.pass_through.on", strings.TrimSpace(wish.System+" "+wish.Endpoint), wish.Agencies); err != nil {
		return hub.PassageStatus{}, err
	}
	return x.Passages.SwitchOn(ctx, actor, wish)
}

// SwitchOff implements httpapi.Passages.
func (x notedPassages) SwitchOff(ctx context.Context, actor hub.Actor, system string) (hub.PassageStatus, error) {
	if err := x.note(ctx, actor, "axis.pass_through.off", system, nil); err != nil {
		return hub.PassageStatus{}, err
	}
	return x.Passages.SwitchOff(ctx, actor, system)
}
