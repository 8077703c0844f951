package dossiers_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestNumbers: in both forms of the unit, one series a day, without gaps whatever is refused
// or taken meanwhile; those of the unit's own system are kept and gone on behind.
func TestNumbers(t *testing.T) {
	d := newDesk()
	number := func(change func(*hub.DossierWish)) string {
		w := wish()
		change(&w)
		return d.register(t, w).Number
	}
	d.race = func() { d.register(t, wish()) }
	for i, c := range []struct {
		change func(*hub.DossierWish)
		want   string
	}{
		{func(*hub.DossierWish) {}, "H47.12-260302-0002"}, // another took the first
		{func(w *hub.DossierWish) { w.UnitCode = "000.00.12.H47" }, "000.00.12.H47-260302-0003"},
		{func(w *hub.DossierWish) { w.Received = "2026-03-03T08:00" }, "H47.12-260303-0001"},
		{func(w *hub.DossierWish) { w.Number = "H47.12-260302-0009" }, "H47.12-260302-0009"},
		{func(*hub.DossierWish) {}, "H47.12-260302-0010"},
		{func(w *hub.DossierWish) { w.Number = "000.00.12.H47-260302-0005" }, "000.00.12.H47-260302-0005"},
		{func(w *hub.DossierWish) { w.Received = "" }, "H47.12-260310-0001"},
		{func(w *hub.DossierWish) { w.Received = "2026-03-02T16:59:59Z" }, "H47.12-260302-0011"}, // 23:59 in Vietnam
	} {
		if got := number(c.change); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
	count := len(d.files)
	for what, c := range map[string]struct {
		change func(*hub.DossierWish)
		want   string
	}{
		"a number of another day":    {func(w *hub.DossierWish) { w.Number = "H47.12-260303-0009" }, "invalid number day"},
		"a number of another unit":   {func(w *hub.DossierWish) { w.Number = "H47.13-260302-0020" }, "invalid number unit_code"},
		"a number of no form":        {func(w *hub.DossierWish) { w.Number = "H47.12-260302-020" }, "invalid number dossier_number"},
		"a taken number":             {func(w *hub.DossierWish) { w.Number = "H47.12-260302-0009" }, "conflict number taken"},
		"a taken place":              {func(w *hub.DossierWish) { w.Number = "000.00.12.H47-260302-0009" }, "conflict number taken"},
		"a code that has ended":      {func(w *hub.DossierWish) { w.UnitCode = "H48" }, "invalid unit unit_code"},
		"no procedure":               {func(w *hub.DossierWish) { w.Procedure = "2" }, "invalid procedure in_force"},
		"a procedure to come":        {func(w *hub.DossierWish) { w.Received = "2025-12-31T08:00" }, "invalid procedure in_force"},
		"no owner":                   {func(w *hub.DossierWish) { w.Owner.Name = " " }, "invalid owner.name required"},
		"control characters":         {func(w *hub.DossierWish) { w.Owner.Name = "a\x00" }, "invalid owner.name control_character"},
		"a channel":                  {func(w *hub.DossierWish) { w.Channel = "fax" }, "invalid channel code_list"},
		"a receipt to come":          {func(w *hub.DossierWish) { w.Received = "2026-03-10T10:06" }, "invalid received_at range"},
		"no time":                    {func(w *hub.DossierWish) { w.Received = "2026-02-30T10:00" }, "invalid received_at date_time"},
		"an appointment before that": {func(w *hub.DossierWish) { w.Due = "2026-03-01" }, "invalid due_at range"},
		"an appointment far away":    {func(w *hub.DossierWish) { w.Due = "2099-03-01" }, "invalid due_at range"},
	} {
		w := wish()
		c.change(&w)
		_, _, err := d.Register(t.Context(), of("u"), w)
		wrong(t, what, err, c.want)
	}
	w := wish()
	w.Unit = "gone"
	_, _, err := d.Register(t.Context(), of("gone"), w)
	wrong(t, "a closed unit", err, "invalid unit closed")
	if len(d.files) != count {
		t.Errorf("what was refused was recorded")
	}
	if v := d.register(t, func() hub.DossierWish { w := wish(); w.Received, w.Due = "2026-03-01T08:00", "2026-03-05"; return w }()); v.Procedure.Version != 1 || !v.Appointed.Equal(at("03-05 17:30")) {
		t.Errorf("version %d of the procedure, due %v", v.Procedure.Version, v.Appointed)
	}
}

// TestKeys: the same again changes nothing, even at the same moment; with something else it
// is a conflict.
func TestKeys(t *testing.T) {
	d := newDesk()
	w := wish()
	w.Key = "k"
	d.race = func() { d.register(t, w) }
	again, made, err := d.Register(t.Context(), of("u"), w)
	if err != nil || made || again.Number != "H47.12-260302-0001" || len(d.files) != 1 {
		t.Fatal(again.Number, made, err, len(d.files))
	}
	other := w
	other.Owner.Name = "Lê Văn Mẫu"
	_, _, err = d.Register(t.Context(), of("u"), other)
	wrong(t, "another dossier", err, "conflict key taken")

	ask := hub.DossierOrder{Act: hub.DossierAsk, Text: "Thiếu", Key: "e"}
	d.race = func() { d.act(t, "u", again.ID, hub.DossierOrder{Act: hub.DossierProcess}) }
	d.act(t, "u", again.ID, ask)
	if v := d.act(t, "u", again.ID, ask); v.Version != 4 || len(v.Events) != 4 || v.Events[3].Act != hub.DossierAsk {
		t.Errorf("%d events: %+v", v.Version, v.Events)
	}
	_, err = d.Act(t.Context(), of("u"), again.ID, hub.DossierOrder{Act: hub.DossierSupply, Key: "e"})
	wrong(t, "another event", err, "conflict key taken")

	// What was right when it was recorded is told again without harm: by who leads no more,
	// and when the time that it names has passed.
	lead := hub.DossierOrder{Act: hub.DossierHandOver, To: "l", Role: hub.DossierLead, Key: "to l"}
	onward := hub.DossierOrder{Act: hub.DossierHandOver, To: "c", Role: hub.DossierLead, Due: "2026-03-12", Key: "to c"}
	for range 2 {
		d.act(t, "u", again.ID, lead)
		d.act(t, "l", again.ID, onward)
	}
	d.now = at("03-20 10:00")
	if v := d.act(t, "l", again.ID, onward); v.Version != 6 || v.Lead != "c" {
		t.Errorf("%d events, %s leads", v.Version, v.Lead)
	}
	onward.Text = "khác"
	_, err = d.Act(t.Context(), of("l"), again.ID, onward)
	wrong(t, "with other words", err, "conflict key taken")
	_, err = d.Act(t.Context(), of("l"), again.ID, hub.DossierOrder{Act: hub.DossierFinish, Key: "e"})
	wrong(t, "the key of another agency", err, "denied agency party")
	now := hub.DossierWish{Unit: "u", Procedure: "1.001", Owner: w.Owner, Due: "2026-03-23", Key: "now"}
	first := d.register(t, now)
	d.now = at("04-01 10:00")
	if same, made, err := d.Register(t.Context(), of("u"), now); err != nil || made || same.ID != first.ID {
		t.Errorf("registered again behind the appointment: %v %v", made, err)
	}
}

// TestNobodyElse: a dossier exists for its agencies alone, its owner is in no list, who reads
// it is noted, and each does what is its own.
func TestNobodyElse(t *testing.T) {
	d := newDesk()
	v := d.register(t, wish())
	ctx := t.Context()
	stranger := of("x")
	_, err := d.Show(ctx, stranger, string(v.ID))
	wrong(t, "show", err, "not_found dossier")
	_, err = d.Show(ctx, stranger, v.Number)
	wrong(t, "show by number", err, "not_found dossier")
	_, err = d.Show(ctx, of("u"), "H47.12-260302-0009")
	wrong(t, "show what is not there", err, "not_found dossier")
	_, err = d.Act(ctx, stranger, v.ID, hub.DossierOrder{Act: hub.DossierProcess})
	wrong(t, "act", err, "not_found dossier")
	for what, call := range map[string]func(hub.Actor) error{
		"list":     func(a hub.Actor) error { _, err := d.List(ctx, a, hub.DossierQuery{Agency: "u"}); return err },
		"register": func(a hub.Actor) error { _, _, err := d.Register(ctx, a, wish()); return err },
		"figures": func(a hub.Actor) error {
			_, err := d.Figures(ctx, a, hub.DossierFigureQuery{Unit: "u", Period: "2026"})
			return err
		},
		"counted": func(a hub.Actor) error {
			_, err := d.Counted(ctx, a, hub.DossierFigureQuery{Unit: "u", Period: "2026"})
			return err
		},
		"words": func(a hub.Actor) error { _, err := d.Words(ctx, a, "u"); return err },
		"set words": func(a hub.Actor) error {
			_, err := d.SetWords(ctx, a, "u", map[string]hub.DossierStatus{"a": 1})
			return err
		},
	} {
		want := "denied agency"
		if what == "figures" || what == "counted" {
			want = "denied scope"
		}
		wrong(t, what, call(stranger), want)
		for _, kind := range []hub.Actor{{Scopes: []hub.Scope{hub.ScopeOperate}}, {Scopes: []hub.Scope{hub.ScopeAudit}}, {}} {
			if err := call(kind); hub.KindOf(err) != hub.KindDenied {
				t.Errorf("%s by %v: %v", what, kind.Scopes, err)
			}
		}
	}
	reader := of("u")
	reader.Scopes = []hub.Scope{hub.ScopeRead}
	if _, err := d.Act(ctx, reader, v.ID, hub.DossierOrder{Act: hub.DossierProcess}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a reader acts: %v", err)
	}
	clerk := of("u")
	clerk.Kind = hub.ActorClerk
	if shown, err := d.Show(ctx, clerk, v.Number); err != nil || shown.Owner == nil || len(shown.Events) != 2 || len(d.read) != 1 {
		t.Errorf("%+v %v, read %v", shown.Owner, err, d.read)
	}
	if list, err := d.List(ctx, clerk, hub.DossierQuery{Agency: "u"}); err != nil || len(list.Items) != 1 || list.Items[0].Owner != nil || list.Items[0].Events != nil {
		t.Errorf("%+v %v", list.Items, err)
	}

	// A hand-over lets an agency in; it may say how far it is and give it back, no more.
	v = d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c", At: "2026-03-02T09:00"})
	_, err = d.Act(ctx, of("c"), v.ID, hub.DossierOrder{Act: hub.DossierFinish})
	wrong(t, "a result by who does not lead", err, "denied agency party")
	v = d.act(t, "c", v.ID, hub.DossierOrder{Act: hub.DossierReport, Status: hub.DossierDone, Local: "Xong"})
	if v.Status != hub.DossierAccepted || v.Local != "Xong" || v.Events[3].Said != hub.DossierDone || v.Has(hub.FindingUnknownWord) {
		t.Errorf("status %d %q: %+v", v.Status, v.Local, v.Events[3])
	}
	v = d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "l", Role: hub.DossierLead, At: "2026-03-02T10:00"})
	if v.Lead != "l" {
		t.Errorf("%s leads", v.Lead)
	}
	v = d.act(t, "l", v.ID, hub.DossierOrder{Act: hub.DossierFinish, At: "2026-03-03T17:00"})
	if !v.Clock.Ended || v.Clock.Late || len(v.Shares) != 2 || !v.Shares[1].Clock.Ended {
		t.Errorf("%+v", v)
	}
	_, err = d.Act(ctx, of("u"), v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "gone"})
	wrong(t, "a hand-over to a closed agency", err, "invalid to unknown_agency")
}

