package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machine is where a result comes from.
type Machine struct {
	CPU     string  `json:"cpu"`
	Cores   int     `json:"cores"`
	Memory  string  `json:"memory"`
	Disk    string  `json:"disk"` // file system
	OS      string  `json:"os"`
	Go      string  `json:"go"`
	Load    float64 `json:"load"`     // runnable processes in the minute before, of others
	FsyncMS float64 `json:"fsync_ms"` // median of 4 KiB written and synchronised
}

// thisMachine describes the machine as far as the system tells; dir is on the disk
// that is described.
func thisMachine(dir string) Machine {
	m := Machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), OS: field("/etc/os-release", "PRETTY_NAME"),
		Go: runtime.Version(), FsyncMS: round3(ms(syncTime(dir))),
	}
	if load, _, found := strings.Cut(content("/proc/loadavg"), " "); found {
		m.Load, _ = strconv.ParseFloat(load, 64) // 0 when the system does not tell
	}
	kb, _ := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	m.Memory = fmt.Sprintf("%d GiB", (kb+(1<<19))>>20)
	m.Disk = fileSystem(dir)
	if kernel := content("/proc/sys/kernel/osrelease"); kernel != "" {
		m.OS += ", Linux " + kernel
	}
	return m
}

// content of a small file of the system, without the last line end; empty when there is none.
func content(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

// field returns the value of the first line "name: value" or "name=value".
func field(path, name string) string {
	for line := range strings.Lines(content(path)) {
		key, value, found := strings.Cut(line, ":")
		if !found {
			key, value, found = strings.Cut(line, "=")
		}
		if found && strings.TrimSpace(key) == name {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// fileSystem names the kind of file system that a folder is on.
func fileSystem(dir string) string {
	const ext4, xfs, btrfs, tmpfs, overlay = 0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return "unknown"
	}
	switch stat.Type {
	case ext4:
		return "ext4"
	case xfs:
		return "xfs"
	case btrfs:
		return "btrfs"
	case tmpfs:
		return "tmpfs"
	case overlay:
		return "overlay"
	}
	return fmt.Sprintf("file system %#x", stat.Type)
}

// syncTime is the median time of a small durable write; 0 when it cannot be measured.
func syncTime(dir string) time.Duration {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	times := make([]time.Duration, 101)
	block := make([]byte, 4096)
	for i := range times {
		begin := time.Now()
		if _, err := f.WriteAt(block, int64(i)*4096); err != nil {
			return 0
		}
		if err := f.Sync(); err != nil {
			return 0
		}
		times[i] = time.Since(begin)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// spare is what must stay free on the disk beside what a scenario writes, in bytes.
const spare = 4 << 30

// expectedRate is the most documents a second that a scenario without a count is
// taken to send when room is made for it: the disk sets bounds to larger ones.
const (
	expectedRate  = 4000
	expectedBytes = 500 << 20 // a second
)

// checkRoom makes sure that the disk can take what the scenario will write.
func (s *session) checkRoom(sc *Scenario) error {
	if s.URL != "" {
		return nil
	}
	need := uint64(sc.written()) + spare
	var stat syscall.Statfs_t
	if err := syscall.Statfs(s.dir, &stat); err != nil {
		return err
	}
	if free := stat.Bavail * uint64(stat.Bsize); free < need {
		return fmt.Errorf("this needs %d GB free, the disk has %d", need/1e9, free/1e9)
	}
	return nil
}

// written is about what all rounds write, in bytes.
func (sc *Scenario) written() float64 {
	size := float64(sc.mean()) + 2000*float64(sc.FanOut+2) // rows and evidence
	rounds := float64(sc.Rounds)
	if !sc.HubOnly {
		rounds *= 2
	}
	switch {
	case sc.Count > 0:
		return rounds * float64(sc.Count) * size
	case sc.Rate > 0:
		return rounds * sc.Rate * sc.For.Seconds() * size
	}
	return rounds * sc.For.Seconds() * min(expectedRate*size, expectedBytes)
}
