package pdfsig

// levelOf names the baseline level (ETSI EN 319 142-1): B-B by the form of the
// signature, B-T with a judged time, B-LT with validation data in the file, B-LTA
// with a document timestamp over that data. What does not follow the baseline
// profile is legacy.
func (e *examination) levelOf(c *candidate) string {
	_, hasCert := c.gated.dict["Cert"]
	m := c.message
	if c.gated.subFilter() != subFilterBaseline || !m.HasSigningCertificate() || !m.SigningTime.IsZero() || hasCert {
		return "legacy"
	}
	stamps := 0
	for _, t := range e.report.Timestamps {
		if t.proves(c.gated.end) {
			stamps++
		}
	}
	switch {
	case stamps == 0:
		return "B-B"
	case !e.report.Material.complete():
		return "B-T"
	case e.report.Material.stampedBy(e.report.Timestamps):
		return "B-LTA"
	}
	return "B-LT"
}
