package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
)

var (
	_ vxp.Systems = (*directory.Keys)(nil)
	_             = vxp.Desk{
		Directory: (*directory.Directory)(nil), Intake: (*intake.Service)(nil), Mailbox: (*tracking.Service)(nil),
		Recipient: (*tracking.Service)(nil), Dispatches: (*tracking.Service)(nil), Notices: (*tracking.Service)(nil),
		Applications: (*applications)(nil), Blobs: engine.Content(nil),
	}
)

// axisPaths are endpoints that hide no address of the API or the pages.
var axisPaths = regexp.MustCompile(`^/[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$`)

func (c *Config) checkAxis() hub.Violations {
	if c.VXPPath == "" || c.VXPPath == "/" || axisPaths.MatchString(c.VXPPath) && !reserved.MatchString(c.VXPPath) {
		return nil
	}
	return hub.Violations{hub.Invalid("vxp-path", "path", "the endpoint of the axis is a path such as /vxp, and none of the API's own (/v1, /healthz, /readyz, /metrics)")}
}

// reserved are paths that the hub needs itself.
var reserved = regexp.MustCompile(`^/(v1|healthz|readyz|metrics)(/|$)`)

// door answers what comes to paths of its own.
type door interface {
	http.Handler
	Serves(path string) bool
}

// doors leads calls of other protocols to their doors and all others to the next one.
func (a *App) doors(next http.Handler) (http.Handler, error) {
	var doors []door
	if a.config.LGSPPath != "" {
		province, err := a.province()
		if err != nil {
			return nil, err
		}
		doors = append(doors, province)
	}
	if a.config.VXPPath != "" {
		doors = append(doors, a.axis())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, d := range doors {
			if d.Serves(r.URL.Path) {
				d.ServeHTTP(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	}), nil
}

func (a *App) axis() *vxp.Server {
	return vxp.New(vxp.Options{Desk: a.desk(), Base: a.config.VXPPath, Systems: a.services.keys, NewID: a.newID, Log: a.log})
}

// desk serves the doors of systems that exchange edXML packages.
func (a *App) desk() vxp.Desk {
	s := &a.services
	c := edxml.New(edxml.Options{})
	return vxp.Desk{
		Directory: s.directory, Intake: a.watch.Intake(s.intake),
		Mailbox: s.tracking, Recipient: s.tracking, Dispatches: s.tracking, Notices: s.tracking,
		Applications: &applications{notes: s.notes, log: a.log}, Blobs: a.blobs, Strays: s.passages,
		Codec: vxp.Codec{
			Decode: func(ctx context.Context, r io.Reader, store vxp.Blobs) (hub.Package, error) {
				return c.Decode(ctx, r, store)
			},
			Encode: func(ctx context.Context, w io.Writer, item hub.SentItem, open func(hub.Part) (hub.Blob, error)) error {
				return c.EncodeDispatch(ctx, w, item.Dispatch, item.Deliveries,
					func(_ context.Context, part hub.Part) (hub.Blob, error) { return open(part) })
			},
			EncodeStatus: c.EncodeStatus,
		},
		Now: a.now, Overloaded: a.health.overloaded,
	}
}

// applications keeps what systems ask of the operator: in the log of the hub, where it
// can't be lost, and in the lines that an operator reads. A repetition is noted once.
type applications struct {
	notes *audit.Notes
	log   *slog.Logger
}

// Apply implements vxp.Applications.
func (a *applications) Apply(ctx context.Context, _ hub.Actor, wish vxp.Application) error {
	if err := a.notes.NoteChange(ctx, hub.LogNoteApplication, wish); err != nil {
		return err
	}
	a.log.WarnContext(ctx, "a system asks for a change of the directory; import it with `lienthong agency import`, or leave it",
		"system", wish.System, "action", wish.Action, "code", wish.Code, "parent", wish.Parent, "name", wish.Name, "mail", wish.Mail)
	return nil
}
