package engine

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Settings choose the stores and the queue. The tags make them flags of `lienthong
// serve`; passwords come from files, never from a command line.
type Settings struct {
	Database             string `env:"LIENTHONG_DATABASE" placeholder:"postgres://USER@HOST/DB" help:"PostgreSQL database of the hub's state; without it, a SQLite file in the data folder."`
	DatabasePasswordFile string `env:"LIENTHONG_DATABASE_PASSWORD_FILE" help:"File with the password of --database, read at every new connection."`
	DatabaseConnections  int    `env:"LIENTHONG_DATABASE_CONNECTIONS" default:"32" help:"Connections of this node to --database."`
	Objects              string `env:"LIENTHONG_OBJECTS" placeholder:"https://HOST/BUCKET" help:"S3 bucket of the originals, with an optional prefix behind it; without it, a folder in the data folder."`
	ObjectsKeyFile       string `env:"LIENTHONG_OBJECTS_KEY_FILE" help:"File with the access key of --objects in its first line and the secret key in its second."`
	ObjectsRegion        string `env:"LIENTHONG_OBJECTS_REGION" default:"us-east-1" help:"Region of --objects."`
	ObjectsLockDays      int    `env:"LIENTHONG_OBJECTS_LOCK_DAYS" help:"Days for which the object store refuses to delete an original (object lock); 0 for no lock."`
	Broker               string `env:"LIENTHONG_BROKER" placeholder:"amqps://USER@HOST/" help:"RabbitMQ between the nodes of a hub; without it, a queue inside the process."`
	BrokerPasswordFile   string `env:"LIENTHONG_BROKER_PASSWORD_FILE" help:"File with the password of --broker, read at every new connection."`
	BrokerShards         int    `env:"LIENTHONG_BROKER_SHARDS" default:"16" help:"Work queues in RabbitMQ; may be changed at any restart."`
}

// Check checks what can be seen without a server. Its errors name the flags.
func (s *Settings) Check() hub.Violations {
	var found hub.Violations
	for _, server := range []struct {
		flag, value, fileFlag, file string
		schemes                     []string
	}{
		{"database", s.Database, "database-password-file", s.DatabasePasswordFile, []string{"postgres", "postgresql"}},
		{"objects", s.Objects, "objects-key-file", s.ObjectsKeyFile, []string{"https", "http"}},
		{"broker", s.Broker, "broker-password-file", s.BrokerPasswordFile, []string{"amqps", "amqp"}},
	} {
		found = append(found, checkURL(server.flag, server.fileFlag, server.value, server.schemes)...)
		if server.file == "" {
			continue
		}
		if _, err := os.Stat(server.file); err != nil {
			found = append(found, hub.Invalid(server.fileFlag, "file", "%v", err))
		}
	}
	if s.Objects != "" && s.ObjectsKeyFile == "" {
		found = append(found, hub.Invalid("objects-key-file", "required", "--objects needs a file with its keys"))
	}
	if s.Database != "" && s.DatabaseConnections < 4 {
		found = append(found, hub.Invalid("database-connections", "minimum", "a node needs at least 4 connections"))
	}
	if s.Broker != "" && (s.BrokerShards < 1 || s.BrokerShards > 64) {
		found = append(found, hub.Invalid("broker-shards", "range", "there are 1 to 64 work queues"))
	}
	if s.ObjectsLockDays < 0 {
		found = append(found, hub.Invalid("objects-lock-days", "minimum", "the days of the lock are 0 or more"))
	}
	return found
}

func checkURL(flag, fileFlag, value string, schemes []string) hub.Violations {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		// The text may hold a password and is not repeated.
		return hub.Violations{hub.Invalid(flag, "url", "this is not an address of the form %s://...", schemes[0])}
	}
	for _, scheme := range schemes {
		if u.Scheme != scheme {
			continue
		}
		if _, has := u.User.Password(); has {
			return hub.Violations{hub.Invalid(flag, "secret", "a password does not belong into an address; put it into a file and name that with --%s", fileFlag)}
		}
		return nil
	}
	return hub.Violations{hub.Invalid(flag, "url", "the address begins with one of %s", strings.Join(schemes, "://, ")+"://")}
}

// Shared reports whether several nodes can work on the same state.
func (s *Settings) Shared() bool { return s.Database != "" }

// password reads a secret file: its first line.
func password(path string) (string, error) {
	lines, err := secretLines(path, 1)
	if err != nil {
		return "", err
	}
	return lines[0], nil
}

func secretLines(path string, n int) ([]string, error) {
	if path == "" {
		return make([]string, n), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(text), "\r\n"), "\n")
	if len(lines) < n {
		return nil, fmt.Errorf("%s has %d lines, %d are needed", path, len(lines), n)
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines, nil
}
