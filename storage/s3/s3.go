// Package s3 keeps originals in a bucket of any S3 store, by their SHA-256.
//
// The contract is that of a folder (package blobdir): content counts as stored when
// the store has answered for it, is verified on every read, and never changes. What is
// small goes in with one conditional put; what is large goes to a place of its own
// while it is hashed and is then copied to its name within the store. Nothing is held
// in memory but one part. A put that finds the same content there checks that it is
// sound, so that damage is healed and never believed.
//
// Uploads that are not complete lie in the bucket as well, in pieces that each were put
// conditionally: any node can go on with an upload, and of two that go on at the same
// offset one wins.
//
// Errors are *hub.Error. A store that is away, slow or overloaded is KindUnavailable,
// after a few tries; content that is not what its name says is KindInternal.
package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/lienthong/lienthong/hub"
)

// Options configure a store.
type Options struct {
	URL    string // http or https, host, bucket, and a prefix of keys behind it
	Region string // default us-east-1
	// Keys returns the access key and the secret key; it is asked again every
	// minute, so that they can be changed without a restart.
	Keys func() (accessKey, secretKey string, err error)
	// LockDays, if not 0, lets the store refuse to delete an original for so many
	// days (object lock in compliance mode). The bucket must have object lock.
	LockDays int
	// RenewAfter is the age from which content that comes in again is written again,
	// so that a sweep of old content never takes it; default 6 h.
	RenewAfter time.Duration
	Log        *slog.Logger // default: none
}

// Store is a bucket. It is safe for concurrent use by many nodes.
type Store struct {
	Options
	client    *minio.Client
	checked   *minio.Client // for puts with a checksum that the server compares
	bucket    string
	prefix    string // "" or ends with a slash
	transport *http.Transport
	verified  verifiedSet
}

// Limits of one call.
const (
	tries        = 4
	connectLimit = 5 * time.Second
	answerLimit  = 30 * time.Second // for the head of an answer
	smallSize    = 1 << 20          // bytes; larger content is read from a file
	partSize     = 5 << 20          // the least that S3 takes; larger content is streamed
	pieceSize    = 4 << 20          // of an upload; what is counted as arrived
)

// Open looks whether the bucket is there, can be written to, and refuses a second
// conditional put. A store that does not is refused: two nodes could overwrite one
// another's pieces.
func Open(ctx context.Context, o Options) (*Store, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, hub.Invalid("objects", "url", "the address of the bucket has the form https://HOST/BUCKET")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return nil, hub.Invalid("objects", "bucket", "the address names no bucket: https://HOST/BUCKET")
	}
	if prefix != "" {
		prefix += "/"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.RenewAfter == 0 {
		o.RenewAfter = 6 * time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{Options: o, bucket: bucket, prefix: prefix, transport: transport()}
	settings := minio.Options{
		Creds: credentials.New(&keys{ask: o.Keys}), Secure: u.Scheme == "https", Region: o.Region,
		Transport: s.transport, MaxRetries: tries, BucketLookup: minio.BucketLookupPath,
	}
	if s.client, err = minio.New(u.Host, &settings); err != nil {
		return nil, hub.Invalid("objects", "url", "%v", err)
	}
	// The client sends checksums only where trailing headers are allowed; the store
	// allows none, because not all servers understand those of streams.
	settings.TrailingHeaders = true
	if s.checked, err = minio.New(u.Host, &settings); err != nil {
		return nil, hub.Invalid("objects", "url", "%v", err)
	}
	return s, s.check(ctx)
}

func transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectLimit, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   connectLimit,
		ResponseHeaderTimeout: answerLimit,
		DisableCompression:    true,
	}
}

// keys asks for the keys once a minute.
type keys struct {
	ask   func() (string, string, error)
	mu    sync.Mutex
	asked time.Time
}

// RetrieveWithCredContext implements credentials.Provider.
func (k *keys) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	return k.Retrieve()
}

// Retrieve implements credentials.Provider.
func (k *keys) Retrieve() (credentials.Value, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	access, secret, err := k.ask()
	k.asked = time.Now()
	return credentials.Value{AccessKeyID: access, SecretAccessKey: secret, SignerType: credentials.SignatureV4}, err
}

// IsExpired implements credentials.Provider.
func (k *keys) IsExpired() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Since(k.asked) > time.Minute
}

