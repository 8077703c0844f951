package main

import (
	"testing"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestScriptsInProduction runs the same scripts against hubs that keep nothing on their
// own disk but keys: what a user sees must not depend on the engines below.
func TestScriptsInProduction(t *testing.T) {
	t.Parallel()
	database, objects, rabbit := server.PostgreSQL(t), server.S3(t), server.RabbitMQ(t)
	keyFile := objects.KeyFile(t)
	runScripts(t, func() map[string]string {
		broker, password := server.Split(t, rabbit.VHost(t))
		return map[string]string{
			"LIENTHONG_BROKER": broker, "LIENTHONG_BROKER_PASSWORD_FILE": password,
			"LIENTHONG_DATABASE": database.Database(t),
			"LIENTHONG_OBJECTS":  objects.Bucket(t), "LIENTHONG_OBJECTS_KEY_FILE": keyFile,
		}
	})
}
