package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// axisSource names an axis whose register is followed.
type axisSource struct {
	Axis           string `placeholder:"URL" help:"Endpoint of the national axis, or of a hub that serves its protocol, in the place of a hub above."`
	AxisSystem     string `placeholder:"ID" help:"As which system to ask the axis."`
	AxisSecretFile string `type:"path" placeholder:"FILE" help:"File with the secret of that system."`
}

// unitState is a unit of the axis as the last run left it.
type unitState struct {
	Code string `json:"code"`
	Seen string `json:"seen"` // digest of all that the axis said of it
}

// axisPatience is how long an axis may be silent.
const axisPatience = time.Minute

// fromAxis takes over what changed in the register of an axis. The axis tells how each unit
// is now, so what changed is worked out here: a unit that is another than it was in the last
// run becomes a row of a list for import, with all that only this hub knows of the agency.
func (c *agencySync) fromAxis(ctx context.Context, e *env) error {
	state, err := c.last(c.Axis)
	if err != nil {
		return err
	}
	units, err := c.units(ctx)
	if err != nil {
		return err
	}
	here, err := c.client(e)
	if err != nil {
		return err
	}
	var known bytes.Buffer
	position, err := here.Directory(ctx, &known)
	if err != nil {
		return err
	}
	list, err := newUnitList(&known, hub.DateOf(time.Now()), state.Units)
	if err != nil {
		return err
	}
	for i := range units {
		list.take(&units[i])
	}
	result, err := here.ImportList(ctx, list.csv(), hub.ImportOptions{Basis: c.Basis, Since: position, DryRun: c.DryRun})
	if err != nil {
		return list.named(err)
	}
	if !c.DryRun {
		if err := c.remember(syncState{Parent: c.Axis, Units: list.states}); err != nil {
			return err
		}
	}
	return e.print(result, func(w io.Writer) { writeImported(w, result, c.DryRun) })
}