// check tries everything that the store relies on.
func (s *Store) check(ctx context.Context) error {
	found, err := s.client.BucketExists(ctx, s.bucket)
	if err != nil {
		return failure("look for the bucket "+s.bucket, err)
	}
	if !found {
		return hub.Invalid("objects", "bucket", "there is no bucket %s: make one, with versioning on", s.bucket)
	}
	if err := s.checkLock(ctx); err != nil {
		return err
	}
	key := s.prefix + "probe/" + unique()
	for try, want := range []bool{true, false} {
		_, err := s.client.PutObject(ctx, s.bucket, key, bytes.NewReader([]byte("probe")), 5, conditional(s.options(nil)))
		if taken := isTaken(err); err != nil && !taken {
			return failure("write into the bucket "+s.bucket, err)
		} else if want == taken {
			_ = s.remove(ctx, key)
			return hub.Errorf(hub.KindUnsupported, "objects", "if_none_match",
				"the object store does not refuse a second put with If-None-Match (try %d): several nodes could overwrite one another", try+1)
		}
	}
	return s.remove(ctx, key)
}

func (s *Store) checkLock(ctx context.Context) error {
	versioning, err := s.client.GetBucketVersioning(ctx, s.bucket)
	switch {
	case err != nil:
		s.Log.Warn("the object store does not tell whether it keeps versions", "bucket", s.bucket, "error", err)
	case !versioning.Enabled():
		s.Log.Warn("the bucket keeps no versions: what is overwritten or deleted by hand is gone", "bucket", s.bucket)
	}
	if s.LockDays == 0 {
		return nil
	}
	if enabled, _, _, _, err := s.client.GetObjectLockConfig(ctx, s.bucket); err != nil || enabled != "Enabled" {
		return hub.Invalid("objects-lock-days", "object_lock", "the bucket %s has no object lock; it can only be made with one", s.bucket)
	}
	return nil
}

// Ping fails while the bucket cannot be reached.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.client.BucketExists(ctx, s.bucket)
	return failure("reach the object store", err)
}

// Close gives the connections back.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// key is where content lives.
func (s *Store) key(digest hub.Digest) string {
	name := digest.String()
	return s.prefix + "objects/" + name[:2] + "/" + name
}

// remove deletes a key with all its versions.
func (s *Store) remove(ctx context.Context, key string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found := false
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			return failure("list versions", o.Err)
		}
		if o.Key != key {
			continue
		}
		found = true
		if err := s.removeVersion(ctx, key, o.VersionID); err != nil {
			return err
		}
	}
	if found {
		return nil
	}
	return s.removeVersion(ctx, key, "") // a store that lists no versions
}

func (s *Store) removeVersion(ctx context.Context, key, version string) error {
	err := s.client.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{VersionID: version})
	if isAbsent(err) {
		return nil
	}
	return failure("remove from the object store", err)
}

func unique() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// conditional makes a put that fails where something is already.
func conditional(o minio.PutObjectOptions) minio.PutObjectOptions {
	o.SetMatchETagExcept("*")
	return o
}

// isTaken: a conditional put met something.
func isTaken(err error) bool {
	r := minio.ToErrorResponse(err)
	return err != nil && (r.StatusCode == http.StatusPreconditionFailed || r.StatusCode == http.StatusConflict ||
		r.Code == "PreconditionFailed" || r.Code == "ConditionalRequestConflict")
}

// isCut: the connection ended under a put. A server that refuses one before it has read
// all of it may close at once, and then its answer is lost on the way.
func isCut(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func isAbsent(err error) bool {
	r := minio.ToErrorResponse(err)
	return err != nil && (r.StatusCode == http.StatusNotFound || r.Code == "NoSuchKey" || r.Code == "NoSuchVersion")
}

// failure wraps an error of the store. What is not known to be permanent is temporary.
func failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *hub.Error
	if errors.As(err, &known) {
		return err
	}
	switch r := minio.ToErrorResponse(err); r.Code {
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return &hub.Error{Kind: hub.KindUnavailable, Field: "objects-key-file", Rule: "access", Message: doing + ": the object store refuses the keys", RetryAfter: time.Minute, Err: err}
	case "BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest":
		return hub.Internal(doing, err)
	}
	return &hub.Error{Kind: hub.KindUnavailable, Message: doing + ": the object store does not answer", RetryAfter: 5 * time.Second, Err: err}
}
