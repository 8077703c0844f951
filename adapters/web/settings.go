package web

import "net/http"

// Setting is a setting that is in force.
type Setting struct {
	Name  string // its meaning is in the catalogues
	Value string // no secret: what is secret lies in files, and only their names stand here
	From  string // default, the path of the file, the variable, or flag
}

func (x *exchange) settings() error { return x.show(http.StatusOK, "settings", x.Settings, nil) }
