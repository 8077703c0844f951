package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/settings"
	"github.com/lienthong/lienthong/hub"
)

// hubSettings are the flags of the commands that read the configuration of a hub:
// defaults, then the configuration file, then the environment, then flags.
type hubSettings struct {
	File       string `name:"config" env:"LIENTHONG_CONFIG" help:"Configuration file (JSON); lienthong.json or /etc/lienthong/config.json when left out."`
	app.Config `embed:""`
}

// configFiles are looked for in this order when --config names none; the first
// one that exists is read, alone.
func configFiles() []string { return []string{"lienthong.json", "/etc/lienthong/config.json"} }

// maxConfigFile is far above the size of any configuration, in bytes.
const maxConfigFile = 1 << 20

// fileSettings gives the values of the configuration file to the flags of
// hubSettings and to no others: a file for the server must not change or break
// what a client does.
type fileSettings struct {
	path   string // of the file that was read; empty when there is none
	values map[string]string
	read   bool
}

// Validate implements kong.Resolver; keys are checked when the file is read.
func (*fileSettings) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. The environment comes before the file.
func (s *fileSettings) Resolve(k *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	node := k.Selected()
	if node == nil || !readsSettings(node) || flag.Name == "config" || environmentOf(flag) != "" {
		return nil, nil //nolint:nilnil // kong's word for "not mine"
	}
	if err := s.load(k); err != nil {
		return nil, err
	}
	if value, ok := s.values[flag.Name]; ok {
		return value, nil
	}
	return nil, nil //nolint:nilnil // as above
}

func readsSettings(node *kong.Node) bool {
	_, found := reflect.Indirect(node.Target).Type().FieldByName("hubSettings")
	return found
}

// environmentOf names the variable that sets a flag, if one does.
func environmentOf(flag *kong.Flag) string {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return name
		}
	}
	return ""
}

func (s *fileSettings) load(k *kong.Context) error {
	if s.read {
		return nil
	}
	s.read = true
	files, named := configFiles(), false
	for _, flag := range k.Flags() {
		if path, _ := k.FlagValue(flag).(string); flag.Name == "config" && path != "" {
			files, named = []string{kong.ExpandPath(path)}, true
		}
	}
	for _, path := range files {
		raw, err := readLimited(path, maxConfigFile)
		switch {
		case err == nil:
			s.path = path
			s.values, err = settings.Parse(raw, effective(&app.Config{}))
			return err
		case named || !errors.Is(err, fs.ErrNotExist):
			return hub.Invalid("config", "file", "%v", err)
		}
	}
	return nil
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return raw, err
}

// effective lists the settings by flag name. None of them is a secret: those
// live in files, and only the names of the files stand here.
func effective(c *app.Config) map[string]string {
	settings := map[string]string{}
	addEffective(settings, reflect.ValueOf(*c))
	return settings
}

func addEffective(settings map[string]string, v reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Tag.Get("kong") == "-" {
			continue // no setting
		}
		if field.Anonymous {
			addEffective(settings, v.Field(i))
			continue
		}
		settings[cmp.Or(field.Tag.Get("name"), kebab(field.Name))] = redacted(fmt.Sprint(v.Field(i).Interface()))
	}
}

// redacted cuts the password out of an address, should one stand there all the same.
func redacted(value string) string {
	if u, err := url.Parse(value); err == nil && u.User != nil {
		return u.Redacted()
	}
	return value
}

func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
