// Package historytest plays random histories through the real services upon a real
// SQLite database and the real log, with restarts, and checks what every history leaves:
// whole chains, one terminal evidence for each delivery, every evidence in the log. It
// has tests only.
package historytest
