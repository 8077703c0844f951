package pdfsig

import (
	"errors"
	"path"
	"slices"
	"strings"
)

// The findings about content that does not stay what was signed.
const (
	findScript   = "the PDF carries a script (JavaScript), which can change what is shown"
	findLaunch   = "the PDF can start a program or open another file"
	findSubmit   = "the PDF can send or import form data"
	findXFA      = "the PDF has an XFA form, which other readers show differently"
	findExternal = "the PDF takes content from outside of itself"
	findMedia    = "the PDF has multimedia that runs in the reader"
	findProgram  = "the PDF carries an attached file that can be run"
	findBroken   = "the PDF has an object that cannot be read strictly"
)

// collectDynamic looks for what could change with the reader, the time or the
// network although the bytes are signed (signatures over such content say less than
// they seem to). It looks at everything that the newest view shows.
func (e *examination) collectDynamic() error {
	found := map[string]bool{}
	r, err := e.latest().walk(func(o object, err error) error {
		noteDynamic(o, found)
		var structure *structureError
		if errors.As(err, &structure) {
			found[findBroken] = true
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if !r.complete {
		e.report.Findings = append(e.report.Findings, "the PDF has too many objects to look for scripts in all of them")
	}
	for _, finding := range []string{findScript, findLaunch, findSubmit, findXFA, findExternal, findMedia, findProgram, findBroken} {
		if found[finding] {
			e.report.Findings = append(e.report.Findings, finding)
		}
	}
	return nil
}

// noteDynamic notes what an object and the direct objects in it do.
func noteDynamic(o object, found map[string]bool) {
	switch v := o.(type) {
	case array:
		for _, element := range v {
			noteDynamic(element, found)
		}
	case *stream:
		if v.dict["F"] != nil {
			found[findExternal] = true
		}
		noteDynamic(v.dict, found)
	case dict:
		noteAction(v, found)
		for _, element := range v {
			noteDynamic(element, found)
		}
	}
}

func noteAction(d dict, found map[string]bool) {
	action, _ := d["S"].(name)
	_, script := d["JS"]
	_, scripts := d["JavaScript"]
	_, xfa := d["XFA"]
	switch {
	case script || scripts || action == "JavaScript":
		found[findScript] = true
	case xfa:
		found[findXFA] = true
	case action == "Launch" || action == "GoToR" || action == "GoToE":
		found[findLaunch] = true
	case action == "SubmitForm" || action == "ImportData":
		found[findSubmit] = true
	case action == "Rendition" || action == "RichMediaExecute" || d["Subtype"] == name("RichMedia") || d["Subtype"] == name("Screen"):
		found[findMedia] = true
	case d["Type"] == name("Filespec") || d["EF"] != nil:
		noteAttachment(d, found)
	}
}

func noteAttachment(d dict, found map[string]bool) {
	if d["EF"] == nil {
		found[findExternal] = true
	}
	for _, key := range []name{"UF", "F"} {
		if t, ok := d[key].(*text); ok && canRun(t.string()) {
			found[findProgram] = true
		}
	}
}

// canRun reports whether a system would run a file of that name.
func canRun(file string) bool {
	return slices.Contains([]string{
		".exe", ".com", ".scr", ".bat", ".cmd", ".ps1", ".msi", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".hta", ".jar",
		".lnk", ".pif", ".cpl", ".sh", ".app", ".dll", ".reg", ".docm", ".xlsm", ".pptm", ".iso", ".img",
	}, strings.ToLower(path.Ext(strings.TrimRight(file, " ."))))
}
