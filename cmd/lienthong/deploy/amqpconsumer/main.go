// Command amqpconsumer collects every document of an agency from RabbitMQ into a folder,
// acknowledges it by its digests and keeps the receipt. See connect-amqp.md.
//
//	LIENTHONG_AMQP=amqps://HOST/VHOST AMQP_PASSWORD_FILE=FILE amqpconsumer agency.H47.12 FOLDER
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

type body struct { // of notices and answers
	Delivery, Detail string
	Fence            int64
	Receipt          json.RawMessage
	Parts            []struct{ ID, Content, Path string }
}

func main() {
	user, folder := os.Args[1], os.Args[2]
	password := strings.TrimSpace(string(must(os.ReadFile(os.Getenv("AMQP_PASSWORD_FILE")))))
	channel := must(must(amqp.DialConfig(os.Getenv("LIENTHONG_AMQP"), amqp.Config{
		SASL: []amqp.Authentication{&amqp.PlainAuth{Username: user, Password: password}},
	})).Channel())
	check(errors.Join(channel.Confirm(false), channel.Qos(10, 0, false)))
	notices := must(channel.Consume(user, "", false, false, false, false, nil))
	answers := must(channel.Consume(user+".answers", "", false, false, false, false, nil))
	for {
		var m amqp.Delivery
		var open bool
		select {
		case m, open = <-notices:
		case m, open = <-answers:
		}
		if !open {
			log.Fatal("the broker ended the connection") // start again: nothing is lost
		}
		var b body
		check(json.Unmarshal(m.Body, &b))
		switch m.Type {
		case "notice":
			ask(channel, user, "collect", map[string]any{"delivery": b.Delivery}, b.Delivery)
		case "collected":
			ask(channel, user, "acknowledge", map[string]any{"delivery": b.Delivery, "fence": b.Fence, "parts": keep(folder, &b)}, b.Delivery)
		case "receipt":
			write(filepath.Join(folder, filepath.Base(m.CorrelationId)+".json"), b.Receipt)
		default:
			log.Println(m.Type, m.CorrelationId, b.Detail) // a problem, or the status of what was sent
		}
		check(m.Ack(false)) // only now: what was asked for is with the broker, what came is on disk
	}
}

// keep writes the parts of a delivery and returns their digests.
func keep(folder string, b *body) map[string]string {
	digests := map[string]string{}
	for _, p := range b.Parts {
		if p.Path != "" {
			continue // the package as received, or too large for a message: GET it over HTTP
		}
		content := must(base64.StdEncoding.DecodeString(p.Content))
		write(filepath.Join(folder, filepath.Base(b.Delivery+"."+p.ID)), content)
		digests[p.ID] = fmt.Sprintf("%x", sha256.Sum256(content))
	}
	return digests
}

// ask sends a message and waits until the broker has it.
func ask(channel *amqp.Channel, user, kind string, v any, about string) {
	if !must(channel.PublishWithDeferredConfirm(user+".intake", "", true, false, amqp.Publishing{
		Type: kind, MessageId: kind + "." + about, UserId: user, ContentType: "application/json", DeliveryMode: amqp.Persistent, Body: must(json.Marshal(v)),
	})).Wait() {
		log.Fatal("the broker refused a message")
	}
}

func write(name string, content []byte) { // and wait for the disk
	f := must(os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600))
	_, err := f.Write(content)
	folder := must(os.Open(filepath.Dir(name))) // its name, too
	check(errors.Join(err, f.Sync(), f.Close(), folder.Sync(), folder.Close()))
}

func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