// TestLeadBeforeAcceptance: who leads may accept what the unit only took in.
func TestLeadBeforeAcceptance(t *testing.T) {
	d := newDesk()
	w := wish()
	w.Waits = true
	v := d.register(t, w)
	v = d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "l", Role: hub.DossierLead, At: "2026-03-02T08:02"})
	if v.Lead != "l" || len(v.Shares) != 1 || v.Shares[0].Clock.Timeliness != hub.NoDeadline {
		t.Errorf("handed over before it was accepted: %s leads, %+v", v.Lead, v.Shares)
	}
	if v = d.act(t, "l", v.ID, hub.DossierOrder{Act: hub.DossierAccept, At: "2026-03-02T08:03"}); v.Status != hub.DossierAccepted {
		t.Errorf("accepted by who leads: %d", v.Status)
	}
}

// TestCourse: what comes late, twice or out of order is kept and linked, and the furthest
// status is shown.
func TestCourse(t *testing.T) {
	d := newDesk()
	w := wish()
	w.Waits = true
	v := d.register(t, w)
	if v.Status != hub.DossierNew || v.Clock.Timeliness != hub.NoDeadline || !v.Clock.Start.IsZero() {
		t.Errorf("%+v", v)
	}
	for _, o := range []hub.DossierOrder{
		{Act: hub.DossierGiveBack, At: "2026-03-04T09:00"}, {Act: hub.DossierFinish, At: "2026-03-03T09:00"}, {Act: hub.DossierAccept, At: "2026-03-02T08:05"},
		{Act: hub.DossierFinish, At: "2026-03-03T09:00"}, {Act: hub.DossierProcess, At: "2026-03-02T08:30"}, {Act: hub.DossierProcess, At: "2026-03-05T08:30"},
	} {
		v = d.act(t, "u", v.ID, o)
	}
	if v.Status != hub.DossierReturned || len(v.Events) != 7 || !v.Ended.Equal(at("03-03 09:00")) || v.Clock.Late {
		t.Errorf("%d, %d events, ended %v, %+v", v.Status, len(v.Events), v.Ended, v.Clock)
	}
	if got := fmt.Sprint(v.Findings); got != "[{out_of_order 7 }]" {
		t.Error("findings", got)
	}
	previous := hub.Digest{}
	for i := range v.Events {
		said, err := v.Events[i].DigestText()
		if err != nil || v.Events[i].Previous != previous || v.Events[i].Note != d.logged[i].ID {
			t.Errorf("event %d: %+v, %v", i+1, v.Events[i], err)
		}
		if previous = sha256.Sum256(said); string(d.logged[i].Body) != previous.String() {
			t.Errorf("the note of event %d is of another", i+1)
		}
	}
	if v.Digest != previous {
		t.Error("the dossier names another last event")
	}
	for what, c := range map[string]struct {
		order hub.DossierOrder
		want  string
	}{
		"before it came":         {hub.DossierOrder{Act: hub.DossierProcess, At: "2026-03-02T07:59"}, "invalid at before_receipt"},
		"to come":                {hub.DossierOrder{Act: hub.DossierProcess, At: "2026-03-11T08:00"}, "invalid at range"},
		"no act":                 {hub.DossierOrder{Act: "eat"}, "denied agency party"},
		"registered again":       {hub.DossierOrder{Act: hub.DossierRegister}, "invalid act code_list"},
		"no reason":              {hub.DossierOrder{Act: hub.DossierStop}, "invalid text required"},
		"a status of its own":    {hub.DossierOrder{Act: hub.DossierProcess, Status: 9}, "invalid status code_list"},
		"an empty report":        {hub.DossierOrder{Act: hub.DossierReport}, "invalid local required"},
		"no status":              {hub.DossierOrder{Act: hub.DossierReport, Status: 11}, "invalid status code_list"},
		"a role":                 {hub.DossierOrder{Act: hub.DossierHandOver, To: "c", Role: "each"}, "invalid role code_list"},
		"nobody":                 {hub.DossierOrder{Act: hub.DossierHandOver}, "invalid to unknown_agency"},
		"an agency":              {hub.DossierOrder{Act: hub.DossierProcess, To: "c"}, "invalid to exclusive"},
		"an end":                 {hub.DossierOrder{Act: hub.DossierProcess, Due: "2026-03-11"}, "invalid due_at exclusive"},
		"no new appointment":     {hub.DossierOrder{Act: hub.DossierApologise, Text: "x"}, "invalid due_at required"},
		"an appointment of past": {hub.DossierOrder{Act: hub.DossierApologise, Text: "x", At: "2026-03-09T08:00", Due: "2026-03-08"}, "invalid due_at range"},
	} {
		_, err := d.Act(t.Context(), of("u"), v.ID, c.order)
		if what == "no act" {
			c.want = "invalid act code_list"
		}
		wrong(t, what, err, c.want)
	}
}