// units asks the axis for its register, which names every unit once.
func (c *agencySync) units(ctx context.Context) ([]hub.AxisUnitChange, error) {
	switch {
	case c.AxisSystem == "":
		return nil, hub.Invalid("axis-system", "required", "as which system is the axis asked?")
	case c.AxisSecretFile == "":
		return nil, hub.Invalid("axis-secret-file", "required", "name a file with the secret of the system")
	}
	secret, err := os.ReadFile(c.AxisSecretFile)
	if err != nil {
		return nil, hub.Invalid("axis-secret-file", "file", "%v", err)
	}
	config, err := (&connection{CA: c.ParentCA}).tls()
	if err != nil {
		return nil, err
	}
	client := clientOf(config)
	defer client.CloseIdleConnections()
	axis := vxp.Member{Patience: axisPatience, Client: &vxp.Client{
		HTTP: client, Endpoint: c.Axis, System: c.AxisSystem, Secret: strings.TrimSpace(string(secret)), Now: time.Now,
	}}
	units, err := axis.Changing(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range units {
		if id := units[i].ID; id == "" || seen[id] {
			return nil, hub.Errorf(hub.KindConflict, fmt.Sprintf("units[%d].id", i), "unique", "the axis names two units by the same id, or one by none: %q, %q", id, units[i].Name)
		}
		seen[units[i].ID] = true
	}
	return units, nil
}

// unitList is a list for import that is made of what an axis says.
type unitList struct {
	today  hub.Date
	head   []string
	rows   map[string][]string // agencies of this hub by each of their codes
	before map[string]unitState
	states map[string]unitState // as the next run finds them
	out    [][]string
	ids    []string // of the units of out
}

// newUnitList reads what this hub knows, as it exports it.
func newUnitList(known io.Reader, today hub.Date, before map[string]unitState) (*unitList, error) {
	all, err := csv.NewReader(known).ReadAll()
	if err != nil || len(all) == 0 {
		return nil, hub.Internal("read the directory of this hub", err)
	}
	l := &unitList{today: today, head: all[0], rows: map[string][]string{}, before: before, states: map[string]unitState{}}
	if !slices.Contains(l.head, "channel") {
		l.head = append(l.head, "channel")
	}
	for _, row := range all[1:] {
		row = append(row, make([]string, len(l.head)-len(row))...)
		for _, code := range append(strings.Split(l.cell(row, "aliases"), "|"), l.cell(row, "code")) {
			// One that lives has its code before one that closed.
			if other, taken := l.rows[code]; code != "" && (!taken || l.cell(other, "valid_to") != "") {
				l.rows[code] = row
			}
		}
	}
	return l, nil
}

func (l *unitList) at(column string) int { return slices.Index(l.head, column) }

func (l *unitList) cell(row []string, column string) string { return row[l.at(column)] }

// take adds a unit to the list if it is another than it was.
func (l *unitList) take(u *hub.AxisUnitChange) {
	text, _ := json.Marshal(u) //nolint:errchkjson // plain data cannot fail
	sum := sha256.Sum256(text)
	now := unitState{Code: u.Code, Seen: hex.EncodeToString(sum[:16])}
	was := l.before[u.ID]
	l.states[u.ID] = now
	if was == now {
		return
	}
	row, known := l.rows[was.Code]
	if !known {
		row, known = l.rows[u.Code]
	}
	if !known && u.Deleted {
		return // what this hub never had need not end
	}
	if row = slices.Clone(row); !known {
		row = make([]string, len(l.head))
		// What the register of an axis does not tell is what most have.
		row[l.at("level")], row[l.at("registers")], row[l.at("channel")] = string(hub.LevelUnit), "true", string(hub.ChannelAxis)
	}
	l.out, l.ids = append(l.out, l.revise(row, u)), append(l.ids, u.ID)
}

// revise writes into a row what the axis says of a unit; what it leaves open stays.
func (l *unitList) revise(row []string, u *hub.AxisUnitChange) []string {
	ended := l.cell(row, "valid_to")
	if u.Deleted {
		end := l.today
		if begun := hub.Date(l.cell(row, "valid_from")); begun >= end {
			end = begun.Plus(1) // what came today was there today
		}
		if ended == "" || ended > string(end) {
			row[l.at("valid_to")] = string(end)
		}
		return row
	}
	oneLine := strings.NewReplacer("\r", " ", "\n", " ")
	if !slices.Contains(strings.Split(l.cell(row, "aliases"), "|"), u.Code) {
		row[l.at("code")] = oneLine.Replace(u.Code)
	}
	for column, value := range map[string]string{"name": u.Name, "parent_code": u.Parent, "email": u.Email} {
		if value != "" {
			row[l.at(column)] = oneLine.Replace(value)
		}
	}
	if ended != "" && ended <= string(l.today) {
		row[l.at("valid_to")] = ""
	}
	return row
}

// csv is the list, a line for each unit.
func (l *unitList) csv() io.Reader {
	var out bytes.Buffer
	_ = csv.NewWriter(&out).WriteAll(append([][]string{l.head}, l.out...)) // a buffer does not fail
	return &out
}

// named tells what is wrong by the ids of units, in the place of lines of a list that nobody
// has seen.
func (l *unitList) named(err error) error {
	var named hub.Violations
	for _, v := range hub.ViolationsOf(err) {
		var line int
		copied := *v
		if _, scanned := fmt.Sscanf(v.Field, "rows[%d]", &line); scanned == nil && line >= 2 && line-2 < len(l.ids) {
			_, column, _ := strings.Cut(v.Field, "]")
			copied.Field = fmt.Sprintf("units[%s]%s", l.ids[line-2], column)
			copied.Message = strings.TrimPrefix(v.Message, fmt.Sprintf("line %d: ", line))
		}
		named = append(named, &copied)
	}
	if len(named) == 0 {
		return err
	}
	return named.AsError()
}
