package main

import (
	"testing"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestScriptsInProduction runs the same scripts against hubs that keep nothing on their
// own disk but keys: what a user sees must not depend on the engines below.
func TestScriptsInProduction(t *testing.T) {
	database, objects := server.PostgreSQL(t), server.S3(t)
	keyFile := objects.KeyFile(t)
	runScripts(t, func() map[string]string {
		return map[string]string{
			"LIENTHONG_DATABASE": database.Database(t),
			"LIENTHONG_OBJECTS":  objects.Bucket(t), "LIENTHONG_OBJECTS_KEY_FILE": keyFile,
		}
	})
}