// TestForeseen: lateness is shown before it comes; late without a letter is found, and so is
// a letter that came too late.
func TestForeseen(t *testing.T) {
	d := newDesk()
	d.now = at("03-02 12:00")
	w := wish()
	w.Due = "2026-03-09T10:00"
	v := d.register(t, w)
	v = d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c", Due: "2026-03-03"})
	look := func(now string) string {
		t.Helper()
		d.now = at(now)
		shown, err := d.Show(t.Context(), of("u"), string(v.ID))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(shown.Clock.Timeliness, shown.Findings)
	}
	for _, c := range []struct{ now, want string }{
		{"03-02 12:01", "in_time[]"},
		{"03-03 17:31", "in_time[{foreseen 0 c}]"},
		{"03-06 10:00", "due_soon[{foreseen 0 c}]"},
		{"03-09 10:01", "overdue[{late 0 } {no_letter 0 }]"},
	} {
		if got := look(c.now); got != c.want {
			t.Errorf("%s: %s, want %s", c.now, got, c.want)
		}
	}
	d.now = at("03-09 11:00")
	v = d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierApologise, Text: "Chờ xác minh", Due: "2026-03-12", At: "2026-03-05T09:00"})
	if got := look("03-09 11:01"); got != "overdue[{late 0 } {letter_waits 0 }]" {
		t.Errorf("with a letter: %s", got)
	}
	late := d.register(t, func() hub.DossierWish { w := wish(); w.Due = "2026-03-03"; return w }())
	late = d.act(t, "u", late.ID, hub.DossierOrder{Act: hub.DossierApologise, Text: "Chờ xác minh", Due: "2026-03-12"})
	if got := fmt.Sprint(late.Findings); got != "[{late 0 } {late_letter 0 } {letter_waits 0 }]" {
		t.Errorf("with a letter that came too late: %s", got)
	}
	for finding, want := range map[hub.DossierRule]int{hub.RuleLate: 2, hub.FindingLateLetter: 1, hub.FindingNoLetter: 0, "": 2} {
		list, err := d.List(t.Context(), of("u"), hub.DossierQuery{Agency: "u", Finding: finding, Timeliness: []hub.Timeliness{hub.Overdue}})
		if err != nil || len(list.Items) != want {
			t.Errorf("%q: %d, %v, want %d", finding, len(list.Items), err, want)
		}
	}
}

