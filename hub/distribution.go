package hub

import (
	"strings"
	"time"
)

// DistributionList is a list of recipients that an agency keeps under a name.
type DistributionList struct {
	Agency     AgencyID  `json:"agency"`
	Name       string    `json:"name"`
	Recipients []string  `json:"recipients"` // codes as written, in order
	ChangedBy  string    `json:"changed_by"`
	ChangedAt  time.Time `json:"changed_at"`
}

// ListPrefix begins a recipient that stands for all members of a list of the sender:
// "list:Các sở". No code of an agency has a colon.
const ListPrefix = "list:"

// ListName returns the name of the list that a recipient stands for, if it does.
func ListName(recipient string) (name string, ok bool) {
	name, ok = strings.CutPrefix(strings.TrimSpace(recipient), ListPrefix)
	return strings.TrimSpace(name), ok
}
