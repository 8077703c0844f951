package app

import "github.com/lienthong/lienthong/hub"

// publishers are the codes of agencies that publish procedures of all others; they were
// checked.
func (c *Config) publishers() []hub.Code {
	list := make([]hub.Code, len(c.ProcedurePublishers))
	for i, code := range c.ProcedurePublishers {
		list[i], _ = hub.ParseCode(code)
	}
	return list
}

func (c *Config) checkPublishers() hub.Violations {
	var found hub.Violations
	for _, code := range c.ProcedurePublishers {
		if _, err := hub.ParseCode(code); err != nil {
			found = append(found, hub.Invalid("procedure-publishers", "grammar", "%.40q is no code of an agency", code))
		}
	}
	return found
}