// TestWords: statuses of an agency's own system stand for national ones from when it said so
// on; those that stand for nothing are kept and found.
func TestWords(t *testing.T) {
	d := newDesk()
	v := d.register(t, wish())
	report := func() hub.DossierView {
		return d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierReport, Local: " Chờ bổ sung "})
	}
	if v = report(); v.Status != hub.DossierAccepted || v.Local == "" || !v.Has(hub.FindingUnknownWord) {
		t.Errorf("%+v", v)
	}
	_, err := d.SetWords(t.Context(), of("u"), "u", map[string]hub.DossierStatus{"Chờ bổ sung": 11})
	wrong(t, "no status", err, "invalid words code_list")
	for version := range int64(2) {
		words, err := d.SetWords(t.Context(), of("u"), "u", map[string]hub.DossierStatus{"Chờ bổ sung": hub.DossierSupplement})
		if err != nil || words.Version != version+1 {
			t.Fatal(words, err)
		}
	}
	if v = report(); v.Status != hub.DossierSupplement || v.Clock.Requests != 1 {
		t.Errorf("%+v", v)
	}
	words, err := d.Words(t.Context(), of("u"), "u")
	if err != nil || words.Version != 2 || words.Words["Chờ bổ sung"] != hub.DossierSupplement {
		t.Errorf("%+v %v", words, err)
	}
}

