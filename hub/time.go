package hub

import "time"

// vietnamOffset in seconds: +07:00 all year round, no zone database needed.
const vietnamOffset = 7 * 60 * 60

// Vietnam returns the zone +07:00 (ICT), the zone of every time that people see
// (QĐ 28/2018/QĐ-TTg art. 14.4) and of times without a zone in edXML.
func Vietnam() *time.Location { return time.FixedZone("+07", vietnamOffset) }
