package demo

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// The appointment of the dossier, its new one, and when the department is to be done with
// its share, in days from the first.
const (
	shareDays   = inTimeDay + 1
	dossierDays = inTimeDay + 2
	anewDays    = overdueDay + 1
)

// resultText is what the department decides.
const resultText = "Trích lục khai sinh (mẫu, hư cấu)\n"

// manifestDossier tells scripts about the dossier that is late once.
type manifestDossier struct {
	Number     string         `json:"number"`
	Unit       string         `json:"unit"` // code
	Handles    string         `json:"handles"`
	Timeliness hub.Timeliness `json:"timeliness"`
	Letter     int64          `json:"letter"` // event that brought the letter of apology
	Bill       string         `json:"bill"`   // of the post, which brought the result
	// Portal is where its owner sees how it stands, with the number and the secret.
	Portal string            `json:"portal"`
	Secret hub.DossierSecret `json:"secret"`
}

func (s *show) dossierDay(n int) hub.DossierMoment { return hub.DossierMoment(s.day(n)) }

// actOnDossier reports an event for one of its agencies.
func (s *show) actOnDossier(ctx context.Context, code string, order hub.DossierOrder, to string) (hub.DossierView, error) {
	order.Key = fmt.Sprint(code, " ", order.Act)
	return s.parties[code].client.ActOnDossier(ctx, s.filed, code, to, order)
}

// fileDossier takes a dossier in at the counter of a commune and hands it over to the
// department that decides.
func (s *show) fileDossier(ctx context.Context) error {
	view, err := s.parties[hoaThuan].client.RegisterDossier(ctx, hoaThuan, hub.DossierWish{
		Procedure: stayingCode, Owner: hub.DossierOwner{Name: "Trần Thị Mẫu (hư cấu)", Contact: "0900000000"}, Channel: hub.ChannelCounter, Due: s.dossierDay(dossierDays), Key: "demo-1",
	})
	if err != nil {
		return err
	}
	s.filed = view.ID
	s.dossier = manifestDossier{Number: view.Number, Unit: hoaThuan, Handles: justice, Portal: s.hub.Portal + "/dossiers", Secret: view.Secret}
	if _, err := s.actOnDossier(ctx, hoaThuan, hub.DossierOrder{Act: hub.DossierHandOver, Role: hub.DossierLead, Due: s.dossierDay(shareDays)}, justice); err != nil {
		return err
	}
	return s.seenByOwner(ctx)
}

// apologise says sorry before the dossier is late, with a letter, and gives it to the owner.
func (s *show) apologise(ctx context.Context) error {
	view, err := s.actOnDossier(ctx, hoaThuan, hub.DossierOrder{Act: hub.DossierApologise, Due: s.dossierDay(anewDays), Text: "Chờ xác minh của cơ quan chủ trì"}, "")
	if err != nil {
		return err
	}
	for i := range view.Events {
		if view.Events[i].Paper != nil {
			s.dossier.Letter = view.Events[i].Seq
		}
	}
	s.check(s.dossier.Letter > 0 && view.Has(hub.FindingUndelivered), "an apology for %s has its letter", view.Number)
	_, err = s.actOnDossier(ctx, hoaThuan, hub.DossierOrder{Act: hub.DossierDeliver, Text: "Trao tại quầy"}, "")
	return err
}

// giveBack has the department decide, late, and the post bring the result to the owner for
// the commune.
func (s *show) giveBack(ctx context.Context) error {
	result := hubclient.File{
		Part: hub.Part{Name: "trich-luc-khai-sinh.txt", MediaType: "text/plain"},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(resultText)), nil },
	}
	if err := result.Measure(); err != nil {
		return err
	}
	if _, err := s.parties[justice].client.AttachToDossier(ctx, s.filed, justice, hub.DossierResult, hub.DossierOrder{Key: "result"}, result, nil); err != nil {
		return err
	}
	for _, step := range []struct {
		code string
		act  hub.DossierAct
	}{{justice, hub.DossierFinish}, {justice, hub.DossierHandBack}} {
		if _, err := s.actOnDossier(ctx, step.code, hub.DossierOrder{Act: step.act}, ""); err != nil {
			return err
		}
	}
	if err := s.bringByPost(ctx); err != nil {
		return err
	}
	view, err := s.parties[hoaThuan].client.Dossier(ctx, s.dossier.Number)
	if err != nil {
		return err
	}
	s.dossier.Timeliness = view.Clock.Timeliness
	excused := view.Has(hub.RuleLate) && !view.Has(hub.FindingNoLetter) && !view.Has(hub.FindingLateLetter)
	s.check(view.Status == hub.DossierReturned && excused, "%s comes back late, with its letter in time (%v)", view.Number, view.Findings)
	_, err = s.parties[tamKy].client.Dossier(ctx, s.dossier.Number)
	s.check(hub.KindOf(err) == hub.KindNotFound, "who has no part in %s finds no such dossier (%v)", view.Number, err)
	if err := s.fetchedByOwner(ctx); err != nil {
		return err
	}
	s.say("%s: %s → %s → %s, trễ hạn có phiếu xin lỗi / late with its letter of apology", view.Number, hoaThuan, justice, hoaThuan)
	return nil
}
