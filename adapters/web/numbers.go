package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Numbers gives numbers to outgoing documents.
type Numbers interface {
	Take(ctx context.Context, actor hub.Actor, wish hub.NumberWish) (hub.OutgoingNumber, error)
	Cancel(ctx context.Context, actor hub.Actor, agency hub.AgencyID, year int, number int64, notation, reason string) (hub.OutgoingNumber, error)
	List(ctx context.Context, actor hub.Actor, query hub.OutgoingQuery) (hub.List[hub.OutgoingNumber], error)
}

// takesOfLetter bounds how many numbers a letter takes after one another that were each
// given up.
const takesOfLetter = 20

// takeNumber fills the next number of its kind into a letter, where the button for that was
// pressed. A letter takes one number for a kind and notation, however often it is pressed,
// and another one where that was given up meanwhile.
func (x *exchange) takeNumber(f *letterForm) error {
	if f.do != "number" {
		return nil
	}
	of, _ := strconv.Atoi(year(hub.Date(f.Fields["date"]))) // else this one
	name := f.Fields["key"] + "\x00" + hub.SeriesOf(f.Fields["type"]) + "\x00" + f.Fields["notation"]
	var taken hub.OutgoingNumber
	var err error
	for n := range takesOfLetter {
		key := sha256.Sum256([]byte(name + strings.Repeat("\x00", n)))
		taken, err = x.Numbers.Take(x.r.Context(), x.visit.Actor, hub.NumberWish{
			Agency: x.office(), Year: of, Kind: f.Fields["type"], Notation: f.Fields["notation"], Subject: f.Fields["subject"], Key: "letter-" + hex.EncodeToString(key[:]),
		})
		if err != nil || taken.State != hub.NumberCancelled {
			break
		}
	}
	switch {
	case err != nil && !again(err):
		return err
	case err != nil:
		for field, text := range x.problems(err, "kind", "notation", "subject", "year", "date") {
			switch field {
			case "kind":
				field = "type"
			case "year":
				field = "date"
			}
			f.problem(field, text)
		}
	default:
		f.Fields["number"] = strconv.FormatInt(taken.Number, 10)
	}
	return nil
}

type numbersPage struct {
	Year    int
	Earlier int // the year before
	Numbers []hub.OutgoingNumber
	Follow  string // address of the next page; empty for none
	Cancels bool   // the person may give numbers up
	Wrong   string // printed number that the form was about, where something is wrong
	Reason  string
}

// numbers shows the numbers of a year.
func (x *exchange) numbers() error { return x.showNumbers(http.StatusOK, nil) }

func (x *exchange) showNumbers(status int, problems map[string]string) error {
	q := x.r.URL.Query()
	this := x.Now().In(hub.Vietnam()).Year()
	p := numbersPage{Year: this, Earlier: this - 1, Cancels: x.visit.Actor.Has(hub.ScopeSubmit)}
	if of, err := strconv.Atoi(q.Get("year") + x.r.PostFormValue("year")); err == nil {
		p.Year, p.Earlier = of, of-1
	}
	list, err := x.Numbers.List(x.r.Context(), x.visit.Actor, hub.OutgoingQuery{Agency: x.office(), Year: p.Year, Page: hub.Page{After: q.Get("after"), Limit: rows}})
	if err != nil {
		return err
	}
	if p.Numbers = list.Items; list.Next != "" {
		p.Follow = "/numbers?" + query("year", strconv.Itoa(p.Year), "after", list.Next)
	}
	p.Wrong, p.Reason = x.r.PostFormValue("number")+"/"+x.r.PostFormValue("notation"), x.r.PostFormValue("reason")
	return x.show(status, "numbers", &p, problems)
}

// cancelNumber gives a number up for good.
func (x *exchange) cancelNumber() error {
	of, err := strconv.Atoi(x.r.PostFormValue("year"))
	if err != nil {
		return hub.Invalid("year", "range", "the year is a number")
	}
	number, err := strconv.ParseInt(x.r.PostFormValue("number"), 10, 64)
	if err != nil {
		return hub.Invalid("number", "range", "the number is a number")
	}
	_, err = x.Numbers.Cancel(x.r.Context(), x.visit.Actor, x.office(), of, number, x.r.PostFormValue("notation"), x.r.PostFormValue("reason"))
	switch {
	case err != nil && again(err):
		return x.showNumbers(statusOf(hub.KindOf(err)), x.problems(err, "reason"))
	case err != nil:
		return err
	}
	return x.redirect("/numbers?" + query("year", strconv.Itoa(of)))
}

// SameNumber reports whether a form was about a number.
func (p *numbersPage) SameNumber(n hub.OutgoingNumber) bool {
	return p.Wrong == strconv.FormatInt(n.Number, 10)+"/"+n.Notation
}

// Printed is a number as it is printed.
func (v *view) Printed(n hub.OutgoingNumber) string { return n.Printed() }

// cancelledRows are the numbers that an agency gave up on days of a period, which stand at
// the end of its register of outgoing documents.
func (x *exchange) cancelledRows(q *hub.RegisterQuery) ([][]string, error) {
	from, _ := strconv.Atoi(year(q.From))
	to, _ := strconv.Atoi(year(q.To))
	to = min(to, x.Now().In(hub.Vietnam()).Year())
	v := &view{x: x}
	var entries [][]string
	for of := max(from-1, firstNumbers); of <= to; of++ { // what is of the year before may be given up in January
		for page := (hub.Page{Limit: outgoingAtOnce}); ; {
			list, err := x.Numbers.List(x.r.Context(), x.visit.Actor, hub.OutgoingQuery{Agency: q.Agency, Year: of, State: hub.NumberCancelled, Page: page})
			if err != nil {
				return nil, err
			}
			for i := range list.Items {
				n := &list.Items[i]
				if day := dayOf(n.CancelledAt); day >= q.From && day <= q.To {
					entries = append(entries, []string{n.Printed(), v.Day(dayOf(n.TakenAt)), n.Kind + " " + n.Subject, "", "", "", "", "", "", x.say("numbers.cancelled", n.Reason)})
				}
			}
			if page.After = list.Next; list.Next == "" {
				break
			}
		}
	}
	return entries, nil
}

// firstNumbers is the year before the first in which numbers were given.
const firstNumbers = 2020
