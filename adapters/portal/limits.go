package portal

import (
	"cmp"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Limits bound what one address and all together may take. Zero means the default named
// beside the field.
type Limits struct {
	Requests  int     // worked on at a time; default 64
	Downloads int     // under way; default 64
	Fetches   int     // downloads of one address under way; default 4
	Rate      float64 // requests of one address in a second; default 20
	Burst     float64 // requests of one address at once; default 200
	// Tries are the wrong numbers and secrets that one address, and that one number, has;
	// TryRate of them come back in a second. Defaults 20, and 1 in 30 seconds.
	Tries   float64
	TryRate float64
	// Filings are the forms with files that one address may send at once, FileRate those that
	// come back in a second. Defaults 20, and 1 in 30 seconds.
	Filings  float64
	FileRate float64
	// Dossiers are those that may come of one procedure at once, DossierRate those that come
	// back in a second. Defaults 200, and 1.
	Dossiers    float64
	DossierRate float64
	Uploads     int   // forms with files that are coming in; default 32
	Sends       int   // of one address; default 3
	File        int64 // bytes of a file that is handed in; default 10 MiB
	Files       int64 // of all files of a form; default 50 MiB
	// Addresses bounds the addresses, and the numbers, that are counted one by one; those
	// beyond are counted together. Default 65536.
	Addresses int
}

func (l Limits) withDefaults() Limits {
	l.Requests = cmp.Or(l.Requests, 64)
	l.Downloads = cmp.Or(l.Downloads, 64)
	l.Fetches = cmp.Or(l.Fetches, 4)
	l.Rate = cmp.Or(l.Rate, 20)
	l.Burst = cmp.Or(l.Burst, 200)
	l.Tries = cmp.Or(l.Tries, 20)
	l.TryRate = cmp.Or(l.TryRate, 1.0/30)
	l.Filings = cmp.Or(l.Filings, 20)
	l.FileRate = cmp.Or(l.FileRate, 1.0/30)
	l.Dossiers = cmp.Or(l.Dossiers, 200)
	l.DossierRate = cmp.Or(l.DossierRate, 1)
	l.Uploads = cmp.Or(l.Uploads, 32)
	l.Sends = cmp.Or(l.Sends, 3)
	l.File = cmp.Or(l.File, 10<<20)
	l.Files = cmp.Or(l.Files, 50<<20)
	l.Addresses = cmp.Or(l.Addresses, 1<<16)
	return l
}

// buckets count what each of many may still do at once. They fill up again with time, and
// one that is full is forgotten.
type buckets struct {
	rate, burst float64
	most        int
	now         func() time.Time

	mu    sync.Mutex
	left  map[string]*bucket
	swept time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

// together is the bucket of those who are not counted one by one.
const together = ""

func newBuckets(rate, burst float64, most int, now func() time.Time) *buckets {
	return &buckets{rate: rate, burst: burst, most: most, now: now, left: map[string]*bucket{}}
}

// take takes one token of somebody, or says how long it takes until there is one.
func (b *buckets) take(who string) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.of(who)
	if of.tokens < 1 {
		return max(time.Second, time.Duration((1-of.tokens)/b.rate*float64(time.Second)))
	}
	of.tokens--
	return 0
}

// giveBack gives back what was taken for nothing.
func (b *buckets) giveBack(who string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.of(who)
	of.tokens = min(b.burst, of.tokens+1)
}

func (b *buckets) of(who string) *bucket {
	now := b.now()
	of := b.left[who]
	if of == nil {
		if len(b.left) >= b.most && now.Sub(b.swept) > time.Second {
			b.swept = now
			b.sweep(now)
		}
		if len(b.left) >= b.most {
			who = together
			of = b.left[who]
		}
	}
	if of == nil {
		of = &bucket{b.burst, now}
		b.left[who] = of
		return of
	}
	if passed := now.Sub(of.at).Seconds(); passed > 0 {
		of.tokens = min(b.burst, of.tokens+passed*b.rate)
	}
	of.at = now
	return of
}

// sweep forgets those that would be full.
func (b *buckets) sweep(now time.Time) {
	for who, of := range b.left {
		if of.tokens+now.Sub(of.at).Seconds()*b.rate >= b.burst {
			delete(b.left, who)
		}
	}
}

// shares bound what each of many has under way.
type shares struct {
	most int

	mu   sync.Mutex
	held map[string]int
}

// begin reports whether somebody may have one more; then end MUST follow.
func (s *shares) begin(who string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[who] >= s.most {
		return false
	}
	s.held[who]++
	return true
}

func (s *shares) end(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[who]--; s.held[who] == 0 {
		delete(s.held, who)
	}
}

// addressOf is by what the sender of a request is counted: an address, of IPv6 the network
// that one household has.
func (s *site) addressOf(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return together
	}
	at := peer.Addr().Unmap()
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(said) - 1; i >= 0 && s.trusts(at); i-- {
		before, err := netip.ParseAddr(strings.TrimSpace(said[i]))
		if err != nil {
			break
		}
		at = before.Unmap()
	}
	if at.Is6() {
		if net, err := at.WithZone("").Prefix(64); err == nil {
			return net.String()
		}
	}
	return at.String()
}

// trusts reports whether an address is that of a proxy of the hub.
func (s *site) trusts(at netip.Addr) bool {
	for _, net := range s.Proxies {
		if net.Contains(at) {
			return true
		}
	}
	return false
}

func busy(message string, wait time.Duration) error {
	return &hub.Error{Kind: hub.KindBusy, Rule: "rate", Message: message, RetryAfter: wait}
}

// guess lets somebody look for a dossier. What was taken for it comes back where the number
// and the secret were right, so that only wrong ones count.
func (x *exchange) guess(number string, look func() error) error {
	number = strings.ToUpper(strings.TrimSpace(number))
	if len(number) > maxNumber {
		number = number[:maxNumber]
	}
	if wait := x.tries.take(x.who); wait > 0 {
		return busy("too many wrong numbers or secrets came from this address", wait)
	}
	if wait := x.aimed.take(number); wait > 0 {
		x.tries.giveBack(x.who)
		return busy("too many wrong secrets came for this number", wait)
	}
	err := look()
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		x.guessed = true
		return err
	}
	x.tries.giveBack(x.who)
	x.aimed.giveBack(number)
	return err
}

const maxNumber = 64
