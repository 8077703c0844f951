package hubclient

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// maxEventLine bounds one line of an event stream in bytes.
const maxEventLine = 64 << 10

// Arrival says that something was put into the mailbox of an agency. It is a
// hint: the mailbox itself tells what.
type Arrival struct {
	Agency hub.AgencyID `json:"agency"`
	At     time.Time    `json:"at"` // UTC, when the hub noticed
}

// Arrivals calls handle for every arrival until handle returns an error, which
// it returns, or ctx ends. It connects again after a broken stream; arrivals in
// between are not lost, because the hub tells a new listener when the mailbox is
// not empty.
func (c *Client) Arrivals(ctx context.Context, agency string, handle func(Arrival) error) error {
	k := get(pathOf("mailbox", "events"), ofAgency(agency)).with("Accept", "text/event-stream")
	for {
		var handled error
		err := c.retry.run(ctx, true, func() error {
			resp, err := c.open(ctx, k)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			handled = readEvents(resp, handle)
			return nil
		})
		switch {
		case err != nil:
			return err
		case handled != nil:
			return handled
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if err := c.retry.Wait(ctx, c.retry.First); err != nil {
			return err
		}
	}
}

// readEvents reads server-sent events until the stream ends or breaks, which is
// all the same to a listener; its error is that of handle.
func readEvents(resp *http.Response, handle func(Arrival) error) error {
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEventLine)
	var event string
	var data string
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			event = value
		case "data":
			data = value // ours are of one line
		case "":
			if lines.Text() != "" {
				continue // a comment: the heartbeat
			}
			var arrival Arrival
			if event == "arrival" && json.Unmarshal([]byte(data), &arrival) == nil {
				if err := handle(arrival); err != nil {
					return err
				}
			}
			event, data = "", ""
		}
	}
	return nil
}
