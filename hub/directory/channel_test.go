package directory_test

import (
	"context"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestSetChannel: how an agency is reached changes from now on, and what held before stays
// as history.
func TestSetChannel(t *testing.T) {
	f := sampleDirectory(t)
	ctx := context.Background()
	channel := func() hub.Channel {
		a, _ := f.ByID("noivu")
		return a.ChannelAt(f.clock.Now())
	}
	before := f.clock.Now()
	f.clock.Set(before.AddDate(0, 0, 1))
	for range 2 {
		if err := f.SetChannel(ctx, operator(), []hub.AgencyID{"noivu"}, hub.ChannelAxis); err != nil || channel() != hub.ChannelAxis {
			t.Fatal(channel(), err)
		}
	}
	if a, _ := f.ByID("noivu"); a.ChannelAt(before) != hub.ChannelPull || len(a.Channels) != 1 {
		t.Errorf("the history is %+v", a.Channels)
	}
	f.clock.Set(before.AddDate(0, 0, 2))
	if err := f.SetChannel(ctx, operator(), []hub.AgencyID{"noivu"}, hub.ChannelPull); err != nil || channel() != hub.ChannelPull {
		t.Error(channel(), err)
	}
	if a, _ := f.ByID("noivu"); a.ChannelAt(before.AddDate(0, 0, 1)) != hub.ChannelAxis {
		t.Errorf("the history is %+v", a.Channels)
	}
	if err := f.SetChannel(ctx, operator(), []hub.AgencyID{"noivu", "nobody"}, hub.ChannelAxis); hub.KindOf(orInternal(err)) != hub.KindUnknownAgency || channel() != hub.ChannelPull {
		t.Errorf("for nobody: %v, now %s", err, channel())
	}
	if err := f.SetChannel(ctx, hub.Actor{Kind: hub.ActorSystem}, []hub.AgencyID{"noivu"}, hub.ChannelAxis); hub.KindOf(orInternal(err)) != hub.KindDenied {
		t.Errorf("by a system: %v", err)
	}
}
