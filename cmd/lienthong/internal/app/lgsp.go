package app

import (
	"os"

	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

var _ lgsp.Clients = (*directory.Keys)(nil)

func (c *Config) checkProvince() hub.Violations {
	var found hub.Violations
	if c.LGSPPath != "" && c.LGSPPath != "/" && (!axisPaths.MatchString(c.LGSPPath) || reserved.MatchString(c.LGSPPath)) {
		found = append(found, hub.Invalid("lgsp-path", "path", "what stands before the paths of the provincial API is / or a path such as /lgsp, and none of the hub's own (/v1, /healthz, /readyz, /metrics)"))
	}
	if p, err := c.provinceProfile(); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	} else if c.LGSPPath == "/" && (reserved.MatchString(p.TokenPath) || reserved.MatchString(p.APIPath)) {
		found = append(found, hub.Invalid("lgsp-profile", "path", "token_path and api_path are none of the hub's own paths (/v1, /healthz, /readyz, /metrics)"))
	}
	return found
}

// provinceProfile reads where the provincial API keeps what its description leaves open.
func (c *Config) provinceProfile() (lgsp.Profile, error) {
	if c.LGSPProfile == "" {
		return lgsp.DefaultProfile(), nil
	}
	f, err := os.Open(c.LGSPProfile)
	if err != nil {
		return lgsp.Profile{}, hub.Invalid("lgsp-profile", "file", "%v", err)
	}
	defer f.Close() // only read from
	return lgsp.ReadProfile(f)
}

func (a *App) province() (*lgsp.Server, error) {
	profile, err := a.config.provinceProfile()
	return lgsp.New(lgsp.Options{
		Desk: a.desk(), Base: a.config.LGSPPath, Profile: profile, Clients: a.services.keys, NewID: a.newID, Log: a.log,
	}), err
}
