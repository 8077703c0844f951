package cli

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
)

type configCommand struct {
	Show  configShow  `cmd:"" default:"withargs" help:"Print every setting, its value, and where that comes from."`
	Check configCheck `cmd:"" help:"Check the settings without starting."`
	Path  configPath  `cmd:"" help:"Print where the configuration file is looked for, and which one is read."`
}

type configShow struct {
	hubSettings `embed:""`
}

// setting is one line of config show.
type setting struct {
	Value string `json:"value"`
	From  string `json:"from"` // default, the path of the file, the variable, or flag
}

// Run prints the settings, also when they are not valid: then they need it most.
func (c *configShow) Run(e *env, k *kong.Context) error {
	settings := map[string]setting{}
	from := origins(k, e.settings.path)
	for name, value := range effective(&c.Config) {
		settings[name] = setting{value, from[name]}
	}
	return e.print(settings, func(w io.Writer) {
		t := text.Table{Head: []string{"SETTING", "VALUE", "FROM"}}
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			t.Add(name, settings[name].Value, settings[name].From)
		}
		t.Write(w)
	})
}

// shown are the settings as the page for operators shows them.
func shown(k *kong.Context, c *app.Config, file string) []web.Setting {
	values, from := effective(c), origins(k, file)
	var list []web.Setting
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, web.Setting{Name: name, Value: values[name], From: from[name]})
	}
	return list
}

// origins tells for each flag where its value comes from.
func origins(k *kong.Context, file string) map[string]string {
	from := map[string]string{}
	for _, flag := range k.Flags() {
		from[flag.Name] = "default"
		if name := environmentOf(flag); name != "" {
			from[flag.Name] = name
		}
	}
	for _, step := range k.Path {
		switch {
		case step.Flag != nil && step.Resolved:
			from[step.Flag.Name] = file
		case step.Flag != nil:
			from[step.Flag.Name] = "flag"
		}
	}
	return from
}

type configCheck struct {
	hubSettings `embed:""`
}

// Run checks the settings.
func (c *configCheck) Run(e *env) error {
	if err := c.Config.Check(); err != nil {
		return err
	}
	return e.print(map[string]bool{"valid": true}, func(w io.Writer) { fmt.Fprintln(w, "the configuration is valid") })
}

type configPath struct {
	hubSettings `embed:""`
}

// Run prints the places.
func (c *configPath) Run(e *env) error {
	files := configFiles()
	if c.File != "" {
		files = []string{kong.ExpandPath(c.File)}
	}
	return e.print(map[string]any{"read": e.settings.path, "files": files}, func(w io.Writer) {
		for _, file := range files {
			state := "absent"
			if _, err := os.Stat(file); err == nil {
				state = "not read: an earlier one is"
			}
			if file == e.settings.path {
				state = "read"
			}
			fmt.Fprintf(w, "%s (%s)\n", file, state)
		}
	})
}