// TestFigures: a period counts what was in hand in it, as it stood at its end, and later
// looks at it say the same.
func TestFigures(t *testing.T) {
	d := newDesk()
	first := d.register(t, wish()) // due on 5 March
	d.act(t, "u", first.ID, hub.DossierOrder{Act: hub.DossierFinish, At: "2026-03-06T08:00"})
	second := d.register(t, func() hub.DossierWish { w := wish(); w.Channel = hub.ChannelOnline; return w }())
	d.act(t, "u", second.ID, hub.DossierOrder{Act: hub.DossierFinish, At: "2026-03-03T08:00"})
	d.register(t, func() hub.DossierWish { w := wish(); w.Waits = true; return w }()) // was not accepted
	third := d.register(t, func() hub.DossierWish { w := wish(); w.Due = "2026-03-20"; return w }())
	d.act(t, "u", third.ID, hub.DossierOrder{Act: hub.DossierApologise, Text: "x", Due: "2026-03-30"})
	figures := func(period hub.Period) string {
		t.Helper()
		f, err := d.Figures(t.Context(), of("u"), hub.DossierFigureQuery{Unit: "u", Period: period})
		if err != nil {
			t.Fatal(err)
		}
		list, err := d.Counted(t.Context(), of("u"), hub.DossierFigureQuery{Unit: "u", Period: period})
		if err != nil || len(list.Items) != f.Total {
			t.Errorf("%d dossiers are behind %d: %v", len(list.Items), f.Total, err)
		}
		late := 0
		for _, c := range list.Items {
			if last := c.Explain[len(c.Explain)-1]; c.Late != (last.Rule == hub.RuleLate) {
				t.Errorf("%s: late is %v, and the reason %s", c.Number, c.Late, last.Rule)
			}
			if c.Late {
				late++
			}
		}
		if late != f.Late {
			t.Errorf("%d of those behind are late, %d in the figures", late, f.Late)
		}
		return fmt.Sprintf("%d %d %d %s %d %d %s", f.Total, f.InTime, f.Late, f.Rate, f.Letters, f.Missing, f.Channels[hub.ChannelOnline].Rate)
	}
	stopped := d.register(t, wish())
	d.act(t, "u", stopped.ID, hub.DossierOrder{Act: hub.DossierStop, Text: "x", At: "2026-03-02T08:00"})
	d.act(t, "u", stopped.ID, hub.DossierOrder{Act: hub.DossierFinish, At: "2026-03-09T08:00"})
	if got := figures("2026-03-04"); got != "2 2 0 100.00 0 0 " {
		t.Errorf("with one that had been stopped before, and has a result that came later: %s", got)
	}
	d.files = d.files[:len(d.files)-1]
	for period, want := range map[hub.Period]string{
		"2026-03-02": "3 3 0 100.00 0 0 100.00", "2026-03-03": "3 3 0 100.00 0 0 100.00", "2026-03-05": "2 1 1 50.00 0 1 ", "2026-03-06": "2 1 1 50.00 0 1 ",
		"2026-03": "3 2 1 66.67 0 1 100.00", "2025": "0 0 0  0 0 ",
	} {
		if got := figures(period); got != want {
			t.Errorf("%s: %s, want %s", period, got, want)
		}
	}
	d.now = at("04-20 08:00")
	for period, want := range map[hub.Period]string{"2026-03-05": "2 1 1 50.00 0 1 ", "2026-03": "3 1 2 33.33 1 1 100.00"} {
		if got := figures(period); got != want {
			t.Errorf("later, %s: %s, want %s", period, got, want)
		}
	}
	_, err := d.Figures(t.Context(), of("u"), hub.DossierFigureQuery{Unit: "u", Period: "2026-13"})
	wrong(t, "no period", err, "invalid period period")
	_, err = d.Figures(t.Context(), of("u"), hub.DossierFigureQuery{Unit: "u", Period: "2026-05"})
	wrong(t, "a period to come", err, "invalid period to_come")
	counter := hub.Actor{Agencies: []hub.AgencyID{"u"}, Scopes: []hub.Scope{hub.ScopeFigures}}
	if _, err := d.Figures(t.Context(), counter, hub.DossierFigureQuery{Unit: "u", Period: "2026"}); err != nil {
		t.Error(err)
	}
}
